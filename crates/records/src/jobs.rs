//! Job records in the state: commits of what `core::job` decides.
//!
//! ```text
//! job/{id}     record            the record as JSON
//!              data-key          wrapped; without it nothing of the job can be opened
//!              spec              the batch spec, sealed under the data key
//!              headers           references to the outputs' header lines
//!              open              there while workers may begin chunks
//!              chunk/{index}     ChunkEntry
//!              part/{index}      PartEntry
//!              begun/{index}     the number of attempts
//!              returned/{index}  the number of attempts given back through no fault of the chunk
//! ```

use std::sync::Arc;

use futures_util::{StreamExt, TryStreamExt};
use serde::de::DeserializeOwned;
use smartpass_core::encode::BatchSpec;
use smartpass_core::ids::{JobId, ProjectCode, Tag};
use smartpass_core::job::{
    ChunkEntry, Decision, Entry, Event, Job, PartEntry, Refusal, Settings, decide, due,
};
use smartpass_platform::clock::Clock;
use smartpass_platform::retry::IsOutage;
use smartpass_platform::state::{Changes, Counted, Due, Precondition, State};
use smartpass_platform::{Error, Result};

use crate::data_key::DataKey;
use crate::document::{Committed, Documents, Update, Updated, Versioned, from_json, to_json};
use crate::job_files::{OutputHeaders, blob_path};
use crate::wrapping_keys::{Purpose, WrappingKeys};

/// The index of jobs that have ended.
pub(crate) const ENDS: &str = "ends";

/// The limit of fields asked for at once: an answer stays below a megabyte.
const FIELDS_AT_ONCE: usize = 1_024;

/// The limit of records loaded at once for a list.
const LOADS_AT_ONCE: usize = 32;

/// Job records.
#[derive(Clone)]
pub struct JobStore {
    documents: Documents<Job>,
    keys: WrappingKeys,
    clock: Clock,
    /// The timeouts of jobs.
    pub settings: Settings,
    /// The limit of chunks of a project that are released and not done.
    pub window: u32,
}

/// A job with the version at which it was read.
pub type VersionedJob = Versioned<Job>;

/// Why an event was not applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// There is no such job.
    #[error("there is no such job")]
    NoJob,
    /// The job refuses the event in its state.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// State or blobs failed.
    #[error(transparent)]
    Backend(#[from] Error),
}

impl IsOutage for ApplyError {
    fn is_outage(&self) -> bool {
        matches!(self, Self::Backend(error) if error.is_outage())
    }
}

/// The answer to a worker that wants to begin a chunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begin {
    /// The worker may begin.
    Go {
        /// The attempt's number, which no other attempt at the chunk has.
        attempt: u64,
        /// Attempts that neither succeeded nor were given back, this one included.
        unresolved: u64,
        /// The chunk.
        chunk: ChunkEntry,
    },
    /// The chunk is done, or its job has ended: there is nothing to do.
    Skip,
}

/// The secrets of a job that a worker needs.
#[derive(Clone, Debug)]
pub struct JobSecrets {
    /// The key that opens and seals the job's blobs.
    pub data_key: DataKey,
    /// The batch spec, which decides the links.
    pub spec: BatchSpec,
}

impl JobStore {
    /// Job records in `state`. `keys` needs the key for job data where data keys are made or used.
    pub fn new(
        state: Arc<dyn State>,
        keys: WrappingKeys,
        clock: Clock,
        settings: Settings,
        window: u32,
    ) -> Self {
        Self { documents: Documents::new(state, "job"), keys, clock, settings, window }
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
        let wrapped = self.keys.wrap(Purpose::JobData, &job.project, &id, data_key.expose())?;
        let sealed = data_key.seal(&blob_path(job.id, "spec"), to_json(spec))?;
        let set = vec![
            ("data-key".to_owned(), wrapped),
            ("spec".to_owned(), sealed.pieces.concat()),
            ("headers".to_owned(), to_json(headers)),
            ("open".to_owned(), b"1".to_vec()),
        ];
        let now = self.clock.now();
        let index = vec![
            (jobs_index(&job.project), Some(job.created)),
            (running_index(&job.project), Some(job.created)),
        ];
        let due = Due::At(due(job, now, self.window, 0, &self.settings));
        let changes = Changes { set, index, due, ..Changes::default() };
        let is_new = self.documents.create(&id, job, changes).await?;
        if is_new { Ok(()) } else { Err(Error::Exists(format!("job {id}"))) }
    }

    /// The job; `None` where there is none.
    ///
    /// # Errors
    /// The state is unavailable, or the record is damaged.
    pub async fn load(&self, id: JobId) -> Result<Option<VersionedJob>> {
        self.documents.load(&id.to_string()).await
    }

    /// The job of a document's key, as an index lists it; `None` where there is none.
    pub(crate) async fn load_by_key(&self, key: &str) -> Result<Option<VersionedJob>> {
        match self.job_of(key) {
            Some(id) => self.load(id).await,
            None => Ok(None),
        }
    }

    /// Applies an event, and leaves to the trackers what follows from it. Answers the job after the event.
    ///
    /// # Errors
    /// [`ApplyError`].
    pub async fn apply(&self, id: JobId, event: &Event) -> std::result::Result<Job, ApplyError> {
        let seen = self.load(id).await?.ok_or(ApplyError::NoJob)?;
        let Updated { after, before } = self.apply_to(seen, event, 0).await?;
        after.map(|after| after.record).or(before).ok_or(ApplyError::NoJob)
    }

    /// Applies an event to a job as it was read: decides and commits, again after each conflict.
    ///
    /// `handover` is how long the caller has to carry out what follows; 0 leaves that to the trackers at once.
    ///
    /// # Errors
    /// [`ApplyError`].
    pub async fn apply_to(
        &self,
        seen: VersionedJob,
        event: &Event,
        handover: u64,
    ) -> std::result::Result<Updated<Job>, ApplyError> {
        let decide = async |job: &Job| match decide(job, event, self.clock.now(), &self.settings)? {
            Some(decision) => Ok::<_, ApplyError>(Some(self.update(job, decision, handover).await?)),
            None => Ok(None),
        };
        self.documents.update(seen, decide).await
    }

    /// Commits a decision about a job as it was read.
    ///
    /// # Errors
    /// The state is unavailable.
    pub async fn commit(
        &self,
        seen: &VersionedJob,
        decision: Decision,
        handover: u64,
    ) -> Result<Committed<Job>> {
        let update = self.update(&seen.record, decision, handover).await?;
        self.documents.commit(seen, update).await
    }

    /// The changes of the state that a decision needs.
    async fn update(&self, before: &Job, decision: Decision, handover: u64) -> Result<Update<Job>> {
        let Decision { job, entries } = decision;
        let mut changes = Changes::default();
        for entry in &entries {
            add(entry, &mut changes);
        }
        if entries.contains(&Entry::Reopen) {
            changes.set.extend(self.attempts_given_back(&job).await?);
        }
        if entries.contains(&Entry::Forget) {
            let index = vec![(jobs_index(&job.project), None), (ENDS.to_owned(), None)];
            return Ok(Update {
                record: None,
                changes: Changes { due: Due::Never, index, ..Changes::default() },
            });
        }
        changes.due = Due::At(due(&job, self.clock.now(), self.window, handover, &self.settings));
        if before.end.is_some() != job.end.is_some() {
            let running = job.end.is_none().then_some(job.created);
            changes.index.push((running_index(&job.project), running));
            changes.index.push((ENDS.to_owned(), job.end.as_ref().map(|end| end.at)));
        }
        Ok(Update { record: Some(job), changes })
    }

    /// Fields that give back all attempts at unfinished chunks, so that counting starts anew. The attempts' numbers
    /// are never given twice, since they name blobs.
    async fn attempts_given_back(&self, job: &Job) -> Result<Vec<(String, Vec<u8>)>> {
        let missing = job.done.missing_below(job.released);
        let names: Vec<String> = missing.iter().map(|index| format!("begun/{index}")).collect();
        let asked: Vec<&str> = names.iter().map(String::as_str).collect();
        let found = self.state().load(&self.document(job.id), &asked).await?.unwrap_or_default();
        let as_returned = |(name, value): (String, Vec<u8>)| (name.replacen("begun", "returned", 1), value);
        Ok(found.fields.into_iter().map(as_returned).collect())
    }

    /// Chunks by index, in that order.
    ///
    /// # Errors
    /// The state is unavailable, or a chunk is missing.
    pub async fn chunks(&self, id: JobId, indices: &[u32]) -> Result<Vec<ChunkEntry>> {
        self.entries(id, "chunk", indices).await
    }

    /// Parts by index, in that order.
    ///
    /// # Errors
    /// The state is unavailable, or a part is missing.
    pub async fn parts(&self, id: JobId, indices: &[u32]) -> Result<Vec<PartEntry>> {
        self.entries(id, "part", indices).await
    }

    async fn entries<T: DeserializeOwned>(&self, id: JobId, kind: &str, indices: &[u32]) -> Result<Vec<T>> {
        let mut entries = Vec::with_capacity(indices.len());
        for some in indices.chunks(FIELDS_AT_ONCE) {
            let names: Vec<String> = some.iter().map(|index| format!("{kind}/{index}")).collect();
            let asked: Vec<&str> = names.iter().map(String::as_str).collect();
            let missing = |name: &str| format!("{name} of job {id}");
            let found = self.state().load(&self.document(id), &asked).await?;
            let found = found.ok_or_else(|| Error::Missing(missing(&names[0])))?;
            let by_name: std::collections::HashMap<&str, &[u8]> =
                found.fields.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
            for name in &names {
                entries.push(from_json(by_name.get(name.as_str()).copied(), || missing(name))?);
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
        let precondition = Precondition { present: &["open", &chunk], absent: &[&part] };
        let counted = self
            .state()
            .count(&self.document(id), precondition, &format!("begun/{index}"), &[&chunk, &returned])
            .await?;
        let Some(Counted { count: attempt, values }) = counted else { return Ok(Begin::Skip) };
        let [chunk, returned] = &values[..] else {
            return Err(Error::Damaged(format!("chunk {index} of job {id}")));
        };
        let chunk = from_json(chunk.as_deref(), || format!("chunk {index} of job {id}"))?;
        let returned = returned.as_deref().and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
        Ok(Begin::Go { attempt, unresolved: attempt.saturating_sub(returned.unwrap_or(0)), chunk })
    }

    /// Gives an attempt back: it ended through no fault of the chunk.
    ///
    /// # Errors
    /// The state is unavailable.
    pub async fn give_back(&self, id: JobId, index: u32) -> Result<()> {
        let precondition = Precondition { present: &["open"], absent: &[] };
        self.state().count(&self.document(id), precondition, &format!("returned/{index}"), &[]).await?;
        Ok(())
    }

    /// Data key and batch spec; `None` where the job is gone.
    ///
    /// # Errors
    /// The state is unavailable, or they do not open.
    pub async fn secrets(&self, id: JobId, project: &ProjectCode) -> Result<Option<JobSecrets>> {
        let Some(found) = self.state().load(&self.document(id), &["data-key", "spec"]).await? else {
            return Ok(None);
        };
        let (Some(wrapped), Some(sealed)) = (found.get("data-key"), found.get("spec")) else {
            return Ok(None);
        };
        let key = self.keys.unwrap(Purpose::JobData, project, &id.to_string(), wrapped)?;
        let data_key = DataKey::from(*key);
        let damaged = || Error::Damaged(format!("the batch spec of job {id}"));
        let tag: [u8; 16] = *sealed.last_chunk().ok_or_else(damaged)?;
        let text = data_key.open(&blob_path(id, "spec"), Tag(tag), bytes::Bytes::copy_from_slice(sealed))?;
        let spec = serde_json::from_slice(&text).map_err(|_| damaged())?;
        Ok(Some(JobSecrets { data_key, spec }))
    }

    /// References to the header lines.
    ///
    /// # Errors
    /// The state is unavailable, or the job's files are gone.
    pub async fn headers(&self, id: JobId) -> Result<OutputHeaders> {
        let found = self.state().load(&self.document(id), &["headers"]).await?.unwrap_or_default();
        from_json(found.get("headers"), || format!("the header lines of job {id}"))
    }

    /// A project's jobs that were opened before `before`, the newest first.
    ///
    /// # Errors
    /// The state is unavailable.
    pub async fn list(&self, project: &ProjectCode, before: Option<u64>, limit: usize) -> Result<Vec<Job>> {
        let listed = self.state().list(&jobs_index(project), before, limit).await?;
        let ids = listed.into_iter().filter_map(|(key, _)| self.job_of(&key));
        let loads = futures_util::stream::iter(ids.map(|id| self.load(id))).buffered(LOADS_AT_ONCE);
        let seen: Vec<Option<VersionedJob>> = loads.try_collect().await?;
        Ok(seen.into_iter().flatten().map(|seen| seen.record).collect())
    }

    /// A job's share of its project's window.
    ///
    /// # Errors
    /// The state is unavailable.
    pub async fn share(&self, project: &ProjectCode) -> Result<u32> {
        let running = self.state().index_len(&running_index(project)).await?;
        let share = u64::from(self.window) / running.max(1);
        Ok(u32::try_from(share).unwrap_or(u32::MAX).max(1))
    }

    /// Claims jobs that are due, for `lease` milliseconds: no other caller gets them in that time.
    ///
    /// # Errors
    /// The state is unavailable.
    pub async fn claim_due(&self, lease: u64, limit: usize) -> Result<Vec<JobId>> {
        let keys = self.state().claim_due(self.documents.kind(), self.clock.now(), lease, limit).await?;
        Ok(keys.iter().filter_map(|key| self.job_of(key)).collect())
    }

    /// All jobs that have a due time, now or later.
    ///
    /// # Errors
    /// The state is unavailable.
    pub async fn all(&self) -> Result<Vec<JobId>> {
        Ok(self
            .state()
            .all_due(self.documents.kind())
            .await?
            .iter()
            .filter_map(|key| self.job_of(key))
            .collect())
    }

    /// Removes a job that does not exist any more from the due list.
    ///
    /// # Errors
    /// The state is unavailable.
    pub async fn drop_due(&self, id: JobId) -> Result<()> {
        self.state().commit(&self.document(id), 0, Changes { due: Due::Never, ..Changes::default() }).await?;
        Ok(())
    }

    fn state(&self) -> &dyn State {
        self.documents.state()
    }

    fn document(&self, id: JobId) -> String {
        self.documents.key(&id.to_string())
    }

    fn job_of(&self, key: &str) -> Option<JobId> {
        self.documents.name_of(key)?.parse().ok()
    }

    /// The clock of all records.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}

fn add(entry: &Entry, changes: &mut Changes) {
    match entry {
        Entry::Chunk(index, chunk) => changes.set.push((format!("chunk/{index}"), to_json(chunk))),
        Entry::Part(index, part) => changes.set.push((format!("part/{index}"), to_json(part))),
        Entry::Close => changes.remove.push("open".to_owned()),
        Entry::Reopen => changes.set.push(("open".to_owned(), b"1".to_vec())),
        Entry::Purge => changes.clear = true,
        Entry::Forget => {}
    }
}

fn jobs_index(project: &ProjectCode) -> String {
    format!("jobs/{project}")
}

fn running_index(project: &ProjectCode) -> String {
    format!("running/{project}")
}
