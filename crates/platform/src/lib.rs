//! What the services stand on: broker, blobs, state, keys, telemetry, shutdown.
//!
//! Every part has an implementation for production and one for a single process, which pass the same conformance
//! suite (`tests/`). *Nothing here knows what a job is about*: what happens to jobs is decided in
//! `smartpass_core::job` and only stored by [`jobs`].

pub mod blobs;
pub mod broker;
pub mod clock;
pub mod error;
pub mod failpoints;
pub mod files;
pub mod jobs;
pub mod keys;
pub mod projects;
pub mod retry;
pub mod shutdown;
pub mod state;
pub mod telemetry;

use std::sync::Arc;

pub use error::{Error, Result};

/// Everything that a service is given.
#[derive(Clone)]
pub struct Platform {
    /// Carries work and announcements.
    pub broker: Arc<dyn broker::Broker>,
    /// Rows and links, sealed.
    pub blobs: blobs::Blobs,
    /// Job records.
    pub jobs: jobs::JobStore,
    /// Projects: keys, templates, API keys.
    pub projects: projects::Projects,
    /// The truth beneath both, for health checks.
    pub state: Arc<dyn state::State>,
    /// Says when to stop.
    pub shutdown: shutdown::Shutdown,
}

impl Platform {
    /// Whether everything outside answers and keeps its promises.
    ///
    /// # Errors
    /// The first that does not.
    pub async fn check(&self) -> Result<()> {
        self.state.check().await?;
        self.blobs.check().await?;
        self.broker.check().await
    }
}
