//! Consumers, the deliveries that they receive, and how a delivery is acknowledged.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::finished::Assignment;

/// Stops a consumer in order; the task ends when it has committed.
type StopConsumer = Box<dyn FnOnce() -> tokio::task::JoinHandle<()> + Send>;

/// A message that a consumer received.
pub struct Delivery {
    /// The message.
    pub payload: Vec<u8>,
    /// Acknowledges the delivery.
    pub ack: Ack,
}

/// Acknowledges one delivery. A delivery whose `Ack` is dropped unfinished is redelivered.
pub struct Ack {
    assignment: Arc<Assignment>,
    offset: i64,
    is_started: bool,
    is_finished: bool,
}

impl Ack {
    pub(crate) fn new(assignment: Arc<Assignment>, offset: i64) -> Self {
        Self { assignment, offset, is_started: false, is_finished: false }
    }

    /// Starts the work; `false` where the partition was revoked meanwhile, and the delivery is to be dropped.
    pub fn start(&mut self) -> bool {
        self.is_started = self.is_started || self.assignment.start();
        self.is_started
    }

    /// Finishes the delivery: it is not redelivered.
    pub fn finish(mut self) {
        self.is_finished = true;
    }
}

impl Drop for Ack {
    fn drop(&mut self) {
        self.assignment.end(self.offset, self.is_started, self.is_finished);
    }
}

/// A member of a consumer group, with the deliveries that it received.
pub struct Consumer {
    deliveries: mpsc::Receiver<Delivery>,
    stop: Option<StopConsumer>,
}

impl Consumer {
    pub(crate) fn new(deliveries: mpsc::Receiver<Delivery>, stop: StopConsumer) -> Self {
        Self { deliveries, stop: Some(stop) }
    }

    /// The next delivery; `None` when the consumer is closed.
    pub async fn next(&mut self) -> Option<Delivery> {
        self.deliveries.recv().await
    }

    /// Leaves the group: takes nothing more, waits for started deliveries as long as the subscription allows, and
    /// commits the offsets of finished ones.
    pub async fn close(mut self) {
        self.deliveries.close();
        while self.deliveries.try_recv().is_ok() {}
        if let Some(stop) = self.stop.take() {
            // The task fails only where the runtime ends first.
            let _ = stop().await;
        }
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            stop();
        }
    }
}
