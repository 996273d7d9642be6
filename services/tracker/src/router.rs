//! The router: results from the broker and jobs from the due list go to the jobs' actors.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix::{Actor, Addr};
use smartpass_core::ids::JobId;
use smartpass_core::job::{Event, Job};
use smartpass_messages::ChunkResult;
use smartpass_platform::broker::{Consumer, Delivery};
use smartpass_platform::retry::retry_until_shutdown;
use smartpass_platform::telemetry::platform_metrics;
use smartpass_records::metrics::metrics;
use tokio::time::MissedTickBehavior;
use tracing::warn;

use crate::actor::{JobActor, JobEvent};
use crate::driver::JobDriver;
use crate::metrics::tracker_metrics;
use crate::{Backends, Config};

/// The lease of a job that this tracker claimed from the due list.
const CLAIM_MS: u64 = 5_000;
/// The limit of jobs claimed from the due list at once.
const CLAIMED_AT_ONCE: usize = 64;
/// A job without an event for so long is not in hand any more; its next event makes a new actor.
const IDLE: Duration = Duration::from_secs(60);
const COUNTED_EVERY: Duration = Duration::from_secs(1);
const STATES: [&str; 7] = ["uploading", "encoding", "completed", "failed", "cancelled", "refused", "aborted"];

/// The jobs in hand.
struct Router {
    backends: Backends,
    driver: JobDriver,
    in_hand: RefCell<HashMap<JobId, InHand>>,
}

struct InHand {
    actor: Addr<JobActor>,
    job: Option<Job>,
    heard_of: Instant,
}

/// Routes events until shutdown begins.
pub(crate) async fn run(config: &Config, backends: &Backends, mut consumer: Consumer) {
    let router = Rc::new(Router {
        backends: backends.clone(),
        driver: JobDriver::new(backends.clone()),
        in_hand: RefCell::default(),
    });
    if backends.broker.is_volatile() {
        router.clone().publish_anew().await;
    }
    let mut ticks = tokio::time::interval(config.tick);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut counts = tokio::time::interval(COUNTED_EVERY);
    loop {
        tokio::select! {
            delivery = consumer.next() => match delivery {
                Some(delivery) => drop(actix::spawn(router.clone().take(delivery))),
                None => break,
            },
            _ = ticks.tick() => router.clone().tick().await,
            _ = counts.tick() => router.count(),
            () = backends.shutdown.begun() => break,
        }
    }
    consumer.close().await;
}

impl Router {
    /// Publishes all released and unfinished chunks again, after a restart with a volatile broker.
    async fn publish_anew(self: Rc<Self>) {
        let jobs = &self.backends.jobs;
        let Ok(ids) = retry_until_shutdown("state", &self.backends.shutdown, async || jobs.all().await).await
        else {
            return;
        };
        for id in ids {
            actix::spawn(self.clone().pass(id, Event::BrokerLost));
        }
    }

    async fn tick(self: Rc<Self>) {
        match self.backends.jobs.claim_due(CLAIM_MS, CLAIMED_AT_ONCE).await {
            Ok(due) => due.into_iter().for_each(|id| drop(actix::spawn(self.clone().pass(id, Event::Tick)))),
            Err(error) => {
                platform_metrics().retry("state");
                warn!(%error, "claiming due jobs failed");
            }
        }
    }

    async fn take(self: Rc<Self>, delivery: Delivery) {
        let Delivery { payload, mut ack } = delivery;
        if !ack.start() {
            return;
        }
        let (id, event) = match ChunkResult::decode(&payload) {
            Ok(ChunkResult::Encoded(encoded)) => {
                let part = encoded.part();
                (encoded.job, Event::ChunkEncoded { index: encoded.index, part, counts: encoded.counts })
            }
            Ok(ChunkResult::Failed(failed)) => {
                (failed.job, Event::ChunkFailed { index: failed.index, reason: failed.reason })
            }
            Err(error) => {
                // The job stalls, its chunks are published again, and a later version may decode the result.
                warn!(%error, "undecodable message");
                metrics().dead_letters.with_label_values(&["undecodable"]).inc();
                return ack.finish();
            }
        };
        if self.pass(id, event).await {
            ack.finish();
        }
    }

    /// Passes an event to the job's actor; `false` where an outage kept it from being applied.
    async fn pass(self: Rc<Self>, id: JobId, event: Event) -> bool {
        let actor = {
            let mut in_hand = self.in_hand.borrow_mut();
            let entry = in_hand.entry(id).or_insert_with(|| InHand {
                actor: JobActor { id, driver: self.driver.clone(), shutdown: self.backends.shutdown.clone() }
                    .start(),
                job: None,
                heard_of: Instant::now(),
            });
            entry.heard_of = Instant::now();
            entry.actor.clone()
        };
        match actor.send(JobEvent(event)).await {
            Ok(Ok(job)) => {
                if let Some(entry) = self.in_hand.borrow_mut().get_mut(&id) {
                    entry.job = job;
                }
                true
            }
            Ok(Err(error)) => {
                warn!(job = %id, %error, "event not applied");
                // Redelivery helps against outages only. Ticks go on trying all the same.
                !error.is_outage()
            }
            Err(_) => false,
        }
    }

    fn count(&self) {
        let mut in_hand = self.in_hand.borrow_mut();
        in_hand.retain(|_, entry| entry.heard_of.elapsed() < IDLE);
        let jobs = || in_hand.values().filter_map(|entry| entry.job.as_ref());
        for state in STATES {
            let count = jobs().filter(|job| job.state() == state).count();
            tracker_metrics().jobs.with_label_values(&[state]).set(count as i64);
        }
        let oldest = jobs().filter(|job| job.end.is_none()).map(|job| job.created).min();
        let age =
            oldest.map_or(0, |created| self.backends.jobs.clock().now().saturating_sub(created) / 1_000);
        tracker_metrics().oldest_job_seconds.set(i64::try_from(age).unwrap_or(i64::MAX));
        metrics().queue.with_label_values(&["jobs"]).set(in_hand.len() as i64);
    }
}
