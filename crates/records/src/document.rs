//! Typed documents with optimistic concurrency: load, decide, commit, and retry on conflict.
//!
//! A document of the state holds a *record* (one value, as JSON in the field `record`) and whatever fields stand
//! beside it. A change is decided from the record that was read, and the commit takes effect only if no other commit
//! came in between. [`Documents::update`] is that loop.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! use std::sync::Arc;
//! use smartpass_platform::state::{Changes, EmbeddedState};
//! use smartpass_records::document::{Documents, Update};
//! let folder = tempfile::tempdir().unwrap();
//! let state = Arc::new(EmbeddedState::open(&folder.path().join("state")).unwrap());
//! let counters: Documents<u32> = Documents::new(state, "counter");
//! assert!(counters.create("visits", &1, Changes::default()).await.unwrap());
//!
//! let seen = counters.load("visits").await.unwrap().unwrap();
//! let add_one = async |visits: &u32| Ok::<_, smartpass_platform::Error>(Some(Update::to(visits + 1)));
//! let updated = counters.update(seen, add_one).await.unwrap();
//! assert_eq!((updated.after.map(|after| after.record), updated.before), (Some(2), Some(1)));
//! # });
//! ```

use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use smartpass_platform::state::{Changes, Commit, State};
use smartpass_platform::telemetry::platform_metrics;
use smartpass_platform::{Error, Result};

const RECORD: &str = "record";

/// The documents of one kind, each with a record of type `T`.
pub struct Documents<T> {
    state: Arc<dyn State>,
    kind: &'static str,
    record: PhantomData<fn() -> T>,
}

impl<T> Clone for Documents<T> {
    fn clone(&self) -> Self {
        Self { state: self.state.clone(), kind: self.kind, record: PhantomData }
    }
}

/// A record with the version at which it was read.
#[derive(Clone, Debug)]
pub struct Versioned<T> {
    /// The record.
    pub record: T,
    name: String,
    version: u64,
}

impl<T> Versioned<T> {
    /// Whether no commit came in between.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.version == other.version
    }
}

/// A decided change of a document.
#[derive(Clone, Debug)]
pub struct Update<T> {
    /// The new record; none to delete the document.
    pub record: Option<T>,
    /// The changes of other fields, due time and indices.
    pub changes: Changes,
}

impl<T> Update<T> {
    /// A new record, and no other change.
    pub fn to(record: T) -> Self {
        Self { record: Some(record), changes: Changes::default() }
    }
}

/// The result of a commit.
#[derive(Clone, Debug)]
pub enum Committed<T> {
    /// The document after the commit; none where it was deleted.
    Done(Option<Versioned<T>>),
    /// Another commit came since the document was read: nothing was changed.
    Conflict,
}

/// The result of an update.
#[derive(Clone, Debug)]
pub struct Updated<T> {
    /// The document after the update; none where it does not exist any more.
    pub after: Option<Versioned<T>>,
    /// The record before; none where nothing was committed.
    pub before: Option<T>,
}

impl<T: Clone + Serialize + DeserializeOwned> Documents<T> {
    /// The documents whose keys begin with `kind` and a slash.
    pub fn new(state: Arc<dyn State>, kind: &'static str) -> Self {
        Self { state, kind, record: PhantomData }
    }

    /// The state that holds the documents.
    pub fn state(&self) -> &dyn State {
        &*self.state
    }

    /// The kind, which also names the due list.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// The whole key of a document.
    pub fn key(&self, name: &str) -> String {
        format!("{}/{name}", self.kind)
    }

    /// The name in a key of this kind.
    pub fn name_of<'a>(&self, key: &'a str) -> Option<&'a str> {
        key.strip_prefix(self.kind)?.strip_prefix('/')
    }

    /// Creates a document; `false` where it exists already.
    ///
    /// # Errors
    /// The state is unavailable.
    pub async fn create(&self, name: &str, record: &T, mut changes: Changes) -> Result<bool> {
        changes.set.push((RECORD.to_owned(), to_json(record)));
        Ok(self.state.commit(&self.key(name), 0, changes).await? != Commit::Conflict)
    }

    /// Loads the record; `None` where there is no such document.
    ///
    /// # Errors
    /// The state is unavailable, or the field `record` is missing or damaged.
    pub async fn load(&self, name: &str) -> Result<Option<Versioned<T>>> {
        let key = self.key(name);
        let Some(found) = self.state.load(&key, &[RECORD]).await? else { return Ok(None) };
        let record = from_json(found.get(RECORD), || format!("the record of {key}"))?;
        Ok(Some(Versioned { record, name: name.to_owned(), version: found.version }))
    }

    /// Commits an update if no other commit came since the document was read.
    ///
    /// # Errors
    /// The state is unavailable: the update may be committed or not.
    pub async fn commit(&self, seen: &Versioned<T>, update: Update<T>) -> Result<Committed<T>> {
        let Update { record, mut changes } = update;
        match &record {
            Some(record) => changes.set.push((RECORD.to_owned(), to_json(record))),
            None => changes.clear = true,
        }
        match self.state.commit(&self.key(&seen.name), seen.version, changes).await? {
            Commit::Done(version) => {
                let after = record.map(|record| Versioned { record, name: seen.name.clone(), version });
                Ok(Committed::Done(after))
            }
            Commit::Conflict => {
                platform_metrics().retry("commit-conflict");
                Ok(Committed::Conflict)
            }
        }
    }

    /// Decides and commits, again after each conflict. `decide` answers none to change nothing.
    ///
    /// # Errors
    /// An error of `decide`; the state is unavailable, and the update may be committed or not.
    pub async fn update<E: From<Error>>(
        &self,
        mut seen: Versioned<T>,
        decide: impl AsyncFn(&T) -> std::result::Result<Option<Update<T>>, E>,
    ) -> std::result::Result<Updated<T>, E> {
        loop {
            let Some(update) = decide(&seen.record).await? else {
                return Ok(Updated { after: Some(seen), before: None });
            };
            if let Committed::Done(after) = self.commit(&seen, update).await? {
                return Ok(Updated { after, before: Some(seen.record) });
            }
            match self.load(&seen.name).await? {
                Some(again) => seen = again,
                None => return Ok(Updated { after: None, before: None }),
            }
        }
    }
}

/// A value as JSON.
pub(crate) fn to_json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("our own types have no map without text keys")
}

/// A value from JSON; `what` names it in errors.
pub(crate) fn from_json<T: DeserializeOwned>(text: Option<&[u8]>, what: impl Fn() -> String) -> Result<T> {
    let text = text.ok_or_else(|| Error::Missing(what()))?;
    serde_json::from_slice(text).map_err(|_| Error::Damaged(what()))
}
