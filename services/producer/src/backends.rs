//! The backends of a producer.

use std::sync::Arc;

use smartpass_platform::blobs::Blobs;
use smartpass_platform::broker::Broker;
use smartpass_platform::shutdown::Shutdown;
use smartpass_records::api_keys::ApiKeys;
use smartpass_records::jobs::JobStore;
use smartpass_records::projects::Projects;
use smartpass_records::wrapping_keys::Purpose;

/// The backends of a producer: all that it can reach.
#[derive(Clone)]
pub struct Backends {
    /// Job records.
    pub jobs: JobStore,
    /// Projects and their templates.
    pub projects: Projects,
    /// API keys, for authentication.
    pub api_keys: ApiKeys,
    /// Blobs, for writing chunks and reading outputs.
    pub blobs: Blobs,
    /// The broker, for announcing jobs to observers.
    pub broker: Arc<dyn Broker>,
    /// The process's shutdown.
    pub shutdown: Shutdown,
}

impl Backends {
    /// The wrapping keys that a producer needs: for job data. It seals chunks and opens outputs, and opens no link.
    pub const PURPOSES: &[Purpose] = &[Purpose::JobData];
}
