//! The next action for a job, and when it is due, both derived from its record.

use super::record::{Files, Job};
use super::time::{Millis, Settings};

/// One thing to do for a job. It may be done twice; an event records that it was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Publish `ChunkReady` for these chunks, then [`Released`](super::Event::Released) or
    /// [`PublishedAgain`](super::Event::PublishedAgain).
    Publish {
        /// Their indices.
        chunks: Vec<u32>,
        /// The new [`Job::released`]; none where the chunks are published again.
        released: Option<u32>,
    },
    /// List the parts of the finished job in a manifest, then
    /// [`ManifestWritten`](super::Event::ManifestWritten).
    WriteManifest {
        /// The number of parts.
        parts: u32,
    },
    /// Publish `JobEnded`, then [`Announced`](super::Event::Announced).
    Announce,
    /// Delete all blobs below the job's prefix, then [`Swept`](super::Event::Swept).
    Sweep {
        /// The index of the sweep, counted from 0.
        nth: usize,
    },
}

/// The next action for the job at this time; none where nothing is left to do now.
///
/// `window` is the number of chunks that the job may have released and not done.
pub fn next_action(job: &Job, now: Millis, window: u32, settings: &Settings) -> Option<Action> {
    if let Some(end) = &job.end {
        if !end.announced {
            return Some(Action::Announce);
        }
        let (nth, at) = next_sweep(job, settings)?;
        return (now >= at).then_some(Action::Sweep { nth });
    }
    if let Some(parts) = job.total.filter(|total| *total == job.done.len()) {
        return Some(Action::WriteManifest { parts });
    }
    if stalled_at(job, settings).is_some_and(|at| now >= at) {
        return Some(Action::Publish { chunks: job.done.missing_below(job.released), released: None });
    }
    let end = job.ready.min(job.done.len().saturating_add(window));
    let has_more = end > job.released;
    has_more.then(|| Action::Publish { chunks: (job.released..end).collect(), released: Some(end) })
}

/// The latest time at which a tracker has to look at the job next.
///
/// `handover` is how long the caller has to carry out the next action itself; 0 where it leaves that to a tracker.
pub fn due(job: &Job, now: Millis, window: u32, handover: Millis, settings: &Settings) -> Millis {
    if next_action(job, now, window, settings).is_some() {
        return now + handover;
    }
    match (&job.end, job.files) {
        (None, _) => {
            let stalled = stalled_at(job, settings);
            let times = [job.lease_until, stalled].into_iter().flatten();
            times.min().unwrap_or(now + settings.longest_stall)
        }
        (Some(end), Files::Kept) => end.at + job.retention,
        (Some(_), Files::Purged { at, .. }) => {
            next_sweep(job, settings).map_or(at + settings.forget, |(_, sweep)| sweep)
        }
    }
}

/// The time from which released chunks count as stalled: no result came for too long. None where no chunk is released
/// and not done.
fn stalled_at(job: &Job, settings: &Settings) -> Option<Millis> {
    let waits = job.released > job.done.len();
    let patience = settings.stall.saturating_mul(1 << job.stalls.min(16)).min(settings.longest_stall);
    waits.then_some(job.moved_at.saturating_add(patience))
}

/// The next sweep, and its time.
fn next_sweep(job: &Job, settings: &Settings) -> Option<(usize, Millis)> {
    let Files::Purged { at, swept } = job.files else { return None };
    settings.sweeps.get(swept).map(|after| (swept, at + after))
}
