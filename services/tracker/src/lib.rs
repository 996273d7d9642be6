//! The tracker carries every job from its first chunk to its end: it publishes chunks to workers, records results,
//! writes the manifest, announces the end, and deletes files.
//!
//! ```text
//! results ───┐
//!            ├─► router ──► JobActor (one per job in hand) ──► JobDriver: decide, commit, carry out
//! due list ──┘
//! ```
//!
//! A [`JobDriver`] applies an event to a job, and then carries out what the job's record says is left to do. The driver
//! keeps nothing between two calls, so any number of trackers may run, and each may die at any time: an unfinished job
//! is due again soon. The actors only make the events of one job wait for each other, which avoids conflicts.
//!
//! *The tracker decides nothing*: `smartpass_core::job` does.
//!
//! ```no_run
//! # async fn example(backends: smartpass_tracker::Backends) -> anyhow::Result<()> {
//! // The shutdown among the backends stops it.
//! smartpass_tracker::run(smartpass_tracker::Settings::default().into(), backends).await
//! # }
//! ```

mod actor;
mod backends;
mod driver;
mod metrics;
mod router;
mod settings;

use smartpass_messages::Topic;
use smartpass_platform::broker::Subscription;
use tracing::info;

pub use backends::Backends;
pub use driver::JobDriver;
pub use settings::{Config, Settings};

/// Runs a tracker until shutdown begins and the events in hand are applied.
///
/// # Errors
/// The broker refuses its settings.
pub async fn run(config: Config, backends: Backends) -> anyhow::Result<()> {
    let consumer = backends.broker.subscribe(Subscription {
        group: "smartpass-tracker",
        topic: Topic::Results.name(),
        // A few results per worker: each is one commit.
        in_hand: 256,
        drain: backends.shutdown.drain,
    })?;
    info!("tracker is ready");
    router::run(&config, &backends, consumer).await;
    info!("tracker has stopped");
    Ok(())
}
