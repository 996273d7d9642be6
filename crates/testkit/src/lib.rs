//! Fakes for tests: a state, a broker and blobs in memory, each with faults, and a clock that a test sets.
//!
//! They keep the promises of `smartpass_platform`'s traits, and let a test decide when something outside fails,
//! stands still or lies. *Nothing but tests uses this crate.*
//!
//! ```
//! use smartpass_platform::state::{Changes, Commit, State};
//! use smartpass_testkit::{MemoryState, TestClock};
//! # futures_util::FutureExt::now_or_never(async {
//! let state = MemoryState::default();
//! let changes = Changes { set: vec![("a".to_owned(), vec![1])], ..Changes::default() };
//! assert_eq!(state.commit("car/1", 0, changes).await.unwrap(), Commit::Done(1));
//! # }).unwrap();
//! let clock = TestClock::at(1_000);
//! clock.pass(500);
//! assert_eq!(clock.clock().now(), 1_500);
//! ```

mod blobs;
mod broker;
mod chaos;
mod clock;
mod state;

pub use blobs::MemoryBlobs;
pub use broker::{Messages, RecordingBroker};
pub use chaos::Chaos;
pub use clock::TestClock;
pub use state::MemoryState;
