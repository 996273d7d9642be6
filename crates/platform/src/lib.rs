//! Adapters to the world outside: broker, blobs, state, clock, retries, shutdown, telemetry.
//!
//! Broker, blobs and state have an implementation for production and one for a single process, which pass the same
//! conformance suite (`tests/`). *Nothing here knows what a job, a project or a link is*: the crate depends on no
//! other crate of the workspace. `smartpass_records` says what is stored, and under which keys.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! use smartpass_platform::state::{Changes, Commit, EmbeddedState, State};
//! let folder = tempfile::tempdir().unwrap();
//! let state = EmbeddedState::open(&folder.path().join("state")).unwrap();
//! let changes = Changes { set: vec![("colour".to_owned(), b"red".to_vec())], ..Changes::default() };
//! assert_eq!(state.commit("car/1", 0, changes).await.unwrap(), Commit::Done(1));
//! assert_eq!(state.load("car/1", &["colour"]).await.unwrap().unwrap().get("colour"), Some(&b"red"[..]));
//! # });
//! ```

pub mod blobs;
pub mod broker;
pub mod clock;
pub mod error;
pub mod failpoints;
pub mod random;
pub mod retry;
pub mod shutdown;
pub mod state;
pub mod telemetry;

pub use error::{Error, Result};
