//! A tracker's settings: a section of the configuration file, flags, environment variables.

use std::num::NonZeroU64;
use std::time::Duration;

use clap::Args;
use serde::{Deserialize, Serialize};

/// The settings. Each is a flag, an environment variable, or a line below `[tracker]`.
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[group(skip)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// How often a tracker looks for jobs that are due: what a small job waits for at most [default: 100].
    #[arg(long, value_name = "MS", env = "SMARTPASS_TICK_MS")]
    tick_ms: Option<NonZeroU64>,
}

/// The configuration of a tracker: its settings, with defaults filled in.
#[derive(Clone, Debug)]
pub struct Config {
    /// The pause between two looks at the due list.
    pub tick: Duration,
}

impl From<Settings> for Config {
    fn from(settings: Settings) -> Self {
        Self { tick: Duration::from_millis(settings.tick_ms.map_or(100, u64::from)) }
    }
}
