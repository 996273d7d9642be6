//! The backends of a tracker.

use std::sync::Arc;

use smartpass_platform::blobs::Blobs;
use smartpass_platform::broker::Broker;
use smartpass_platform::shutdown::Shutdown;
use smartpass_records::jobs::JobStore;
use smartpass_records::wrapping_keys::Purpose;

/// What a tracker is given, and all that it can reach.
#[derive(Clone)]
pub struct Backends {
    /// Job records.
    pub jobs: JobStore,
    /// Where manifests are written, and files deleted.
    pub blobs: Blobs,
    /// Carries work and announcements.
    pub broker: Arc<dyn Broker>,
    /// Says when to stop.
    pub shutdown: Shutdown,
}

impl Backends {
    /// The wrapping keys that a tracker needs: it seals manifests, and opens no link.
    pub const PURPOSES: &[Purpose] = &[Purpose::JobData];
}
