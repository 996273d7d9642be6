//! Output files that appear under their names only when they are whole.
//!
//! On Linux a staged file has no name at all until then, so that even `kill -9` leaves nothing behind. Where the
//! file system cannot do that, it has a temporary name beside the final one.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use anyhow::{Context, bail};
use tempfile::TempPath;

/// Temporary names that are in use, for [`remove_unfinished`].
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether the outputs have their names. The lock is held while they get them, so that no signal interrupts that.
static PUBLISHED: Mutex<bool> = Mutex::new(false);

/// Removes partly written files, for a process that is about to end; `false` where the outputs have their names
/// already, and the run is as good as done.
pub(crate) fn remove_unfinished() -> bool {
    let published = PUBLISHED.lock().unwrap_or_else(PoisonError::into_inner);
    if *published {
        return false;
    }
    for path in unfinished().drain(..) {
        let _ = std::fs::remove_file(path);
    }
    // The lock is never released: the process ends, and a thread that waits to publish must not get it.
    std::mem::forget(published);
    true
}

/// A file being written that does not have its name yet.
pub(crate) struct Staged {
    path: PathBuf,
    file: File,
    /// Its temporary name, where it needs one.
    named: Option<TempPath>,
}

impl Staged {
    /// Starts a file that will be called `path`, with the permission bits of `mode`.
    pub(crate) fn create(path: &Path, mode: u32) -> anyhow::Result<Self> {
        let folder = folder_of(path);
        let start = || -> io::Result<(File, Option<TempPath>)> {
            if let Some(file) = unnamed_file(folder) {
                return Ok((file, None));
            }
            let (file, name) = tempfile::Builder::new()
                .prefix(".smartpass-")
                .suffix(".partial")
                .tempfile_in(folder)?
                .into_parts();
            unfinished().push(name.to_path_buf());
            Ok((file, Some(name)))
        };
        let (file, named) = start().with_context(|| format!("cannot write in {}", folder.display()))?;
        file.set_permissions(Permissions::from_mode(mode))
            .with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { path: path.to_owned(), file, named })
    }

    /// Appends bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.file.write_all(bytes).map_err(|error| self.explain(error))
    }

    /// Syncs the file, so that its content survives a power failure.
    pub(crate) fn sync(&self) -> anyhow::Result<()> {
        self.file.sync_all().map_err(|error| self.explain(error))
    }

    /// Gives the file its name; with `force`, takes it from a file that has it.
    pub(crate) fn publish(self, force: bool) -> anyhow::Result<()> {
        let path = self.path.clone();
        let give_name = || -> io::Result<()> {
            match self.named {
                None if !force => link_unnamed(&self.file, &self.path)?,
                None => {
                    let beside = name_beside(&self.path);
                    link_unnamed(&self.file, &beside)?;
                    std::fs::rename(&beside, &self.path)?;
                }
                Some(name) if force => name.persist(&self.path).map_err(|error| error.error)?,
                Some(name) => name.persist_noclobber(&self.path).map_err(|error| error.error)?,
            }
            Ok(())
        };
        give_name().with_context(|| format!("cannot write {}", path.display()))?;
        // The name is durable once its folder is synced. Some file systems cannot sync folders; the file is whole in
        // any case.
        let _ = File::open(folder_of(&path)).and_then(|folder| folder.sync_all());
        Ok(())
    }

    fn explain(&self, error: io::Error) -> anyhow::Error {
        let path = self.path.display();
        let full = matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded);
        if full {
            let folder = folder_of(&self.path).display();
            return anyhow::anyhow!(
                "no space left in {folder} for {path}: nothing was written (free some, or put --out elsewhere)"
            );
        }
        anyhow::Error::new(error).context(format!("cannot write {path}"))
    }
}

/// An unused temporary name in the same folder.
fn name_beside(path: &Path) -> PathBuf {
    folder_of(path).join(format!(".smartpass-{}.partial", std::process::id()))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// A file without a name in the folder, where system and file system support it.
#[cfg(target_os = "linux")]
fn unnamed_file(folder: &Path) -> Option<File> {
    use rustix::fs::{Mode, OFlags};
    // The file gets its name through /proc; without /proc it would be lost at the very end.
    if !Path::new("/proc/self/fd").is_dir() {
        return None;
    }
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    rustix::fs::open(folder, flags, Mode::RUSR | Mode::WUSR).ok().map(File::from)
}

#[cfg(not(target_os = "linux"))]
fn unnamed_file(_folder: &Path) -> Option<File> {
    None
}

#[cfg(target_os = "linux")]
fn link_unnamed(file: &File, path: &Path) -> io::Result<()> {
    use rustix::fs::{AtFlags, CWD};
    use std::os::fd::AsRawFd;
    let handle = format!("/proc/self/fd/{}", file.as_raw_fd());
    rustix::fs::linkat(CWD, handle, CWD, path, AtFlags::SYMLINK_FOLLOW).map_err(io::Error::from)
}

#[cfg(not(target_os = "linux"))]
fn link_unnamed(_file: &File, _path: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The two outputs of a run. The errors file appears first and success.csv last, as the sign of a finished run.
pub(crate) struct Outputs {
    success: Staged,
    errors_path: PathBuf,
    errors_header: Vec<u8>,
    errors: Option<Staged>,
    mode: u32,
    force: bool,
}

impl Outputs {
    /// Starts the success file; the errors file is started with the first error.
    ///
    /// # Errors
    /// An output that exists, unless `force` lets it be replaced.
    pub(crate) fn create(
        success_path: &Path,
        errors_path: &Path,
        headers: (&[u8], Vec<u8>),
        mode: u32,
        force: bool,
    ) -> anyhow::Result<Self> {
        refuse_existing(&[success_path, errors_path], force)?;
        let mut success = Staged::create(success_path, mode)?;
        success.write(headers.0)?;
        Ok(Self {
            success,
            errors_path: errors_path.to_owned(),
            errors_header: headers.1,
            errors: None,
            mode,
            force,
        })
    }

    /// Appends a chunk's rows.
    pub(crate) fn write(&mut self, success: &[u8], errors: &[u8]) -> anyhow::Result<()> {
        self.success.write(success)?;
        if errors.is_empty() {
            return Ok(());
        }
        if self.errors.is_none() {
            let mut started = Staged::create(&self.errors_path, self.mode)?;
            started.write(&self.errors_header)?;
            self.errors = Some(started);
        }
        self.errors.as_mut().map_or(Ok(()), |file| file.write(errors))
    }

    /// Gives the files their names; answers whether there is an errors file.
    pub(crate) fn publish(self) -> anyhow::Result<bool> {
        self.success.sync()?;
        if let Some(errors) = &self.errors {
            errors.sync()?;
        }
        let mut published = PUBLISHED.lock().unwrap_or_else(PoisonError::into_inner);
        let has_errors = self.errors.is_some();
        if self.force && (has_errors || self.errors_path.exists()) {
            // The old success file is removed first, so that it never stands beside the errors file of another run.
            remove_if_there(&self.success.path)?;
            remove_if_there(&self.errors_path)?;
        }
        if let Some(errors) = self.errors {
            errors.publish(self.force)?;
        }
        if let Err(error) = self.success.publish(self.force) {
            if has_errors {
                remove_if_there(&self.errors_path)?;
            }
            return Err(error);
        }
        *published = true;
        Ok(has_errors)
    }
}

/// Refuses outputs that exist already, unless they may be replaced: never a device, a link, or a directory.
pub(crate) fn refuse_existing(paths: &[&Path], force: bool) -> anyhow::Result<()> {
    for path in paths {
        let Ok(existing) = path.symlink_metadata() else { continue };
        let shown = path.display();
        let what = match existing.file_type() {
            kind if kind.is_file() => None,
            kind if kind.is_dir() => Some("a directory"),
            kind if kind.is_symlink() => Some("a symbolic link"),
            _ => Some("not a regular file"),
        };
        if let Some(what) = what {
            bail!("{shown} is {what} (expected the name of a file to write)");
        }
        if !force {
            bail!("{shown} exists already (use --force to replace it, or choose another name)");
        }
    }
    Ok(())
}

/// Refuses an output whose folder does not exist, before any work is done.
pub(crate) fn refuse_missing_folder(path: &Path) -> anyhow::Result<()> {
    let folder = folder_of(path);
    if !folder.is_dir() {
        bail!("{} is not a folder, so {} cannot be written in it", folder.display(), path.display());
    }
    Ok(())
}

fn remove_if_there(path: &Path) -> anyhow::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot replace {}", path.display()))
        }
        _ => Ok(()),
    }
}
