//! Faults by a seed: every operation may be interrupted, and may fail before its effect or after it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use smartpass_platform::{Error, Result};

/// Faults of all fakes of a test, decided by a seed. Clones are the same.
#[derive(Clone)]
pub struct Chaos(Arc<Mutex<Dice>>);

struct Dice {
    rng: fastrand::Rng,
    /// The percentage of operations that fail.
    failing: usize,
}

impl Dice {
    fn chance(&mut self, percent: usize) -> bool {
        self.rng.usize(..100) < percent
    }
}

enum Fate {
    Goes,
    FailsBefore,
    FailsAfter,
}

impl Chaos {
    /// Chaos of a seed: three of a hundred operations fail.
    pub fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Dice { rng: fastrand::Rng::with_seed(seed), failing: 3 })))
    }

    /// Nothing fails from now on.
    pub fn stop(&self) {
        self.lock().failing = 0;
    }

    /// Everything fails from now on, before its effect or after it.
    pub fn fail_all(&self) {
        self.lock().failing = 100;
    }

    /// A number below `end`.
    pub fn below(&self, end: usize) -> usize {
        self.lock().rng.usize(..end)
    }

    /// True with a probability of `percent`.
    pub fn chance(&self, percent: usize) -> bool {
        self.lock().chance(percent)
    }

    /// Runs an operation of a fake, whose whole effect is `effect`.
    ///
    /// # Errors
    /// An error of the effect, or an outage before or after it.
    pub async fn around<T>(&self, effect: impl FnOnce() -> Result<T>) -> Result<T> {
        Yield(false).await;
        let outage = || Error::unavailable("the test", "an outage");
        let fate = self.fate();
        if matches!(fate, Fate::FailsBefore) {
            return Err(outage());
        }
        let answer = effect();
        Yield(false).await;
        if matches!(fate, Fate::FailsAfter) { Err(outage()) } else { answer }
    }

    fn fate(&self) -> Fate {
        let mut dice = self.lock();
        let failing = dice.failing;
        match (dice.chance(failing), dice.chance(50)) {
            (false, _) => Fate::Goes,
            (true, true) => Fate::FailsBefore,
            (true, false) => Fate::FailsAfter,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Dice> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A future that yields to other tasks once.
struct Yield(bool);

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}
