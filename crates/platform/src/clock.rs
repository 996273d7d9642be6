//! The time of day, as a value that tests can set, so that years pass in them without a wait.
//!
//! ```
//! let clock = smartpass_platform::clock::Clock::new(|| 1_000);
//! assert_eq!(clock.now(), 1_000);
//! ```

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type Millis = u64;

/// Tells the time.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Millis + Send + Sync>);

impl Clock {
    /// The machine's clock.
    pub fn system() -> Self {
        Self::new(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
    }

    /// A clock that answers what `now` answers.
    pub fn new(now: impl Fn() -> Millis + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    pub fn now(&self) -> Millis {
        (self.0)()
    }
}
