//! Metrics of a producer.

use std::sync::LazyLock;

use smartpass_platform::telemetry::{IntGauge, gauge};

/// Metrics of a producer.
pub(crate) struct ProducerMetrics {
    /// Uploads in progress.
    pub(crate) uploads: IntGauge,
    /// Chunk buffers in use by uploads.
    pub(crate) upload_buffers: IntGauge,
}

/// The metrics of this process.
pub(crate) fn producer_metrics() -> &'static ProducerMetrics {
    static METRICS: LazyLock<ProducerMetrics> = LazyLock::new(|| ProducerMetrics {
        uploads: gauge("smartpass_uploads", "Uploads that are running"),
        upload_buffers: gauge("smartpass_upload_buffers", "Chunk buffers in use by uploads"),
    });
    &METRICS
}
