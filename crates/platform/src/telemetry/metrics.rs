//! The metrics, all in one place: `deploy/METRICS.md` is their table, and a test compares the two.

use std::sync::LazyLock;

use prometheus::{
    Encoder, Histogram, HistogramOpts, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

/// Seconds: a chunk takes some tens of milliseconds, an outage minutes.
const SECONDS: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0];

/// What the services count.
pub struct Metrics {
    registry: Registry,
    /// Rows by what became of them: `link` or `error`.
    pub rows: IntCounterVec,
    /// Row errors by kind.
    pub row_errors: IntCounterVec,
    /// Chunks by what happened: `cut`, `released`, `published-again`, `begun`, `encoded`, `skipped`, `given-back`,
    /// `failed`, `recorded`.
    pub chunks: IntCounterVec,
    /// Bytes by direction: `uploaded`, `chunked`, `encoded`, `downloaded`.
    pub bytes: IntCounterVec,
    /// How long a chunk takes by stage: `seal`, `store`, `fetch`, `wait`, `encode`, `write`, `publish`.
    pub chunk_seconds: HistogramVec,
    /// From the upload's first byte to the job's end.
    pub job_seconds: Histogram,
    /// Jobs that ended, by outcome.
    pub jobs_ended: IntCounterVec,
    /// Jobs that this tracker has in hand, by state.
    pub jobs: IntGaugeVec,
    /// The age of the oldest job in hand that has not ended.
    pub oldest_job_seconds: IntGauge,
    /// Deliveries and chunks that wait, by queue: `chunks`, `results`, `encoders`.
    pub queue: IntGaugeVec,
    /// Messages that the group is behind, in this process's partitions, by topic.
    pub consumer_lag: IntGaugeVec,
    /// Things done again, by what: `publish`, `state`, `blobs`, `commit-conflict`.
    pub retries: IntCounterVec,
    /// Looks into a cache, by cache and answer: `job`, `key`; `hit`, `miss`.
    pub cache: IntCounterVec,
    /// Uploads that are running.
    pub uploads: IntGauge,
    /// Chunk buffers in use by uploads.
    pub upload_buffers: IntGauge,
    /// Requests by method, route and status.
    pub requests: IntCounterVec,
    /// Messages and chunks that nobody can go on with, by reason.
    pub dead_letters: IntCounterVec,
}

impl Metrics {
    fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, labels: &[&str]| -> prometheus::Result<IntCounterVec> {
            let metric = IntCounterVec::new(Opts::new(name, help), labels)?;
            registry.register(Box::new(metric.clone()))?;
            Ok(metric)
        };
        let gauges = |name: &str, help: &str, label: &str| -> prometheus::Result<IntGaugeVec> {
            let metric = IntGaugeVec::new(Opts::new(name, help), &[label])?;
            registry.register(Box::new(metric.clone()))?;
            Ok(metric)
        };
        let gauge = |name: &str, help: &str| -> prometheus::Result<IntGauge> {
            let metric = IntGauge::new(name, help)?;
            registry.register(Box::new(metric.clone()))?;
            Ok(metric)
        };
        let seconds = HistogramOpts::new("smartpass_chunk_seconds", "Time of a chunk by stage")
            .buckets(SECONDS.to_vec());
        let chunk_seconds = HistogramVec::new(seconds, &["stage"])?;
        registry.register(Box::new(chunk_seconds.clone()))?;
        let minutes = (0..12).map(|power| f64::from(1 << power)).collect();
        let job_seconds = Histogram::with_opts(
            HistogramOpts::new("smartpass_job_seconds", "Time from a job's opening to its end")
                .buckets(minutes),
        )?;
        registry.register(Box::new(job_seconds.clone()))?;
        #[cfg(target_os = "linux")]
        registry.register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))?;
        Ok(Self {
            rows: counter("smartpass_rows_total", "Rows by what became of them", &["outcome"])?,
            row_errors: counter("smartpass_row_errors_total", "Row errors by kind", &["kind"])?,
            chunks: counter("smartpass_chunks_total", "Chunks by what happened", &["event"])?,
            bytes: counter("smartpass_bytes_total", "Bytes by direction", &["direction"])?,
            chunk_seconds,
            job_seconds,
            jobs_ended: counter("smartpass_jobs_ended_total", "Jobs that ended, by outcome", &["outcome"])?,
            jobs: gauges("smartpass_jobs", "Jobs in this tracker's hand, by state", "state")?,
            oldest_job_seconds: gauge(
                "smartpass_oldest_job_seconds",
                "Age of the oldest running job in hand",
            )?,
            queue: gauges("smartpass_queue_entries", "What waits, by queue", "queue")?,
            consumer_lag: gauges("smartpass_consumer_lag_messages", "Messages behind, by topic", "topic")?,
            retries: counter("smartpass_retries_total", "Things done again, by what", &["what"])?,
            cache: counter("smartpass_cache_lookups_total", "Looks into caches", &["cache", "answer"])?,
            uploads: gauge("smartpass_uploads", "Uploads that are running")?,
            upload_buffers: gauge("smartpass_upload_buffers", "Chunk buffers in use by uploads")?,
            requests: counter("smartpass_requests_total", "HTTP requests", &["method", "route", "status"])?,
            dead_letters: counter("smartpass_dead_letters_total", "Dead letters by reason", &["code"])?,
            registry,
        })
    }

    /// Observes how long a stage of a chunk took since `start`.
    pub fn stage(&self, stage: &str, start: std::time::Instant) {
        self.chunk_seconds.with_label_values(&[stage]).observe(start.elapsed().as_secs_f64());
    }

    /// Counts something that happened to a chunk.
    pub fn chunk(&self, event: &str) {
        self.chunks.with_label_values(&[event]).inc();
    }

    /// Counts something that is done again.
    pub fn retry(&self, what: &str) {
        self.retries.with_label_values(&[what]).inc();
    }
}

/// The metrics of this process.
pub fn metrics() -> &'static Metrics {
    static METRICS: LazyLock<Metrics> =
        LazyLock::new(|| Metrics::new().expect("no two metrics have one name"));
    &METRICS
}

/// All metrics in Prometheus's text format.
pub fn metrics_text() -> String {
    let mut text = Vec::new();
    // Writing to memory does not fail.
    let _ = TextEncoder::new().encode(&metrics().registry.gather(), &mut text);
    String::from_utf8(text).unwrap_or_default()
}
