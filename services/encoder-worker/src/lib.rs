//! The encoder-worker turns chunks of rows into chunks of links: the only work of a job that takes many cores.
//!
//! ```text
//! broker ─► consumer ─► attempt: begin ─► fetch ─► encoder (an actor per core) ─► write ─► publish ─► finish
//!                └ at most two chunks per core: one being encoded, one being fetched or written
//! ```
//!
//! The state counts an attempt before it begins. The files of an attempt have its number in their names, and the
//! tracker records those of one attempt only. So any number of workers may encode a chunk at any time, and it becomes
//! one part.
//!
//! *Nothing here decides a link's byte*: `smartpass_core::encode` does.
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

/// The limit of deliveries in hand: more than the windows of several projects, so that partitions are hardly ever
/// paused. A pause discards what was fetched, and the next fetch waits for the one under way.
const MAX_IN_HAND: usize = 1_024;

/// Runs a worker until shutdown begins and its chunks in progress are done.
///
/// # Errors
/// The broker refuses its settings.
pub async fn run(config: Config, backends: Backends) -> anyhow::Result<()> {
    let encoders = SyncArbiter::start(config.encoders, encoder::EncoderActor::default);
    // One being encoded and one being fetched or written for each encoder.
    let slots = 2 * config.encoders;
    let consumer = backends.broker.subscribe(Subscription {
        group: "smartpass-encoder-worker",
        topic: Topic::Chunks.name(),
        // Deliveries are references of a few hundred bytes: a pause costs far more than holding them.
        in_hand: MAX_IN_HAND,
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
    consumer::run(worker, consumer, slots).await;
    info!("encoder-worker has stopped");
    Ok(())
}
