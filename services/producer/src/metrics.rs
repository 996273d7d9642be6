//! What a producer counts.

use std::sync::LazyLock;

use smartpass_platform::telemetry::{IntGauge, gauge};

/// What a producer counts.
pub(crate) struct ProducerMetrics {
    /// Uploads that are running.
    pub(crate) uploads: IntGauge,
    /// Chunk buffers in use by uploads.
    pub(crate) upload_buffers: IntGauge,
}

/// What this process counts as a producer.
pub(crate) fn producer_metrics() -> &'static ProducerMetrics {
    static METRICS: LazyLock<ProducerMetrics> = LazyLock::new(|| ProducerMetrics {
        uploads: gauge("smartpass_uploads", "Uploads that are running"),
        upload_buffers: gauge("smartpass_upload_buffers", "Chunk buffers in use by uploads"),
    });
    &METRICS
}
