//! Metrics of jobs and chunks that more than one service counts.
//!
//! ```
//! smartpass_records::metrics::metrics().chunk("cut");
//! let text = smartpass_platform::telemetry::metrics_text();
//! assert!(text.contains("smartpass_chunks_total{event=\"cut\"} 1"));
//! ```

use std::sync::LazyLock;
use std::time::Instant;

use smartpass_platform::telemetry::{
    HistogramVec, IntCounterVec, IntGaugeVec, counter_vec, gauge_vec, histogram_vec,
};

/// Seconds: a chunk takes some tens of milliseconds, an outage minutes.
const SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0];

/// Metrics that several services count.
pub struct PipelineMetrics {
    /// Chunks by what happened: `cut`, `released`, `published-again`, `begun`, `encoded`, `skipped`, `given-back`,
    /// `failed`, `recorded`.
    pub chunks: IntCounterVec,
    /// Bytes by direction: `uploaded`, `chunked`, `encoded`, `downloaded`.
    pub bytes: IntCounterVec,
    /// How long a chunk takes by stage: `seal`, `store`, `fetch`, `wait`, `encode`, `write`, `publish`.
    chunk_seconds: HistogramVec,
    /// Things that wait or are in hand, by queue: `jobs`, `encoders`.
    pub queue: IntGaugeVec,
    /// Messages and chunks that nobody can go on with, by reason.
    pub dead_letters: IntCounterVec,
}

impl PipelineMetrics {
    /// Observes the duration of a chunk's stage since `start`.
    pub fn stage(&self, stage: &str, start: Instant) {
        self.chunk_seconds.with_label_values(&[stage]).observe(start.elapsed().as_secs_f64());
    }

    /// Counts something that happened to a chunk.
    pub fn chunk(&self, event: &str) {
        self.chunks.with_label_values(&[event]).inc();
    }
}

/// The metrics of this process that several services count.
pub fn metrics() -> &'static PipelineMetrics {
    static METRICS: LazyLock<PipelineMetrics> = LazyLock::new(|| PipelineMetrics {
        chunks: counter_vec("smartpass_chunks_total", "Chunks by what happened", &["event"]),
        bytes: counter_vec("smartpass_bytes_total", "Bytes by direction", &["direction"]),
        chunk_seconds: histogram_vec("smartpass_chunk_seconds", "Time of a chunk by stage", "stage", SECONDS),
        queue: gauge_vec("smartpass_queue_entries", "What waits, by queue", "queue"),
        dead_letters: counter_vec("smartpass_dead_letters_total", "Dead letters by reason", &["code"]),
    });
    &METRICS
}
