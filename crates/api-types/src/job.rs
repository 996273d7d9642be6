//! A job, as the API shows it.

use serde::{Deserialize, Serialize};
use smartpass_core::encode::ErrorKind;
use smartpass_core::ids::{BatchId, JobId, ProjectCode};
use smartpass_core::job::{self, time_text};
use utoipa::ToSchema;

/// One CSV on its way from upload to ordered output.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Job {
    /// Its name.
    #[schema(value_type = String, example = "00112233445566778899aabbccddeeff")]
    pub id: JobId,
    /// Whose it is.
    #[schema(value_type = String, example = "wrsynr")]
    pub project: ProjectCode,
    /// Where it stands.
    pub state: JobState,
    /// When its upload began.
    #[schema(required, format = DateTime)]
    pub created: Option<String>,
    /// The links' kind.
    #[schema(example = "encrypted")]
    pub link: String,
    /// The template; null where the links' kind has none.
    #[schema(required)]
    pub template: Option<TemplateName>,
    /// The project's key that seals; null where the links' kind has another one.
    #[schema(required)]
    pub key_version: Option<u32>,
    /// Its batch, which every link names.
    #[schema(value_type = String, example = "0011223344556677")]
    pub batch_id: BatchId,
    /// Its rows so far.
    pub rows: Rows,
    /// How long its links are.
    pub url_length: UrlLength,
    /// Its chunks so far.
    pub chunks: Chunks,
    /// Bytes of the file so far, decompressed.
    pub bytes_read: u64,
    /// Its end; null while it goes on.
    #[schema(required)]
    pub end: Option<End>,
    /// Its outputs.
    pub files: Files,
    /// Where it is shown.
    #[schema(example = "/v1/projects/wrsynr/jobs/00112233445566778899aabbccddeeff")]
    pub href: String,
    /// Where its progress is told, as server-sent events.
    #[schema(example = "/v1/projects/wrsynr/jobs/00112233445566778899aabbccddeeff/events")]
    pub events: String,
}

/// One word for where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum JobState {
    /// The file is being sent, and encoded at the same time.
    Uploading,
    /// The file is whole; not all of its chunks are encoded.
    Encoding,
    /// Every row is in one of the outputs.
    Completed,
    /// A chunk could not be encoded, through no fault of its rows. It can be retried.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
    /// The file itself cannot be read to its end.
    Refused,
    /// The upload broke off.
    Aborted,
}

impl JobState {
    /// The state's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Uploading => "uploading",
            Self::Encoding => "encoding",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Refused => "refused",
            Self::Aborted => "aborted",
        }
    }
}

/// The template that a job's links are made with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TemplateName {
    /// Its code.
    #[schema(example = "club")]
    pub code: String,
    /// Its number in the project.
    #[schema(minimum = 1)]
    pub number: u32,
}

/// What became of a job's rows so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Rows {
    /// Rows that were read.
    pub read: u64,
    /// Rows that became links.
    pub links: u64,
    /// Rows that did not.
    pub errors: u64,
    /// The reasons, the most frequent first; rare ones beyond the first 32 are left out.
    pub errors_by_reason: Vec<ErrorReason>,
}

/// How many rows failed for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorReason {
    /// The field or column concerned; null where the row as a whole is.
    #[schema(required)]
    pub field: Option<String>,
    /// The reason. A newer server may know more of them.
    #[schema(example = "wrong-type")]
    pub kind: String,
    /// Rows.
    pub rows: u64,
}

/// How long a job's links are, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UrlLength {
    /// The mean; 0 while there is none.
    pub mean: f64,
    /// The longest.
    pub max: u64,
}

/// The pieces that a job's file is cut into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Chunks {
    /// All of them; null while the upload goes on.
    #[schema(required)]
    pub total: Option<u32>,
    /// Those that were cut and stored.
    pub ready: u32,
    /// Those that were given to the workers.
    pub released: u32,
    /// Those that are encoded.
    pub done: u32,
}

/// A job's end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct End {
    /// How it ended.
    pub outcome: Outcome,
    /// Why, for people; nothing of a row. Null where there is nothing to say.
    #[schema(required)]
    pub reason: Option<String>,
    /// When.
    #[schema(required, format = DateTime)]
    pub at: Option<String>,
    /// The same in every announcement of this end.
    pub event_id: String,
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Every row is in one of the outputs.
    Completed,
    /// A chunk could not be encoded, through no fault of its rows.
    Failed,
    /// Somebody cancelled it.
    Cancelled,
    /// The file itself cannot be read to its end.
    Refused,
    /// The upload broke off.
    Aborted,
}

/// What there is of a job's outputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase", tag = "state")]
pub enum Files {
    /// There are none yet, or never.
    None,
    /// They can be fetched.
    Ready {
        /// When they are deleted; null after the year 9999.
        #[schema(required, format = DateTime)]
        until: Option<String>,
        /// The rows and their links.
        success: OutputFile,
        /// The rows that could not become links.
        errors: OutputFile,
    },
    /// They are gone.
    Deleted {
        /// Since when.
        #[schema(required, format = DateTime)]
        deleted: Option<String>,
    },
}

/// One of a job's outputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OutputFile {
    /// Where it is fetched.
    pub href: String,
    /// Its bytes.
    pub bytes: u64,
}

/// Jobs of a project, the newest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobList {
    /// The jobs.
    pub jobs: Vec<Job>,
    /// Where older ones are; null where there are none.
    #[schema(required)]
    pub next: Option<String>,
}

impl From<&job::Job> for Job {
    fn from(job: &job::Job) -> Self {
        let href = format!("/v1/projects/{}/jobs/{}", job.project, job.id);
        let counts = &job.counts;
        let mean = if counts.links == 0 { 0.0 } else { counts.url_characters as f64 / counts.links as f64 };
        Self {
            id: job.id,
            project: job.project.clone(),
            state: state_of(job),
            created: time_text(job.created),
            link: job.link.clone(),
            template: job
                .template
                .as_ref()
                .map(|template| TemplateName { code: template.code.clone(), number: template.number }),
            key_version: job.key_version,
            batch_id: job.batch_id,
            rows: Rows {
                read: job.rows,
                links: counts.links,
                errors: counts.errors,
                errors_by_reason: counts.by_reason.iter().map(ErrorReason::from).collect(),
            },
            url_length: UrlLength { mean, max: counts.url_longest },
            chunks: Chunks {
                total: job.total,
                ready: job.ready,
                released: job.released,
                done: job.done.len(),
            },
            bytes_read: job.bytes,
            end: job.end.as_ref().map(End::from),
            files: files_of(job, &href),
            events: format!("{href}/events"),
            href,
        }
    }
}

fn state_of(job: &job::Job) -> JobState {
    match &job.end {
        None if job.lease_until.is_some() => JobState::Uploading,
        None => JobState::Encoding,
        Some(end) => match end.outcome {
            job::Outcome::Completed => JobState::Completed,
            job::Outcome::Failed => JobState::Failed,
            job::Outcome::Cancelled => JobState::Cancelled,
            job::Outcome::Refused => JobState::Refused,
            job::Outcome::Aborted => JobState::Aborted,
        },
    }
}

fn files_of(job: &job::Job, href: &str) -> Files {
    match (&job.manifest, job.files) {
        (_, job::Files::Purged { at, .. }) => Files::Deleted { deleted: time_text(at) },
        (None, job::Files::Kept) => Files::None,
        (Some(manifest), job::Files::Kept) => Files::Ready {
            until: job.end.as_ref().and_then(|end| time_text(end.at + job.retention)),
            success: OutputFile { href: format!("{href}/success.csv"), bytes: manifest.success_bytes },
            errors: OutputFile { href: format!("{href}/errors.csv"), bytes: manifest.errors_bytes },
        },
    }
}

impl From<&job::ReasonCount> for ErrorReason {
    fn from(count: &job::ReasonCount) -> Self {
        Self { field: count.field.clone(), kind: wire_name(count.kind), rows: count.rows }
    }
}

fn wire_name(kind: ErrorKind) -> String {
    let name = serde_json::to_value(kind).expect("an error kind is a text");
    name.as_str().unwrap_or_default().to_owned()
}

impl From<&job::End> for End {
    fn from(end: &job::End) -> Self {
        let outcome = match end.outcome {
            job::Outcome::Completed => Outcome::Completed,
            job::Outcome::Failed => Outcome::Failed,
            job::Outcome::Cancelled => Outcome::Cancelled,
            job::Outcome::Refused => Outcome::Refused,
            job::Outcome::Aborted => Outcome::Aborted,
        };
        Self { outcome, reason: end.reason.clone(), at: time_text(end.at), event_id: end.event_id.clone() }
    }
}
