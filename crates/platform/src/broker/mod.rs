//! The broker: carries work and announcements between services; Kafka, or memory within one process.
//!
//! Delivery is at least once. A consumer finishes the [`Ticket`] of a [`Delivery`] when its work is done and durable
//! elsewhere; an unfinished delivery comes again, to this process or another. Offsets are committed only up to the
//! lowest unfinished delivery of a partition ([`FinishedPrefix`]).
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! use std::time::Duration;
//! use smartpass_platform::broker::{Broker, MemoryBroker, Partitioning, Subscription};
//! let (broker, drain) = (MemoryBroker::default(), Duration::from_secs(1));
//! let subscription = Subscription { group: "readers", topic: "letters", in_hand: 8, drain };
//! let mut inbox = broker.subscribe(subscription).unwrap();
//! broker.publish("letters", Partitioning::ByKey("ann".to_owned()), b"hello".to_vec()).await.unwrap();
//!
//! let mut delivery = inbox.next().await.unwrap();
//! assert!(delivery.ticket.start(), "the partition is still ours");
//! assert_eq!(delivery.payload, b"hello");
//! delivery.ticket.finish();
//! inbox.close().await;
//! # });
//! ```

mod delivery;
mod finished;
mod kafka;
mod memory;

use std::time::Duration;

use async_trait::async_trait;
pub use delivery::{Delivery, Inbox, Ticket};
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
    /// The nth message of this key: they go to all partitions evenly, as a job's chunks should.
    Spread(String, u32),
}

/// What a service wants to receive.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// Services with the same group share the messages; every group gets all of them.
    pub group: &'static str,
    /// The topic's name.
    pub topic: &'static str,
    /// The most deliveries that are taken and unfinished. More stay with the broker.
    pub in_hand: usize,
    /// How long deliveries at work may take to finish when their partition goes to somebody else, or at the end.
    pub drain: Duration,
}

/// A broker.
#[async_trait]
pub trait Broker: Send + Sync {
    /// Publishes a message and answers when the broker has it safe.
    ///
    /// # Errors
    /// The broker is unavailable; whether it has the message is then unknown.
    async fn publish(&self, topic: &'static str, partitioning: Partitioning, payload: Vec<u8>) -> Result<()>;

    /// Joins a group.
    ///
    /// # Errors
    /// Settings that do not work.
    fn subscribe(&self, subscription: Subscription) -> Result<Inbox>;

    /// Whether what was published is lost when the process ends.
    fn is_volatile(&self) -> bool;

    /// Whether the broker answers.
    ///
    /// # Errors
    /// It does not.
    async fn check(&self) -> Result<()>;

    /// Hands over everything that is still on its way out, for at most this long.
    async fn flush(&self, deadline: Duration);
}
