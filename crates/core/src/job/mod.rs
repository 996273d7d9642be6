//! A job: one CSV on its way from upload to ordered output, as a state machine without I/O, clock or threads.
//!
//! A job is one versioned record, a [`Job`]. Services turn what happens into [`Event`]s: the producer cut a chunk, the
//! tracker got a result, time passed. [`decide`] answers the new record and the [`Entry`]s that change with it. The
//! caller commits both in one transaction, if the record still has the version that was read. The work that is left
//! (publish, write the manifest, delete) is stored nowhere else: [`next_action`] derives it from the record, and an
//! event records that it was done. An action may therefore run twice, and a crash between any two steps loses nothing:
//! at the record's [`due`] time a tracker gives it an [`Event::Tick`] and derives the action again.
//!
//! ```
//! use smartpass_core::job::{Action, ChunkEntry, Event, Job, NewJob, Settings, BlobRef, decide, next_action};
//! let settings = Settings::default();
//! let job = Job::open(NewJob { id: "00112233445566778899aabbccddeeff".parse().unwrap(),
//!     project: "wrsynr".parse().unwrap(), batch_id: "0011223344556677".parse().unwrap(), link: "encrypted".into(),
//!     template: None, key_version: Some(1), encoder_revision: 1, retention: 3_600_000 }, 0, &settings);
//!
//! let blob = BlobRef { path: "in/0.1".into(), tag: [7; 16].into(), bytes: 12 };
//! let cut = Event::ChunkCut { index: 0, chunk: ChunkEntry { first_row: 0, first_line: 2, rows: 3, blob } };
//! let job = decide(&job, &cut, 1, &settings).unwrap().unwrap().job;
//! assert_eq!(next_action(&job, 1, 8, &settings), Some(Action::Publish { chunks: vec![0], released: Some(1) }));
//! ```

mod counts;
mod decide;
mod done;
mod pending;
mod record;
mod time;

pub use counts::{Counts, ReasonCount};
pub use decide::{Decision, Entry, Event, Refusal, decide};
pub use done::DoneSet;
pub use pending::{Action, due, next_action};
pub use record::{
    BlobRef, ChunkEntry, End, Files, Job, ManifestEntry, NewJob, Outcome, PartEntry, TemplateName,
};
pub use time::{Millis, Settings, time_text};
