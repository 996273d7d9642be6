//! A state in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use smartpass_platform::Result;
use smartpass_platform::state::{
    Changes, Commit, Counted, Document, Due, Field, Precondition, State, kind_of,
};

use crate::chaos::Chaos;

#[derive(Default)]
struct Store {
    documents: BTreeMap<String, (u64, BTreeMap<String, Vec<u8>>)>,
    due: BTreeMap<String, u64>,
    indices: BTreeMap<(String, String), u64>,
    /// Prefixes of the fields that may be written only once.
    write_once: Vec<&'static str>,
    /// The fields with such a prefix that were ever written, as document and field.
    written: BTreeSet<(String, String)>,
}

/// A state in memory. Clones are the same.
#[derive(Clone, Default)]
pub struct MemoryState {
    store: Arc<Mutex<Store>>,
    /// Faults of the operations; none where a test looks at the state.
    chaos: Option<Chaos>,
}

impl MemoryState {
    /// The same state, with faults.
    pub fn with(&self, chaos: &Chaos) -> Self {
        Self { store: self.store.clone(), chaos: Some(chaos.clone()) }
    }

    /// When the next document is due.
    pub fn next_due(&self) -> Option<u64> {
        self.lock().due.values().min().copied()
    }

    /// Whether anything is left: documents, due times, places in indices.
    pub fn is_empty(&self) -> bool {
        let store = self.lock();
        store.documents.is_empty() && store.due.is_empty() && store.indices.is_empty()
    }

    /// A state that panics where a field with one of these prefixes is written twice.
    pub fn with_write_once(prefixes: &[&'static str]) -> Self {
        let state = Self::default();
        state.lock().write_once = prefixes.to_vec();
        state
    }

    /// Whether a field that may be written only once was ever written.
    pub fn was_written(&self, document: &str, field: &str) -> bool {
        self.lock().written.contains(&(document.to_owned(), field.to_owned()))
    }

    /// The names of a document's fields.
    pub fn fields(&self, document: &str) -> Vec<String> {
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
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
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
            if self.write_once.iter().any(|prefix| name.starts_with(prefix)) {
                let is_new = self.written.insert((key.to_owned(), name.clone()));
                assert!(is_new, "{name} of {key} is written twice");
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

    fn count(
        &mut self,
        key: &str,
        precondition: Precondition<'_>,
        counter: &str,
        read: &[&str],
    ) -> Option<Counted> {
        let (_, fields) = self.documents.get_mut(key)?;
        let holds = precondition.present.iter().all(|name| fields.contains_key(*name))
            && !precondition.absent.iter().any(|name| fields.contains_key(*name));
        if !holds {
            return None;
        }
        let number = |text: &Vec<u8>| {
            std::str::from_utf8(text).ok().and_then(|text| text.parse::<u64>().ok()).unwrap_or(0)
        };
        let count = fields.get(counter).map_or(0, number) + 1;
        fields.insert(counter.to_owned(), count.to_string().into_bytes());
        Some(Counted { count, values: read.iter().map(|name| fields.get(*name).cloned()).collect() })
    }

    fn claim_due(&mut self, kind: &str, now: u64, lease: u64, limit: usize) -> Vec<String> {
        let mut due: Vec<(u64, String)> = self
            .due
            .iter()
            .filter(|(key, time)| kind_of(key) == kind && **time <= now)
            .map(|(key, time)| (*time, key.clone()))
            .collect();
        due.sort();
        due.truncate(limit);
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
        precondition: Precondition<'_>,
        counter: &str,
        read: &[&str],
    ) -> Result<Option<Counted>> {
        self.around(|store| store.count(key, precondition, counter, read)).await
    }

    async fn claim_due(&self, kind: &str, now: u64, lease: u64, limit: usize) -> Result<Vec<String>> {
        self.around(|store| store.claim_due(kind, now, lease, limit)).await
    }

    async fn list(&self, index: &str, before: Option<u64>, limit: usize) -> Result<Vec<(String, u64)>> {
        self.around(|store| {
            let entries = store.indices.iter().filter(|((name, _), _)| name == index);
            let mut found: Vec<_> = entries.map(|((_, key), number)| (key.clone(), *number)).collect();
            found.retain(|(_, number)| *number < before.unwrap_or(u64::MAX));
            found.sort_by_key(|(_, number)| std::cmp::Reverse(*number));
            found.truncate(limit);
            found
        })
        .await
    }

    async fn index_len(&self, index: &str) -> Result<u64> {
        self.around(|store| store.indices.keys().filter(|(name, _)| name == index).count() as u64).await
    }

    async fn all_due(&self, kind: &str) -> Result<Vec<String>> {
        let of_kind = |key: &&String| kind_of(key) == kind;
        self.around(|store| store.due.keys().filter(of_kind).cloned().collect()).await
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }
}
