//! The messages on the topics: what the services tell each other.
//!
//! Messages carry pointers and counts, never a row, a link, a key or a token. On the wire each is an Avro datum in
//! single-object encoding (Avro 1.12 specification, "Single-object encoding"): two bytes of marker, eight of the
//! schema's fingerprint, then the datum. A reader finds the writer's schema among those in `schemas/messages` by the
//! fingerprint and resolves it into its own, so that services of two versions understand each other and no schema
//! registry has to run. Nothing outside this crate knows that it is Avro.
//!
//! ```
//! use smartpass_messages::{ChunkFailed, ChunkResult, Message};
//! let failed = ChunkFailed { job: "00112233445566778899aabbccddeeff".parse().unwrap(), index: 7,
//!     code: "blob-missing".to_owned(), reason: "its input is gone".to_owned() };
//! let bytes = failed.encode();
//! assert_eq!(bytes[..2], [0xc3, 0x01]);
//! assert_eq!(ChunkResult::decode(&bytes).unwrap(), ChunkResult::Failed(failed));
//! ```

mod framing;
mod schemas;
mod topics;

use serde::{Deserialize, Serialize};
use smartpass_core::ids::{BatchId, JobId, ProjectCode};
use smartpass_core::job::{BlobRef, Counts, Millis, Outcome, PartEntry};

pub use framing::{DecodeError, Message};
pub use topics::{TOPICS, Topic, TopicSpec};

/// A chunk waits to be encoded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkReady {
    /// Its job.
    pub job: JobId,
    /// Its index.
    pub index: u32,
    /// The number of its first row, counted from 0.
    pub first_row: u32,
    /// The line of its first row, counted from 1.
    pub first_line: u64,
    /// Its rows.
    pub rows: u32,
    /// Its rows, sealed.
    pub blob: BlobRef,
}

/// A chunk became a part of the outputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkEncoded {
    /// Its job.
    pub job: JobId,
    /// Its index.
    pub index: u32,
    /// Its piece of success.csv.
    pub success: BlobRef,
    /// Its piece of errors.csv; none where no row failed.
    pub errors: Option<BlobRef>,
    /// What became of its rows.
    pub counts: Counts,
}

impl ChunkEncoded {
    /// What the state records of it.
    pub fn part(&self) -> PartEntry {
        PartEntry { success: self.success.clone(), errors: self.errors.clone() }
    }
}

/// A chunk was given up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkFailed {
    /// Its job.
    pub job: JobId,
    /// Its index.
    pub index: u32,
    /// The reason's code.
    pub code: String,
    /// The reason, for people; nothing of a row.
    pub reason: String,
}

/// What a worker tells of a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChunkResult {
    /// It is encoded.
    Encoded(ChunkEncoded),
    /// It was given up.
    Failed(ChunkFailed),
}

impl ChunkResult {
    /// Reads either.
    ///
    /// # Errors
    /// As [`Message::decode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if framing::is_of::<ChunkFailed>(bytes) {
            return ChunkFailed::decode(bytes).map(Self::Failed);
        }
        ChunkEncoded::decode(bytes).map(Self::Encoded)
    }

    /// The job that it is about.
    pub fn job(&self) -> JobId {
        match self {
            Self::Encoded(encoded) => encoded.job,
            Self::Failed(failed) => failed.job,
        }
    }
}

/// An upload began. For observers: nobody relies on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobAccepted {
    /// The job.
    pub job: JobId,
    /// Whose it is.
    pub project: ProjectCode,
    /// When.
    pub at: Millis,
}

/// A job ended. Repeated, with the same event id, until it is known to be published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobEnded {
    /// The same in every repetition.
    pub event_id: String,
    /// The job.
    pub job: JobId,
    /// Whose it is.
    pub project: ProjectCode,
    /// How it ended.
    pub outcome: Outcome,
    /// Why, for people; nothing of a row.
    pub reason: Option<String>,
    /// When.
    pub at: Millis,
    /// Rows that were cut.
    pub rows: u64,
    /// Rows that became links.
    pub links: u64,
    /// Rows that did not.
    pub errors: u64,
}

/// A link was redeemed for the first time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassIssued {
    /// Whose it is.
    pub project: ProjectCode,
    /// The link's batch.
    pub batch_id: BatchId,
    /// The link's row number, counted from 0.
    pub row_number: u32,
    /// The template of the pass.
    pub template_number: u32,
    /// When.
    pub at: Millis,
}

/// A message or a chunk that nobody can go on with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// The topic that it came from.
    pub topic: String,
    /// The reason's code.
    pub code: String,
    /// The reason, for people; nothing of a row.
    pub reason: String,
    /// The job, where it is known.
    pub job: Option<JobId>,
    /// The chunk's index, where it is known.
    pub index: Option<u32>,
}
