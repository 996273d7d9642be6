//! Carries every job from its first chunk to its end.
//!
//! ```text
//! results ──► router ──► JobActor (one per job in hand) ──► JobDriver: decide, commit, carry out
//! due list ─► ticker ──►    │
//! ```
//!
//! A [`JobDriver`] lets an event happen to a job and then does whatever the job's record says is left to do. It keeps
//! nothing between two calls, so any number of trackers may run, and each may die at any time: what it did not do is
//! due again soon. The actors only make the events of one job wait for each other, which spares conflicts.
//!
//! *The tracker decides nothing*: that is `smartpass_core::job`.

mod actor;
mod driver;
mod router;

use std::time::Duration;

use smartpass_messages::Topic;
use smartpass_platform::Platform;
use smartpass_platform::broker::Subscription;
use tracing::info;

pub use driver::JobDriver;

/// Settings of a tracker.
#[derive(Clone, Debug)]
pub struct Config {
    /// How often the due list is looked at: what a small job waits for at most before its chunk is published.
    pub tick: Duration,
}

/// Runs a tracker until shutdown begins and the events in hand are dealt with.
///
/// # Errors
/// Settings that the broker refuses.
pub async fn run(config: Config, platform: Platform) -> anyhow::Result<()> {
    let inbox = platform.broker.subscribe(Subscription {
        group: "smartpass-tracker",
        topic: Topic::Results,
        // A few per worker: each is one commit.
        in_hand: 256,
        drain: platform.shutdown.drain,
    })?;
    info!("tracker is ready");
    router::run(&config, &platform, inbox).await;
    info!("tracker has stopped");
    Ok(())
}
