//! Metrics of an encoder-worker.

use std::sync::LazyLock;

use smartpass_platform::telemetry::{IntCounterVec, counter_vec};

/// Metrics of an encoder-worker.
pub(crate) struct WorkerMetrics {
    /// Rows by outcome: `link` or `error`.
    pub(crate) rows: IntCounterVec,
    /// Row errors by kind.
    pub(crate) row_errors: IntCounterVec,
    /// Cache lookups by cache (`job`) and answer (`hit`, `miss`).
    pub(crate) cache: IntCounterVec,
}

/// The metrics of this process.
pub(crate) fn worker_metrics() -> &'static WorkerMetrics {
    static METRICS: LazyLock<WorkerMetrics> = LazyLock::new(|| WorkerMetrics {
        rows: counter_vec("smartpass_rows_total", "Rows by what became of them", &["outcome"]),
        row_errors: counter_vec("smartpass_row_errors_total", "Row errors by kind", &["kind"]),
        cache: counter_vec("smartpass_cache_lookups_total", "Looks into caches", &["cache", "answer"]),
    });
    &METRICS
}
