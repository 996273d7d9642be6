//! Projects on this machine, as the command line uses them: `smartpass_records`' directory of files.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use futures_util::FutureExt;
use smartpass_core::ids::{KeyVersion, ProjectCode, TemplateNumber};
use smartpass_core::link::{Keyring, KeyringKey, ProjectKey};
use smartpass_core::template::{self, Template};
pub(crate) use smartpass_records::projects::Published;
use smartpass_records::projects::{self, DirectoryBackend, KeyState, Projects};

/// All projects on this machine.
pub(crate) struct LocalProjects {
    root: PathBuf,
    projects: Projects,
}

/// A project on this machine.
pub(crate) struct Project {
    /// Its code.
    pub(crate) code: ProjectCode,
    folder: PathBuf,
    projects: Projects,
}

/// The answer of a call to the directory backend, which never waits.
fn at_once<T>(answer: impl Future<Output = smartpass_platform::Result<T>>) -> anyhow::Result<T> {
    Ok(answer.now_or_never().context("files do not answer at once: this is a fault of SmartPass")??)
}

impl LocalProjects {
    /// The store in `SMARTPASS_STATE`, or in the user's state directory.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let root = set("SMARTPASS_STATE")
            .or_else(|| set("XDG_STATE_HOME").map(|state| state.join("smartpass")))
            .or_else(|| set("HOME").map(|home| home.join(".local/state/smartpass")));
        let root = root
            .context("there is no home directory: set SMARTPASS_STATE to a folder for keys and templates")?;
        Ok(Self { projects: Projects::new(DirectoryBackend::new(root.clone())), root })
    }

    /// The folder that holds it.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// A project, whether it exists or not.
    pub(crate) fn project(&self, code: &ProjectCode) -> Project {
        let folder = self.root.join(code.as_str());
        Project { code: code.clone(), folder, projects: self.projects.clone() }
    }

    /// The project, which must have a key here.
    pub(crate) fn existing(&self, code: &ProjectCode) -> anyhow::Result<Project> {
        let project = self.project(code);
        if project.key_states()?.is_empty() {
            let here = crate::text::path(&self.root);
            bail!(
                "project {code} has no key in {here} (bring it with: smartpass project import FILE, \
                 make one with: smartpass project new {code}, or give --key-file)"
            );
        }
        Ok(project)
    }

    /// Every project that has a folder here, in the order of their codes.
    pub(crate) fn projects(&self) -> anyhow::Result<Vec<Project>> {
        Ok(at_once(self.projects.codes())?.iter().map(|code| self.project(code)).collect())
    }
}

impl Project {
    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    fn load(&self) -> anyhow::Result<projects::Project> {
        Ok(at_once(self.projects.load(&self.code))?.unwrap_or_default())
    }

    /// The states of its keys; empty where it has none here.
    pub(crate) fn key_states(&self) -> anyhow::Result<BTreeMap<KeyVersion, KeyState>> {
        Ok(self.load()?.keys)
    }

    /// The key that seals; none where no key is active.
    pub(crate) fn sealing_key(&self) -> anyhow::Result<Option<(KeyVersion, ProjectKey)>> {
        let version = self.load()?.sealing_key();
        version.map(|version| Ok((version, self.key(version)?))).transpose()
    }

    /// Its keys but those that were destroyed, whatever their states.
    pub(crate) fn keys(&self) -> anyhow::Result<BTreeMap<KeyVersion, ProjectKey>> {
        let states = self.key_states()?;
        let kept = states.iter().filter(|(_, state)| **state != KeyState::Destroyed);
        kept.map(|(version, _)| Ok((*version, self.key(*version)?))).collect()
    }

    fn key(&self, version: KeyVersion) -> anyhow::Result<ProjectKey> {
        at_once(self.projects.key_to_export(&self.code, version))
    }

    /// Its published templates by number.
    pub(crate) fn templates(&self) -> anyhow::Result<BTreeMap<TemplateNumber, Template>> {
        Ok(self.load()?.templates)
    }

    /// The opener of its links.
    pub(crate) fn keyring(&self) -> anyhow::Result<Keyring> {
        let states = self.key_states()?;
        let with_state = |(version, key)| (version, KeyringKey { key, state: states[&version] });
        let keys = self.keys()?.into_iter().map(with_state).collect();
        Ok(Keyring { project: self.code.clone(), keys, templates: self.templates()? })
    }

    /// Draws a new key, which seals from now on.
    pub(crate) fn add_key(&self) -> anyhow::Result<(KeyVersion, ProjectKey)> {
        let version = at_once(self.projects.rotate_key(&self.code))?;
        Ok((version, self.key(version)?))
    }

    /// Puts a key into a later state.
    pub(crate) fn set_key_state(&self, version: KeyVersion, state: KeyState) -> anyhow::Result<()> {
        at_once(self.projects.set_key_state(&self.code, version, state))
    }

    /// Adds keys and templates that are not here yet; answers how many of both.
    pub(crate) fn import(
        &self,
        keys: &[(KeyVersion, ProjectKey)],
        templates: &[(TemplateNumber, Template)],
    ) -> anyhow::Result<projects::Imported> {
        at_once(self.projects.import(&self.code, keys, templates))
    }

    /// Publishes a template; answers its number, and whether it is new. Identical content keeps its number.
    pub(crate) fn publish(&self, template: &Template) -> anyhow::Result<(TemplateNumber, bool)> {
        at_once(self.projects.publish(&self.code, template))
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

/// Writes a secret to a new file that only its owner can read: whole and durable, or not at all.
pub(crate) fn write_secret(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
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
