//! Carries every job from its first chunk to its end.
//!
//! ```text
//! results ──► router ──► JobActor (one per job in hand) ──► JobDriver: decide, commit, carry out
//! due list ─► ticker ──►    │
//! ```
//!
//! A [`JobDriver`] applies an event to a job and then does whatever the job's record says is left to do. It keeps
//! nothing between two calls, so any number of trackers may run, and each may die at any time: what it did not do is
//! due again soon. The actors only make the events of one job wait for each other, which spares conflicts.
//!
//! *The tracker decides nothing*: that is `smartpass_core::job`.
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

/// Runs a tracker until shutdown begins and the events in hand are dealt with.
///
/// # Errors
/// Settings that the broker refuses.
pub async fn run(config: Config, backends: Backends) -> anyhow::Result<()> {
    let inbox = backends.broker.subscribe(Subscription {
        group: "smartpass-tracker",
        topic: Topic::Results.name(),
        // A few per worker: each is one commit.
        in_hand: 256,
        drain: backends.shutdown.drain,
    })?;
    info!("tracker is ready");
    router::run(&config, &backends, inbox).await;
    info!("tracker has stopped");
    Ok(())
}
