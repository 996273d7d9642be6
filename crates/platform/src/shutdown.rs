//! Stopping in order, and within a deadline.
//!
//! ```
//! use std::time::Duration;
//! use smartpass_platform::shutdown::Shutdown;
//! let shutdown = Shutdown::new(Duration::from_secs(10));
//! assert!(!shutdown.has_begun());
//! shutdown.begin();
//! assert!(shutdown.clone().has_begun());
//! ```

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Says when to stop, and how long that may take. Clones are the same.
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

    /// Waits for a while; `false` where stopping has begun before.
    pub async fn sleep(&self, pause: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(pause) => true,
            () = self.begun() => false,
        }
    }
}
