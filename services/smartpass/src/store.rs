//! Projects on this machine: their keys and published templates.
//!
//! ```text
//! $XDG_STATE_HOME/smartpass/          mode 0700, files 0600
//!   wrsynr/keys/1.json                a key; the newest one seals, all of them open
//!   wrsynr/templates/1.json           a published version of a template
//! ```
//!
//! Files are only ever created, never changed, and are on the disk before a link is made with them: a lost key or
//! template kills every link that needs it.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use smartpass_core::ids::{KeyVersion, ProjectCode, TemplateNumber};
use smartpass_core::link::{Keyring, ProjectKey};
use smartpass_core::template::{self, Template};

use crate::key_material::{KeyFile, new_project_key};

/// All projects on this machine.
pub(crate) struct Store {
    root: PathBuf,
}

/// One project's folder.
pub(crate) struct Project {
    /// Its code.
    pub(crate) code: ProjectCode,
    folder: PathBuf,
}

/// A published version of a template.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Published {
    pub(crate) number: TemplateNumber,
    pub(crate) template: Template,
}

impl Store {
    /// The store in `SMARTPASS_STATE`, or in the user's state directory.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let root = set("SMARTPASS_STATE")
            .or_else(|| set("XDG_STATE_HOME").map(|state| state.join("smartpass")))
            .or_else(|| set("HOME").map(|home| home.join(".local/state/smartpass")));
        let root = root
            .context("there is no home directory: set SMARTPASS_STATE to a folder for keys and templates")?;
        Ok(Self { root })
    }

    /// The folder that holds it.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A project's folder, whether it exists or not.
    pub(crate) fn project(&self, code: &ProjectCode) -> Project {
        Project { code: code.clone(), folder: self.root.join(code.as_str()) }
    }

    /// The project, which must have a key here.
    pub(crate) fn existing(&self, code: &ProjectCode) -> anyhow::Result<Project> {
        let project = self.project(code);
        if project.keys()?.is_empty() {
            let here = crate::text::path(&self.root);
            bail!(
                "project {code} has no key in {here} (bring it with: smartpass project import FILE, \
                 make one with: smartpass project new {code}, or give --key-file)"
            );
        }
        Ok(project)
    }

    /// The names of all files of all projects: what changes when a key or a template is added.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for project in self.projects().unwrap_or_default() {
            for folder in ["keys", "templates"] {
                let files = names_in(&project.folder.join(folder)).unwrap_or_default();
                names.extend(files.into_iter().map(|file| format!("{}/{folder}/{file}", project.code)));
            }
        }
        names.sort();
        names
    }

    /// Every project that has a folder here, in the order of their codes.
    pub(crate) fn projects(&self) -> anyhow::Result<Vec<Project>> {
        let mut codes: Vec<ProjectCode> =
            names_in(&self.root)?.iter().filter_map(|name| name.parse().ok()).collect();
        codes.sort();
        Ok(codes.iter().map(|code| self.project(code)).collect())
    }
}

impl Project {
    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its keys; empty where it has none here.
    pub(crate) fn keys(&self) -> anyhow::Result<BTreeMap<KeyVersion, ProjectKey>> {
        let folder = self.folder.join("keys");
        let files: Vec<(u32, KeyFile)> = read_all(&folder)?;
        let in_place =
            |(number, file): &(u32, KeyFile)| file.version.get() == *number && file.project == self.code;
        if !files.iter().all(in_place) {
            bail!(
                "{} holds a key that belongs elsewhere (bring the folder back from a backup)",
                folder.display()
            );
        }
        files.iter().map(|(_, file)| Ok((file.version, file.key()?))).collect()
    }

    /// Its published templates by number.
    pub(crate) fn templates(&self) -> anyhow::Result<BTreeMap<TemplateNumber, Template>> {
        let folder = self.folder.join("templates");
        let files: Vec<(u32, Published)> = read_all(&folder)?;
        if files.iter().any(|(number, file)| file.number.get() != *number) {
            bail!(
                "{} holds a template that belongs elsewhere (bring it back from a backup)",
                folder.display()
            );
        }
        Ok(files.into_iter().map(|(_, file)| (file.number, file.template)).collect())
    }

    /// What its links open with.
    pub(crate) fn keyring(&self) -> anyhow::Result<Keyring> {
        let keys = self.keys()?.into_iter().map(|(version, key)| (version, key.into())).collect();
        Ok(Keyring { project: self.code.clone(), keys, templates: self.templates()? })
    }

    /// Draws a new key, which seals from now on.
    pub(crate) fn add_key(&self) -> anyhow::Result<(KeyVersion, ProjectKey)> {
        loop {
            let newest = self.keys()?.last_key_value().map_or(0, |(version, _)| version.get());
            let version = newest
                .checked_add(1)
                .and_then(KeyVersion::new)
                .context("the project has no key version left")?;
            let key = new_project_key()?;
            if self.create_key(version, &key)? {
                return Ok((version, key));
            }
        }
    }

    /// Writes a key; `false` where its version exists already.
    pub(crate) fn create_key(&self, version: KeyVersion, key: &ProjectKey) -> anyhow::Result<bool> {
        let file = KeyFile::new(self.code.clone(), version, key);
        create(&self.folder.join("keys"), version.get(), &file)
    }

    /// Publishes a template; answers its number, and whether it is new. Identical content keeps its number.
    pub(crate) fn publish(&self, template: &Template) -> anyhow::Result<(TemplateNumber, bool)> {
        loop {
            let (number, is_new) = template::number_for(&self.templates()?, template)
                .context("the project has no template number left")?;
            if !is_new || self.create_template(number, template)? {
                return Ok((number, is_new));
            }
        }
    }

    /// Writes a template under a number; `false` where the number exists already.
    pub(crate) fn create_template(
        &self,
        number: TemplateNumber,
        template: &Template,
    ) -> anyhow::Result<bool> {
        let file = Published { number, template: template.clone() };
        create(&self.folder.join("templates"), number.get(), &file)
    }

    /// The newest version of the template `code`, or the one of a given number.
    pub(crate) fn template(&self, code: &str, number: Option<TemplateNumber>) -> anyhow::Result<Published> {
        let published = self.templates()?;
        if let Some((number, template)) = template::version(&published, code, number) {
            return Ok(Published { number, template: template.clone() });
        }
        if let Some(number) = number.filter(|_| template::version(&published, code, None).is_some()) {
            bail!("template {code:?} has no version number {number} (see: smartpass template list)");
        }
        let codes: std::collections::BTreeSet<&str> =
            published.values().map(|template| template.code.as_str()).collect();
        let known = codes.into_iter().collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() { "it has none yet".to_owned() } else { format!("it has {known}") };
        bail!(
            "project {} has no template {code:?} ({known}; publish one with: smartpass template publish)",
            self.code
        )
    }
}

fn names_in(folder: &Path) -> anyhow::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        // A file that somebody put among the projects is none of them.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        entries => entries.with_context(|| format!("cannot read {}", folder.display()))?,
    };
    let name = |entry: std::io::Result<fs::DirEntry>| Ok(entry?.file_name().to_string_lossy().into_owned());
    entries.map(name).collect()
}

/// Every `N.json` of a folder, with N.
fn read_all<T: serde::de::DeserializeOwned>(folder: &Path) -> anyhow::Result<Vec<(u32, T)>> {
    let mut values = Vec::new();
    for name in names_in(folder)? {
        let Some(number) = name.strip_suffix(".json").and_then(|number| number.parse().ok()) else {
            continue;
        };
        let path = folder.join(name);
        let text = zeroize::Zeroizing::new(
            fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?,
        );
        // The parser's own message could quote a key.
        let value = serde_json::from_slice(&text).ok();
        let value: Option<T> = value;
        let damaged = || format!("{} is damaged (bring it back from a backup)", path.display());
        values.push((number, value.with_context(damaged)?));
    }
    Ok(values)
}

/// Writes a secret to a new file that only its owner can read, so that it is whole and durable, or there is none.
pub(crate) fn write_secret(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let folder = path.parent().context("the file has no folder")?;
    let write = || -> anyhow::Result<()> {
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
        file.write_all(content)?;
        file.as_file().sync_all()?;
        file.persist_noclobber(path)?;
        File::open(folder)?.sync_all()?;
        Ok(())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// Writes `N.json` so that it is whole and durable, or there is none; `false` where there is one already.
fn create(folder: &Path, number: u32, value: &impl Serialize) -> anyhow::Result<bool> {
    let path = folder.join(format!("{number}.json"));
    let write = || -> anyhow::Result<bool> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
        file.write_all(&zeroize::Zeroizing::new(serde_json::to_vec(value)?))?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(&path) {
            Err(error) if error.error.kind() == ErrorKind::AlreadyExists => return Ok(false),
            outcome => outcome?,
        };
        // A new file is durable once its folder is, and a new folder once the one above it is: up to the root's own.
        for folder in folder.ancestors().take(4) {
            File::open(folder)?.sync_all()?;
        }
        Ok(true)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
