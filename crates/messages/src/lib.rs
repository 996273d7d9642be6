//! The messages on the topics, and the topics.
//!
//! Messages carry references and counts, never a row, a link, a key or a token. On the wire each is an Avro datum in
//! single-object encoding (Avro 1.12 specification, "Single-object encoding"): a marker of two bytes, the schema's
//! fingerprint of eight, then the datum. A reader finds the writer's schema by its fingerprint, among those in
//! `schemas/messages`, and resolves it into the newest one. A service therefore reads the messages of older versions,
//! without a schema registry. No other crate depends on the encoding.
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

/// A chunk is ready to be encoded.
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
    /// The number of its rows.
    pub rows: u32,
    /// The sealed blob with its rows.
    pub blob: BlobRef,
}

/// A chunk was encoded.
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
    /// The counts of its rows.
    pub counts: Counts,
}

impl ChunkEncoded {
    /// The part that the state records.
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

/// A message on the topic `smartpass.results`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChunkResult {
    /// The chunk was encoded.
    Encoded(ChunkEncoded),
    /// The chunk was given up.
    Failed(ChunkFailed),
}

impl ChunkResult {
    /// Decodes either message.
    ///
    /// # Errors
    /// As [`Message::decode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        if framing::is_of::<ChunkFailed>(bytes) {
            return ChunkFailed::decode(bytes).map(Self::Failed);
        }
        ChunkEncoded::decode(bytes).map(Self::Encoded)
    }

    /// The job of the chunk.
    pub fn job(&self) -> JobId {
        match self {
            Self::Encoded(encoded) => encoded.job,
            Self::Failed(failed) => failed.job,
        }
    }
}

/// An upload began. The message is for observers: no service relies on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobAccepted {
    /// The job.
    pub job: JobId,
    /// The project that it belongs to.
    pub project: ProjectCode,
    /// When the job was opened.
    pub at: Millis,
}

/// A job ended. The message is repeated, with the same event id, until it is known to be published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobEnded {
    /// The id of the event, the same in every repetition.
    pub event_id: String,
    /// The job.
    pub job: JobId,
    /// The project that it belongs to.
    pub project: ProjectCode,
    /// The outcome.
    pub outcome: Outcome,
    /// The reason, for people; nothing of a row.
    pub reason: Option<String>,
    /// When it ended.
    pub at: Millis,
    /// The number of rows that were read.
    pub rows: u64,
    /// The number of rows that became links.
    pub links: u64,
    /// The number of rows that could not become links.
    pub errors: u64,
}

/// A link was redeemed for the first time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassIssued {
    /// The project that the link belongs to.
    pub project: ProjectCode,
    /// The id of the link's batch.
    pub batch_id: BatchId,
    /// The link's row number, counted from 0.
    pub row_number: u32,
    /// The number of the pass's template.
    pub template_number: u32,
    /// When it was redeemed.
    pub at: Millis,
}

/// A message that cannot be decoded, or a chunk that was given up.
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
