//! A producer's settings: a section of the configuration file, flags, environment variables.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

use clap::Args;
use serde::{Deserialize, Serialize};
use smartpass_core::csv::ChunkLimits;
use smartpass_core::ids::BaseUrl;

use crate::api::Limits;

/// The settings. Each is a flag, an environment variable, or a line below `[producer]`.
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[group(skip)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Settings {
    /// Where the API listens. Anything but this machine needs an API key first [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDR", env = "SMARTPASS_LISTEN")]
    listen: Option<SocketAddr>,
    /// What links begin with, before /PROJECT, where an upload does not say [default: http://localhost:8080].
    #[arg(long, value_name = "BASE", env = "SMARTPASS_LINK_BASE")]
    link_base: Option<BaseUrl>,
    /// The most bytes of a chunk: small enough for several in memory, large enough that messages cost nothing
    /// [default: 4194304].
    #[arg(long, value_name = "BYTES", env = "SMARTPASS_CHUNK_BYTES")]
    chunk_bytes: Option<NonZeroUsize>,
    /// The most rows of a chunk: what a crashed worker costs at most [default: 32768].
    #[arg(long, value_name = "ROWS", env = "SMARTPASS_CHUNK_ROWS")]
    chunk_rows: Option<NonZeroU32>,
    /// The most uploads at once in this process; more are told to come again [default: 16].
    #[arg(long, value_name = "N", env = "SMARTPASS_UPLOADS")]
    uploads: Option<NonZeroUsize>,
    /// The most chunks of all uploads in memory at once: at least one for each upload, and some that are being stored
    /// [default: 24].
    #[arg(long, value_name = "N", env = "SMARTPASS_CHUNK_BUFFERS")]
    chunk_buffers: Option<NonZeroUsize>,
    /// The slowest upload that is not broken off, in bytes a second over half a minute [default: 1024].
    #[arg(long, value_name = "BYTES", env = "SMARTPASS_MINIMUM_RATE")]
    minimum_rate: Option<u64>,
    /// The most bytes of a file, decompressed: a hundred million rows of a kilobyte [default: 107374182400].
    #[arg(long, value_name = "BYTES", env = "SMARTPASS_MAX_BYTES")]
    max_bytes: Option<u64>,
    /// How long a job's files are kept after its end, where an upload does not say [default: 72].
    #[arg(long, value_name = "HOURS", env = "SMARTPASS_RETENTION_HOURS")]
    retention_hours: Option<u64>,
    /// How long an upload waits for state or blobs that are away [default: 60].
    #[arg(long, value_name = "SECONDS", env = "SMARTPASS_OUTAGE_PATIENCE_SECONDS")]
    outage_patience_seconds: Option<u64>,
}

/// The configuration of a producer: its settings, with defaults filled in.
#[derive(Clone, Debug)]
pub struct Config {
    /// The address to listen on.
    pub listen: SocketAddr,
    /// Limits and defaults of uploads.
    pub limits: Limits,
}

impl From<Settings> for Config {
    fn from(settings: Settings) -> Self {
        let chunk_bytes = settings.chunk_bytes.map_or(4 << 20, usize::from);
        let chunks = ChunkLimits {
            bytes: chunk_bytes,
            rows: settings.chunk_rows.map_or(32_768, u32::from),
            output_bytes: 4 * chunk_bytes,
        };
        let default_base = || "http://localhost:8080".parse().expect("a loopback address is a base URL");
        let limits = Limits {
            link_base: settings.link_base.unwrap_or_else(default_base),
            chunks,
            uploads: settings.uploads.map_or(16, usize::from),
            chunk_buffers: settings.chunk_buffers.map_or(24, usize::from),
            minimum_rate: settings.minimum_rate.unwrap_or(1_024),
            max_bytes: settings.max_bytes.unwrap_or(100 << 30),
            retention: settings.retention_hours.unwrap_or(72) * 3_600_000,
            outage_patience: Duration::from_secs(settings.outage_patience_seconds.unwrap_or(60)),
        };
        Self { listen: settings.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080))), limits }
    }
}
