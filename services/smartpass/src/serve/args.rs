//! The arguments of `smartpass serve`: flags over the environment, and the environment over the file.

use std::path::PathBuf;

use anyhow::bail;
use clap::Args;
use clap::builder::PossibleValuesParser;

use super::services;
use super::settings::{Settings, overlaid, read};

const SERVE_HELP: &str = "Examples:
  smartpass serve                                    everything in one process; data in one directory
  smartpass serve --target encoder-worker --kafka k1:9092 --redis-url redis://r:6379 --blobs s3://bucket/

Every setting is a flag, an environment variable (SMARTPASS_…) or a line of a file, in a section of its service:
  smartpass serve --config smartpass.toml
    [process]
    target = [\"producer\"]
    [kafka]
    servers = \"k1:9092\"
    [producer]
    listen = \"127.0.0.1:9000\"
    [encoder-worker]
    encoders = 8
A flag wins over the environment, and the environment over the file. Secrets come from the environment or from files
only: SMARTPASS_MASTER_KEY or --master-key-file, --wrapping-keys-file, SMARTPASS_REDIS_URL with a password,
--kafka-config.";

/// Settings as flags and environment give them, and where the file is.
#[derive(Args, Clone, Debug)]
#[command(after_help = SERVE_HELP)]
pub(crate) struct ServeArgs {
    /// A file with settings, in TOML: a section per service.
    #[arg(long, value_name = "F", env = "SMARTPASS_CONFIG")]
    config: Option<PathBuf>,
    /// Which service to run; may be given more than once [default: all of them].
    #[arg(long = "target", value_delimiter = ',', env = "SMARTPASS_TARGET",
          value_parser = PossibleValuesParser::new(services::names()))]
    target: Option<Vec<String>>,
    #[command(flatten)]
    settings: Settings,
}

impl ServeArgs {
    /// Flags and environment over the file.
    pub(crate) fn settle(mut self) -> anyhow::Result<Settings> {
        self.settings.process.target = self.target;
        let Some(file) = &self.config else { return Ok(self.settings) };
        let in_file = read(file)?;
        // The names on the command line are checked by clap.
        for name in in_file.process.target.iter().flatten() {
            if services::named(name).is_none() {
                let known = services::names().join(", ");
                bail!("{}: there is no target {name:?} (expected {known})", file.display());
            }
        }
        overlaid(&self.settings, &in_file)
    }
}
