//! Where projects are kept.

use async_trait::async_trait;
use smartpass_core::ids::{KeyVersion, ProjectCode, TemplateNumber};
use smartpass_core::link::{KeyState, ProjectKey};
use smartpass_core::template::Template;
use smartpass_platform::Result;

use super::project::Project;

/// A project as it was read.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// What it has.
    pub project: Project,
    /// The version that it was read at, where the backend has versions.
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

    /// Adds what the project did not have when it was read; `false` where somebody else added something since, and the
    /// caller has to look again.
    async fn add(&self, code: &ProjectCode, seen: &Loaded, additions: &Additions) -> Result<bool>;

    /// Puts a key into a later state; destroying deletes the key itself.
    async fn set_key_state(&self, code: &ProjectCode, version: KeyVersion, state: KeyState) -> Result<()>;
}
