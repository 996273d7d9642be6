//! The application data that every handler gets.

use std::sync::Arc;
use std::time::Duration;

use smartpass_core::csv::ChunkLimits;
use smartpass_core::ids::BaseUrl;
use smartpass_core::job::Millis;
use tokio::sync::Semaphore;

use crate::backends::Backends;
use crate::metrics::producer_metrics;

/// The limit of downloads at once: each holds a part or two in memory.
const DOWNLOADS: usize = 16;

/// Limits and defaults of uploads.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The start of links, before the project's code, where an upload gives none.
    pub link_base: BaseUrl,
    /// The limits of a chunk.
    pub chunks: ChunkLimits,
    /// The limit of uploads at once.
    pub uploads: usize,
    /// The limit of chunks of all uploads in memory at once.
    pub chunk_buffers: usize,
    /// The lowest rate of an upload, in bytes a second over half a minute.
    pub minimum_rate: u64,
    /// The limit of a file's decompressed bytes.
    pub max_bytes: u64,
    /// How long a job's files are kept after its end.
    pub retention: Millis,
    /// How long the state or the blobs may be away before an upload is given up.
    pub outage_patience: Duration,
}

/// The application data that every handler gets.
pub(crate) struct Api {
    pub(crate) limits: Limits,
    pub(crate) backends: Backends,
    pub(crate) uploads: Arc<Semaphore>,
    pub(crate) chunk_buffers: Arc<Semaphore>,
    pub(crate) downloads: Arc<Semaphore>,
}

impl Api {
    pub(crate) fn new(limits: Limits, backends: Backends) -> Self {
        Self {
            uploads: Arc::new(Semaphore::new(limits.uploads)),
            chunk_buffers: Arc::new(Semaphore::new(limits.chunk_buffers)),
            downloads: Arc::new(Semaphore::new(DOWNLOADS)),
            limits,
            backends,
        }
    }

    pub(crate) fn count_buffers(&self) {
        let in_use = self.limits.chunk_buffers - self.chunk_buffers.available_permits();
        producer_metrics().upload_buffers.set(i64::try_from(in_use).unwrap_or(i64::MAX));
    }
}
