//! Job records in the state: what `core::job` decides, committed.
//!
//! ```text
//! job/{id}     record          the record as JSON
//!              data-key        wrapped; without it nothing of the job can be opened
//!              spec            the batch spec, sealed under the data key
//!              headers           where the outputs' header lines are
//!              open            there while workers may begin chunks
//!              chunk/{index}   ChunkEntry
//!              part/{index}    PartEntry
//!              begun/{index}   how often a worker began it
//!              returned/{index} how often a worker gave it back through no fault of the chunk
//! ```

use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use smartpass_core::encode::BatchSpec;
use smartpass_core::ids::{JobId, ProjectCode, Tag};
use smartpass_core::job::{
    ChunkEntry, Decision, Entry, Event, Job, PartEntry, Refusal, Settings, decide, due,
};

use crate::blobs::DataKey;
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::files::{OutputHeaders, blob_path};
use crate::keys::{MasterKey, Purpose};
use crate::state::{Changes, Commit, Counted, Due, Precondition, State};
use crate::telemetry::metrics;

/// How many fields are asked for at once: an answer stays below a megabyte.
const FIELDS_AT_ONCE: usize = 1_024;

/// How many records are asked for at once for a list.
const LOADS_AT_ONCE: usize = 32;

/// Job records.
#[derive(Clone)]
pub struct JobStore {
    state: Arc<dyn State>,
    master: MasterKey,
    clock: Clock,
    /// How long things may take.
    pub settings: Settings,
    /// How many chunks all jobs of a project together may have released and not done.
    pub window: u32,
}

/// A job as it was read.
#[derive(Clone, Debug)]
pub struct VersionedJob {
    /// The record.
    pub job: Job,
    version: u64,
}

impl VersionedJob {
    /// Whether nobody committed in between.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.version == other.version
    }
}

/// What became of an event.
#[derive(Clone, Debug)]
pub struct Applied {
    /// The job as it is from now on.
    pub seen: VersionedJob,
    /// The job before; none where the event changed nothing.
    pub before: Option<Job>,
}

/// Why an event did not come to be.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// There is no such job.
    #[error("there is no such job")]
    NoJob,
    /// The job cannot take it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// State or blobs failed.
    #[error(transparent)]
    Backend(#[from] Error),
}

/// What a worker hears when it wants to begin a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Go on: this is attempt number `attempt`, and `unresolved` attempts, this one included, did not come back.
    Go {
        /// Never given twice for the chunk.
        attempt: u64,
        /// Attempts that neither succeeded nor were given back.
        unresolved: u64,
        /// The chunk.
        chunk: ChunkEntry,
    },
    /// The chunk is done, or its job has ended: nothing is to be done.
    Skip,
}

/// What a worker needs to know of a job.
#[derive(Clone, Debug)]
pub struct JobSecrets {
    /// Opens and seals its blobs.
    pub data_key: DataKey,
    /// What decides its links.
    pub spec: BatchSpec,
}

impl JobStore {
    /// Job records in `state`.
    pub fn new(
        state: Arc<dyn State>,
        master: MasterKey,
        clock: Clock,
        settings: Settings,
        window: u32,
    ) -> Self {
        Self { state, master, clock, settings, window }
    }

    /// Creates the record, with the sealed batch spec and the wrapped data key.
    ///
    /// # Errors
    /// The state is unavailable.
    pub async fn create(
        &self,
        job: &Job,
        spec: &BatchSpec,
        headers: &OutputHeaders,
        data_key: &DataKey,
    ) -> Result<()> {
        let id = job.id.to_string();
        let wrapped = self.master.wrap(Purpose::JobData, &job.project, &id, data_key.expose())?;
        let sealed = data_key.seal(&blob_path(job.id, "spec"), json(spec))?;
        let sealed: Vec<u8> = sealed.pieces.concat();
        let set = vec![
            ("record".to_owned(), json(job)),
            ("data-key".to_owned(), wrapped),
            ("spec".to_owned(), sealed),
            ("headers".to_owned(), json(headers)),
            ("open".to_owned(), b"1".to_vec()),
        ];
        let now = self.clock.now();
        let index = vec![
            (jobs_index(&job.project), Some(job.created)),
            (running_index(&job.project), Some(job.created)),
        ];
        let due = Due::At(due(job, now, self.window, 0, &self.settings));
        match self
            .state
            .commit(&document(job.id), 0, Changes { set, index, due, ..Changes::default() })
            .await?
        {
            Commit::Done(_) => Ok(()),
            Commit::Conflict => Err(Error::Exists(format!("job {}", job.id))),
        }
    }

    /// The job; `None` where there is none.
    ///
    /// # Errors
    /// The state is unavailable, or holds something else than a record.
    pub async fn load(&self, id: JobId) -> Result<Option<VersionedJob>> {
        let Some(document) = self.state.load(&document(id), &["record"]).await? else { return Ok(None) };
        let job = parse(document.get("record"), || format!("the record of job {id}"))?;
        Ok(Some(VersionedJob { job, version: document.version }))
    }

    /// Lets an event happen, and leaves to the trackers what follows from it. Answers the job as it is then.
    ///
    /// # Errors
    /// [`ApplyError`].
    pub async fn apply(&self, id: JobId, event: &Event) -> std::result::Result<Job, ApplyError> {
        let seen = self.load(id).await?.ok_or(ApplyError::NoJob)?;
        Ok(self.apply_to(seen, event, 0).await?.seen.job)
    }

    /// Lets an event happen to a job as it was seen: decides and commits until nobody else commits in between.
    ///
    /// `handover` is how long the caller has to carry out what follows, 0 where it leaves that to others.
    ///
    /// # Errors
    /// [`ApplyError`].
    pub async fn apply_to(
        &self,
        mut seen: VersionedJob,
        event: &Event,
        handover: u64,
    ) -> std::result::Result<Applied, ApplyError> {
        loop {
            let Some(decision) = decide(&seen.job, event, self.clock.now(), &self.settings)? else {
                return Ok(Applied { seen, before: None });
            };
            if let Some(committed) = self.commit(&seen, &decision, handover).await? {
                return Ok(Applied { seen: committed, before: Some(seen.job) });
            }
            seen = self.load(seen.job.id).await?.ok_or(ApplyError::NoJob)?;
        }
    }

    /// Commits a decision about a job as it was seen; `None` where somebody else committed in between.
    ///
    /// # Errors
    /// The state is unavailable.
    pub async fn commit(
        &self,
        seen: &VersionedJob,
        decision: &Decision,
        handover: u64,
    ) -> Result<Option<VersionedJob>> {
        let job = &decision.job;
        let mut changes = Changes::default();
        for entry in &decision.entries {
            add(entry, &mut changes);
        }
        if decision.entries.contains(&Entry::Reopen) {
            changes.set.extend(self.attempts_given_back(job).await?);
        }
        let forgets = decision.entries.contains(&Entry::Forget);
        if forgets {
            changes = Changes { clear: true, due: Due::Never, ..Changes::default() };
            changes.index = vec![(jobs_index(&job.project), None)];
        } else {
            changes.set.push(("record".to_owned(), json(job)));
            let time = due(job, self.clock.now(), self.window, handover, &self.settings);
            changes.due = Due::At(time);
        }
        if seen.job.end.is_some() != job.end.is_some() {
            let place = job.end.is_none().then_some(job.created);
            changes.index.push((running_index(&job.project), place));
        }
        match self.state.commit(&document(job.id), seen.version, changes).await? {
            Commit::Done(version) => Ok(Some(VersionedJob { job: job.clone(), version })),
            Commit::Conflict => {
                metrics().retry("commit-conflict");
                Ok(None)
            }
        }
    }

    /// Attempt numbers name blobs and are never given twice: to count anew, all that were spent are given back.
    async fn attempts_given_back(&self, job: &Job) -> Result<Vec<(String, Vec<u8>)>> {
        let missing = job.done.missing_below(job.released);
        let names: Vec<String> = missing.iter().map(|index| format!("begun/{index}")).collect();
        let asked: Vec<&str> = names.iter().map(String::as_str).collect();
        let found = self.state.load(&document(job.id), &asked).await?.unwrap_or_default();
        let as_returned = |(name, value): (String, Vec<u8>)| (name.replacen("begun", "returned", 1), value);
        Ok(found.fields.into_iter().map(as_returned).collect())
    }

    /// Chunks by index, in that order.
    ///
    /// # Errors
    /// The state is unavailable, or one of them is not there.
    pub async fn chunks(&self, id: JobId, indices: &[u32]) -> Result<Vec<ChunkEntry>> {
        self.entries(id, "chunk", indices).await
    }

    /// Parts by index, in that order.
    ///
    /// # Errors
    /// The state is unavailable, or one of them is not there.
    pub async fn parts(&self, id: JobId, indices: &[u32]) -> Result<Vec<PartEntry>> {
        self.entries(id, "part", indices).await
    }

    async fn entries<T: DeserializeOwned>(&self, id: JobId, kind: &str, indices: &[u32]) -> Result<Vec<T>> {
        let mut entries = Vec::with_capacity(indices.len());
        for some in indices.chunks(FIELDS_AT_ONCE) {
            let names: Vec<String> = some.iter().map(|index| format!("{kind}/{index}")).collect();
            let asked: Vec<&str> = names.iter().map(String::as_str).collect();
            let missing = |name: &str| format!("{name} of job {id}");
            let found = self.state.load(&document(id), &asked).await?;
            let found = found.ok_or_else(|| Error::Missing(missing(&names[0])))?;
            let by_name: std::collections::HashMap<&str, &[u8]> =
                found.fields.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
            for name in &names {
                entries.push(parse(by_name.get(name.as_str()).copied(), || missing(name))?);
            }
        }
        Ok(entries)
    }

    /// Counts an attempt at a chunk, before it starts.
    ///
    /// # Errors
    /// The state is unavailable.
    pub async fn begin(&self, id: JobId, index: u32) -> Result<Begin> {
        let (chunk, part) = (format!("chunk/{index}"), format!("part/{index}"));
        let returned = format!("returned/{index}");
        let gate = Precondition { present: &["open", &chunk], absent: &[&part] };
        let counted =
            self.state.count(&document(id), gate, &format!("begun/{index}"), &[&chunk, &returned]).await?;
        let Some(Counted { count: attempt, values }) = counted else { return Ok(Begin::Skip) };
        let [chunk, returned] = &values[..] else {
            return Err(Error::Damaged(format!("chunk {index} of job {id}")));
        };
        let chunk = parse(chunk.as_deref(), || format!("chunk {index} of job {id}"))?;
        let returned = returned.as_deref().and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
        Ok(Begin::Go { attempt, unresolved: attempt.saturating_sub(returned.unwrap_or(0)), chunk })
    }

    /// Gives an attempt back: it ended through no fault of the chunk.
    ///
    /// # Errors
    /// The state is unavailable.
    pub async fn give_back(&self, id: JobId, index: u32) -> Result<()> {
        let gate = Precondition { present: &["open"], absent: &[] };
        self.state.count(&document(id), gate, &format!("returned/{index}"), &[]).await?;
        Ok(())
    }

    /// Data key and batch spec; `None` where the job is gone.
    ///
    /// # Errors
    /// The state is unavailable, or they do not open.
    pub async fn secrets(&self, id: JobId, project: &ProjectCode) -> Result<Option<JobSecrets>> {
        let Some(found) = self.state.load(&document(id), &["data-key", "spec"]).await? else {
            return Ok(None);
        };
        let (Some(wrapped), Some(sealed)) = (found.get("data-key"), found.get("spec")) else {
            return Ok(None);
        };
        let key = self.master.unwrap(Purpose::JobData, project, &id.to_string(), wrapped)?;
        let data_key = DataKey::from(*key);
        let damaged = || Error::Damaged(format!("the batch spec of job {id}"));
        let tag: [u8; 16] = *sealed.last_chunk().ok_or_else(damaged)?;
        let text = data_key.open(&blob_path(id, "spec"), Tag(tag), bytes::Bytes::copy_from_slice(sealed))?;
        let spec = serde_json::from_slice(&text).map_err(|_| damaged())?;
        Ok(Some(JobSecrets { data_key, spec }))
    }

    /// Where the header lines are.
    ///
    /// # Errors
    /// The state is unavailable, or the job's files are gone.
    pub async fn headers(&self, id: JobId) -> Result<OutputHeaders> {
        let found = self.state.load(&document(id), &["headers"]).await?.unwrap_or_default();
        parse(found.get("headers"), || format!("the header lines of job {id}"))
    }

    /// A project's jobs, the newest first, opened before `before`.
    ///
    /// # Errors
    /// The state is unavailable.
    pub async fn list(&self, project: &ProjectCode, before: Option<u64>, most: usize) -> Result<Vec<Job>> {
        let listed = self.state.list(&jobs_index(project), before, most).await?;
        let ids = listed.into_iter().filter_map(|(key, _)| job_of(&key));
        let loads = futures_util::stream::iter(ids.map(|id| self.load(id))).buffered(LOADS_AT_ONCE);
        let seen: Vec<Option<VersionedJob>> = loads.try_collect().await?;
        Ok(seen.into_iter().flatten().map(|seen| seen.job).collect())
    }

    /// A job's share of its project's window.
    ///
    /// # Errors
    /// The state is unavailable.
    pub async fn share(&self, project: &ProjectCode) -> Result<u32> {
        let running = self.state.index_len(&running_index(project)).await?;
        let share = u64::from(self.window) / running.max(1);
        Ok(u32::try_from(share).unwrap_or(u32::MAX).max(1))
    }

    /// Jobs that are due; each caller gets others for `lease` milliseconds.
    ///
    /// # Errors
    /// The state is unavailable.
    pub async fn claim_due(&self, lease: u64, most: usize) -> Result<Vec<JobId>> {
        let keys = self.state.claim_due(self.clock.now(), lease, most).await?;
        Ok(keys.iter().filter_map(|key| job_of(key)).collect())
    }

    /// All jobs that will be due some time.
    ///
    /// # Errors
    /// The state is unavailable.
    pub async fn all(&self) -> Result<Vec<JobId>> {
        Ok(self.state.all_due().await?.iter().filter_map(|key| job_of(key)).collect())
    }

    /// Takes a job that does not exist any more out of the due list.
    ///
    /// # Errors
    /// The state is unavailable.
    pub async fn drop_due(&self, id: JobId) -> Result<()> {
        self.state.commit(&document(id), 0, Changes { due: Due::Never, ..Changes::default() }).await?;
        Ok(())
    }

    /// The clock that all of this goes by.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}

fn add(entry: &Entry, changes: &mut Changes) {
    match entry {
        Entry::Chunk(index, chunk) => changes.set.push((format!("chunk/{index}"), json(chunk))),
        Entry::Part(index, part) => changes.set.push((format!("part/{index}"), json(part))),
        Entry::Close => changes.remove.push("open".to_owned()),
        Entry::Reopen => changes.set.push(("open".to_owned(), b"1".to_vec())),
        Entry::Purge => changes.clear = true,
        Entry::Forget => {}
    }
}

fn document(id: JobId) -> String {
    format!("job/{id}")
}

fn job_of(key: &str) -> Option<JobId> {
    key.strip_prefix("job/")?.parse().ok()
}

fn jobs_index(project: &ProjectCode) -> String {
    format!("jobs/{project}")
}

fn running_index(project: &ProjectCode) -> String {
    format!("running/{project}")
}

fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).expect("our own types have no map without text keys")
}

fn parse<T: DeserializeOwned>(text: Option<&[u8]>, what: impl Fn() -> String) -> Result<T> {
    let text = text.ok_or_else(|| Error::Missing(what()))?;
    serde_json::from_slice(text).map_err(|_| Error::Damaged(what()))
}
