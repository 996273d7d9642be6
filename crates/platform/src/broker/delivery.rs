//! Deliveries: messages that a consumer receives, and the duty to finish them.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::finished::Assignment;

/// Stops a consumer in order; the task ends when it has committed.
type StopConsumer = Box<dyn FnOnce() -> tokio::task::JoinHandle<()> + Send>;

/// Something received, and the duty to finish it.
pub struct Delivery {
    /// The message.
    pub payload: Vec<u8>,
    /// Says that the delivery is done.
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
    stop: Option<StopConsumer>,
}

impl Inbox {
    pub(crate) fn new(deliveries: mpsc::Receiver<Delivery>, stop: StopConsumer) -> Self {
        Self { deliveries, stop: Some(stop) }
    }

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
