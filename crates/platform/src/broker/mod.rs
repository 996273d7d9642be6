//! The broker carries work and announcements between services: Kafka, or memory within one process.
//!
//! Delivery is at least once. A service finishes the [`Ack`] of a [`Delivery`] when the work is done and durable
//! elsewhere; an unfinished delivery is redelivered, to this process or another. Offsets are committed only up to the
//! lowest unfinished delivery of a partition ([`FinishedPrefix`]).
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! use std::time::Duration;
//! use smartpass_platform::broker::{Broker, MemoryBroker, Partitioning, Subscription};
//! let (broker, drain) = (MemoryBroker::default(), Duration::from_secs(1));
//! let subscription = Subscription { group: "readers", topic: "letters", in_hand: 8, drain };
//! let mut consumer = broker.subscribe(subscription).unwrap();
//! broker.publish("letters", Partitioning::ByKey("ann".to_owned()), b"hello".to_vec()).await.unwrap();
//!
//! let mut delivery = consumer.next().await.unwrap();
//! assert!(delivery.ack.start(), "the partition is still ours");
//! assert_eq!(delivery.payload, b"hello");
//! delivery.ack.finish();
//! consumer.close().await;
//! # });
//! ```

mod delivery;
mod finished;
mod kafka;
mod memory;

use std::time::Duration;

use async_trait::async_trait;
pub use delivery::{Ack, Consumer, Delivery};
pub use finished::FinishedPrefix;
pub use kafka::{KafkaBroker, KafkaSettings, apply_topics, check_topics};
pub use memory::MemoryBroker;

use crate::error::Result;

/// A topic as it should be laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicLayout {
    /// Its name on the broker.
    pub name: &'static str,
    /// Its partitions; there may be more.
    pub partitions: i32,
    /// How long messages are kept, in days.
    pub retention_days: u32,
}

/// Where in its topic a message goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Partitioning {
    /// To the partition of this key: messages of one key stay in order.
    ByKey(String),
    /// The nth message of this key: messages of one key are spread evenly over all partitions.
    Spread(String, u32),
}

/// A membership of a consumer group.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// The group: its members share the messages, and every group gets all of them.
    pub group: &'static str,
    /// The topic's name.
    pub topic: &'static str,
    /// The limit of deliveries that are taken and unfinished. More stay with the broker.
    pub in_hand: usize,
    /// How long started deliveries may take to finish when their partition is revoked, or the consumer is closed.
    pub drain: Duration,
}

/// A broker.
#[async_trait]
pub trait Broker: Send + Sync {
    /// Publishes a message and answers when the broker has acknowledged it.
    ///
    /// # Errors
    /// The broker is unavailable: the message may be published or not.
    async fn publish(&self, topic: &'static str, partitioning: Partitioning, payload: Vec<u8>) -> Result<()>;

    /// Joins a consumer group.
    ///
    /// # Errors
    /// The broker refuses the settings.
    fn subscribe(&self, subscription: Subscription) -> Result<Consumer>;

    /// Whether messages are lost when the process ends.
    fn is_volatile(&self) -> bool;

    /// Whether the broker answers.
    ///
    /// # Errors
    /// It does not.
    async fn check(&self) -> Result<()>;

    /// Waits until messages that are being published are acknowledged, for at most this long.
    async fn flush(&self, deadline: Duration);
}
