//! A broker within one process, for `smartpass serve` on a laptop. Messages are lost with the process; services
//! publish them again from the state ([`Broker::is_volatile`]).

use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::{Notify, mpsc, oneshot};

use super::delivery::{Ack, Consumer, Delivery};
use super::finished::Assignment;
use super::{Broker, Partitioning, Subscription};
use crate::error::Result;

/// Messages kept of a topic for groups that subscribe later, as Kafka keeps them: a few hundred bytes each. Older
/// messages are dropped: a service reads from the state what it must not miss.
const BACKLOG: usize = 1_024;

/// A broker in memory.
#[derive(Clone, Default)]
pub struct MemoryBroker {
    topics: Arc<Mutex<HashMap<&'static str, Messages>>>,
}

#[derive(Default)]
struct Messages {
    /// The newest messages, for groups that come later.
    backlog: VecDeque<Vec<u8>>,
    groups: HashMap<&'static str, Arc<Group>>,
}

#[derive(Default)]
struct Group {
    waiting: Mutex<VecDeque<Vec<u8>>>,
    changed: Notify,
}

impl Group {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Vec<u8>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Broker for MemoryBroker {
    async fn publish(&self, topic: &'static str, _: Partitioning, payload: Vec<u8>) -> Result<()> {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        let messages = topics.entry(topic).or_default();
        for group in messages.groups.values() {
            group.lock().push_back(payload.clone());
            group.changed.notify_waiters();
        }
        if messages.backlog.len() == BACKLOG {
            messages.backlog.pop_front();
        }
        messages.backlog.push_back(payload);
        Ok(())
    }

    fn subscribe(&self, subscription: Subscription) -> Result<Consumer> {
        let mut topics = self.topics.lock().unwrap_or_else(PoisonError::into_inner);
        let Messages { backlog, groups } = topics.entry(subscription.topic).or_default();
        let from_the_first = || Arc::new(Group { waiting: Mutex::new(backlog.clone()), ..Group::default() });
        let group = groups.entry(subscription.group).or_insert_with(from_the_first).clone();
        let (sender, deliveries) = mpsc::channel(1);
        let (stop, stopped) = oneshot::channel();
        let taken = Arc::new(Mutex::new(HashMap::new()));
        let assignment = Arc::new(Assignment::telling(take_back(group.clone(), taken.clone())));
        let member = Member {
            group,
            in_hand: subscription.in_hand,
            drain: subscription.drain,
            assignment,
            taken,
            next_offset: 0,
        };
        let task = tokio::spawn(member.run(sender, stopped));
        let stop = Box::new(move || {
            let _ = stop.send(());
            task
        });
        Ok(Consumer::new(deliveries, stop))
    }

    fn is_volatile(&self) -> bool {
        true
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }

    async fn flush(&self, _deadline: Duration) {}
}

/// Deliveries that have not ended, by offset.
type Taken = Arc<Mutex<HashMap<i64, Vec<u8>>>>;

/// The callback for a delivery's end: an unfinished delivery goes back to its group, and the group may take one more.
fn take_back(group: Arc<Group>, taken: Taken) -> Box<dyn Fn(i64, bool) + Send + Sync> {
    Box::new(move |offset, is_finished| {
        let payload = taken.lock().unwrap_or_else(PoisonError::into_inner).remove(&offset);
        if let Some(payload) = payload.filter(|_| !is_finished) {
            group.lock().push_front(payload);
        }
        group.changed.notify_waiters();
    })
}

/// One subscriber of a group.
struct Member {
    group: Arc<Group>,
    in_hand: usize,
    drain: Duration,
    assignment: Arc<Assignment>,
    taken: Taken,
    next_offset: i64,
}

impl Member {
    async fn run(mut self, sender: mpsc::Sender<Delivery>, mut stopped: oneshot::Receiver<()>) {
        let group = self.group.clone();
        loop {
            // The notification is armed before the look, so that no change in between is missed.
            let mut changed = pin!(group.changed.notified());
            changed.as_mut().enable();
            let may_take = self.assignment.taken() < self.in_hand;
            let waiting = if may_take { self.group.lock().pop_front() } else { None };
            if let Some(payload) = waiting {
                let delivery = self.deliver(payload);
                tokio::select! {
                    sent = sender.send(delivery) => if sent.is_err() { break },
                    _ = &mut stopped => break,
                }
                continue;
            }
            tokio::select! {
                () = changed => {}
                () = sender.closed() => break,
                _ = &mut stopped => break,
            }
        }
        drop(sender);
        let (assignment, deadline) = (self.assignment.clone(), Instant::now() + self.drain);
        let _ = tokio::task::spawn_blocking(move || assignment.revoke(deadline)).await;
        // A delivery that has not ended by the deadline is redelivered, as Kafka would.
        let left = std::mem::take(&mut *self.taken.lock().unwrap_or_else(PoisonError::into_inner));
        self.group.lock().extend(left.into_values());
        self.group.changed.notify_waiters();
    }

    fn deliver(&mut self, payload: Vec<u8>) -> Delivery {
        let offset = self.next_offset;
        self.next_offset += 1;
        self.assignment.begin(offset);
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).insert(offset, payload.clone());
        Delivery { payload, ack: Ack::new(self.assignment.clone(), offset) }
    }
}
