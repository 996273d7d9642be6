//! State: versioned documents, in Redis or in an embedded store.
//!
//! A *document* is a set of named fields with a version. Its key begins with its *kind* and a slash: `job/4f…`.
//! [`State::commit`] changes a document if it still has the version that the caller saw, together with its place in
//! the *due list* of its kind (when somebody has to look at it next) and in any *indices* (sorted by a number).
//! Everything else that the services do atomically is built on that, so that another store has nine operations to
//! offer and one conformance suite to pass.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! use smartpass_platform::state::{Changes, Commit, Due, EmbeddedState, State};
//! let folder = tempfile::tempdir().unwrap();
//! let state = EmbeddedState::open(&folder.path().join("state")).unwrap();
//! let set = vec![("colour".to_owned(), b"red".to_vec())];
//! let changes = Changes { set, due: Due::At(100), ..Changes::default() };
//! assert_eq!(state.commit("car/1", 0, changes.clone()).await.unwrap(), Commit::Done(1));
//! assert_eq!(state.commit("car/1", 0, changes).await.unwrap(), Commit::Conflict);
//!
//! // One of several callers gets the car, for 50 milliseconds.
//! assert_eq!(state.claim_due("car", 100, 50, 10).await.unwrap(), ["car/1"]);
//! assert!(state.claim_due("car", 100, 50, 10).await.unwrap().is_empty());
//! # });
//! ```

mod embedded;
mod redis;

use async_trait::async_trait;

pub use self::embedded::EmbeddedState;
pub use self::redis::RedisState;

use crate::error::Result;

/// A field's name and value.
pub type Field = (String, Vec<u8>);

/// A document, as far as it was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    /// The version, which rises with every commit; 0 for a document that does not exist.
    pub version: u64,
    /// The fields that were asked for and exist, in no particular order.
    pub fields: Vec<Field>,
}

impl Document {
    /// The value of a field, if it was asked for and exists.
    pub fn get(&self, field: &str) -> Option<&[u8]> {
        self.fields.iter().find(|(name, _)| name == field).map(|(_, value)| value.as_slice())
    }
}

/// The kind of a document: what stands before the first slash of its key.
///
/// ```
/// assert_eq!(smartpass_platform::state::kind_of("job/4f/1"), "job");
/// ```
pub fn kind_of(key: &str) -> &str {
    key.split_once('/').map_or(key, |(kind, _)| kind)
}

/// When a document is due: when a service has to look at it next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Due {
    /// The due time stays as it is.
    #[default]
    Unchanged,
    /// Due at this time, in milliseconds since 1970.
    At(u64),
    /// Never due.
    Never,
}

/// Changes to a document that are made together or not at all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Delete every field first.
    pub clear: bool,
    /// Fields to delete.
    pub remove: Vec<String>,
    /// Fields to write.
    pub set: Vec<Field>,
    /// Its due time.
    pub due: Due,
    /// Its place in indices: index and number, or none to leave the index.
    pub index: Vec<(String, Option<u64>)>,
}

/// The result of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Commit {
    /// Done; the document has this version now.
    Done(u64),
    /// The document has another version than the one seen; nothing was changed.
    Conflict,
}

/// Conditions of a document under which [`State::count`] counts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Precondition<'a> {
    /// Fields that exist.
    pub present: &'a [&'a str],
    /// Fields that do not exist.
    pub absent: &'a [&'a str],
}

/// A counter after [`State::count`], and the fields asked for with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The counter.
    pub count: u64,
    /// The values of the fields asked for, in that order.
    pub values: Vec<Option<Vec<u8>>>,
}

/// A store of documents. Every operation is atomic and durable when it answers.
///
/// # Errors
/// All of them: [`Error::Unavailable`](crate::Error) when the store does not answer. Whether it did what it was
/// asked is then unknown.
#[async_trait]
pub trait State: Send + Sync {
    /// The document with the named fields; `None` where it does not exist.
    async fn load(&self, key: &str, fields: &[&str]) -> Result<Option<Document>>;

    /// The document with all fields; `None` where it does not exist.
    async fn load_all(&self, key: &str) -> Result<Option<Document>>;

    /// Changes the document if it has the version `seen` (0: if it does not exist). A document whose last field is
    /// removed does not exist any more.
    async fn commit(&self, key: &str, seen: u64, changes: Changes) -> Result<Commit>;

    /// Adds one to a counter of the document without changing its version, if the precondition holds; `None`
    /// where it does not. A counter is a field with a decimal number.
    async fn count(
        &self,
        key: &str,
        precondition: Precondition<'_>,
        counter: &str,
        read: &[&str],
    ) -> Result<Option<Counted>>;

    /// Claims documents of a kind that are due at `now`, the longest due first. A claim is a lease: the documents are
    /// due again `lease` milliseconds later unless a commit says otherwise, so that each of several callers gets
    /// others.
    async fn claim_due(&self, kind: &str, now: u64, lease: u64, limit: usize) -> Result<Vec<String>>;

    /// Documents in an index with their numbers, the highest number first, below `before`.
    async fn list(&self, index: &str, before: Option<u64>, limit: usize) -> Result<Vec<(String, u64)>>;

    /// How many documents an index has.
    async fn index_len(&self, index: &str) -> Result<u64>;

    /// Every document of a kind that has a due time, now or later.
    async fn all_due(&self, kind: &str) -> Result<Vec<String>>;

    /// Whether the store answers, and is set to keep what it acknowledges.
    async fn check(&self) -> Result<()>;
}
