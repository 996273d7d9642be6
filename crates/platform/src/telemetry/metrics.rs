//! Prometheus metrics: one registry for the process, and the metrics of this crate.
//!
//! Each service names its own metrics in a `metrics.rs`. A name that several of them ask for is one metric, made by
//! the first call. `deploy/METRICS.md` is the table of all metrics, and a test compares the two.
//!
//! ```
//! use smartpass_platform::telemetry::{counter_vec, metrics_text};
//! let doors = counter_vec("example_doors_total", "Doors by what became of them", &["outcome"]);
//! doors.with_label_values(&["open"]).inc();
//! assert!(metrics_text().contains("example_doors_total{outcome=\"open\"} 1"));
//! ```

use std::any::Any;
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, PoisonError};

use prometheus::core::Collector;
use prometheus::{Encoder, HistogramOpts, Opts, Registry, TextEncoder};
pub use prometheus::{Histogram, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec};

/// The metrics of this process by name.
struct Metrics {
    registry: Registry,
    by_name: Mutex<HashMap<String, Box<dyn Any + Send>>>,
}

static METRICS: LazyLock<Metrics> = LazyLock::new(|| {
    let registry = Registry::new();
    #[cfg(target_os = "linux")]
    registry
        .register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))
        .expect("nothing else has the process metrics' names");
    Metrics { registry, by_name: Mutex::default() }
});

/// The metric of that name, made and registered by the first call.
fn named<M: Collector + Clone + Send + 'static>(
    name: &str,
    make: impl FnOnce() -> prometheus::Result<M>,
) -> M {
    let mut by_name = METRICS.by_name.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(metric) = by_name.get(name) {
        return metric.downcast_ref::<M>().expect("a metric's name stands for one kind of metric").clone();
    }
    let metric = make().expect("a metric's name and labels are valid");
    METRICS.registry.register(Box::new(metric.clone())).expect("no two metrics have one name");
    by_name.insert(name.to_owned(), Box::new(metric.clone()));
    metric
}

/// A counter with labels.
pub fn counter_vec(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    named(name, || IntCounterVec::new(Opts::new(name, help), labels))
}

/// A gauge.
pub fn gauge(name: &str, help: &str) -> IntGauge {
    named(name, || IntGauge::new(name, help))
}

/// A gauge with one label.
pub fn gauge_vec(name: &str, help: &str, label: &str) -> IntGaugeVec {
    named(name, || IntGaugeVec::new(Opts::new(name, help), &[label]))
}

/// A histogram.
pub fn histogram(name: &str, help: &str, buckets: &[f64]) -> Histogram {
    named(name, || Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec())))
}

/// A histogram with one label.
pub fn histogram_vec(name: &str, help: &str, label: &str, buckets: &[f64]) -> HistogramVec {
    named(name, || HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.to_vec()), &[label]))
}

/// The metrics of this crate.
pub struct PlatformMetrics {
    /// Retries, by operation.
    retries: IntCounterVec,
    /// Consumer lag in this process's partitions, by topic.
    pub(crate) consumer_lag: IntGaugeVec,
}

impl PlatformMetrics {
    /// Counts a retry of an operation.
    pub fn retry(&self, what: &str) {
        self.retries.with_label_values(&[what]).inc();
    }
}

/// The metrics of this crate.
pub fn platform_metrics() -> &'static PlatformMetrics {
    static PLATFORM: LazyLock<PlatformMetrics> = LazyLock::new(|| PlatformMetrics {
        retries: counter_vec("smartpass_retries_total", "Things done again, by what", &["what"]),
        consumer_lag: gauge_vec("smartpass_consumer_lag_messages", "Messages behind, by topic", "topic"),
    });
    &PLATFORM
}

/// All metrics in Prometheus's text format.
pub fn metrics_text() -> String {
    let mut text = Vec::new();
    // Writing to memory does not fail.
    let _ = TextEncoder::new().encode(&METRICS.registry.gather(), &mut text);
    String::from_utf8(text).unwrap_or_default()
}
