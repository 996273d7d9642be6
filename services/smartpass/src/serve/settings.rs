//! The settings of `smartpass serve`: a section per service in one file, flags, environment variables.
//!
//! Each service declares its own settings; the settings of the process and of all jobs are here.

use std::num::{NonZeroU32, NonZeroU64};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use smartpass_core::job;

use super::connection::{ConnectionSettings, KafkaConnection};

/// All settings, as flags or as the file gives them.
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[group(skip)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Settings {
    #[command(flatten)]
    pub(crate) process: ProcessSettings,
    #[command(flatten)]
    pub(crate) connection: ConnectionSettings,
    #[command(flatten)]
    pub(crate) kafka: KafkaConnection,
    #[command(flatten)]
    pub(crate) jobs: JobSettings,
    #[command(flatten)]
    pub(crate) producer: smartpass_producer::Settings,
    #[command(flatten)]
    pub(crate) tracker: smartpass_tracker::Settings,
    #[command(flatten)]
    pub(crate) encoder_worker: smartpass_encoder_worker::Settings,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormatSetting {
    Text,
    Json,
}

/// Settings of the process.
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[group(skip)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ProcessSettings {
    /// Which services to run.
    #[arg(skip)]
    pub(super) target: Option<Vec<String>>,
    /// Where /metrics, /healthz and /readyz are, for operators [default: 127.0.0.1:9600].
    #[arg(long, value_name = "ADDR", env = "SMARTPASS_OPS_LISTEN")]
    pub(crate) ops_listen: Option<std::net::SocketAddr>,
    /// How long work in hand may take to end when a process stops or partitions move: longer than a chunk
    /// [default: 10].
    #[arg(long, value_name = "SECONDS", env = "SMARTPASS_DRAIN_SECONDS")]
    drain_seconds: Option<u64>,
    /// What is logged: error, warn, info, debug, or by module as in RUST_LOG [default: info].
    #[arg(long, value_name = "FILTER", env = "SMARTPASS_LOG")]
    pub(crate) log: Option<String>,
    /// How log lines look [default: text on a terminal, else json].
    #[arg(long, value_enum, env = "SMARTPASS_LOG_FORMAT")]
    pub(crate) log_format: Option<LogFormatSetting>,
}

impl ProcessSettings {
    /// How long work in hand may take to end.
    pub(crate) fn drain(&self) -> Duration {
        Duration::from_secs(self.drain_seconds.unwrap_or(10))
    }
}

/// Settings of jobs, the same for all services.
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[group(skip)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct JobSettings {
    /// How many chunks of a project may be with the workers at once: about twice the encoders of all workers, so that
    /// none waits and no small job waits long [default: 4 per core in one process, 64 with Kafka].
    #[arg(long, value_name = "CHUNKS", env = "SMARTPASS_WINDOW")]
    pub(crate) window: Option<NonZeroU32>,
    /// How long an upload may be silent before its job counts as broken off [default: 60].
    #[arg(long, value_name = "SECONDS", env = "SMARTPASS_UPLOAD_LEASE_SECONDS")]
    upload_lease_seconds: Option<NonZeroU64>,
    /// How long published chunks may go without any result before they are published again; doubled each time
    /// [default: 30].
    #[arg(long, value_name = "SECONDS", env = "SMARTPASS_STALL_SECONDS")]
    stall_seconds: Option<NonZeroU64>,
    /// When the blobs of a purged job are swept, in seconds after the purge: again later for what a worker wrote that
    /// slept through it [default: 0,3600,86400].
    #[arg(long, value_name = "SECONDS", env = "SMARTPASS_SWEEP_SECONDS", value_delimiter = ',')]
    sweep_seconds: Option<Vec<u64>>,
}

impl JobSettings {
    /// How long things may take.
    pub(crate) fn durations(&self) -> job::Settings {
        let usual = job::Settings::default();
        let milliseconds = |seconds: NonZeroU64| seconds.get() * 1_000;
        let stall = self.stall_seconds.map_or(usual.stall, milliseconds);
        let sweeps = self.sweep_seconds.as_ref();
        job::Settings {
            upload_lease: self.upload_lease_seconds.map_or(usual.upload_lease, milliseconds),
            stall,
            longest_stall: usual.longest_stall.max(stall),
            sweeps: sweeps
                .map_or(usual.sweeps, |sweeps| sweeps.iter().map(|seconds| seconds * 1_000).collect()),
            ..usual
        }
    }
}

/// A file's settings. Errors name its line and never show it: it may hold a password.
pub(super) fn read(file: &Path) -> anyhow::Result<Settings> {
    let shown = file.display();
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
    toml::from_str(&text).map_err(|error| {
        let line = error.span().map(|span| text[..span.start].matches('\n').count() + 1);
        let place = line.map_or(String::new(), |line| format!(", line {line}"));
        let message = error.message().lines().next().unwrap_or_default().to_owned();
        anyhow::anyhow!("{shown}{place}: {message} (see: smartpass serve --help)")
    })
}

/// The settings of `over`, and those of `under` where `over` has none.
pub(super) fn overlaid<T: Serialize + DeserializeOwned>(over: &T, under: &T) -> anyhow::Result<T> {
    let (over, mut under) = (serde_json::to_value(over)?, serde_json::to_value(under)?);
    lay_over(&mut under, over);
    Ok(serde_json::from_value(under)?)
}

fn lay_over(under: &mut serde_json::Value, over: serde_json::Value) {
    match (under, over) {
        (_, serde_json::Value::Null) => {}
        (serde_json::Value::Object(under), serde_json::Value::Object(over)) => {
            for (name, value) in over {
                lay_over(under.entry(name).or_insert(serde_json::Value::Null), value);
            }
        }
        (under, over) => *under = over,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file_with(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, text).unwrap();
        file
    }

    #[test]
    fn an_error_in_a_file_names_its_line_and_does_not_show_it() {
        let cases = [
            ("[connection]\nredis-url = redis://user:secret@host", "line 2"),
            ("[producer]\nlisten = \"secret\"", "line 2"),
            ("[producer]\n\nchunk-row = 5", "line 3"),
            ("[emailer]\n", "line 1"),
            ("[encoder-worker]\nencoders = 0", "line 2"),
        ];
        for (text, line) in cases {
            let file = file_with(text);
            let error = read(file.path()).unwrap_err().to_string();
            assert!(error.contains(line) && error.contains(&file.path().display().to_string()), "{error}");
            assert!(!error.contains("secret@"), "{error}");
        }
    }

    #[test]
    fn what_a_flag_says_wins_over_the_file_and_the_rest_stays() {
        let file: Settings =
            toml::from_str("[jobs]\nwindow = 7\nsweep-seconds = [1, 2]\n[process]\nlog = \"debug\"").unwrap();
        let flags: Settings = toml::from_str("[jobs]\nwindow = 9").unwrap();
        let settled = overlaid(&flags, &file).unwrap();
        assert_eq!(settled.jobs.window, NonZeroU32::new(9));
        assert_eq!(settled.jobs.sweep_seconds, Some(vec![1, 2]));
        assert_eq!(settled.process.log.as_deref(), Some("debug"));
    }
}
