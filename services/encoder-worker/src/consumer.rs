//! From the inbox to attempts: a bounded number at once, and no chunk twice at once.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use smartpass_core::ids::JobId;
use smartpass_messages::{ChunkReady, DeadLetter, Message, Topic};
use smartpass_platform::broker::{Delivery, Inbox, Partitioning};
use smartpass_platform::retry::retry_until_shutdown;
use smartpass_records::metrics::metrics;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tracing::{debug, warn};

use crate::attempt::Worker;

/// Chunks that are at work in this process. A chunk's messages all come through one partition, so that here is the
/// place to see that one is a repetition. Each tells when its message never has to come again.
type AtWork = Rc<RefCell<HashMap<(JobId, u32), watch::Receiver<bool>>>>;

/// Takes deliveries until shutdown begins, then lets those at work end.
pub(crate) async fn run(worker: Arc<Worker>, mut inbox: Inbox, slots: usize) {
    let free = Arc::new(Semaphore::new(slots));
    let at_work = AtWork::default();
    let shutdown = worker.shutdown.clone();
    loop {
        let delivery = tokio::select! {
            delivery = inbox.next() => delivery,
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
    inbox.close().await;
}

async fn take(worker: &Worker, at_work: &AtWork, delivery: Delivery, slot: OwnedSemaphorePermit) {
    let Delivery { payload, mut ticket } = delivery;
    if !ticket.start() {
        return;
    }
    let ready = match ChunkReady::decode(&payload) {
        Ok(ready) => ready,
        Err(error) => {
            warn!(%error, "undecodable message");
            publish_dead_letter(worker, &error.to_string()).await;
            return ticket.finish();
        }
    };
    let chunk = (ready.job, ready.index);
    let original = at_work.borrow().get(&chunk).cloned();
    if let Some(mut original) = original {
        debug!(job = %ready.job, index = ready.index, "duplicate delivery: the chunk is in progress");
        drop(slot);
        // Its partition may have gone and come back meanwhile: then nothing else keeps its offset from being committed
        // before the chunk is done.
        if original.wait_for(|is_done| *is_done).await.is_ok() {
            ticket.finish();
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
            ticket.finish();
        }
        Err(error) => {
            warn!(job = %ready.job, index = ready.index, %error, "not finished, will be redelivered")
        }
    }
}

/// A message that nobody can read must not hold up those behind it.
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
    // Fails only where the process stops meanwhile.
    let _ = retry_until_shutdown("publish", &worker.shutdown, publish).await;
}
