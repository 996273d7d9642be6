//! Going on after an outage.

use std::future::Future;
use std::time::Duration;

use tracing::warn;

use crate::error::{Error, Result};
use crate::shutdown::Shutdown;
use crate::telemetry::metrics;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Does something until it does not fail by an outage: with growing pauses, for as long as the process runs.
///
/// # Errors
/// What is no outage; an outage that lasts when the process stops.
pub async fn retry_while_unavailable<T, F>(
    what: &str,
    shutdown: &Shutdown,
    mut attempt: impl FnMut() -> F,
) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    let mut pause = FIRST_PAUSE;
    loop {
        let outcome = attempt().await;
        let Err(error @ Error::Unavailable { .. }) = outcome else { return outcome };
        metrics().retry(what);
        warn!(what, %error, "an outage: trying again in {} ms", pause.as_millis());
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shutdown.begun() => return Err(error),
        }
        pause = (2 * pause).min(LONGEST_PAUSE);
    }
}
