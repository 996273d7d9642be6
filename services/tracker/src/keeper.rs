//! What is done for a job: decide, commit, carry out, until nothing is left to do.

use futures_util::future::try_join_all;
use smartpass_core::ids::JobId;
use smartpass_core::job::{Action, End, Entry, Event, Job, Stored, decide, next_action};
use smartpass_messages::{ChunkReady, JobEnded, Message, Topic};
use smartpass_platform::broker::Place;
use smartpass_platform::jobs::{Manifest, Seen, blob_folder, blob_path};
use smartpass_platform::telemetry::metrics;
use smartpass_platform::{Error, Platform, Result, faults};
use tracing::{debug, info};

/// Does what has to be done for jobs. It keeps nothing: the record says everything.
#[derive(Clone)]
pub struct Keeper {
    platform: Platform,
}

/// Where a job stands after an event, for metrics.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// One word.
    pub state: &'static str,
    /// When it was opened, in milliseconds since 1970.
    pub created: u64,
    /// Whether it has ended.
    pub has_ended: bool,
}

impl Keeper {
    /// A keeper of the platform's jobs.
    pub fn new(platform: Platform) -> Self {
        Self { platform }
    }

    /// Lets an event happen to a job, and carries out what follows. Answers where the job stands, if there is one.
    ///
    /// # Errors
    /// An outage: the event may have happened, and is to be repeated.
    pub async fn handle(&self, id: JobId, event: Event) -> Result<Option<Standing>> {
        let jobs = &self.platform.jobs;
        let mut event = Some(event);
        let mut known: Option<Seen> = None;
        loop {
            let seen = match known.take() {
                Some(seen) => seen,
                None => match jobs.load(id).await? {
                    Some(seen) => seen,
                    None => {
                        jobs.drop_due(id).await?;
                        return Ok(None);
                    }
                },
            };
            let now = jobs.clock().now();
            if let Some(happened) = &event {
                // A refusal is for whoever asked; here it is an event that comes too late.
                if let Ok(Some(decision)) = decide(&seen.job, happened, now, &jobs.settings) {
                    let committed = jobs.commit(&seen, &decision, jobs.settings.handover).await?;
                    faults::point("tracker/committed");
                    let Some(committed) = committed else { continue };
                    self.tell(happened, &seen.job, &committed.job);
                    if decision.entries.contains(&Entry::Forget) {
                        return Ok(None);
                    }
                    known = Some(committed);
                } else {
                    known = Some(seen);
                }
                event = None;
                continue;
            }
            let window = if seen.job.end.is_none() { jobs.share(&seen.job.project).await? } else { 0 };
            let Some(action) = next_action(&seen.job, now, window, &jobs.settings) else {
                return Ok(Some(standing(&seen.job)));
            };
            event = self.carry_out(&seen.job, action).await?;
            if event.is_some() {
                known = Some(seen);
            } else if jobs.load(id).await?.is_some_and(|again| again.is_same_as(&seen)) {
                // Nobody changed it, so what it needs is lost: not a matter of looking again.
                return Err(Error::Damaged(format!("job {id}")));
            }
        }
    }

    /// Does one thing; answers the event that says so, or none where the job has changed meanwhile.
    async fn carry_out(&self, job: &Job, action: Action) -> Result<Option<Event>> {
        match action {
            Action::Publish { chunks, released } => {
                let Some(count) = self.publish_chunks(job, &chunks).await? else { return Ok(None) };
                faults::point("tracker/released");
                let event = if released.is_some() { "released" } else { "published-again" };
                metrics().chunks.with_label_values(&[event]).inc_by(count);
                Ok(Some(released.map_or(Event::PublishedAgain, |upto| Event::Released { upto })))
            }
            Action::WriteManifest { parts } => self.write_manifest(job, parts).await,
            Action::Announce => self.announce(job).await,
            Action::Sweep { nth } => {
                let deleted = self.platform.blobs.delete_below(&blob_folder(job.id)).await?;
                debug!(job = %job.id, deleted, "blobs swept");
                faults::point("tracker/swept");
                Ok(Some(Event::Swept { nth }))
            }
        }
    }

    async fn publish_chunks(&self, job: &Job, indices: &[u32]) -> Result<Option<u64>> {
        let chunks = match self.platform.jobs.chunks(job.id, indices).await {
            Err(Error::Missing(_)) => return Ok(None),
            chunks => chunks?,
        };
        let publish = |(&index, chunk): (&u32, smartpass_core::job::ChunkEntry)| {
            let message = ChunkReady {
                job: job.id,
                index,
                first_row: chunk.first_row,
                first_line: chunk.first_line,
                rows: chunk.rows,
                blob: chunk.stored,
            };
            let place = Place::Spread(job.id.to_string(), index);
            self.platform.broker.publish(Topic::Chunks, place, message.encode())
        };
        try_join_all(indices.iter().zip(chunks).map(publish)).await?;
        Ok(Some(indices.len() as u64))
    }

    async fn write_manifest(&self, job: &Job, parts: u32) -> Result<Option<Event>> {
        let jobs = &self.platform.jobs;
        let indices: Vec<u32> = (0..parts).collect();
        let read = async {
            let secrets = jobs.secrets(job.id, &job.project).await?;
            let heads = jobs.heads(job.id).await?;
            Ok((secrets, Manifest { heads, parts: jobs.parts(job.id, &indices).await? }))
        };
        let (secrets, manifest) = match read.await {
            // Cancelled or purged meanwhile.
            Ok((None, _)) | Err(Error::Missing(_)) => return Ok(None),
            Ok((Some(secrets), manifest)) => (secrets, manifest),
            Err(error) => return Err(error),
        };
        let text = serde_json::to_vec(&manifest).expect("a manifest has no map");
        let mut name = [0; 8];
        getrandom::fill(&mut name).map_err(|error| Error::unavailable("the random source", error))?;
        // Two trackers may write it at once; the record names the one that counts.
        let blob = format!("manifest.{:016x}", u64::from_be_bytes(name));
        let path = blob_path(job.id, &blob);
        let sealed = secrets.data_key.seal(&path, text)?;
        let stored = Stored { blob, tag: sealed.tag, bytes: sealed.plain_bytes };
        self.platform.blobs.put(&path, sealed.pieces).await?;
        faults::point("tracker/manifest-written");
        Ok(Some(Event::ManifestWritten(manifest.entry(stored))))
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
        let place = Place::Key(job.id.to_string());
        self.platform.broker.publish(Topic::Jobs, place, ended.encode()).await?;
        faults::point("tracker/announced");
        Ok(Some(Event::Announced { event_id }))
    }

    /// Logs and counts what an operator wants to know.
    fn tell(&self, event: &Event, before: &Job, after: &Job) {
        if matches!(event, Event::ChunkEncoded { .. }) {
            metrics().chunk("recorded");
        }
        let (None, Some(end)) = (&before.end, &after.end) else { return };
        let seconds = end.at.saturating_sub(after.created) as f64 / 1e3;
        metrics().jobs_ended.with_label_values(&[after.state()]).inc();
        metrics().job_seconds.observe(seconds);
        let (rows, links, errors) = (after.rows, after.counts.links, after.counts.errors);
        let reason = end.reason.as_deref().unwrap_or("");
        info!(job = %after.id, project = %after.project, outcome = after.state(), reason, rows, links, errors, seconds,
            "job ended");
    }
}

fn standing(job: &Job) -> Standing {
    Standing { state: job.state(), created: job.created, has_ended: job.end.is_some() }
}
