//! The settings of `smartpass serve`: this is their reference, and each says why it is what it is.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use smartpass_core::ids::BaseUrl;
use smartpass_core::job::Settings;

const SERVE_HELP: &str = "Examples:
  smartpass serve                                    everything in one process; data in one directory
  smartpass serve --target encoder-worker --kafka k1:9092 --redis-url redis://r:6379 --blobs s3://bucket/

Every setting is a flag, an environment variable (SMARTPASS_…) or a line of a file:
  smartpass serve --config smartpass.toml            with lines such as: listen = \"127.0.0.1:9000\"
A flag wins over the environment, and the environment over the file. Secrets come from the environment or from files
only: SMARTPASS_MASTER_KEY or --master-key-file, SMARTPASS_REDIS_URL with a password, --kafka-config.";

/// A service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Target {
    /// Uploads and downloads: the HTTP API.
    Producer,
    /// Carries jobs to their end. Any number may run.
    Tracker,
    /// Encodes chunks. Any number may run, up to half the partitions of smartpass.chunks.
    EncoderWorker,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormatArg {
    Text,
    Json,
}

/// How Kafka is reached.
#[derive(Args, Clone, Debug)]
pub(crate) struct KafkaArgs {
    /// Kafka's servers [default: a broker in memory].
    #[arg(long, value_name = "HOST:PORT,…", env = "SMARTPASS_KAFKA")]
    pub(crate) kafka: Option<String>,
    /// A setting of librdkafka, passed on as it is: security.protocol=SASL_SSL.
    #[arg(long = "kafka-set", value_name = "NAME=VALUE")]
    pub(crate) kafka_set: Vec<String>,
    /// A file of such settings, one a line: for secrets such as sasl.password.
    #[arg(long, value_name = "F", env = "SMARTPASS_KAFKA_CONFIG")]
    pub(crate) kafka_config: Option<PathBuf>,
}

/// How state, broker and blobs are reached.
#[derive(Args, Clone, Debug)]
pub(crate) struct ConnectArgs {
    /// Where everything is kept that no server keeps [default: ~/.local/state/smartpass/_server].
    #[arg(long, value_name = "DIR", env = "SMARTPASS_DATA")]
    pub(crate) data: Option<PathBuf>,
    /// Redis with appendonly yes, appendfsync always and noeviction [default: a file in --data].
    #[arg(long, value_name = "redis[s]://…", env = "SMARTPASS_REDIS_URL", hide_env_values = true)]
    pub(crate) redis_url: Option<String>,
    #[command(flatten)]
    pub(crate) kafka: KafkaArgs,
    /// Where blobs are: s3://bucket/prefix (with AWS_… variables) or file:///directory [default: in --data].
    #[arg(long, value_name = "URL", env = "SMARTPASS_BLOBS")]
    pub(crate) blobs: Option<String>,
    /// A file with the master key: 64 hexadecimal digits. Or SMARTPASS_MASTER_KEY [default: one made in --data].
    #[arg(long, value_name = "F", env = "SMARTPASS_MASTER_KEY_FILE")]
    pub(crate) master_key_file: Option<PathBuf>,
}

impl ConnectArgs {
    /// Whether state is a file of this process.
    pub(crate) fn is_embedded(&self) -> bool {
        self.redis_url.is_none()
    }
}

#[derive(Args, Clone, Debug)]
#[command(after_help = SERVE_HELP)]
pub(crate) struct ServeArgs {
    /// Which service to run; may be given more than once [default: all of them].
    #[arg(long = "target", value_enum, value_delimiter = ',', env = "SMARTPASS_TARGET")]
    pub(crate) target: Vec<Target>,
    #[command(flatten)]
    pub(crate) connect: ConnectArgs,
    /// A file with settings, in TOML: `listen = "127.0.0.1:9000"`.
    #[arg(long, value_name = "F", env = "SMARTPASS_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Where the API listens. Anything but this machine needs an API key first.
    #[arg(long, value_name = "ADDR", env = "SMARTPASS_LISTEN", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// Where /metrics, /healthz and /readyz are, for operators.
    #[arg(long, value_name = "ADDR", env = "SMARTPASS_OPS_LISTEN", default_value = "127.0.0.1:9600")]
    pub(crate) ops_listen: SocketAddr,
    /// What links begin with, before /PROJECT, where an upload does not say.
    #[arg(long, value_name = "BASE", env = "SMARTPASS_LINK_BASE", default_value = "http://localhost:8080")]
    pub(crate) link_base: BaseUrl,
    /// Encoders of a worker [default: one per core].
    #[arg(long, value_name = "N", env = "SMARTPASS_ENCODERS", value_parser = clap::value_parser!(u16).range(1..=256))]
    encoders: Option<u16>,
    /// How many chunks of a project may be with the workers at once: about twice the encoders of all workers, so that
    /// none waits and no small job waits long [default: 4 per core in one process, 64 with Kafka].
    #[arg(long, value_name = "CHUNKS", env = "SMARTPASS_WINDOW", value_parser = clap::value_parser!(u32).range(1..))]
    window: Option<u32>,
    /// How often a chunk is begun and not finished before its job fails. Outages do not count.
    #[arg(long, value_name = "N", env = "SMARTPASS_MAX_ATTEMPTS", default_value_t = 3)]
    pub(crate) max_attempts: u64,
    /// The most bytes of a chunk: small enough for several in memory, large enough that messages cost nothing.
    #[arg(long, value_name = "BYTES", env = "SMARTPASS_CHUNK_BYTES", default_value_t = 4 << 20)]
    pub(crate) chunk_bytes: usize,
    /// The most rows of a chunk: what a crashed worker costs at most.
    #[arg(long, value_name = "ROWS", env = "SMARTPASS_CHUNK_ROWS", default_value_t = 32_768)]
    pub(crate) chunk_rows: u32,
    /// The most uploads at once in this process; more are told to come again.
    #[arg(long, value_name = "N", env = "SMARTPASS_UPLOADS", default_value_t = 16)]
    pub(crate) uploads: usize,
    /// The most chunks of all uploads in memory at once: at least one for each upload, and some that are being stored.
    #[arg(long, value_name = "N", env = "SMARTPASS_CHUNK_BUFFERS", default_value_t = 24)]
    pub(crate) chunk_buffers: usize,
    /// The slowest upload that is not broken off, in bytes a second over half a minute.
    #[arg(long, value_name = "BYTES", env = "SMARTPASS_MINIMUM_RATE", default_value_t = 1_024)]
    pub(crate) minimum_rate: u64,
    /// The most bytes of a file, decompressed: a hundred million rows of a kilobyte.
    #[arg(long, value_name = "BYTES", env = "SMARTPASS_MAX_BYTES", default_value_t = 100 << 30)]
    pub(crate) max_bytes: u64,
    /// How long a job's files are kept after its end, where an upload does not say.
    #[arg(long, value_name = "HOURS", env = "SMARTPASS_RETENTION_HOURS", default_value_t = 72)]
    pub(crate) retention_hours: u64,
    /// How long an upload waits for state or blobs that are away.
    #[arg(long, value_name = "SECONDS", env = "SMARTPASS_OUTAGE_PATIENCE_SECONDS", default_value_t = 60)]
    pub(crate) outage_patience_seconds: u64,
    /// How long an upload may be silent before its job counts as broken off.
    #[arg(long, value_name = "SECONDS", env = "SMARTPASS_UPLOAD_LEASE_SECONDS", default_value_t = 60)]
    upload_lease_seconds: u64,
    /// How long published chunks may go without any result before they are published again; doubled each time.
    #[arg(long, value_name = "SECONDS", env = "SMARTPASS_STALL_SECONDS", default_value_t = 30)]
    stall_seconds: u64,
    /// When the blobs of a purged job are swept, in seconds after the purge: again later for what a worker wrote that
    /// slept through it.
    #[arg(long, value_name = "SECONDS", env = "SMARTPASS_SWEEP_SECONDS", value_delimiter = ',',
          default_values_t = [0, 3_600, 86_400])]
    sweep_seconds: Vec<u64>,
    /// How often a tracker looks for jobs that are due: what a small job waits for at most.
    #[arg(long, value_name = "MS", env = "SMARTPASS_TICK_MS", default_value_t = 100)]
    pub(crate) tick_ms: u64,
    /// How long work in hand may take to end when a process stops or partitions move: longer than a chunk.
    #[arg(long, value_name = "SECONDS", env = "SMARTPASS_DRAIN_SECONDS", default_value_t = 10)]
    pub(crate) drain_seconds: u64,
    /// What is logged: error, warn, info, debug, or by module as in RUST_LOG.
    #[arg(long, value_name = "FILTER", env = "SMARTPASS_LOG", default_value = "info")]
    pub(crate) log: String,
    /// How log lines look [default: text on a terminal, else json].
    #[arg(long, value_enum, env = "SMARTPASS_LOG_FORMAT")]
    pub(crate) log_format: Option<LogFormatArg>,
}

impl ServeArgs {
    pub(crate) fn targets(&self) -> Vec<Target> {
        if self.target.is_empty() { Target::value_variants().to_vec() } else { self.target.clone() }
    }

    pub(crate) fn encoders(&self) -> usize {
        self.encoders.map_or_else(crate::pipeline::default_threads, usize::from)
    }

    pub(crate) fn window(&self) -> u32 {
        let by_default = if self.connect.kafka.kafka.is_some() { 64 } else { 4 * self.encoders() as u32 };
        self.window.unwrap_or(by_default)
    }

    pub(crate) fn job_settings(&self) -> Settings {
        let stall = self.stall_seconds * 1_000;
        let usual = Settings::default();
        Settings {
            upload_lease: self.upload_lease_seconds * 1_000,
            stall,
            longest_stall: usual.longest_stall.max(stall),
            sweeps: self.sweep_seconds.iter().map(|seconds| seconds * 1_000).collect(),
            ..usual
        }
    }
}
