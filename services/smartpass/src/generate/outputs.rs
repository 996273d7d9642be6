//! The paths of a run's outputs.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::bail;

use super::args::GenerateArgs;
use crate::failure::usage;
use crate::source::is_stdin;
use crate::staged::{refuse_existing, refuse_missing_folder};

/// The names of the two outputs, and who may read them.
pub(super) struct OutputPaths {
    pub(super) success: PathBuf,
    pub(super) errors: PathBuf,
    /// Permission bits: those of the input, since the outputs hold the same people.
    pub(super) mode: u32,
}

impl OutputPaths {
    /// The paths given, or `IN.success.csv` and `IN.errors.csv` beside the input.
    ///
    /// # Errors
    /// A pipe without `--out`, an output that is the input or the other output, or one that exists.
    pub(super) fn choose(arguments: &GenerateArgs) -> anyhow::Result<Self> {
        let is_stdin = is_stdin(&arguments.input);
        let named_for = |kind: &str| beside(&arguments.input, kind);
        if [&arguments.out, &arguments.errors].into_iter().flatten().any(|path| path == Path::new("-")) {
            return usage("outputs are files, not standard output: they appear only when they are whole");
        }
        let success = match &arguments.out {
            Some(path) => path.clone(),
            None if is_stdin && !arguments.dry_run => {
                return usage("reading standard input needs --out FILE to say where the links go");
            }
            None => named_for("success"),
        };
        let beside_success = || {
            let name = success.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let stem = name.strip_suffix(".csv").unwrap_or(&name);
            let stem = stem.strip_suffix(".success").unwrap_or(stem);
            success.with_file_name(format!("{stem}.errors.csv"))
        };
        let errors = match (&arguments.errors, &arguments.out) {
            (Some(path), _) => path.clone(),
            (None, Some(_)) => beside_success(),
            (None, None) => named_for("errors"),
        };
        let input = std::fs::metadata(&arguments.input).ok().filter(|_| !is_stdin);
        for (option, path) in [("--out", &success), ("--errors", &errors)] {
            if is_same_file(input.as_ref(), std::fs::metadata(path).ok().as_ref()) {
                bail!("{option} {} is the input itself (choose another name)", path.display());
            }
        }
        let both = [&success, &errors].map(|path| std::fs::metadata(path).ok());
        let is_same_name = resolved(&success) == resolved(&errors);
        if is_same_name || is_same_file(both[0].as_ref(), both[1].as_ref()) {
            bail!("--out and --errors are the same file: {} (choose another name)", success.display());
        }
        if !arguments.dry_run {
            refuse_missing_folder(&success)?;
            refuse_missing_folder(&errors)?;
            refuse_existing(&[&success, &errors], arguments.force)?;
        }
        let mode = input.filter(Metadata::is_file).map_or(0o600, |input| input.mode() & 0o666 | 0o200);
        Ok(Self { success, errors, mode })
    }
}

/// The default path of an output: `IN.success.csv` beside `IN.csv`.
pub(crate) fn beside(input: &Path, kind: &str) -> PathBuf {
    let stem = input.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    input.with_file_name(format!("{stem}.{kind}.csv"))
}

/// The path with its folder in canonical form.
fn resolved(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default();
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned()).join(name)
}

fn is_same_file(one: Option<&Metadata>, other: Option<&Metadata>) -> bool {
    let identity = |metadata: &Metadata| (metadata.dev(), metadata.ino());
    matches!((one, other), (Some(one), Some(other)) if identity(one) == identity(other))
}
