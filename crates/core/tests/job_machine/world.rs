//! What the job machine stands in: one record with its entries, a bag of messages, blobs, a clock; and what must
//! be true of every commit.

use std::collections::{BTreeMap, BTreeSet};

use smartpass_core::job::{
    BlobRef, ChunkEntry, Counts, Decision, Entry, Event, Files, Job, Millis, NewJob, Outcome, PartEntry,
    Settings, decide, due, next_action,
};

use crate::rng::Rng;

pub(crate) const HOUR: Millis = 3_600_000;

/// A record as somebody read it.
#[derive(Clone)]
pub(crate) struct Seen {
    pub job: Job,
    pub version: u64,
    /// When; what is decided on it is decided no earlier.
    at: Millis,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Ready(u32),
    Encoded(u32, u64),
    Failed(u32),
}

pub(crate) struct World {
    pub rng: Rng,
    pub now: Millis,
    pub settings: Settings,
    pub window: u32,
    record: Option<Job>,
    version: u64,
    pub due: Option<Millis>,
    /// Whether `due` is what a commit set, and not a claim.
    pub is_committed_due: bool,
    pub chunks: BTreeMap<u32, ChunkEntry>,
    pub parts: BTreeMap<u32, PartEntry>,
    pub begun: BTreeMap<u32, u64>,
    pub returned: BTreeMap<u32, u64>,
    pub is_open: bool,
    pub has_key: bool,
    pub messages: Vec<Message>,
    /// Blobs with the time when they were written.
    pub blobs: BTreeMap<String, Millis>,
    blob_names: BTreeSet<String>,
    /// Ends by their event id.
    ends: BTreeMap<String, Outcome>,
    announcements: BTreeMap<String, Outcome>,
    pub commits: u64,
    /// Until when nothing has to be published again: parts come in.
    patient_until: Millis,
    checks_json: bool,
}

pub(crate) fn blob_ref(blob: String) -> BlobRef {
    BlobRef { path: blob, tag: [7; 16].into(), bytes: 1_000 }
}

pub(crate) fn part(index: u32, attempt: u64) -> PartEntry {
    PartEntry { success: blob_ref(format!("out/{index}.{attempt}")), errors: None }
}

pub(crate) fn new_job(retention: Millis) -> NewJob {
    NewJob {
        id: "00112233445566778899aabbccddeeff".parse().unwrap(),
        project: "wrsynr".parse().unwrap(),
        batch_id: "0011223344556677".parse().unwrap(),
        link: "encrypted".to_owned(),
        template: None,
        key_version: Some(1),
        encoder_revision: 1,
        retention,
    }
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let settings = Settings::default();
        let window = 1 + rng.below(6) as u32;
        let now = 1_000_000_000;
        let retention = [HOUR, 72 * HOUR][rng.below(2)];
        let job = Job::open(new_job(retention), now, &settings);
        let first_due = due(&job, now, window, 0, &settings);
        Self {
            rng,
            now,
            settings,
            window,
            record: Some(job),
            version: 1,
            due: Some(first_due),
            is_committed_due: true,
            chunks: BTreeMap::new(),
            parts: BTreeMap::new(),
            begun: BTreeMap::new(),
            returned: BTreeMap::new(),
            is_open: true,
            has_key: true,
            messages: Vec::new(),
            blobs: BTreeMap::new(),
            blob_names: BTreeSet::new(),
            ends: BTreeMap::new(),
            announcements: BTreeMap::new(),
            commits: 0,
            patient_until: 0,
            checks_json: seed.is_multiple_of(8),
        }
    }

    pub(crate) fn load(&self) -> Option<Seen> {
        self.record.clone().map(|job| Seen { job, version: self.version, at: self.now })
    }

    pub(crate) fn is_forgotten(&self) -> bool {
        self.record.is_none()
    }

    pub(crate) fn is_still(&self, seen: &Seen) -> bool {
        self.record.is_some() && self.version == seen.version
    }

    /// Ends that came to be, and ends that were announced.
    pub(crate) fn ends(&self) -> (&BTreeMap<String, Outcome>, &BTreeMap<String, Outcome>) {
        (&self.ends, &self.announcements)
    }

    pub(crate) fn announce(&mut self, event_id: &str, outcome: Outcome) {
        assert_eq!(self.ends.get(event_id), Some(&outcome), "an end is announced that did not come to be");
        self.announcements.insert(event_id.to_owned(), outcome);
    }

    pub(crate) fn put_blob(&mut self, name: String) {
        assert!(self.blob_names.insert(name.clone()), "blob {name} is written twice");
        self.blobs.insert(name, self.now);
    }

    pub(crate) fn publish_ready(&mut self, index: u32, known: &BTreeSet<u32>) {
        assert!(known.contains(&index), "chunk {index} is published and was never recorded");
        self.messages.push(Message::Ready(index));
    }

    /// Somebody with this view of the job is about to publish chunks once more.
    pub(crate) fn check_patience(&self, seen: &Seen) {
        let is_hasty = self.is_still(seen) && self.now < self.patient_until;
        assert!(!is_hasty, "chunks are published again while parts come in");
    }

    /// Commits a decision if the record is the one that was seen.
    pub(crate) fn commit(
        &mut self,
        seen: &Seen,
        event: &Event,
        decision: &Decision,
        handover: Millis,
    ) -> Option<Seen> {
        if !self.is_still(seen) {
            return None;
        }
        let before = self.record.take().unwrap();
        assert_eq!(before, seen.job);
        for entry in &decision.entries {
            self.add(entry, &before);
        }
        self.version += 1;
        self.commits += 1;
        if decision.entries.contains(&Entry::Forget) {
            self.check_forgotten(&before);
            self.due = None;
            return Some(Seen { job: before, version: self.version, at: self.now });
        }
        let job = decision.job.clone();
        let at = due(&job, self.now, self.window, handover, &self.settings);
        let unattended = due(&job, self.now, self.window, 0, &self.settings);
        assert!(at <= unattended.max(self.now) + handover, "the handover takes too long");
        self.due = Some(at);
        self.is_committed_due = true;
        self.record = Some(job.clone());
        self.check(seen, event, &job);
        Some(Seen { job, version: self.version, at: self.now })
    }

    fn add(&mut self, entry: &Entry, before: &Job) {
        match entry {
            Entry::Chunk(index, chunk) => {
                assert!(
                    self.chunks.insert(*index, chunk.clone()).is_none(),
                    "chunk {index} is recorded twice"
                );
            }
            Entry::Part(index, part) => {
                assert!(self.chunks.contains_key(index), "part {index} has no chunk");
                assert!(self.parts.insert(*index, part.clone()).is_none(), "part {index} is recorded twice");
            }
            Entry::Close => self.is_open = false,
            Entry::Reopen => {
                self.is_open = true;
                for index in before.done.missing_below(before.released) {
                    if let Some(begun) = self.begun.get(&index) {
                        self.returned.insert(index, *begun);
                    }
                }
            }
            Entry::Purge => {
                self.chunks.clear();
                self.parts.clear();
                self.begun.clear();
                self.returned.clear();
                (self.is_open, self.has_key) = (false, false);
            }
            Entry::Forget => {}
        }
    }

    fn check(&mut self, seen: &Seen, event: &Event, after: &Job) {
        let before = &seen.job;
        assert!(after.released <= after.ready, "{} of {} chunks are released", after.released, after.ready);
        assert!(after.done.len() <= after.ready && !after.done.contains(after.ready));
        assert!(after.done.missing_below(after.ready).len() as u32 == after.ready - after.done.len());
        if after.released > before.released {
            let at_work = after.released - after.done.len().min(after.released);
            assert!(at_work <= self.window, "{at_work} chunks are out, and the window is {}", self.window);
        }
        match event {
            Event::ChunkEncoded { .. } | Event::PublishedAgain => {
                self.patient_until = seen.at + self.settings.stall;
            }
            Event::BrokerLost | Event::Retry => self.patient_until = 0,
            _ => {}
        }
        self.check_end(before, event, after);
        self.check_entries(after);
        self.check_due(after);
        if self.checks_json {
            let text = serde_json::to_vec(after).unwrap();
            assert!(text.len() < 8_192, "the record has {} bytes", text.len());
            assert_eq!(
                &serde_json::from_slice::<Job>(&text).unwrap(),
                after,
                "the record reads back as another"
            );
        }
    }

    fn check_end(&mut self, before: &Job, event: &Event, after: &Job) {
        match (&before.end, &after.end) {
            (None, None) => {}
            (None, Some(end)) => {
                let is_new = self.ends.insert(end.event_id.clone(), end.outcome).is_none();
                assert!(is_new, "event id {} stands for two ends", end.event_id);
                assert!(!end.announced && end.at <= self.now);
                if let Event::ChunkFailed { index, .. } = event {
                    assert!(!before.done.contains(*index), "chunk {index} is done and fails its job");
                }
                if end.outcome == Outcome::Completed {
                    let total = after.total.expect("a completed job has a total");
                    let parts: Vec<u32> = self.parts.keys().copied().collect();
                    assert_eq!(parts, (0..total).collect::<Vec<_>>(), "the parts of the completed job");
                    assert!(after.manifest.is_some() && total == after.ready);
                }
            }
            (Some(end), None) => {
                assert_eq!(
                    (event, end.outcome),
                    (&Event::Retry, Outcome::Failed),
                    "only a retry undoes an end"
                );
                assert!(before.files == Files::Kept && self.has_key, "a retry without files");
            }
            (Some(end), Some(again)) => {
                let same = (&end.event_id, end.outcome, end.at, &end.reason);
                assert_eq!(same, (&again.event_id, again.outcome, again.at, &again.reason), "another end");
                assert!(again.announced || !end.announced, "an announcement is taken back");
            }
        }
    }

    fn check_entries(&self, after: &Job) {
        match after.files {
            Files::Kept => {
                assert!(self.has_key);
                assert_eq!(self.is_open, after.end.is_none(), "whether workers may begin");
                assert!(self.parts.keys().all(|index| after.done.contains(*index)));
                assert_eq!(self.parts.len() as u32, after.done.len(), "parts and the record disagree");
                assert_eq!(self.chunks.len() as u32, after.ready, "chunks and the record disagree");
            }
            Files::Purged { .. } => {
                let is_empty = self.chunks.is_empty() && self.parts.is_empty() && self.begun.is_empty();
                assert!(is_empty && !self.has_key && !self.is_open, "something is left of a purged job");
                assert!(after.end.is_some() && after.manifest.is_none());
            }
        }
    }

    /// No job sleeps for ever and none is looked at for nothing: at its due time there is something to do.
    fn check_due(&self, job: &Job) {
        let at = due(job, self.now, self.window, 0, &self.settings).max(self.now);
        let acts = next_action(job, at, self.window, &self.settings).is_some();
        let ticks = decide(job, &Event::Tick, at, &self.settings).unwrap().is_some();
        assert!(acts || ticks, "due at {at}, {} ms from now, for nothing: {job:?}", at - self.now);
        let longest = job.retention.max(self.settings.forget) + HOUR;
        assert!(at <= self.now + longest, "due in {} ms: {job:?}", at - self.now);
        let waits = job.end.is_none() && job.released > job.done.len();
        assert!(!waits || at <= self.now + self.settings.longest_stall, "a stalled job sleeps: {job:?}");
        let uploads = job.end.is_none() && job.lease_until.is_some();
        assert!(!uploads || at <= self.now + self.settings.upload_lease, "a silent upload sleeps: {job:?}");
    }

    fn check_forgotten(&self, job: &Job) {
        let end = job.end.as_ref().expect("a running job is forgotten");
        assert!(end.announced, "a job is forgotten and its end was never announced");
        let Files::Purged { at, swept } = job.files else { panic!("a job is forgotten with its files") };
        assert_eq!(swept, self.settings.sweeps.len());
        assert!(self.now >= at + self.settings.forget);
        let swept_last = at + self.settings.sweeps.last().unwrap();
        let left: Vec<_> = self.blobs.iter().filter(|(_, written)| **written <= swept_last).collect();
        assert!(left.is_empty(), "blobs are left: {left:?}");
    }
}

pub(crate) fn counts(links: u64) -> Counts {
    Counts { links, ..Counts::default() }
}
