//! The backends of an encoder-worker.

use std::sync::Arc;

use smartpass_platform::blobs::Blobs;
use smartpass_platform::broker::Broker;
use smartpass_platform::shutdown::Shutdown;
use smartpass_records::jobs::JobStore;
use smartpass_records::projects::Projects;
use smartpass_records::wrapping_keys::Purpose;

/// What an encoder-worker is given, and all that it can reach.
#[derive(Clone)]
pub struct Backends {
    /// Job records.
    pub jobs: JobStore,
    /// Project keys and templates.
    pub projects: Projects,
    /// Chunks in, parts out.
    pub blobs: Blobs,
    /// Brings chunks, takes results.
    pub broker: Arc<dyn Broker>,
    /// Says when to stop.
    pub shutdown: Shutdown,
}

impl Backends {
    /// The wrapping keys that a worker needs: those of the blobs that it opens, and of the keys that seal links.
    pub const PURPOSES: &[Purpose] = &[Purpose::JobData, Purpose::Link];
}
