//! Retries end where the policy, the shutdown or the error says so, and go on until then.
#![allow(clippy::unwrap_used, missing_docs)]

use std::cell::Cell;
use std::time::Duration;

use smartpass_platform::retry::{RetryPolicy, retry_until_shutdown, retry_while_unavailable};
use smartpass_platform::shutdown::Shutdown;
use smartpass_platform::{Error, Result};
use tokio::time::timeout;

/// Longer than anything takes that works, on a machine that is busy.
const LONG_ENOUGH: Duration = Duration::from_secs(60);
const AN_HOUR: Duration = Duration::from_secs(3_600);

/// No pause that counts.
fn at_once(patience: Option<Duration>) -> RetryPolicy {
    RetryPolicy { first: Duration::ZERO, longest: Duration::ZERO, patience }
}

/// Pauses that no test waits for.
fn after_an_hour(patience: Option<Duration>) -> RetryPolicy {
    RetryPolicy { first: AN_HOUR, longest: AN_HOUR, patience }
}

fn running() -> Shutdown {
    Shutdown::new(Duration::ZERO)
}

/// The outage of an attempt.
fn outage(attempt: u32) -> Error {
    Error::unavailable("the test", attempt)
}

/// What waits for an hour where it should not fails instead.
async fn in_time<T>(ends: impl Future<Output = T>) -> T {
    timeout(LONG_ENOUGH, ends).await.expect("the retries end")
}

/// Something that is away for some attempts; answers what came of it, and how many attempts there were.
async fn retry(policy: RetryPolicy, shutdown: &Shutdown, last: u32, end: Result<u32>) -> (Result<u32>, u32) {
    let attempts = Cell::new(0);
    let attempt = async || {
        attempts.set(attempts.get() + 1);
        if attempts.get() < last { Err(outage(attempts.get())) } else { end.clone() }
    };
    let retrying = retry_while_unavailable("test", policy, shutdown, attempt);
    (in_time(retrying).await, attempts.get())
}

#[tokio::test]
async fn what_succeeds_is_not_tried_again() {
    assert_eq!(retry(after_an_hour(None), &running(), 1, Ok(7)).await, (Ok(7), 1));
}

#[tokio::test]
async fn an_outage_is_tried_through_until_it_is_over() {
    for patience in [None, Some(AN_HOUR)] {
        assert_eq!(retry(at_once(patience), &running(), 100, Ok(7)).await, (Ok(7), 100));
    }
}

#[tokio::test]
async fn an_error_that_is_no_outage_ends_it() {
    let others = [
        Error::Missing("it".to_owned()),
        Error::Damaged("it".to_owned()),
        Error::Exists("it".to_owned()),
        Error::Conflict("it".to_owned()),
        Error::Config("it".to_owned()),
        Error::Limit("it".to_owned()),
    ];
    for error in others {
        let ended = retry(after_an_hour(None), &running(), 1, Err(error.clone())).await;
        assert_eq!(ended, (Err(error.clone()), 1));
        assert_eq!(retry(at_once(None), &running(), 3, Err(error.clone())).await, (Err(error), 3));
    }
}

#[tokio::test]
async fn no_attempt_begins_after_the_patience() {
    let policy = after_an_hour(Some(AN_HOUR / 2));
    assert_eq!(retry(policy, &running(), 2, Ok(7)).await, (Err(outage(1)), 1), "the pause is longer");
    assert_eq!(retry(after_an_hour(Some(Duration::ZERO)), &running(), 2, Ok(7)).await.1, 1);
}

#[tokio::test]
async fn a_shutdown_ends_a_pause_with_the_last_outage() {
    let shutdown = running();
    let attempts = Cell::new(0);
    let retrying = retry_while_unavailable("test", after_an_hour(None), &shutdown, async || {
        attempts.set(attempts.get() + 1);
        Err::<(), _>(outage(attempts.get()))
    });
    let stopping = async {
        // By now the first attempt is over, and the pause after it has begun.
        assert_eq!(attempts.get(), 1);
        shutdown.begin();
    };
    assert_eq!(in_time(async { tokio::join!(biased; retrying, stopping).0 }).await, Err(outage(1)));
    assert_eq!(attempts.get(), 1);
}

#[tokio::test]
async fn after_a_shutdown_has_begun_there_is_one_attempt() {
    let shutdown = running();
    shutdown.begin();
    assert_eq!(retry(after_an_hour(None), &shutdown, 2, Ok(7)).await, (Err(outage(1)), 1));
    assert_eq!(retry(after_an_hour(None), &shutdown, 1, Ok(7)).await, (Ok(7), 1));
}

#[tokio::test]
async fn work_that_nobody_waits_for_has_no_patience_to_lose() {
    assert_eq!(RetryPolicy::UNTIL_SHUTDOWN.patience, None);
    let shutdown = running();
    let ended = retry_until_shutdown("test", &shutdown, async || {
        shutdown.begin();
        Err::<(), _>(outage(1))
    });
    assert_eq!(in_time(ended).await, Err(outage(1)));
}
