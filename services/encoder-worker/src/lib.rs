//! Turns chunks of rows into chunks of links.
//!
//! ```text
//! inbox ─► consumer ─► attempt: begin ─► fetch ─► encoder (an actor per core) ─► write ─► publish ─► finish
//!               └ at most two chunks per core: one being encoded, one being fetched or written
//! ```
//!
//! A chunk is begun only after the state has counted the attempt; what a worker writes has the attempt's number in
//! its name and is recorded only if no other attempt was. So a chunk may be encoded by any number of workers at any
//! time, and becomes one part.
//!
//! *Nothing here decides a link's byte*: that is `smartpass_core::encode`.
//!
//! ```no_run
//! # async fn example(backends: smartpass_encoder_worker::Backends) -> anyhow::Result<()> {
//! // The shutdown among the backends stops it.
//! smartpass_encoder_worker::run(smartpass_encoder_worker::Settings::default().into(), backends).await
//! # }
//! ```

mod attempt;
mod backends;
mod consumer;
mod encoder;
mod job_cache;
mod metrics;
mod settings;

use std::sync::Arc;

use actix::SyncArbiter;
use smartpass_messages::Topic;
use smartpass_platform::broker::Subscription;
use tokio::sync::Semaphore;
use tracing::info;

pub use backends::Backends;
pub use settings::{Config, Settings};

/// More than the window of several projects, so that partitions are hardly ever paused: a pause throws away what was
/// fetched, and every fetch after it waits for the one that is under way.
const POINTERS_IN_HAND: usize = 1_024;

/// Runs a worker until shutdown begins and its chunks in hand are done.
///
/// # Errors
/// Settings that the broker refuses.
pub async fn run(config: Config, backends: Backends) -> anyhow::Result<()> {
    let encoders = SyncArbiter::start(config.encoders, encoder::EncoderActor::default);
    // One being encoded and one being fetched or written for each encoder.
    let slots = 2 * config.encoders;
    let inbox = backends.broker.subscribe(Subscription {
        group: "smartpass-encoder-worker",
        topic: Topic::Chunks.name(),
        // Pointers of a few hundred bytes: to pause costs far more than to hold them.
        in_hand: POINTERS_IN_HAND,
        drain: backends.shutdown.drain,
    })?;
    info!(encoders = config.encoders, "encoder-worker is ready");
    let worker = Arc::new(attempt::Worker {
        max_attempts: config.max_attempts,
        encoders,
        jobs: job_cache::JobCache::new(backends.jobs.clone(), backends.projects),
        encoder_queue: Arc::new(Semaphore::new(slots)),
        records: backends.jobs,
        blobs: backends.blobs,
        broker: backends.broker,
        shutdown: backends.shutdown,
    });
    consumer::run(worker, inbox, slots).await;
    info!("encoder-worker has stopped");
    Ok(())
}
