//! Stopping in order, and within a deadline.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Says when to stop, and how long that may take.
#[derive(Clone)]
pub struct Shutdown {
    token: CancellationToken,
    /// How long work at hand may take to end.
    pub drain: Duration,
}

impl Shutdown {
    /// Not yet.
    pub fn new(drain: Duration) -> Self {
        Self { token: CancellationToken::new(), drain }
    }

    /// Begins to stop: no new work from now on.
    pub fn begin(&self) {
        self.token.cancel();
    }

    /// Whether stopping has begun.
    pub fn has_begun(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Waits until stopping begins.
    pub async fn begun(&self) {
        self.token.cancelled().await;
    }
}
