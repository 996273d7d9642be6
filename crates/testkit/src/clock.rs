//! A clock that a test sets.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use smartpass_platform::clock::{Clock, Millis};

/// A clock that a test sets. Clones are the same.
#[derive(Clone, Debug)]
pub struct TestClock(Arc<AtomicU64>);

impl TestClock {
    /// A clock that stands at `now`.
    pub fn at(now: Millis) -> Self {
        Self(Arc::new(AtomicU64::new(now)))
    }

    /// The clock, as the services use it.
    pub fn clock(&self) -> Clock {
        let now = self.0.clone();
        Clock::new(move || now.load(Ordering::SeqCst))
    }

    /// The time that it shows.
    pub fn now(&self) -> Millis {
        self.0.load(Ordering::SeqCst)
    }

    /// Lets time pass.
    pub fn pass(&self, time: Millis) {
        self.0.fetch_add(time, Ordering::SeqCst);
    }

    /// Sets the clock forward to `time`; never back.
    pub fn advance_to(&self, time: Millis) {
        self.0.fetch_max(time, Ordering::SeqCst);
    }
}
