//! The record of a job.

use serde::{Deserialize, Serialize};

use super::counts::Counts;
use super::done::DoneSet;
use super::time::{Millis, Settings};
use crate::ids::{BatchId, JobId, ProjectCode, Tag};

/// A reference to a sealed blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobRef {
    /// Its path below the job's folder.
    #[serde(rename = "blob")]
    pub path: String,
    /// The tag of its seal, which tells it from every other blob.
    pub tag: Tag,
    /// The size of its content before sealing, in bytes.
    pub bytes: u64,
}

/// A chunk, as the state records it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkEntry {
    /// The number of its first row, counted from 0.
    pub first_row: u32,
    /// The line of its first row, counted from 1.
    pub first_line: u64,
    /// The number of its rows.
    pub rows: u32,
    /// The blob with its rows.
    #[serde(flatten)]
    pub blob: BlobRef,
}

/// A part: the outputs of one chunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartEntry {
    /// Its piece of success.csv.
    pub success: BlobRef,
    /// Its piece of errors.csv; none where no row failed.
    pub errors: Option<BlobRef>,
}

/// The outcome of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Every row is in one of the outputs.
    Completed,
    /// A chunk could not be encoded, through no fault of its rows. A job whose upload was whole can be retried until
    /// its retention ends.
    Failed,
    /// A client cancelled it.
    Cancelled,
    /// The file cannot be read to its end, or has no rows.
    Refused,
    /// The upload broke off.
    Aborted,
}

/// A job's end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The outcome.
    pub outcome: Outcome,
    /// The reason, for people; nothing of a row.
    pub reason: Option<String>,
    /// When it ended.
    pub at: Millis,
    /// The id of the event that announces this end, the same in every repetition.
    pub event_id: String,
    /// Whether the announcement was published.
    pub announced: bool,
}

/// Whether a job's rows and links can still be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "state")]
pub enum Files {
    /// Readable.
    Kept,
    /// The data key is gone; blobs are swept at set times.
    Purged {
        /// When the key was deleted.
        at: Millis,
        /// The number of sweeps that are done.
        swept: usize,
    },
}

/// A reference to the manifest, the list of a completed job's parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestEntry {
    /// The blob with the manifest.
    pub blob: BlobRef,
    /// The size of success.csv, in bytes.
    pub success_bytes: u64,
    /// The size of errors.csv, in bytes.
    pub errors_bytes: u64,
}

/// The template that a job's links are made with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateName {
    /// Its code.
    pub code: String,
    /// Its number in the project.
    pub number: u32,
}

/// A job to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// Its id.
    pub id: JobId,
    /// The project that it belongs to.
    pub project: ProjectCode,
    /// The id of its batch.
    pub batch_id: BatchId,
    /// The links' kind, for people.
    pub link: String,
    /// The template, where the links' format has one.
    pub template: Option<TemplateName>,
    /// The version of the key that seals, where it is one of the project's.
    pub key_version: Option<u32>,
    /// The encoder revision of its batch spec.
    pub encoder_revision: u32,
    /// How long its files are kept after its end.
    pub retention: Millis,
}

/// The record of a job. It holds no row and no link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// The project that it belongs to.
    pub project: ProjectCode,
    /// The id of its batch.
    pub batch_id: BatchId,
    /// The links' kind, for people.
    pub link: String,
    /// The template, where the links' format has one.
    pub template: Option<TemplateName>,
    /// The version of the key that seals, where it is one of the project's.
    pub key_version: Option<u32>,
    /// The encoder revision of its batch spec. A worker of another revision skips its chunks.
    pub encoder_revision: u32,
    /// When it was opened.
    pub created: Millis,
    /// How long its files are kept after its end.
    pub retention: Millis,
    /// When the upload counts as broken off; none once it is over.
    pub lease_until: Option<Millis>,
    /// The number of chunks that were cut and stored.
    pub ready: u32,
    /// The number of rows in them.
    pub rows: u64,
    /// The number of bytes in them.
    pub bytes: u64,
    /// The number of the file's chunks, known once the upload's end was verified.
    pub total: Option<u32>,
    /// The end, exclusive, of the chunks that were published at least once.
    pub released: u32,
    /// Chunks whose part is recorded.
    pub done: DoneSet,
    /// The start of the wait for the next result, which decides about a stall; 0 where released chunks are to be
    /// published again at once.
    pub moved_at: Millis,
    /// How often chunks were published again since the last result.
    pub stalls: u32,
    /// The counts of the rows in the recorded parts.
    pub counts: Counts,
    /// How often it ended: a retried job ends again.
    pub ends: u32,
    /// Its end, if it has ended.
    pub end: Option<End>,
    /// Its manifest, once it has completed and while its files are kept.
    pub manifest: Option<ManifestEntry>,
    /// Whether its rows and links can still be read.
    pub files: Files,
}

impl Job {
    /// A job whose upload begins now.
    pub fn open(new: NewJob, now: Millis, settings: &Settings) -> Self {
        Self {
            id: new.id,
            project: new.project,
            batch_id: new.batch_id,
            link: new.link,
            template: new.template,
            key_version: new.key_version,
            encoder_revision: new.encoder_revision,
            created: now,
            retention: new.retention,
            lease_until: Some(now + settings.upload_lease),
            ready: 0,
            rows: 0,
            bytes: 0,
            total: None,
            released: 0,
            done: DoneSet::default(),
            moved_at: now,
            stalls: 0,
            counts: Counts::default(),
            ends: 0,
            end: None,
            manifest: None,
            files: Files::Kept,
        }
    }

    /// The job's state, in one word.
    pub fn state(&self) -> &'static str {
        match &self.end {
            None if self.lease_until.is_some() => "uploading",
            None => "encoding",
            Some(end) => match end.outcome {
                Outcome::Completed => "completed",
                Outcome::Failed => "failed",
                Outcome::Cancelled => "cancelled",
                Outcome::Refused => "refused",
                Outcome::Aborted => "aborted",
            },
        }
    }
}
