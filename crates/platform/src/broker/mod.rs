//! The broker: carries work and announcements between services; Kafka, or memory within one process.
//!
//! Delivery is at least once. Whoever takes a [`Delivery`] finishes its [`Ticket`] when the work is done and durable
//! elsewhere; what is taken and not finished comes again, to this process or another. Offsets are committed only up
//! to the lowest unfinished delivery of a partition ([`FinishedPrefix`]).

mod finished;
mod kafka;
mod memory;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use smartpass_messages::Topic;
use tokio::sync::mpsc;

pub use finished::FinishedPrefix;
pub use kafka::{KafkaBroker, KafkaSettings, apply_topics, check_topics};
pub use memory::MemoryBroker;

use crate::error::Result;
use finished::Assignment;

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
    /// The topic.
    pub topic: Topic,
    /// The most deliveries that are taken and unfinished. More stay with the broker.
    pub in_hand: usize,
    /// How long deliveries at work may take to finish when their partition goes to somebody else, or at the end.
    pub drain: Duration,
}

/// Something received, and the duty to finish it.
pub struct Delivery {
    /// The message.
    pub payload: Vec<u8>,
    /// What says that it is done.
    pub ticket: Ticket,
}

/// The duty to finish a delivery. Dropped unfinished, the delivery comes again later.
pub struct Ticket {
    assignment: Arc<Assignment>,
    offset: i64,
    is_started: bool,
    is_finished: bool,
}

impl Ticket {
    pub(crate) fn new(assignment: Arc<Assignment>, offset: i64) -> Self {
        Self { assignment, offset, is_started: false, is_finished: false }
    }

    /// Says that work begins; `false` where the delivery has gone to somebody else meanwhile and is to be dropped.
    pub fn start(&mut self) -> bool {
        self.is_started = self.is_started || self.assignment.start();
        self.is_started
    }

    /// Says that the delivery is done, and never has to come again.
    pub fn finish(mut self) {
        self.is_finished = true;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.assignment.end(self.offset, self.is_started, self.is_finished);
    }
}

/// Deliveries as they come in.
pub struct Inbox {
    deliveries: mpsc::Receiver<Delivery>,
    stop: Option<Box<dyn FnOnce() -> tokio::task::JoinHandle<()> + Send>>,
}

impl Inbox {
    /// The next delivery; `None` when the inbox is closed.
    pub async fn next(&mut self) -> Option<Delivery> {
        self.deliveries.recv().await
    }

    /// Takes nothing more, waits for started deliveries as long as the subscription allows, and commits what is
    /// finished.
    pub async fn close(mut self) {
        self.deliveries.close();
        while self.deliveries.try_recv().is_ok() {}
        if let Some(stop) = self.stop.take() {
            // Fails only where the runtime ends first.
            let _ = stop().await;
        }
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop();
        }
    }
}

/// A broker.
#[async_trait]
pub trait Broker: Send + Sync {
    /// Publishes a message and answers when the broker has it safe.
    ///
    /// # Errors
    /// The broker is unavailable; whether it has the message is then unknown.
    async fn publish(&self, topic: Topic, place: Partitioning, payload: Vec<u8>) -> Result<()>;

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
