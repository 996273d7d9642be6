//! The backends of a producer.

use std::sync::Arc;

use smartpass_platform::blobs::Blobs;
use smartpass_platform::broker::Broker;
use smartpass_platform::shutdown::Shutdown;
use smartpass_records::api_keys::ApiKeys;
use smartpass_records::jobs::JobStore;
use smartpass_records::projects::Projects;
use smartpass_records::wrapping_keys::Purpose;

/// What a producer is given, and all that it can reach.
#[derive(Clone)]
pub struct Backends {
    /// Job records.
    pub jobs: JobStore,
    /// Which projects there are, and their templates.
    pub projects: Projects,
    /// API keys of the programs that may ask.
    pub api_keys: ApiKeys,
    /// Chunks in, outputs out.
    pub blobs: Blobs,
    /// Announces jobs to observers.
    pub broker: Arc<dyn Broker>,
    /// Says when to stop.
    pub shutdown: Shutdown,
}

impl Backends {
    /// The wrapping keys that a producer needs: it seals chunks and opens outputs, and opens no link.
    pub const PURPOSES: &[Purpose] = &[Purpose::JobData];
}
