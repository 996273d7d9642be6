//! The backends of a tracker.

use std::sync::Arc;

use smartpass_platform::blobs::Blobs;
use smartpass_platform::broker::Broker;
use smartpass_platform::shutdown::Shutdown;
use smartpass_records::jobs::JobStore;
use smartpass_records::wrapping_keys::Purpose;

/// The backends of a tracker: all that it can reach.
#[derive(Clone)]
pub struct Backends {
    /// Job records.
    pub jobs: JobStore,
    /// Blobs, for writing manifests and deleting files.
    pub blobs: Blobs,
    /// The broker, for chunks, results and announcements.
    pub broker: Arc<dyn Broker>,
    /// The process's shutdown.
    pub shutdown: Shutdown,
}

impl Backends {
    /// The wrapping keys that a tracker needs: it seals manifests, and opens no link.
    pub const PURPOSES: &[Purpose] = &[Purpose::JobData];
}
