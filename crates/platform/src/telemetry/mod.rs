//! Logs and metrics: one way to start logging, and one registry, so that all services look alike to an operator.
//!
//! ```no_run
//! use smartpass_platform::telemetry::{LogFormat, start_logging};
//! start_logging("info", LogFormat::Json).unwrap();
//! tracing::info!(answer = 42, "something happened");
//! ```

mod metrics;

use tracing_subscriber::EnvFilter;

pub use metrics::{
    Histogram, HistogramVec, IntCounterVec, IntGauge, IntGaugeVec, PlatformMetrics, counter_vec, gauge,
    gauge_vec, histogram, histogram_vec, metrics_text, platform_metrics,
};

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people at a terminal.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging to stderr. `filter` is as in `RUST_LOG`: `info`, `smartpass_tracker=debug,info`.
///
/// A panic is logged with its place and without its message, which may quote a row.
///
/// # Errors
/// The filter is not valid, or logging has started already.
pub fn start_logging(filter: &str, format: LogFormat) -> anyhow::Result<()> {
    // The servers of actix log their start, which tells an operator nothing new.
    let filter = EnvFilter::try_new(format!("actix_server=warn,{filter}"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let outcome = match format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).try_init(),
    };
    outcome.map_err(|error| anyhow::anyhow!("cannot start logging: {error}"))?;
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panic: this is a fault of SmartPass");
    }));
    Ok(())
}
