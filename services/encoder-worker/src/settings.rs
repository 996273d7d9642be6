//! An encoder-worker's settings: a section of the configuration file, flags, environment variables.

use std::num::{NonZeroU8, NonZeroU64};

use clap::Args;
use serde::{Deserialize, Serialize};

/// The settings. Each is a flag, an environment variable, or a line below `[encoder-worker]`.
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[group(skip)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Encoders of a worker [default: one per core].
    #[arg(long, value_name = "N", env = "SMARTPASS_ENCODERS")]
    encoders: Option<NonZeroU8>,
    /// How often a chunk is begun and not finished before its job fails. Outages do not count [default: 3].
    #[arg(long, value_name = "N", env = "SMARTPASS_MAX_ATTEMPTS")]
    max_attempts: Option<NonZeroU64>,
}

impl Settings {
    /// How many encoders a worker has.
    pub fn encoders(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.encoders.map_or_else(cores, |encoders| usize::from(encoders.get()))
    }
}

/// The configuration of a worker: its settings, with defaults filled in.
#[derive(Clone, Debug)]
pub struct Config {
    /// The number of encoders.
    pub encoders: usize,
    /// The limit of unresolved attempts, after which a chunk fails its job.
    pub max_attempts: u64,
}

impl From<Settings> for Config {
    fn from(settings: Settings) -> Self {
        Self { encoders: settings.encoders(), max_attempts: settings.max_attempts.map_or(3, u64::from) }
    }
}
