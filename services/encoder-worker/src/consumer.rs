//! The consumer of chunks: it processes a bounded number of chunks at once, and no chunk twice at once.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use smartpass_core::ids::JobId;
use smartpass_messages::{ChunkReady, DeadLetter, Message, Topic};
use smartpass_platform::broker::{Consumer, Delivery, Partitioning};
use smartpass_platform::retry::retry_until_shutdown;
use smartpass_records::metrics::metrics;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tracing::{debug, warn};

use crate::attempt::Worker;

/// Chunks in progress in this process, each with a signal that it is done. All messages of a chunk go to one
/// partition, so a duplicate comes to the process that has the original.
type AtWork = Rc<RefCell<HashMap<(JobId, u32), watch::Receiver<bool>>>>;

/// Takes deliveries until shutdown begins, then waits for chunks in progress.
pub(crate) async fn run(worker: Arc<Worker>, mut consumer: Consumer, slots: usize) {
    let free = Arc::new(Semaphore::new(slots));
    let at_work = AtWork::default();
    let shutdown = worker.shutdown.clone();
    loop {
        let delivery = tokio::select! {
            delivery = consumer.next() => delivery,
            () = shutdown.begun() => None,
        };
        let Some(delivery) = delivery else { break };
        let slot = tokio::select! {
            slot = free.clone().acquire_owned() => slot,
            () = shutdown.begun() => break,
        };
        let Ok(slot) = slot else { break };
        metrics().queue.with_label_values(&["encoders"]).set((slots - free.available_permits()) as i64);
        let (worker, at_work) = (worker.clone(), at_work.clone());
        actix::spawn(async move { take(&worker, &at_work, delivery, slot).await });
    }
    consumer.close().await;
}

async fn take(worker: &Worker, at_work: &AtWork, delivery: Delivery, slot: OwnedSemaphorePermit) {
    let Delivery { payload, mut ack } = delivery;
    if !ack.start() {
        return;
    }
    let ready = match ChunkReady::decode(&payload) {
        Ok(ready) => ready,
        Err(error) => {
            warn!(%error, "undecodable message");
            publish_dead_letter(worker, &error.to_string()).await;
            return ack.finish();
        }
    };
    let chunk = (ready.job, ready.index);
    let original = at_work.borrow().get(&chunk).cloned();
    if let Some(mut original) = original {
        debug!(job = %ready.job, index = ready.index, "duplicate delivery: the chunk is in progress");
        drop(slot);
        // The partition may have been revoked and assigned again meanwhile. Then only this delivery keeps the chunk's
        // offset from being committed before the chunk is done.
        if original.wait_for(|is_done| *is_done).await.is_ok() {
            ack.finish();
        }
        return;
    }
    let (end, original) = watch::channel(false);
    at_work.borrow_mut().insert(chunk, original);
    let outcome = worker.process(&ready).await;
    at_work.borrow_mut().remove(&chunk);
    match outcome {
        Ok(()) => {
            end.send_replace(true);
            ack.finish();
        }
        Err(error) => {
            warn!(job = %ready.job, index = ready.index, %error, "not finished, will be redelivered")
        }
    }
}

/// Publishes a dead letter for an undecodable message, which must not hold up the messages behind it.
async fn publish_dead_letter(worker: &Worker, reason: &str) {
    metrics().dead_letters.with_label_values(&["undecodable"]).inc();
    let letter = DeadLetter {
        topic: Topic::Chunks.name().to_owned(),
        code: "undecodable".to_owned(),
        reason: reason.to_owned(),
        job: None,
        index: None,
    };
    let publish = async || {
        let partitioning = Partitioning::ByKey(Topic::Chunks.name().to_owned());
        worker.broker.publish(Topic::DeadLetters.name(), partitioning, letter.encode()).await
    };
    // Publishing fails only where shutdown begins meanwhile.
    let _ = retry_until_shutdown("publish", &worker.shutdown, publish).await;
}
