//! A broker that records messages and delivers none.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use smartpass_platform::broker::{Broker, Consumer, Partitioning, Subscription};
use smartpass_platform::{Error, Result};

use crate::chaos::Chaos;

/// Messages with their topics, in the order in which they were published.
pub type Messages = Arc<Mutex<Vec<(&'static str, Vec<u8>)>>>;

/// A broker that records every message, for a test that delivers them by itself.
#[derive(Clone)]
pub struct RecordingBroker {
    /// The messages that were published.
    pub messages: Messages,
    chaos: Chaos,
}

impl RecordingBroker {
    /// A broker without messages, with faults.
    pub fn new(chaos: &Chaos) -> Self {
        Self { messages: Arc::default(), chaos: chaos.clone() }
    }
}

#[async_trait]
impl Broker for RecordingBroker {
    async fn publish(&self, topic: &'static str, _: Partitioning, payload: Vec<u8>) -> Result<()> {
        let put = || {
            self.messages.lock().unwrap_or_else(PoisonError::into_inner).push((topic, payload));
            Ok(())
        };
        self.chaos.around(put).await
    }

    fn subscribe(&self, _: Subscription) -> Result<Consumer> {
        Err(Error::Config("this broker delivers nothing".to_owned()))
    }

    fn is_volatile(&self) -> bool {
        false
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }

    async fn flush(&self, _: Duration) {}
}
