//! The decisions of the state machine: an event and a job's record give the next record.

use super::counts::Counts;
use super::record::{ChunkEntry, End, Files, Job, ManifestEntry, Outcome, PartEntry};
use super::time::{Millis, Settings};

/// Something that happened to a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The producer cut and stored a chunk.
    ChunkCut {
        /// Its index. Chunks are recorded in order.
        index: u32,
        /// The chunk.
        chunk: ChunkEntry,
    },
    /// The upload is slow but alive.
    StillUploading,
    /// The upload ended, and its end is verified.
    UploadEnded,
    /// The upload broke off, or the file cannot be read on.
    UploadFailed {
        /// [`Outcome::Aborted`] or [`Outcome::Refused`].
        outcome: Outcome,
        /// The reason, for people; nothing of a row.
        reason: String,
    },
    /// Chunks were published for the first time.
    Released {
        /// The end of the published chunks, exclusive.
        upto: u32,
    },
    /// Chunks that were published before were published again.
    PublishedAgain,
    /// The broker lost all messages (the one in memory, at a restart).
    BrokerLost,
    /// A worker encoded a chunk.
    ChunkEncoded {
        /// Its index.
        index: u32,
        /// Its outputs.
        part: PartEntry,
        /// The counts of its rows.
        counts: Counts,
    },
    /// A worker gave a chunk up.
    ChunkFailed {
        /// Its index.
        index: u32,
        /// The reason, for people; nothing of a row.
        reason: String,
    },
    /// The manifest was written.
    ManifestWritten(ManifestEntry),
    /// The end was announced.
    Announced {
        /// The event id of that end.
        event_id: String,
    },
    /// The job's blobs were listed and deleted.
    Swept {
        /// The index of the sweep. Two trackers may do the same one; it counts once.
        nth: usize,
    },
    /// A client cancels the job.
    Cancel,
    /// A client retries a failed job.
    Retry,
    /// A client has the files deleted before their retention ends.
    DeleteFiles,
    /// Time passed.
    Tick,
}

/// A change beside the record, committed in the same transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// Record a chunk.
    Chunk(u32, ChunkEntry),
    /// Record a part.
    Part(u32, PartEntry),
    /// No worker may begin a chunk any more.
    Close,
    /// Workers may begin chunks again, with attempts counted anew.
    Reopen,
    /// Delete data key, batch spec, chunks and parts: nothing of the job can be opened from now on.
    Purge,
    /// Delete the record itself.
    Forget,
}

/// The answer of [`decide`]: the new record, and what changes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The new record.
    pub job: Job,
    /// Changes beside it.
    pub entries: Vec<Entry>,
}

/// A refused event: the job cannot take it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The job has ended.
    #[error("the job is {state} already{}", .reason.as_ref().map_or(String::new(), |reason| format!(": {reason}")))]
    Ended {
        /// The job's state.
        state: &'static str,
        /// The reason of its end, if it has one.
        reason: Option<String>,
    },
    /// The upload has ended.
    #[error("the upload is over")]
    UploadOver,
    /// A chunk that does not follow the last one.
    #[error("chunk {got} does not follow the {ready} chunks before it")]
    OutOfOrder {
        /// The number of chunks that are recorded.
        ready: u32,
        /// The chunk's index.
        got: u32,
    },
    /// A retry of a job that has not failed.
    #[error("only a failed job can be retried (this one is {0})")]
    NotFailed(&'static str),
    /// The files are deleted.
    #[error("the job's files are deleted: upload the file again")]
    FilesGone,
    /// The job is still running.
    #[error("the job is {0}: cancel it first")]
    Running(&'static str),
}

/// The job after `event`; `None` where the event changes nothing: it happened before, comes too late, or is a tick
/// with nothing due.
///
/// # Errors
/// [`Refusal`]: the upload or a client asks for what the job's state does not allow.
pub fn decide(
    job: &Job,
    event: &Event,
    now: Millis,
    settings: &Settings,
) -> Result<Option<Decision>, Refusal> {
    let mut next = Decision { job: job.clone(), entries: Vec::new() };
    let changed = match event {
        Event::ChunkCut { index, chunk } => next.add_chunk(*index, chunk, now, settings)?,
        Event::StillUploading => next.renew_lease(now, settings)?,
        Event::UploadEnded => next.end_upload(now)?,
        Event::UploadFailed { outcome, reason } => {
            // An upload that is over cannot fail any more.
            job.lease_until.is_some() && next.end(*outcome, Some(reason.clone()), now)
        }
        Event::Released { upto } => next.release(*upto, now),
        Event::PublishedAgain => next.count_stall(now),
        Event::BrokerLost => next.publish_anew(),
        Event::ChunkEncoded { index, part, counts } => next.add_part(*index, part, counts, now),
        Event::ChunkFailed { index, reason } => next.fail(*index, reason, now),
        Event::ManifestWritten(manifest) => next.complete(manifest, now),
        Event::Announced { event_id } => next.mark_announced(event_id),
        Event::Swept { nth } => next.count_sweep(*nth),
        Event::Cancel => next.cancel(now)?,
        Event::Retry => next.retry(now)?,
        Event::DeleteFiles => next.delete_files(now)?,
        Event::Tick => next.tick(now, settings),
    };
    Ok(changed.then_some(next))
}

impl Decision {
    fn must_be_uploading(&self) -> Result<(), Refusal> {
        match &self.job {
            Job { end: Some(end), .. } => Err(self.ended(end)),
            job if job.lease_until.is_none() => Err(Refusal::UploadOver),
            _ => Ok(()),
        }
    }

    fn ended(&self, end: &End) -> Refusal {
        Refusal::Ended { state: self.job.state(), reason: end.reason.clone() }
    }

    fn add_chunk(
        &mut self,
        index: u32,
        chunk: &ChunkEntry,
        now: Millis,
        settings: &Settings,
    ) -> Result<bool, Refusal> {
        self.must_be_uploading()?;
        let job = &mut self.job;
        if index < job.ready {
            return Ok(false);
        }
        if index > job.ready {
            return Err(Refusal::OutOfOrder { ready: job.ready, got: index });
        }
        if job.released == job.done.len() {
            // No released chunk waits for a result, so the wait for one begins now.
            job.moved_at = now;
        }
        job.ready += 1;
        job.rows += u64::from(chunk.rows);
        job.bytes += chunk.blob.bytes;
        job.lease_until = Some(now + settings.upload_lease);
        self.entries.push(Entry::Chunk(index, chunk.clone()));
        Ok(true)
    }

    fn renew_lease(&mut self, now: Millis, settings: &Settings) -> Result<bool, Refusal> {
        self.must_be_uploading()?;
        self.job.lease_until = Some(now + settings.upload_lease);
        Ok(true)
    }

    fn end_upload(&mut self, now: Millis) -> Result<bool, Refusal> {
        if self.job.end.is_none() && self.job.total.is_some() {
            return Ok(false);
        }
        self.must_be_uploading()?;
        if self.job.rows == 0 {
            let reason = "the file has a header and no rows (expected at least one row)".to_owned();
            return Ok(self.end(Outcome::Refused, Some(reason), now));
        }
        self.job.lease_until = None;
        self.job.total = Some(self.job.ready);
        Ok(true)
    }

    fn release(&mut self, upto: u32, now: Millis) -> bool {
        let job = &mut self.job;
        if job.end.is_some() || upto <= job.released || upto > job.ready {
            return false;
        }
        if job.released == job.done.len() {
            job.moved_at = now;
        }
        job.released = upto;
        true
    }

    fn count_stall(&mut self, now: Millis) -> bool {
        if self.job.end.is_some() {
            return false;
        }
        self.job.stalls += 1;
        self.job.moved_at = now;
        true
    }

    fn publish_anew(&mut self) -> bool {
        if self.job.end.is_some() || self.job.released == self.job.done.len() {
            return false;
        }
        // A wait that began at 0 has stalled, so the next action publishes the missing chunks again.
        self.job.moved_at = 0;
        self.job.stalls = 0;
        true
    }

    fn add_part(&mut self, index: u32, part: &PartEntry, counts: &Counts, now: Millis) -> bool {
        let job = &mut self.job;
        if job.end.is_some() || index >= job.ready || !job.done.insert(index) {
            return false;
        }
        job.counts.add(counts);
        job.moved_at = now;
        job.stalls = 0;
        self.entries.push(Entry::Part(index, part.clone()));
        true
    }

    fn fail(&mut self, index: u32, reason: &str, now: Millis) -> bool {
        if index >= self.job.ready || self.job.done.contains(index) {
            return false;
        }
        let reason = format!("chunk {index} could not be encoded: {reason}");
        self.end(Outcome::Failed, Some(reason), now)
    }

    fn complete(&mut self, manifest: &ManifestEntry, now: Millis) -> bool {
        if self.job.total != Some(self.job.done.len()) || !self.end(Outcome::Completed, None, now) {
            return false;
        }
        self.job.manifest = Some(manifest.clone());
        true
    }

    fn cancel(&mut self, now: Millis) -> Result<bool, Refusal> {
        match &self.job.end {
            Some(end) if end.outcome == Outcome::Cancelled => Ok(false),
            Some(end) => Err(self.ended(end)),
            None => Ok(self.end(Outcome::Cancelled, None, now)),
        }
    }

    /// Ends the job, once. The same commit purges the files of every job that is neither completed nor failed after
    /// its upload.
    fn end(&mut self, outcome: Outcome, reason: Option<String>, now: Millis) -> bool {
        let job = &mut self.job;
        if job.end.is_some() {
            return false;
        }
        job.ends += 1;
        let event_id = format!("{}-{}", job.id, job.ends);
        job.end = Some(End { outcome, reason, at: now, event_id, announced: false });
        // A job that fails before its upload ends cannot be retried: the rest of its file is missing.
        let keeps_files = match outcome {
            Outcome::Completed => true,
            Outcome::Failed => job.total.is_some(),
            Outcome::Cancelled | Outcome::Refused | Outcome::Aborted => false,
        };
        job.lease_until = None;
        if keeps_files {
            self.entries.push(Entry::Close);
        } else {
            self.purge(now);
        }
        true
    }

    fn purge(&mut self, now: Millis) {
        self.job.files = Files::Purged { at: now, swept: 0 };
        self.job.manifest = None;
        self.entries.push(Entry::Purge);
    }

    fn mark_announced(&mut self, announced: &str) -> bool {
        match &mut self.job.end {
            Some(end) if end.event_id == announced && !end.announced => {
                end.announced = true;
                true
            }
            _ => false,
        }
    }

    fn count_sweep(&mut self, nth: usize) -> bool {
        match &mut self.job.files {
            Files::Purged { swept, .. } if *swept == nth => {
                *swept += 1;
                true
            }
            _ => false,
        }
    }

    fn retry(&mut self, now: Millis) -> Result<bool, Refusal> {
        let job = &mut self.job;
        match &job.end {
            Some(end) if end.outcome == Outcome::Failed => {}
            _ => return Err(Refusal::NotFailed(job.state())),
        }
        if job.files != Files::Kept {
            return Err(Refusal::FilesGone);
        }
        job.end = None;
        job.stalls = 0;
        // The next action publishes again what was released and is not done.
        job.moved_at = if job.released > job.done.len() { 0 } else { now };
        self.entries.push(Entry::Reopen);
        Ok(true)
    }

    fn delete_files(&mut self, now: Millis) -> Result<bool, Refusal> {
        if self.job.end.is_none() {
            return Err(Refusal::Running(self.job.state()));
        }
        let are_kept = self.job.files == Files::Kept;
        if are_kept {
            self.purge(now);
        }
        Ok(are_kept)
    }

    fn tick(&mut self, now: Millis, settings: &Settings) -> bool {
        let job = &self.job;
        if job.lease_until.is_some_and(|until| now >= until) {
            let reason = "the upload fell silent".to_owned();
            return self.end(Outcome::Aborted, Some(reason), now);
        }
        match (&job.end, job.files) {
            (Some(end), Files::Kept) if now >= end.at + job.retention => {
                self.purge(now);
                true
            }
            (Some(end), Files::Purged { at, swept }) => {
                let is_over = end.announced && swept >= settings.sweeps.len();
                let forgets = is_over && now >= at + settings.forget;
                if forgets {
                    self.entries.push(Entry::Forget);
                }
                forgets
            }
            _ => false,
        }
    }
}
