//! The backends of an encoder-worker.

use std::sync::Arc;

use smartpass_platform::blobs::Blobs;
use smartpass_platform::broker::Broker;
use smartpass_platform::shutdown::Shutdown;
use smartpass_records::jobs::JobStore;
use smartpass_records::projects::Projects;
use smartpass_records::wrapping_keys::Purpose;

/// The backends of an encoder-worker: all that it can reach.
#[derive(Clone)]
pub struct Backends {
    /// Job records.
    pub jobs: JobStore,
    /// Project keys and templates.
    pub projects: Projects,
    /// Blobs, for reading chunks and writing parts.
    pub blobs: Blobs,
    /// The broker, for chunks, results and dead letters.
    pub broker: Arc<dyn Broker>,
    /// The process's shutdown.
    pub shutdown: Shutdown,
}

impl Backends {
    /// The wrapping keys that a worker needs: for job data, which it opens, and for project keys, which seal links.
    pub const PURPOSES: &[Purpose] = &[Purpose::JobData, Purpose::Link];
}
