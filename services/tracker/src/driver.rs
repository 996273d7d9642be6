//! The job driver: decides, commits and carries out, until nothing is left to do for the job.

use futures_util::future::try_join_all;
use smartpass_core::ids::JobId;
use smartpass_core::job::{Action, ChunkEntry, End, Event, Job, next_action};
use smartpass_messages::{ChunkReady, JobEnded, Message, Topic};
use smartpass_platform::broker::Partitioning;
use smartpass_platform::random::random_bytes;
use smartpass_platform::{Error, Result, failpoints};
use smartpass_records::document::Updated;
use smartpass_records::job_files::{Manifest, SealedFile, blob_folder};
use smartpass_records::jobs::{ApplyError, VersionedJob};
use smartpass_records::metrics::metrics;
use tracing::{debug, info};

use crate::Backends;
use crate::metrics::tracker_metrics;

/// Carries out jobs. The driver keeps nothing between two calls: the record says everything.
#[derive(Clone)]
pub struct JobDriver {
    backends: Backends,
}

impl JobDriver {
    /// A driver of the jobs in the backends.
    pub fn new(backends: Backends) -> Self {
        Self { backends }
    }

    /// Applies an event to a job, and carries out what follows. Answers the job after that; none where it is gone.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: the event may be applied or not, and is to be repeated. Any other error: the job's
    /// record, or something that it needs, is missing or damaged.
    pub async fn handle(&self, id: JobId, event: Event) -> Result<Option<Job>> {
        let jobs = &self.backends.jobs;
        let Some(mut seen) = jobs.load(id).await? else {
            jobs.drop_due(id).await?;
            return Ok(None);
        };
        let mut next = Some(event);
        loop {
            if let Some(event) = next.take() {
                match self.apply_to(seen, &event).await? {
                    Some(after) => seen = after,
                    None => return Ok(None),
                }
            }
            let Some(action) = self.next_action(&seen.record).await? else { return Ok(Some(seen.record)) };
            next = self.carry_out(&seen.record, action).await?;
            if next.is_none() {
                seen = self.changed_since(seen).await?;
            }
        }
    }

    /// Applies an event to the job. Answers the job after it; none where the event deletes the record.
    async fn apply_to(&self, seen: VersionedJob, event: &Event) -> Result<Option<VersionedJob>> {
        let jobs = &self.backends.jobs;
        let id = seen.record.id;
        let Updated { after, before } = match jobs.apply_to(seen, event, jobs.settings.handover).await {
            Ok(updated) => updated,
            Err(ApplyError::NoJob) => return Ok(None),
            Err(ApplyError::Backend(error)) => return Err(error),
            Err(ApplyError::Refused(refusal)) => {
                // A tracker's event may come too late, but is never refused.
                return Err(Error::Damaged(format!("job {id} ({refusal})")));
            }
        };
        if let Some(before) = before {
            failpoints::hit("tracker/committed");
            if let Some(after) = &after {
                self.report(event, &before, &after.record);
            }
        }
        Ok(after)
    }

    /// The next action for the job. Only a job with unreleased chunks needs its share of the window.
    async fn next_action(&self, job: &Job) -> Result<Option<Action>> {
        let jobs = &self.backends.jobs;
        let has_unreleased = job.end.is_none() && job.ready > job.released;
        let window = if has_unreleased { jobs.share(&job.project).await? } else { 0 };
        Ok(next_action(job, jobs.clock().now(), window, &jobs.settings))
    }

    /// The job after another commit. An unchanged job has lost something that the action needs, and is damaged.
    async fn changed_since(&self, seen: VersionedJob) -> Result<VersionedJob> {
        let again = self.backends.jobs.load(seen.record.id).await?;
        let changed = again.filter(|again| !again.is_same_as(&seen));
        changed.ok_or_else(|| Error::Damaged(format!("job {}", seen.record.id)))
    }

    /// Carries out one action; answers the event that follows, or none where the job has changed meanwhile.
    async fn carry_out(&self, job: &Job, action: Action) -> Result<Option<Event>> {
        match action {
            Action::Publish { chunks, released } => {
                let Some(count) = self.publish_chunks(job, &chunks).await? else { return Ok(None) };
                failpoints::hit("tracker/released");
                let event = if released.is_some() { "released" } else { "published-again" };
                metrics().chunks.with_label_values(&[event]).inc_by(count);
                Ok(Some(released.map_or(Event::PublishedAgain, |upto| Event::Released { upto })))
            }
            Action::WriteManifest { parts } => self.write_manifest(job, parts).await,
            Action::Announce => self.announce(job).await,
            Action::Sweep { nth } => {
                let deleted = self.backends.blobs.delete_below(&blob_folder(job.id)).await?;
                debug!(job = %job.id, deleted, "blobs swept");
                failpoints::hit("tracker/swept");
                Ok(Some(Event::Swept { nth }))
            }
        }
    }

    async fn publish_chunks(&self, job: &Job, indices: &[u32]) -> Result<Option<u64>> {
        let chunks = match self.backends.jobs.chunks(job.id, indices).await {
            Err(Error::Missing(_)) => return Ok(None),
            chunks => chunks?,
        };
        let publish = |(&index, chunk): (&u32, ChunkEntry)| {
            let message = ChunkReady {
                job: job.id,
                index,
                first_row: chunk.first_row,
                first_line: chunk.first_line,
                rows: chunk.rows,
                blob: chunk.blob,
            };
            let place = Partitioning::Spread(job.id.to_string(), index);
            self.backends.broker.publish(Topic::Chunks.name(), place, message.encode())
        };
        try_join_all(indices.iter().zip(chunks).map(publish)).await?;
        Ok(Some(indices.len() as u64))
    }

    async fn write_manifest(&self, job: &Job, parts: u32) -> Result<Option<Event>> {
        let jobs = &self.backends.jobs;
        let indices: Vec<u32> = (0..parts).collect();
        let read = async {
            let secrets = jobs.secrets(job.id, &job.project).await?;
            let headers = jobs.headers(job.id).await?;
            Ok((secrets, Manifest { headers, parts: jobs.parts(job.id, &indices).await? }))
        };
        let (secrets, manifest) = match read.await {
            // The job was cancelled or purged meanwhile.
            Ok((None, _)) | Err(Error::Missing(_)) => return Ok(None),
            Ok((Some(secrets), manifest)) => (secrets, manifest),
            Err(error) => return Err(error),
        };
        let text = serde_json::to_vec(&manifest).expect("a manifest has no map");
        // Two trackers may each write a manifest; the record names the one that counts.
        let blob = format!("manifest.{:016x}", u64::from_be_bytes(random_bytes()?));
        let sealed = SealedFile::seal(&secrets.data_key, job.id, blob, text)?;
        sealed.put(&self.backends.blobs).await?;
        failpoints::hit("tracker/manifest-written");
        Ok(Some(Event::ManifestWritten(manifest.entry(sealed.blob))))
    }

    async fn announce(&self, job: &Job) -> Result<Option<Event>> {
        let Some(End { outcome, reason, at, event_id, .. }) = job.end.clone() else { return Ok(None) };
        let ended = JobEnded {
            event_id: event_id.clone(),
            job: job.id,
            project: job.project.clone(),
            outcome,
            reason,
            at,
            rows: job.rows,
            links: job.counts.links,
            errors: job.counts.errors,
        };
        let place = Partitioning::ByKey(job.id.to_string());
        self.backends.broker.publish(Topic::Jobs.name(), place, ended.encode()).await?;
        failpoints::hit("tracker/announced");
        Ok(Some(Event::Announced { event_id }))
    }

    /// Logs and counts the end of a job, and counts its chunks.
    fn report(&self, event: &Event, before: &Job, after: &Job) {
        if matches!(event, Event::ChunkEncoded { .. }) {
            metrics().chunk("recorded");
        }
        let (None, Some(end)) = (&before.end, &after.end) else { return };
        let seconds = end.at.saturating_sub(after.created) as f64 / 1e3;
        tracker_metrics().jobs_ended.with_label_values(&[after.state()]).inc();
        tracker_metrics().job_seconds.observe(seconds);
        let (rows, links, errors) = (after.rows, after.counts.links, after.counts.errors);
        let reason = end.reason.as_deref().unwrap_or("");
        info!(job = %after.id, project = %after.project, outcome = after.state(), reason, rows, links, errors, seconds,
            "job ended");
    }
}
