//! Graceful shutdown: every task of a process learns when to stop, and how long work in hand may take.
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

/// A process's shutdown: when it begins, and how long it may take. Clones are the same.
#[derive(Clone)]
pub struct Shutdown {
    token: CancellationToken,
    /// How long work in hand may take to end.
    pub drain: Duration,
}

impl Shutdown {
    /// A shutdown that has not begun.
    pub fn new(drain: Duration) -> Self {
        Self { token: CancellationToken::new(), drain }
    }

    /// Begins the shutdown: no new work from now on.
    pub fn begin(&self) {
        self.token.cancel();
    }

    /// Whether the shutdown has begun.
    pub fn has_begun(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Waits until the shutdown begins.
    pub async fn begun(&self) {
        self.token.cancelled().await;
    }

    /// Waits for a while; `false` where the shutdown begins before.
    pub async fn sleep(&self, pause: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(pause) => true,
            () = self.begun() => false,
        }
    }
}
