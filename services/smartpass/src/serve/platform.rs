//! From settings to a platform: which state, which broker, which blobs.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use smartpass_core::job::Settings;
use smartpass_platform::Platform;
use smartpass_platform::blobs::Blobs;
use smartpass_platform::broker::{Broker, KafkaBroker, KafkaSettings, MemoryBroker};
use smartpass_platform::clock::Clock;
use smartpass_platform::jobs::JobStore;
use smartpass_platform::keys::MasterKey;
use smartpass_platform::projects::Projects;
use smartpass_platform::shutdown::Shutdown;
use smartpass_platform::state::{EmbeddedState, RedisState, State};
use zeroize::Zeroizing;

use super::{ConnectArgs, KafkaArgs};
use crate::store::{Store, write_secret};

/// Connects to everything.
pub(crate) async fn connect(
    args: &ConnectArgs,
    settings: &Settings,
    window: u32,
    shutdown: Shutdown,
) -> anyhow::Result<Platform> {
    if args.kafka.kafka.is_some() && (args.is_embedded() || args.blobs.is_none()) {
        bail!("services on Kafka share state and blobs: give --redis-url and --blobs too");
    }
    let broker: Arc<dyn Broker> = match kafka_settings(&args.kafka)? {
        Some(settings) => Arc::new(KafkaBroker::connect(settings).await?),
        None => Arc::new(MemoryBroker::default()),
    };
    let (state, blobs, projects, master) = connect_state(args).await?;
    let jobs = JobStore::new(state.clone(), master, Clock::system(), settings.clone(), window);
    Ok(Platform { broker, blobs, jobs, projects, state, shutdown })
}

/// State, blobs and projects, without a broker.
pub(crate) async fn connect_state(
    args: &ConnectArgs,
) -> anyhow::Result<(Arc<dyn State>, Blobs, Projects, MasterKey)> {
    let data = data_folder(args)?;
    let master = master_key(args, &data)?;
    let state: Arc<dyn State> = match &args.redis_url {
        Some(url) => Arc::new(RedisState::connect(url).await?),
        None => Arc::new(EmbeddedState::open(&data.join("state.redb"))?),
    };
    let blobs = match &args.blobs {
        Some(url) => Blobs::at(url)?,
        None => Blobs::directory(data.join("blobs"))?,
    };
    let projects = Projects::new(state.clone(), blobs.clone(), master.clone());
    Ok((state, blobs, projects, master))
}

/// How Kafka is reached, if it is used.
pub(crate) fn kafka_settings(args: &KafkaArgs) -> anyhow::Result<Option<KafkaSettings>> {
    let Some(servers) = args.kafka.clone() else { return Ok(None) };
    let mut lines = args.kafka_set.clone();
    if let Some(file) = &args.kafka_config {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
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

fn data_folder(args: &ConnectArgs) -> anyhow::Result<PathBuf> {
    let folder = match &args.data {
        Some(folder) => folder.clone(),
        // No project's folder: a code has no underscore.
        None => Store::find()?.root().join("_server"),
    };
    if args.is_embedded() || args.blobs.is_none() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("cannot make {}", folder.display()))?;
    }
    Ok(folder)
}

fn master_key(args: &ConnectArgs, data: &Path) -> anyhow::Result<MasterKey> {
    if let Some(file) = &args.master_key_file {
        let text =
            std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        return Ok(MasterKey::from_hex(&Zeroizing::new(text))?);
    }
    if let Ok(text) = std::env::var("SMARTPASS_MASTER_KEY") {
        return Ok(MasterKey::from_hex(&Zeroizing::new(text))?);
    }
    if !args.is_embedded() {
        bail!(
            "shared state needs a master key: make one with `openssl rand -hex 32`, keep it safe, and give it as \
             SMARTPASS_MASTER_KEY or --master-key-file"
        );
    }
    let file = data.join("master-key");
    if !file.exists() {
        write_secret(&file, MasterKey::generate()?.to_hex().as_bytes())?;
    }
    let text = std::fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(MasterKey::from_hex(&Zeroizing::new(text))?)
}
