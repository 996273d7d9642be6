//! Retrying after an outage, with growing pauses and jitter: one policy in place of a loop in every service.
//!
//! Pauses are `backon`'s: they double up to a bound, and each is lengthened by a random part of itself, so that many
//! processes do not come back to a server at the same moment.
//!
//! ```
//! use std::time::Duration;
//! use smartpass_platform::retry::RetryPolicy;
//! let policy = RetryPolicy { first: Duration::from_millis(100), longest: Duration::from_secs(1), patience: None };
//! let pauses: Vec<Duration> = policy.pauses().take(6).collect();
//! assert!(pauses[0] >= Duration::from_millis(100) && pauses[5] <= Duration::from_secs(2));
//! ```

use std::time::{Duration, Instant};

use backon::{BackoffBuilder, ExponentialBuilder};
use tracing::warn;

use crate::error::{Error, Result};
use crate::shutdown::Shutdown;
use crate::telemetry::platform_metrics;

/// A retry policy: how long the pauses are, and when to give up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// The first pause.
    pub first: Duration,
    /// The bound of the doubled pauses; jitter comes on top.
    pub longest: Duration,
    /// How long after the first attempt the last one may begin; none where retrying goes on until shutdown.
    pub patience: Option<Duration>,
}

impl RetryPolicy {
    /// The policy for work that nobody waits for: until shutdown.
    pub const UNTIL_SHUTDOWN: Self =
        Self { first: Duration::from_millis(100), longest: Duration::from_secs(5), patience: None };

    /// The policy for work that somebody waits for: up to `patience`.
    pub const fn within(patience: Duration) -> Self {
        Self { first: Duration::from_millis(100), longest: Duration::from_secs(2), patience: Some(patience) }
    }

    /// The pauses between attempts, without an end.
    pub fn pauses(&self) -> impl Iterator<Item = Duration> + Send + use<> {
        ExponentialBuilder::default()
            .with_min_delay(self.first)
            .with_max_delay(self.longest)
            .without_max_times()
            .with_jitter()
            .build()
    }
}

/// Retries an operation while it fails by an outage. `what` names it in the log and in `smartpass_retries_total`.
///
/// # Errors
/// Any error that is no outage; the last outage where shutdown begins or the policy's patience ends.
pub async fn retry_while_unavailable<T, E: IsOutage>(
    what: &'static str,
    policy: RetryPolicy,
    shutdown: &Shutdown,
    mut attempt: impl AsyncFnMut() -> std::result::Result<T, E>,
) -> std::result::Result<T, E> {
    let begun = Instant::now();
    let mut pauses = policy.pauses();
    loop {
        let error = match attempt().await {
            Err(error) if error.is_outage() => error,
            outcome => return outcome,
        };
        let Some(pause) = pauses.next() else { return Err(error) };
        if policy.patience.is_some_and(|patience| begun.elapsed() + pause > patience) {
            return Err(error);
        }
        platform_metrics().retry(what);
        warn!(what, %error, "unavailable, retrying in {} ms", pause.as_millis());
        if !shutdown.sleep(pause).await {
            return Err(error);
        }
    }
}

/// An error that may be an outage.
pub trait IsOutage: std::fmt::Display {
    /// Whether the same call may succeed later.
    fn is_outage(&self) -> bool;
}

impl IsOutage for Error {
    fn is_outage(&self) -> bool {
        Self::is_outage(self)
    }
}

/// [`retry_while_unavailable`] until shutdown.
///
/// # Errors
/// Any error that is no outage; the last outage where shutdown begins.
pub async fn retry_until_shutdown<T>(
    what: &'static str,
    shutdown: &Shutdown,
    attempt: impl AsyncFnMut() -> Result<T>,
) -> Result<T> {
    retry_while_unavailable(what, RetryPolicy::UNTIL_SHUTDOWN, shutdown, attempt).await
}
