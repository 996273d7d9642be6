//! A consumer on a thread of its own. It polls without pause, so that the group never takes it for dead, and queues
//! deliveries for the service. Messages are small (a few hundred bytes), so the queue is too.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::{Offset, Statistics};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tracing::{debug, info, warn};

use super::client::{KafkaSettings, refused_settings};
use crate::broker::Subscription;
use crate::broker::delivery::{Ack, Delivery};
use crate::broker::finished::Assignment;
use crate::error::{Error, Result};
use crate::telemetry::platform_metrics;

/// How long a member may be silent until the group revokes its partitions. Longer than a pause of the machine, short
/// enough that another member soon gets the messages of a dead one.
const SESSION_MS: &str = "12000";
/// How long one poll waits for a message. Offsets of finished deliveries are stored once a poll.
const POLL: Duration = Duration::from_millis(20);
/// How often librdkafka reports the consumer lag.
const STATISTICS_MS: &str = "5000";

/// The running thread.
pub(super) struct Running {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Running {
    /// Stops it and waits until it has drained and committed.
    pub(super) fn stop(self) {
        self.stop.store(true, Ordering::Release);
        if self.thread.join().is_err() {
            warn!("Kafka consumer thread panicked: this is a fault of SmartPass");
        }
    }
}

/// What the callbacks and the thread share.
struct Context {
    topic: &'static str,
    drain: Duration,
    assigned: Mutex<HashMap<i32, Arc<Assignment>>>,
    /// Whether partitions were assigned since the last look. A partition that was revoked while paused comes back
    /// paused.
    came: AtomicBool,
}

impl Context {
    fn assigned(&self) -> MutexGuard<'_, HashMap<i32, Arc<Assignment>>> {
        self.assigned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores the offsets that may be committed by now; librdkafka commits them.
    fn store_offsets(&self, consumer: &BaseConsumer<Self>) {
        let mut offsets = TopicPartitionList::new();
        for (&partition, assignment) in self.assigned().iter() {
            if let Some(offset) = assignment.to_store() {
                // Only a negative offset is refused, and a finished prefix has none.
                let _ = offsets.add_partition_offset(self.topic, partition, Offset::Offset(offset));
            }
        }
        if offsets.count() > 0
            && let Err(error) = consumer.store_offsets(&offsets)
        {
            // Another member has the partition now: it gets the messages again.
            debug!(topic = self.topic, %error, "offsets not stored: the partition was revoked");
        }
    }

    fn taken(&self) -> usize {
        self.assigned().values().map(|assignment| assignment.taken()).sum()
    }

    /// Waits until started deliveries of these partitions end, commits, and forgets the partitions.
    fn revoke(&self, consumer: &BaseConsumer<Self>, partitions: &[i32], is_lost: bool) {
        let deadline = Instant::now() + if is_lost { Duration::ZERO } else { self.drain };
        let leaving: Vec<Arc<Assignment>> =
            partitions.iter().filter_map(|partition| self.assigned().get(partition).cloned()).collect();
        leaving.iter().for_each(|assignment| assignment.revoke(deadline));
        self.store_offsets(consumer);
        if !is_lost && let Err(error) = consumer.commit_consumer_state(CommitMode::Sync) {
            debug!(topic = self.topic, %error, "commit on revocation failed");
        }
        let mut assigned = self.assigned();
        partitions.iter().for_each(|partition| {
            assigned.remove(partition);
        });
    }
}

impl ClientContext for Context {
    fn stats(&self, statistics: Statistics) {
        let partitions = statistics.topics.get(self.topic).map(|topic| topic.partitions.iter());
        let lag =
            partitions.into_iter().flatten().filter(|(partition, _)| self.assigned().contains_key(partition));
        let lag: i64 = lag.map(|(_, partition)| partition.consumer_lag.max(0)).sum();
        platform_metrics().consumer_lag.with_label_values(&[self.topic]).set(lag);
    }

    fn error(&self, error: rdkafka::error::KafkaError, reason: &str) {
        warn!(topic = self.topic, %error, reason, "Kafka client error");
    }
}

impl ConsumerContext for Context {
    fn pre_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        match rebalance {
            Rebalance::Revoke(list) => {
                let partitions: Vec<i32> =
                    list.elements().iter().map(|element| element.partition()).collect();
                let is_lost = consumer.assignment_lost();
                info!(topic = self.topic, partitions = partitions.len(), is_lost, "partitions revoked");
                self.revoke(consumer, &partitions, is_lost);
            }
            // Most rebalances of a cooperative group assign nothing new.
            Rebalance::Assign(list) if list.count() == 0 => {}
            Rebalance::Assign(list) => {
                self.came.store(true, Ordering::Release);
                info!(topic = self.topic, partitions = list.count(), "partitions assigned");
                let mut assigned = self.assigned();
                list.elements().iter().for_each(|element| {
                    assigned.insert(element.partition(), Arc::default());
                });
            }
            Rebalance::Error(error) => warn!(topic = self.topic, %error, "rebalance failed"),
        }
    }
}

pub(super) fn start(
    settings: &KafkaSettings,
    subscription: Subscription,
    sender: mpsc::Sender<Delivery>,
) -> Result<Running> {
    let context = Context {
        topic: subscription.topic,
        drain: subscription.drain,
        assigned: Mutex::default(),
        came: AtomicBool::new(false),
    };
    let config = settings.client(&[
        ("group.id", subscription.group),
        ("partition.assignment.strategy", "cooperative-sticky"),
        ("session.timeout.ms", SESSION_MS),
        ("heartbeat.interval.ms", "2000"),
        ("auto.offset.reset", "earliest"),
        ("enable.auto.commit", "true"),
        ("auto.commit.interval.ms", "1000"),
        ("enable.auto.offset.store", "false"),
        ("fetch.wait.max.ms", "100"),
        // A pause discards prefetched messages. Messages are small, so one megabyte is enough.
        ("queued.max.messages.kbytes", "1024"),
        ("statistics.interval.ms", STATISTICS_MS),
    ]);
    let consumer: BaseConsumer<Context> = config.create_with_context(context).map_err(refused_settings)?;
    consumer.subscribe(&[subscription.topic]).map_err(refused_settings)?;
    let stop = Arc::new(AtomicBool::new(false));
    let mut polling = Polling {
        consumer,
        sender,
        in_hand: subscription.in_hand,
        waiting: VecDeque::new(),
        is_paused: false,
        stop: stop.clone(),
    };
    let thread = std::thread::Builder::new()
        .name(format!("consumer {}", subscription.topic))
        .spawn(move || polling.run())
        .map_err(|error| Error::Config(format!("cannot start a thread: {error}")))?;
    Ok(Running { stop, thread })
}

/// The state of the polling thread.
struct Polling {
    consumer: BaseConsumer<Context>,
    sender: mpsc::Sender<Delivery>,
    in_hand: usize,
    /// Deliveries that Kafka has handed out and the service has not taken.
    waiting: VecDeque<Delivery>,
    is_paused: bool,
    stop: Arc<AtomicBool>,
}

impl Polling {
    fn run(&mut self) {
        while !self.stop.load(Ordering::Acquire) && !self.sender.is_closed() {
            self.poll();
            self.hand_on();
            self.consumer.context().store_offsets(&self.consumer);
            self.pause_when_full();
        }
        self.waiting.clear();
        let partitions: Vec<i32> = self.consumer.context().assigned().keys().copied().collect();
        self.consumer.context().revoke(&self.consumer, &partitions, false);
    }

    fn poll(&mut self) {
        match self.consumer.poll(POLL) {
            Some(Ok(message)) => {
                let assignment = self.consumer.context().assigned().get(&message.partition()).cloned();
                // The partition was just revoked: another member gets this message.
                let Some(assignment) = assignment else { return };
                assignment.begin(message.offset());
                let ack = Ack::new(assignment, message.offset());
                let payload = message.payload().unwrap_or_default().to_vec();
                self.waiting.push_back(Delivery { payload, ack });
            }
            Some(Err(error)) => debug!(%error, "Kafka poll failed"),
            None => {}
        }
    }

    fn hand_on(&mut self) {
        while let Some(delivery) = self.waiting.pop_front() {
            match self.sender.try_send(delivery) {
                Ok(()) => {}
                Err(TrySendError::Full(delivery) | TrySendError::Closed(delivery)) => {
                    self.waiting.push_front(delivery);
                    return;
                }
            }
        }
    }

    fn pause_when_full(&mut self) {
        let taken = self.consumer.context().taken();
        let wants_pause = if self.is_paused { taken * 2 > self.in_hand } else { taken >= self.in_hand };
        let came = self.consumer.context().came.swap(false, Ordering::AcqRel);
        if wants_pause == self.is_paused && !came {
            return;
        }
        let Ok(assignment) = self.consumer.assignment() else { return };
        let outcome =
            if wants_pause { self.consumer.pause(&assignment) } else { self.consumer.resume(&assignment) };
        match outcome {
            Ok(()) => self.is_paused = wants_pause,
            Err(error) => debug!(%error, "pausing or resuming partitions failed"),
        }
    }
}
