//! Metrics of a tracker.

use std::sync::LazyLock;

use smartpass_platform::telemetry::{
    Histogram, IntCounterVec, IntGauge, IntGaugeVec, counter_vec, gauge, gauge_vec, histogram,
};

/// Metrics of a tracker.
pub(crate) struct TrackerMetrics {
    /// Seconds from a job's creation to its end.
    pub(crate) job_seconds: Histogram,
    /// Jobs that ended, by outcome.
    pub(crate) jobs_ended: IntCounterVec,
    /// Jobs that this tracker has in hand, by state.
    pub(crate) jobs: IntGaugeVec,
    /// The age of the oldest job in hand that has not ended.
    pub(crate) oldest_job_seconds: IntGauge,
}

/// The metrics of this process.
pub(crate) fn tracker_metrics() -> &'static TrackerMetrics {
    static METRICS: LazyLock<TrackerMetrics> = LazyLock::new(|| {
        let minutes: Vec<f64> = (0..12).map(|power| f64::from(1 << power)).collect();
        TrackerMetrics {
            job_seconds: histogram("smartpass_job_seconds", "Time from a job's opening to its end", &minutes),
            jobs_ended: counter_vec(
                "smartpass_jobs_ended_total",
                "Jobs that ended, by outcome",
                &["outcome"],
            ),
            jobs: gauge_vec("smartpass_jobs", "Jobs in this tracker's hand, by state", "state"),
            oldest_job_seconds: gauge(
                "smartpass_oldest_job_seconds",
                "Age of the oldest running job in hand",
            ),
        }
    });
    &METRICS
}
