//! State and broker in memory, with every operation a place to be interrupted: before it takes effect, and
//! between its effect and its answer.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use smartpass_messages::Topic;
use smartpass_platform::broker::{Broker, Inbox, Partitioning, Subscription};
use smartpass_platform::state::{Changes, Commit, Counted, Document, Due, Field, Precondition, State};
use smartpass_platform::{Error, Result};

use crate::rng::Rng;

/// What goes wrong, and when. Clones are the same.
#[derive(Clone)]
pub(crate) struct Chaos(Arc<Mutex<Dice>>);

struct Dice {
    rng: Rng,
    /// Of a hundred operations, so many fail.
    failing: usize,
}

enum Fate {
    Goes,
    FailsBefore,
    FailsAfter,
}

impl Chaos {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Dice { rng: Rng::new(seed), failing: 3 })))
    }

    pub(crate) fn stop(&self) {
        self.lock().failing = 0;
    }

    pub(crate) fn below(&self, end: usize) -> usize {
        self.lock().rng.below(end)
    }

    pub(crate) fn chance(&self, percent: usize) -> bool {
        self.lock().rng.chance(percent)
    }

    /// An operation of the world outside: `effect` is what it does, all at once.
    pub(crate) async fn around<T>(&self, effect: impl FnOnce() -> Result<T>) -> Result<T> {
        Yield(false).await;
        let outage = || Error::unavailable("the simulation", "an outage");
        let fate = self.fate();
        if matches!(fate, Fate::FailsBefore) {
            return Err(outage());
        }
        let answer = effect();
        Yield(false).await;
        if matches!(fate, Fate::FailsAfter) { Err(outage()) } else { answer }
    }

    fn fate(&self) -> Fate {
        let mut dice = self.lock();
        let failing = dice.failing;
        match (dice.rng.chance(failing), dice.rng.chance(50)) {
            (false, _) => Fate::Goes,
            (true, true) => Fate::FailsBefore,
            (true, false) => Fate::FailsAfter,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Dice> {
        self.0.lock().unwrap()
    }
}

/// Lets others go first, once.
struct Yield(bool);

impl Future for Yield {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0 {
            return Poll::Ready(());
        }
        self.0 = true;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

#[derive(Default)]
struct Store {
    documents: BTreeMap<String, (u64, BTreeMap<String, Vec<u8>>)>,
    due: BTreeMap<String, u64>,
    indices: BTreeMap<(String, String), u64>,
    /// Chunks and parts that were ever recorded, as document and field.
    recorded: BTreeSet<(String, String)>,
}

/// A state in memory. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct MemoryState {
    store: Arc<Mutex<Store>>,
    /// None: operations neither wait nor fail, for looking from outside.
    chaos: Option<Chaos>,
}

impl MemoryState {
    pub(crate) fn with(&self, chaos: &Chaos) -> Self {
        Self { store: self.store.clone(), chaos: Some(chaos.clone()) }
    }

    /// When the next document is due.
    pub(crate) fn next_due(&self) -> Option<u64> {
        self.lock().due.values().min().copied()
    }

    /// Whether anything is left: documents, due times, places in indices.
    pub(crate) fn is_empty(&self) -> bool {
        let store = self.lock();
        store.documents.is_empty() && store.due.is_empty() && store.indices.is_empty()
    }

    pub(crate) fn was_recorded(&self, document: &str, field: &str) -> bool {
        self.lock().recorded.contains(&(document.to_owned(), field.to_owned()))
    }

    /// The names of a document's fields.
    pub(crate) fn fields(&self, document: &str) -> Vec<String> {
        self.lock()
            .documents
            .get(document)
            .map(|(_, fields)| fields.keys().cloned().collect())
            .unwrap_or_default()
    }

    async fn around<T>(&self, effect: impl FnOnce(&mut Store) -> T) -> Result<T> {
        match &self.chaos {
            Some(chaos) => chaos.around(|| Ok(effect(&mut self.lock()))).await,
            None => Ok(effect(&mut self.lock())),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap()
    }
}

impl Store {
    fn load(&self, key: &str, wants: impl Fn(&str) -> bool) -> Option<Document> {
        let (version, fields) = self.documents.get(key)?;
        let fields: Vec<Field> = fields
            .iter()
            .filter(|(name, _)| wants(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        Some(Document { version: *version, fields })
    }

    fn commit(&mut self, key: &str, seen: u64, changes: Changes) -> Commit {
        let version = self.documents.get(key).map_or(0, |(version, _)| *version);
        if version != seen {
            return Commit::Conflict;
        }
        let mut fields = self.documents.remove(key).map(|(_, fields)| fields).unwrap_or_default();
        if changes.clear {
            fields.clear();
        }
        for name in &changes.remove {
            fields.remove(name);
        }
        for (name, value) in changes.set {
            if name.starts_with("chunk/") || name.starts_with("part/") {
                let is_new = self.recorded.insert((key.to_owned(), name.clone()));
                assert!(is_new, "{name} of {key} is recorded twice");
            }
            fields.insert(name, value);
        }
        if !fields.is_empty() {
            self.documents.insert(key.to_owned(), (version + 1, fields));
        }
        match changes.due {
            Due::Unchanged => {}
            Due::At(time) => drop(self.due.insert(key.to_owned(), time)),
            Due::Never => drop(self.due.remove(key)),
        }
        for (index, number) in changes.index {
            match number {
                Some(number) => self.indices.insert((index, key.to_owned()), number),
                None => self.indices.remove(&(index, key.to_owned())),
            };
        }
        Commit::Done(version + 1)
    }

    fn count(&mut self, key: &str, gate: Precondition<'_>, counter: &str, read: &[&str]) -> Option<Counted> {
        let (_, fields) = self.documents.get_mut(key)?;
        let is_open = gate.present.iter().all(|name| fields.contains_key(*name))
            && !gate.absent.iter().any(|name| fields.contains_key(*name));
        if !is_open {
            return None;
        }
        let number = |text: &Vec<u8>| std::str::from_utf8(text).unwrap().parse::<u64>().unwrap();
        let count = fields.get(counter).map_or(0, number) + 1;
        fields.insert(counter.to_owned(), count.to_string().into_bytes());
        Some(Counted { count, values: read.iter().map(|name| fields.get(*name).cloned()).collect() })
    }

    fn claim_due(&mut self, now: u64, lease: u64, most: usize) -> Vec<String> {
        let mut due: Vec<(u64, String)> = self
            .due
            .iter()
            .filter(|(_, time)| **time <= now)
            .map(|(key, time)| (*time, key.clone()))
            .collect();
        due.sort();
        due.truncate(most);
        for (_, key) in &due {
            self.due.insert(key.clone(), now + lease);
        }
        due.into_iter().map(|(_, key)| key).collect()
    }
}

#[async_trait]
impl State for MemoryState {
    async fn load(&self, key: &str, fields: &[&str]) -> Result<Option<Document>> {
        self.around(|store| store.load(key, |name| fields.contains(&name))).await
    }

    async fn load_all(&self, key: &str) -> Result<Option<Document>> {
        self.around(|store| store.load(key, |_| true)).await
    }

    async fn commit(&self, key: &str, seen: u64, changes: Changes) -> Result<Commit> {
        self.around(|store| store.commit(key, seen, changes)).await
    }

    async fn count(
        &self,
        key: &str,
        gate: Precondition<'_>,
        counter: &str,
        read: &[&str],
    ) -> Result<Option<Counted>> {
        self.around(|store| store.count(key, gate, counter, read)).await
    }

    async fn claim_due(&self, now: u64, lease: u64, most: usize) -> Result<Vec<String>> {
        self.around(|store| store.claim_due(now, lease, most)).await
    }

    async fn list(&self, index: &str, before: Option<u64>, most: usize) -> Result<Vec<(String, u64)>> {
        self.around(|store| {
            let entries = store.indices.iter().filter(|((name, _), _)| name == index);
            let mut found: Vec<_> = entries.map(|((_, key), number)| (key.clone(), *number)).collect();
            found.retain(|(_, number)| *number < before.unwrap_or(u64::MAX));
            found.sort_by_key(|(_, number)| std::cmp::Reverse(*number));
            found.truncate(most);
            found
        })
        .await
    }

    async fn index_len(&self, index: &str) -> Result<u64> {
        self.around(|store| store.indices.keys().filter(|(name, _)| name == index).count() as u64).await
    }

    async fn all_due(&self) -> Result<Vec<String>> {
        self.around(|store| store.due.keys().cloned().collect()).await
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }
}

type Messages = Arc<Mutex<Vec<(Topic, Vec<u8>)>>>;

/// A broker that puts every message into a bag.
#[derive(Clone)]
pub(crate) struct Bag {
    pub(crate) messages: Messages,
    chaos: Chaos,
}

impl Bag {
    pub(crate) fn new(chaos: &Chaos) -> Self {
        Self { messages: Arc::default(), chaos: chaos.clone() }
    }
}

#[async_trait]
impl Broker for Bag {
    async fn publish(&self, topic: Topic, _: Partitioning, payload: Vec<u8>) -> Result<()> {
        let put = || {
            self.messages.lock().unwrap().push((topic, payload));
            Ok(())
        };
        self.chaos.around(put).await
    }

    fn subscribe(&self, _: Subscription) -> Result<Inbox> {
        Err(Error::Setting("the simulation delivers by itself".to_owned()))
    }

    fn is_volatile(&self) -> bool {
        false
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }

    async fn flush(&self, _: Duration) {}
}
