//! Projects on one machine: a folder of files, for the command line and for a server on a laptop.
//!
//! ```text
//! ROOT/                      mode 0700, files 0600
//!   wrsynr/keys/1.json       a key
//!   wrsynr/keys/1.retired    there once the key has come to the state
//!   wrsynr/templates/1.json  a published version of a template
//! ```
//!
//! Files are only ever created, never changed, and are on the disk before a link is made with them. The files are
//! small, and every call reads and writes them at once: no call waits for anything else.

use std::fs::{self, DirBuilder, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use serde::Serialize;
use serde::de::DeserializeOwned;
use smartpass_core::ids::{KeyVersion, ProjectCode, TemplateNumber};
use smartpass_core::link::{KeyState, ProjectKey};
use smartpass_core::template::Template;
use smartpass_platform::{Error, Result};
use zeroize::Zeroizing;

use super::backend::{Additions, Loaded, ProjectBackend};
use super::project::{KeyFile, Published};
use crate::document::to_json;

/// Projects in a folder.
#[derive(Clone, Debug)]
pub struct DirectoryBackend {
    root: PathBuf,
}

impl DirectoryBackend {
    /// Projects in the folder `root`, which need not be there yet.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of a project.
    pub fn folder(&self, code: &ProjectCode) -> PathBuf {
        self.root.join(code.as_str())
    }

    fn keys(&self, code: &ProjectCode) -> PathBuf {
        self.folder(code).join("keys")
    }

    fn templates(&self, code: &ProjectCode) -> PathBuf {
        self.folder(code).join("templates")
    }

    fn key_file(&self, code: &ProjectCode, version: KeyVersion) -> Result<KeyFile> {
        let path = self.keys(code).join(format!("{version}.json"));
        let file: KeyFile = read(&path)?;
        if file.version != version || file.project != *code {
            return Err(in_the_wrong_place(&self.keys(code), "a key"));
        }
        Ok(file)
    }

    fn published(&self, code: &ProjectCode, number: TemplateNumber) -> Result<Published> {
        let published: Published = read(&self.templates(code).join(format!("{number}.json")))?;
        if published.number != number {
            return Err(in_the_wrong_place(&self.templates(code), "a template"));
        }
        Ok(published)
    }

    fn state_of(&self, code: &ProjectCode, version: KeyVersion) -> Option<KeyState> {
        let is_there = |ending: &str| self.keys(code).join(format!("{version}.{ending}")).exists();
        let mut later = KeyState::LATER.into_iter().rev();
        later.find(|state| is_there(state.name())).or(is_there("json").then_some(KeyState::Active))
    }
}

#[async_trait]
impl ProjectBackend for DirectoryBackend {
    async fn codes(&self) -> Result<Vec<ProjectCode>> {
        Ok(names_in(&self.root)?.iter().filter_map(|name| name.parse().ok()).collect())
    }

    async fn exists(&self, code: &ProjectCode) -> Result<bool> {
        Ok(!numbers_in(&self.keys(code))?.is_empty())
    }

    async fn load(&self, code: &ProjectCode) -> Result<Option<Loaded>> {
        let mut loaded = Loaded::default();
        for version in numbers_in(&self.keys(code))? {
            let state = self.state_of(code, version).unwrap_or_default();
            if state != KeyState::Destroyed && self.key_file(code, version)?.key().is_none() {
                return Err(damaged(&self.keys(code).join(format!("{version}.json"))));
            }
            loaded.project.keys.insert(version, state);
        }
        for number in numbers_in(&self.templates(code))? {
            loaded.project.templates.insert(number, self.published(code, number)?.template);
        }
        let is_there = !loaded.project.keys.is_empty() || !loaded.project.templates.is_empty();
        Ok(is_there.then_some(loaded))
    }

    async fn key_state(&self, code: &ProjectCode, version: KeyVersion) -> Result<KeyState> {
        let state = self.state_of(code, version);
        state.ok_or_else(|| Error::Missing(format!("key {version} of project {code}")))
    }

    async fn key(&self, code: &ProjectCode, version: KeyVersion) -> Result<ProjectKey> {
        let damaged = || damaged(&self.keys(code).join(format!("{version}.json")));
        self.key_file(code, version)?.key().ok_or_else(damaged)
    }

    async fn template(&self, code: &ProjectCode, number: TemplateNumber) -> Result<Template> {
        Ok(self.published(code, number)?.template)
    }

    /// Templates come first: a project that has a key has what its links need.
    async fn add(&self, code: &ProjectCode, _: &Loaded, additions: &Additions) -> Result<bool> {
        for (number, template) in &additions.templates {
            let file = Published { number: *number, template: template.clone() };
            if !create(&self.templates(code), &format!("{number}.json"), &file)? {
                return Ok(false);
            }
        }
        for (version, key) in &additions.keys {
            let file = KeyFile::new(code.clone(), *version, key);
            if !create(&self.keys(code), &format!("{version}.json"), &file)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn set_key_state(&self, code: &ProjectCode, version: KeyVersion, state: KeyState) -> Result<()> {
        create(&self.keys(code), &format!("{version}.{}", state.name()), &true)?;
        if state == KeyState::Destroyed {
            let path = self.keys(code).join(format!("{version}.json"));
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(unreadable(&path, error)),
                _ => {}
            }
        }
        Ok(())
    }
}

fn names_in(folder: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        // Something other than a project's folder lies among the projects.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        entries => entries.map_err(|error| unreadable(folder, error))?,
    };
    let name = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.map_err(|error| unreadable(folder, error))?;
        Ok(entry.file_name().to_string_lossy().into_owned())
    };
    entries.map(name).collect()
}

/// The N of every `N.json`, and of every marker of a key's state, in a folder.
fn numbers_in(folder: &Path) -> Result<std::collections::BTreeSet<KeyVersion>> {
    let number = |name: &String| {
        let (number, ending) = name.split_once('.')?;
        let is_ours = ending == "json" || KeyState::later(ending).is_some();
        number.parse().ok().filter(|_| is_ours)
    };
    Ok(names_in(folder)?.iter().filter_map(number).collect())
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(Error::Missing(path.display().to_string()));
        }
        text => Zeroizing::new(text.map_err(|error| unreadable(path, error))?),
    };
    // The parser's own message could quote a key.
    serde_json::from_slice(&text).map_err(|_| damaged(path))
}

/// Creates a file whole and durable, or not at all; `false` where it exists already.
fn create(folder: &Path, name: &str, value: &impl Serialize) -> Result<bool> {
    let path = folder.join(name);
    let write = || -> std::io::Result<bool> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
        file.write_all(&Zeroizing::new(to_json(value)))?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(&path) {
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => return Ok(false),
            Err(error) => return Err(error.error),
            Ok(_) => {}
        }
        // A new file is durable once its folder is synced, and a new folder once its parent is, up to the root's.
        for folder in folder.ancestors().take(4) {
            File::open(folder)?.sync_all()?;
        }
        Ok(true)
    };
    write().map_err(|error| Error::Config(format!("cannot write {}: {error}", path.display())))
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::Config(format!("cannot read {}: {error}", path.display()))
}

fn damaged(path: &Path) -> Error {
    Error::Conflict(format!("{} is damaged (bring it back from a backup)", path.display()))
}

fn in_the_wrong_place(folder: &Path, what: &str) -> Error {
    let folder = folder.display();
    Error::Conflict(format!(
        "{folder} holds {what} that belongs elsewhere (bring the folder back from a backup)"
    ))
}
