//! A job: one CSV on its way from upload to ordered output, as a state machine without I/O, clock or threads.
//!
//! A job is one versioned record, a [`Job`]. Whoever sees something happen (the producer a chunk, the tracker a
//! result, anybody a moment passing) says so as an [`Event`]; [`decide`] answers the record as it is from then on
//! and the [`Entry`]s that change with it, and the caller commits both at once, if the record is still the one it
//! saw. What is left to do in the world (publish, write the manifest, delete) is never remembered beside the
//! record: [`next_action`] reads it off the record, and every action ends with an event that says it was done.
//! An action may therefore run twice, and a crash between any two steps loses nothing: the record's [`due`] time
//! comes, somebody ticks it, and the action is read off it again.
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

mod decide;
mod done;
mod pending;

use serde::{Deserialize, Serialize};

pub use decide::{Decision, Entry, Event, Refusal, decide};
pub use done::DoneSet;
pub use pending::{Action, due, next_action};

use crate::encode::{ErrorKind, Tally};
use crate::ids::{BatchId, JobId, ProjectCode, Tag};

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type Millis = u64;

/// A time as people read it: `2026-11-24T15:04:05Z`; `None` after the year 9999.
pub fn time_text(at: Millis) -> Option<String> {
    let seconds = i64::try_from(at / 1_000).ok()?;
    crate::template::calendar::format_local_seconds(seconds).map(|text| text + "Z")
}

/// How long things may take before somebody else does them, in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How long an upload may be silent. A producer renews the lease four times as often.
    pub upload_lease: Millis,
    /// How long released chunks may go without any result before they are published again; doubled each time.
    pub stall: Millis,
    /// The most that `stall` grows to.
    pub longest_stall: Millis,
    /// How long whoever commits has to carry out what follows, before anybody else does.
    pub handover: Millis,
    /// When the blobs of a job are listed and deleted, counted from its purge: at once, and again for what a worker
    /// wrote that slept through it.
    pub sweeps: Vec<Millis>,
    /// How long the record (counts, no rows) is kept after the purge.
    pub forget: Millis,
}

impl Default for Settings {
    fn default() -> Self {
        const MINUTE: Millis = 60_000;
        const HOUR: Millis = 60 * MINUTE;
        Self {
            upload_lease: MINUTE,
            stall: MINUTE / 2,
            longest_stall: 10 * MINUTE,
            handover: 2_000,
            sweeps: vec![0, HOUR, 24 * HOUR],
            forget: 30 * 24 * HOUR,
        }
    }
}

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

/// Rows counted by what became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Rows that became links.
    pub links: u64,
    /// Rows that did not.
    pub errors: u64,
    /// Characters of all URLs together.
    pub url_characters: u64,
    /// Characters of the longest URL.
    pub url_longest: u64,
    /// Errors by reason, the most frequent first; the reasons beyond [`Counts::MAX_REASONS`] are only in `errors`.
    pub by_reason: Vec<ReasonCount>,
}

/// How many rows failed for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReasonCount {
    /// The field or column concerned; none where the row as a whole is.
    pub field: Option<String>,
    /// The reason.
    pub kind: ErrorKind,
    /// Rows.
    pub rows: u64,
}

impl Counts {
    /// How many reasons a record names: a person reads no more, and a record stays small.
    pub const MAX_REASONS: usize = 32;

    /// The counts of a tally.
    pub fn of(tally: &Tally) -> Self {
        let reason = |count: crate::encode::ErrorCount| ReasonCount {
            field: count.field,
            kind: count.kind,
            rows: count.rows,
        };
        let mut by_reason: Vec<_> = tally.errors_by_kind().into_iter().map(reason).collect();
        by_reason.truncate(Self::MAX_REASONS);
        Self {
            links: tally.links(),
            errors: tally.errors(),
            url_characters: tally.url_characters(),
            url_longest: tally.url_max() as u64,
            by_reason,
        }
    }

    /// Adds another chunk's counts.
    pub fn add(&mut self, other: &Self) {
        self.links += other.links;
        self.errors += other.errors;
        self.url_characters += other.url_characters;
        self.url_longest = self.url_longest.max(other.url_longest);
        for reason in &other.by_reason {
            let known = self
                .by_reason
                .iter_mut()
                .find(|known| (&known.field, known.kind) == (&reason.field, reason.kind));
            match known {
                Some(known) => known.rows += reason.rows,
                None => self.by_reason.push(reason.clone()),
            }
        }
        self.by_reason.sort_by_key(|reason| std::cmp::Reverse(reason.rows));
        self.by_reason.truncate(Self::MAX_REASONS);
    }
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
