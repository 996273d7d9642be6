//! The trait of a place where projects are kept.

use async_trait::async_trait;
use smartpass_core::ids::{KeyVersion, ProjectCode, TemplateNumber};
use smartpass_core::link::{KeyState, ProjectKey};
use smartpass_core::template::Template;
use smartpass_platform::Result;

use super::project::Project;

/// A project with the version at which it was read.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// The project.
    pub project: Project,
    /// The version; 0 where the backend has no versions.
    pub version: u64,
}

/// Keys and templates to add to a project.
#[derive(Clone, Debug, Default)]
pub struct Additions {
    /// Keys.
    pub keys: Vec<(KeyVersion, ProjectKey)>,
    /// Published templates.
    pub templates: Vec<(TemplateNumber, Template)>,
}

/// A place where projects are kept. Additions are durable when the call answers.
///
/// # Errors
/// All methods: the backend is unavailable, or what it holds is damaged.
#[async_trait]
pub trait ProjectBackend: Send + Sync {
    /// Codes of all projects.
    async fn codes(&self) -> Result<Vec<ProjectCode>>;

    /// Whether there is such a project.
    async fn exists(&self, code: &ProjectCode) -> Result<bool>;

    /// The project; `None` where there is none.
    async fn load(&self, code: &ProjectCode) -> Result<Option<Loaded>>;

    /// The state of a key. An error where there is no such key.
    async fn key_state(&self, code: &ProjectCode, version: KeyVersion) -> Result<KeyState>;

    /// A key. An error where there is none.
    async fn key(&self, code: &ProjectCode, version: KeyVersion) -> Result<ProjectKey>;

    /// A template. An error where there is none.
    async fn template(&self, code: &ProjectCode, number: TemplateNumber) -> Result<Template>;

    /// Adds keys and templates to the project as it was read; `false` where the project has changed since, and the
    /// caller has to load it again.
    async fn add(&self, code: &ProjectCode, seen: &Loaded, additions: &Additions) -> Result<bool>;

    /// Puts a key into a later state; destroying deletes the key itself.
    async fn set_key_state(&self, code: &ProjectCode, version: KeyVersion, state: KeyState) -> Result<()>;
}
