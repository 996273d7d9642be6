//! The backends of a process, of which each service is given its own part and nothing else.

use std::sync::Arc;

use anyhow::bail;
use smartpass_core::job;
use smartpass_http::ops::ReadinessCheck;
use smartpass_platform::broker::{Broker, KafkaBroker, MemoryBroker};
use smartpass_platform::clock::Clock;
use smartpass_platform::shutdown::Shutdown;
use smartpass_records::jobs::JobStore;
use smartpass_records::wrapping_keys::Purpose;

use super::connection::{Stores, topic_layouts};
use super::settings::Settings;

/// All backends of a process.
pub(crate) struct Backends {
    stores: Stores,
    pub(crate) broker: Arc<dyn Broker>,
    durations: job::Settings,
    window: u32,
}

impl Backends {
    /// Connects to everything, with wrapping keys of these purposes.
    pub(crate) async fn connect(settings: &Settings, purposes: &[Purpose]) -> anyhow::Result<Self> {
        let connection = &settings.connection;
        let kafka = settings.kafka.settings()?;
        if kafka.is_some() && !connection.is_shared() {
            bail!("services on Kafka share state and blobs: give --redis-url and --blobs too");
        }
        // In one process a small window is enough: more chunks would only wait in memory.
        let usual = if kafka.is_some() { 64 } else { 4 * settings.encoder_worker.encoders() as u32 };
        let broker: Arc<dyn Broker> = match kafka {
            Some(settings) => Arc::new(KafkaBroker::connect(settings, &topic_layouts()).await?),
            None => Arc::new(MemoryBroker::default()),
        };
        Ok(Self {
            stores: connection.connect(purposes).await?,
            broker,
            durations: settings.jobs.durations(),
            window: settings.jobs.window.map_or(usual, u32::from),
        })
    }

    /// The check behind `/readyz`: whether state, blobs and broker answer, and are set up as they must be.
    pub(crate) fn readiness(&self) -> ReadinessCheck {
        let (state, blobs) = (self.stores.state.clone(), self.stores.blobs.clone());
        let broker = self.broker.clone();
        Arc::new(move || {
            let (state, blobs, broker) = (state.clone(), blobs.clone(), broker.clone());
            Box::pin(async move {
                state.check().await?;
                blobs.check().await?;
                broker.check().await
            })
        })
    }

    /// The backends of a producer.
    pub(super) fn for_producer(&self, shutdown: Shutdown) -> smartpass_producer::Backends {
        let purposes = smartpass_producer::Backends::PURPOSES;
        smartpass_producer::Backends {
            jobs: self.jobs(purposes),
            projects: self.stores.projects(purposes),
            api_keys: self.stores.api_keys(),
            blobs: self.stores.blobs.clone(),
            broker: self.broker.clone(),
            shutdown,
        }
    }

    /// The backends of an encoder-worker.
    pub(super) fn for_encoder_worker(&self, shutdown: Shutdown) -> smartpass_encoder_worker::Backends {
        let purposes = smartpass_encoder_worker::Backends::PURPOSES;
        smartpass_encoder_worker::Backends {
            jobs: self.jobs(purposes),
            projects: self.stores.projects(purposes),
            blobs: self.stores.blobs.clone(),
            broker: self.broker.clone(),
            shutdown,
        }
    }

    /// The backends of a tracker.
    pub(super) fn for_tracker(&self, shutdown: Shutdown) -> smartpass_tracker::Backends {
        smartpass_tracker::Backends {
            jobs: self.jobs(smartpass_tracker::Backends::PURPOSES),
            blobs: self.stores.blobs.clone(),
            broker: self.broker.clone(),
            shutdown,
        }
    }

    fn jobs(&self, purposes: &[Purpose]) -> JobStore {
        let (state, keys) = (self.stores.state.clone(), self.stores.keys.only(purposes));
        JobStore::new(state, keys, Clock::system(), self.durations.clone(), self.window)
    }
}
