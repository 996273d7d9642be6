//! The record of a job.

use serde::{Deserialize, Serialize};

use super::counts::Counts;
use super::done::DoneSet;
use super::time::{Millis, Settings};
use crate::ids::{BatchId, JobId, ProjectCode, Tag};

/// Where a sealed blob is, and how to know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlobRef {
    /// Its path below the job's folder.
    #[serde(rename = "blob")]
    pub path: String,
    /// Its seal's tag.
    pub tag: Tag,
    /// Bytes of what is sealed in it.
    pub bytes: u64,
}

/// A chunk as it stands in the state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkEntry {
    /// The number of its first row, counted from 0.
    pub first_row: u32,
    /// The line of its first row, counted from 1.
    pub first_line: u64,
    /// Its rows.
    pub rows: u32,
    /// Its bytes.
    #[serde(flatten)]
    pub blob: BlobRef,
}

/// What a chunk became.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartEntry {
    /// Its piece of success.csv.
    pub success: BlobRef,
    /// Its piece of errors.csv; none where no row failed.
    pub errors: Option<BlobRef>,
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Every row is in one of the outputs.
    Completed,
    /// A chunk could not be encoded, through no fault of its rows. It can be retried until its retention ends.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
    /// The file itself cannot be read to its end.
    Refused,
    /// The upload broke off.
    Aborted,
}

/// A job's end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// How it ended.
    pub outcome: Outcome,
    /// Why, for people; nothing of a row.
    pub reason: Option<String>,
    /// When.
    pub at: Millis,
    /// The same in every announcement of this end.
    pub event_id: String,
    /// Whether the announcement was published.
    pub announced: bool,
}

/// What there is of the job's rows and links.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "state")]
pub enum Files {
    /// Readable.
    Kept,
    /// The data key is gone; blobs are swept at set times.
    Purged {
        /// When the key went.
        at: Millis,
        /// Sweeps that are over.
        swept: usize,
    },
}

/// Where the list of a completed job's parts is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestEntry {
    /// The manifest itself.
    pub blob: BlobRef,
    /// Bytes of success.csv.
    pub success_bytes: u64,
    /// Bytes of errors.csv.
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

/// What a job is made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    /// Its name.
    pub id: JobId,
    /// Whose it is.
    pub project: ProjectCode,
    /// Its batch.
    pub batch_id: BatchId,
    /// The links' kind, for people.
    pub link: String,
    /// The template, where the link's format has one.
    pub template: Option<TemplateName>,
    /// The key that seals.
    pub key_version: Option<u32>,
    /// The encoder revision of its batch spec.
    pub encoder_revision: u32,
    /// How long its files are kept after its end.
    pub retention: Millis,
}

/// The record of a job. It holds no row and no link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its name.
    pub id: JobId,
    /// Whose it is.
    pub project: ProjectCode,
    /// Its batch.
    pub batch_id: BatchId,
    /// The links' kind, for people.
    pub link: String,
    /// The template, where the link's format has one.
    pub template: Option<TemplateName>,
    /// The key that seals.
    pub key_version: Option<u32>,
    /// The encoder revision of its batch spec: a worker with another one leaves its chunks alone.
    pub encoder_revision: u32,
    /// When it was opened.
    pub created: Millis,
    /// How long its files are kept after its end.
    pub retention: Millis,
    /// When the upload counts as broken off; none once it is over.
    pub lease_until: Option<Millis>,
    /// Chunks that were cut and stored.
    pub ready: u32,
    /// Rows in them.
    pub rows: u64,
    /// Bytes in them.
    pub bytes: u64,
    /// How many chunks the file has, once its verified end was seen.
    pub total: Option<u32>,
    /// Chunks below this were published at least once.
    pub released: u32,
    /// Chunks whose part is recorded.
    pub done: DoneSet,
    /// When a part was last recorded, or a chunk published again.
    pub moved_at: Millis,
    /// How often chunks were published again without any result since.
    pub stalls: u32,
    /// What became of the rows of the recorded parts.
    pub counts: Counts,
    /// How often it ended; a retry goes on after an end.
    pub ends: u32,
    /// Its end, if it has ended.
    pub end: Option<End>,
    /// Where its parts are listed, once it has completed.
    pub manifest: Option<ManifestEntry>,
    /// What there is of its files.
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

    /// One word for where it stands.
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
