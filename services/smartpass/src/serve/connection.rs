//! Connections to state, broker and blobs, and the keys of a process.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;
use serde::{Deserialize, Serialize};
use smartpass_messages::TOPICS;
use smartpass_platform::blobs::Blobs;
use smartpass_platform::broker::{KafkaSettings, TopicLayout};
use smartpass_platform::state::{EmbeddedState, RedisState, State};
use smartpass_records::api_keys::ApiKeys;
use smartpass_records::projects::{DirectoryBackend, Projects, StateBackend};
use smartpass_records::wrapping_keys::{MasterKey, Purpose, WrappingKeys};
use zeroize::Zeroizing;

use crate::local_projects::{LocalProjects, write_secret};

/// How Kafka is reached.
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[group(skip)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct KafkaConnection {
    /// Kafka's servers [default: a broker in memory].
    #[arg(long = "kafka", value_name = "HOST:PORT,…", env = "SMARTPASS_KAFKA")]
    servers: Option<String>,
    /// A setting of librdkafka, passed on as it is: security.protocol=SASL_SSL.
    #[arg(long = "kafka-set", value_name = "NAME=VALUE")]
    set: Option<Vec<String>>,
    /// A file of such settings, one a line: for secrets such as sasl.password.
    #[arg(long = "kafka-config", value_name = "F", env = "SMARTPASS_KAFKA_CONFIG")]
    config_file: Option<PathBuf>,
}

/// How state, broker and blobs are reached.
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize)]
#[group(skip)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ConnectionSettings {
    /// Where everything is kept that no server keeps [default: ~/.local/state/smartpass/_server].
    #[arg(long, value_name = "DIR", env = "SMARTPASS_DATA")]
    data: Option<PathBuf>,
    /// Redis with appendonly yes, appendfsync always and noeviction [default: a file in --data].
    #[arg(long, value_name = "redis[s]://…", env = "SMARTPASS_REDIS_URL", hide_env_values = true)]
    redis_url: Option<String>,
    /// Where blobs are: s3://bucket/prefix (with AWS_… variables) or file:///directory [default: in --data].
    #[arg(long, value_name = "URL", env = "SMARTPASS_BLOBS")]
    blobs: Option<String>,
    /// A file with the master key: 64 hexadecimal digits. Or SMARTPASS_MASTER_KEY [default: one made in --data].
    #[arg(long, value_name = "F", env = "SMARTPASS_MASTER_KEY_FILE")]
    master_key_file: Option<PathBuf>,
    /// A file with only the keys that a service needs, in place of the master key (smartpass admin key derive).
    #[arg(long, value_name = "F", env = "SMARTPASS_WRAPPING_KEYS_FILE", conflicts_with = "master_key_file")]
    wrapping_keys_file: Option<PathBuf>,
}

/// The stores, which are reached without a broker.
pub(crate) struct Stores {
    pub(crate) state: Arc<dyn State>,
    pub(crate) blobs: Blobs,
    pub(crate) keys: WrappingKeys,
    /// Where the projects are that the command line has too; none on a server of several processes.
    pub(crate) directory: Option<DirectoryBackend>,
}

impl Stores {
    /// The projects, with keys of these purposes.
    pub(crate) fn projects(&self, purposes: &[Purpose]) -> Projects {
        match &self.directory {
            Some(directory) => Projects::new(directory.clone()),
            None => Projects::new(self.registered_projects(purposes)),
        }
    }

    /// The projects in state and registry.
    pub(crate) fn registered_projects(&self, purposes: &[Purpose]) -> StateBackend {
        StateBackend::new(self.state.clone(), self.blobs.clone(), self.keys.only(purposes))
    }

    /// The API keys.
    pub(crate) fn api_keys(&self) -> ApiKeys {
        ApiKeys::new(self.state.clone())
    }
}

impl ConnectionSettings {
    /// Whether state is a file of this process.
    fn is_embedded(&self) -> bool {
        self.redis_url.is_none()
    }

    /// Whether state and blobs can be shared by several processes.
    pub(crate) fn is_shared(&self) -> bool {
        !self.is_embedded() && self.blobs.is_some()
    }

    /// Connects to state and blobs, with wrapping keys of these purposes.
    pub(crate) async fn connect(&self, purposes: &[Purpose]) -> anyhow::Result<Stores> {
        let data = self.data_folder()?;
        let keys = self.wrapping_keys(&data, purposes)?;
        keys.require(purposes)?;
        let state: Arc<dyn State> = match &self.redis_url {
            Some(url) => Arc::new(RedisState::connect(url).await?),
            None => Arc::new(EmbeddedState::open(&data.join("state.redb"))?),
        };
        let blobs = match &self.blobs {
            Some(url) => Blobs::at(url)?,
            None => Blobs::directory(data.join("blobs"))?,
        };
        let directory = match self.is_embedded() {
            true => Some(DirectoryBackend::new(LocalProjects::find()?.root().to_owned())),
            false => None,
        };
        Ok(Stores { state, blobs, keys, directory })
    }

    fn data_folder(&self) -> anyhow::Result<PathBuf> {
        let folder = match &self.data {
            Some(folder) => folder.clone(),
            // No project has this folder: a code has no underscore.
            None => LocalProjects::find()?.root().join("_server"),
        };
        if self.is_embedded() || self.blobs.is_none() {
            DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(&folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        Ok(folder)
    }

    /// The wrapping keys that were given, or those of the master key. The master key is wiped when the call ends.
    fn wrapping_keys(&self, data: &Path, purposes: &[Purpose]) -> anyhow::Result<WrappingKeys> {
        match &self.wrapping_keys_file {
            Some(file) => Ok(WrappingKeys::from_text(&read_secret(file)?)?.only(purposes)),
            None => Ok(self.master_key(data)?.wrapping_keys(purposes)),
        }
    }

    /// Wrapping keys of some purposes, to be given to a process.
    pub(crate) fn derive(&self, purposes: &[Purpose]) -> anyhow::Result<WrappingKeys> {
        if self.wrapping_keys_file.is_some() {
            bail!(
                "wrapping keys are derived from the master key: give --master-key-file or SMARTPASS_MASTER_KEY"
            );
        }
        Ok(self.master_key(&self.data_folder()?)?.wrapping_keys(purposes))
    }

    fn master_key(&self, data: &Path) -> anyhow::Result<MasterKey> {
        if let Some(file) = &self.master_key_file {
            return Ok(MasterKey::from_hex(&read_secret(file)?)?);
        }
        if let Ok(text) = std::env::var("SMARTPASS_MASTER_KEY") {
            return Ok(MasterKey::from_hex(&Zeroizing::new(text))?);
        }
        if !self.is_embedded() {
            bail!(
                "shared state needs a master key: make one with `openssl rand -hex 32`, keep it safe, and give it as \
                 SMARTPASS_MASTER_KEY or --master-key-file"
            );
        }
        let file = data.join("master-key");
        if !file.exists() {
            write_secret(&file, MasterKey::generate()?.to_hex().as_bytes())?;
        }
        Ok(MasterKey::from_hex(&read_secret(&file)?)?)
    }
}

fn read_secret(file: &Path) -> anyhow::Result<Zeroizing<String>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(Zeroizing::new(text))
}

impl KafkaConnection {
    /// How Kafka is reached, if it is used.
    pub(crate) fn settings(&self) -> anyhow::Result<Option<KafkaSettings>> {
        let Some(servers) = self.servers.clone() else { return Ok(None) };
        let mut lines = self.set.clone().unwrap_or_default();
        if let Some(file) = &self.config_file {
            let text = read_secret(file)?;
            let is_setting = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
            lines.extend(text.lines().filter(is_setting).map(str::to_owned));
        }
        let pair = |line: &String| {
            let (name, value) = line.split_once('=')?;
            Some((name.trim().to_owned(), value.trim().to_owned()))
        };
        let settings: Option<Vec<_>> = lines.iter().map(pair).collect();
        let settings = settings.context("a setting for Kafka is not of the form NAME=VALUE")?;
        Ok(Some(KafkaSettings { servers, settings }))
    }
}

/// The topics and their layout.
pub(crate) fn topic_layouts() -> Vec<TopicLayout> {
    let layout = |spec: &smartpass_messages::TopicSpec| TopicLayout {
        name: spec.topic.name(),
        partitions: spec.partitions,
        retention_days: spec.retention_days,
    };
    TOPICS.iter().map(layout).collect()
}
