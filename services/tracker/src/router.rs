//! From the inbox and the due list to the jobs' actors.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix::{Actor, Addr};
use smartpass_core::ids::JobId;
use smartpass_core::job::{Event, Job};
use smartpass_messages::ChunkResult;
use smartpass_platform::broker::{Delivery, Inbox};
use smartpass_platform::retry::retry_until_shutdown;
use smartpass_platform::telemetry::platform_metrics;
use smartpass_records::metrics::metrics;
use tokio::time::MissedTickBehavior;
use tracing::warn;

use crate::actor::{JobActor, JobEvent};
use crate::driver::JobDriver;
use crate::metrics::tracker_metrics;
use crate::{Backends, Config};

/// How long a job that was claimed from the due list is this tracker's alone.
const CLAIM_MS: u64 = 5_000;
/// The most jobs taken from the due list at once.
const CLAIMED_AT_ONCE: usize = 64;
/// A job of which nothing was heard for so long is let go: its actor is made anew when something happens.
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

/// Routes until shutdown begins.
pub(crate) async fn run(config: &Config, backends: &Backends, mut inbox: Inbox) {
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
            delivery = inbox.next() => match delivery {
                Some(delivery) => drop(actix::spawn(router.clone().take(delivery))),
                None => break,
            },
            _ = ticks.tick() => router.clone().tick().await,
            _ = counts.tick() => router.count(),
            () = backends.shutdown.begun() => break,
        }
    }
    inbox.close().await;
}

impl Router {
    /// After a restart with a broker that forgets: all that was released and is not done is published again.
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
        let Delivery { payload, mut ticket } = delivery;
        if !ticket.start() {
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
                // The job stalls and is published again, by then perhaps understood.
                warn!(%error, "undecodable message");
                metrics().dead_letters.with_label_values(&["undecodable"]).inc();
                return ticket.finish();
            }
        };
        if self.pass(id, event).await {
            ticket.finish();
        }
    }

    /// Lets the job's actor deal with an event; `false` where it could not.
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
                // An error that is no outage does not get better by being delivered again; ticks go on trying.
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
