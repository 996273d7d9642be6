//! Projects: their keys and published templates.
//!
//! The rules are here, and are the same for every backend ([`ProjectBackend`]): a folder of files on a laptop
//! ([`DirectoryBackend`]), or state and registry of a server ([`StateBackend`]). Keys and templates are only ever
//! created: a version that exists with other bytes is refused. A lost version is the end of every link that needs it.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! use smartpass_core::template::Template;
//! use smartpass_records::projects::{DirectoryBackend, KeyState, Projects};
//! let folder = tempfile::tempdir().unwrap();
//! let projects = Projects::new(DirectoryBackend::new(folder.path().to_owned()));
//! let code = "wrsynr".parse().unwrap();
//! let first = projects.rotate_key(&code).await.unwrap();
//! let template = Template::from_toml("code = 'club'\nfields = [{ name = 'points', type = 'integer' }]").unwrap();
//! assert_eq!(projects.publish(&code, &template).await.unwrap(), (1.try_into().unwrap(), true));
//!
//! let second = projects.rotate_key(&code).await.unwrap();
//! let project = projects.load(&code).await.unwrap().unwrap();
//! assert_eq!((project.sealing_key(), project.keys[&first]), (Some(second), KeyState::Retired));
//! # });
//! ```

mod backend;
mod directory_backend;
mod project;
mod state_backend;

use std::sync::Arc;

use smartpass_core::ids::{KeyVersion, ProjectCode, TemplateNumber};
use smartpass_core::link::ProjectKey;
use smartpass_core::template::{self, Template};
use smartpass_platform::random::random_key;
use smartpass_platform::{Error, Result};

pub use backend::{Additions, Loaded, ProjectBackend};
pub use directory_backend::DirectoryBackend;
pub use project::{Imported, KeyFile, Project, Published};
pub use smartpass_core::link::KeyState;
pub use state_backend::StateBackend;

/// Projects. Clones are the same.
#[derive(Clone)]
pub struct Projects {
    backend: Arc<dyn ProjectBackend>,
}

impl Projects {
    /// Projects as the backend keeps them.
    pub fn new(backend: impl ProjectBackend + 'static) -> Self {
        Self { backend: Arc::new(backend) }
    }

    /// The project; `None` where there is none.
    ///
    /// # Errors
    /// The backend is unavailable or damaged.
    pub async fn load(&self, code: &ProjectCode) -> Result<Option<Project>> {
        Ok(self.backend.load(code).await?.map(|loaded| loaded.project))
    }

    /// Whether there is such a project.
    ///
    /// # Errors
    /// The backend is unavailable.
    pub async fn exists(&self, code: &ProjectCode) -> Result<bool> {
        self.backend.exists(code).await
    }

    /// Codes of all projects, in their order.
    ///
    /// # Errors
    /// The backend is unavailable.
    pub async fn codes(&self) -> Result<Vec<ProjectCode>> {
        let mut codes = self.backend.codes().await?;
        codes.sort_unstable();
        Ok(codes)
    }

    /// A key of the project, to seal or open with.
    ///
    /// # Errors
    /// The key is missing, revoked or destroyed, or cannot be read.
    pub async fn key(&self, code: &ProjectCode, version: KeyVersion) -> Result<ProjectKey> {
        match self.backend.key_state(code, version).await? {
            KeyState::Active | KeyState::Retired => self.backend.key(code, version).await,
            state => Err(Error::Conflict(format!("key {version} of project {code} is {}", state.name()))),
        }
    }

    /// A key of the project whatever its state, to keep it elsewhere.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub async fn key_to_export(&self, code: &ProjectCode, version: KeyVersion) -> Result<ProjectKey> {
        self.backend.key(code, version).await
    }

    /// A published template of the project.
    ///
    /// # Errors
    /// There is none.
    pub async fn template(&self, code: &ProjectCode, number: TemplateNumber) -> Result<Template> {
        self.backend.template(code, number).await
    }

    /// Adds keys and templates that the project does not have yet.
    ///
    /// # Errors
    /// [`Error::Conflict`]: a version exists with other bytes. Nothing is added then.
    pub async fn import(
        &self,
        code: &ProjectCode,
        keys: &[(KeyVersion, ProjectKey)],
        templates: &[(TemplateNumber, Template)],
    ) -> Result<Imported> {
        loop {
            let found = self.backend.load(code).await?.unwrap_or_default();
            let mut additions = Additions::default();
            for (version, key) in keys {
                if !found.project.keys.contains_key(version) {
                    additions.keys.push((*version, key.clone()));
                } else if self.backend.key(code, *version).await?.expose() != key.expose() {
                    return Err(another(code, &format!("key {version}")));
                }
            }
            for (number, template) in templates {
                match found.project.templates.get(number) {
                    None => additions.templates.push((*number, template.clone())),
                    Some(here) if here == template => {}
                    Some(_) => return Err(another(code, &format!("template number {number}"))),
                }
            }
            let imported =
                Imported { keys: additions.keys.len() as u64, templates: additions.templates.len() as u64 };
            if imported == Imported::default() || self.backend.add(code, &found, &additions).await? {
                return Ok(imported);
            }
        }
    }

    /// Publishes a template under the next number; one equal to its code's newest version keeps its number. Answers the
    /// number, and whether it is new.
    ///
    /// # Errors
    /// No number is left, or the backend is unavailable.
    pub async fn publish(&self, code: &ProjectCode, template: &Template) -> Result<(TemplateNumber, bool)> {
        loop {
            let found = self.backend.load(code).await?.unwrap_or_default();
            let (number, is_new) = template::number_for(&found.project.templates, template)
                .ok_or_else(|| Error::Limit(format!("project {code} has no template number left")))?;
            let additions = Additions { templates: vec![(number, template.clone())], ..Additions::default() };
            if !is_new || self.backend.add(code, &found, &additions).await? {
                return Ok((number, is_new));
            }
        }
    }

    /// Draws a new key, which seals from now on, and retires the older ones; answers its version.
    ///
    /// # Errors
    /// No version is left, or the backend is unavailable.
    pub async fn rotate_key(&self, code: &ProjectCode) -> Result<KeyVersion> {
        loop {
            let found = self.backend.load(code).await?.unwrap_or_default();
            let newest = found.project.keys.last_key_value().map_or(0, |(version, _)| version.get());
            let version = newest.checked_add(1).and_then(KeyVersion::new);
            let version =
                version.ok_or_else(|| Error::Limit(format!("project {code} has no key version left")))?;
            let key = ProjectKey::from(*random_key()?);
            let additions = Additions { keys: vec![(version, key)], ..Additions::default() };
            if !self.backend.add(code, &found, &additions).await? {
                continue;
            }
            let active = found.project.keys.iter().filter(|(_, state)| **state == KeyState::Active);
            for (older, _) in active {
                self.backend.set_key_state(code, *older, KeyState::Retired).await?;
            }
            return Ok(version);
        }
    }

    /// Retires, revokes or destroys a key. A key's state never goes back.
    ///
    /// # Errors
    /// There is no such key, or it is in a later state already.
    pub async fn set_key_state(
        &self,
        code: &ProjectCode,
        version: KeyVersion,
        state: KeyState,
    ) -> Result<()> {
        let now = self.backend.key_state(code, version).await?;
        if now >= state {
            return Err(Error::Conflict(format!(
                "key {version} of project {code} is {} already",
                now.name()
            )));
        }
        self.backend.set_key_state(code, version, state).await
    }
}

fn another(code: &ProjectCode, what: &str) -> Error {
    Error::Conflict(format!("{what} of project {code} is another one here: nothing was imported"))
}
