//! The real driver under thousands of seeds, two of it and more at once, on a state, a broker and a clock that
//! the seed rules: every operation is a place to be interrupted, to crash at, or to fail at before or after it
//! took effect. `SEED=7 cargo test -p smartpass-tracker --test simulation` replays one.
#![allow(clippy::unwrap_used, missing_docs)]

mod people;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use people::{File, Person, at_once};
use smartpass_core::ids::JobId;
use smartpass_core::job::{Event, Files, Job, Outcome, Settings};
use smartpass_messages::{ChunkReady, ChunkResult, JobEnded, Message};
use smartpass_platform::blobs::Blobs;
use smartpass_platform::shutdown::Shutdown;
use smartpass_records::data_key::DataKey;
use smartpass_records::job_files::{Manifest, blob_folder, blob_path};
use smartpass_records::jobs::JobStore;
use smartpass_records::wrapping_keys::{MasterKey, Purpose};
use smartpass_testkit::{Chaos, MemoryState, RecordingBroker, TestClock};
use smartpass_tracker::Backends;

const CHUNKS: &str = "smartpass.chunks";
const RESULTS: &str = "smartpass.results";
const JOBS: &str = "smartpass.jobs";
const SEEDS: u64 = 2_500;
/// Turns of the clock, each to the next due time, that bring two jobs to their ends and out of the state.
const MAX_TURNS: u32 = 30;
const HOUR: u64 = 3_600_000;
/// How long a job takes to its end at most once nothing fails any more: the longest pause of a stalled one, and
/// some.
const LONGEST_RUN: u64 = HOUR / 4;

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Who does a task: tasks of one kind have so many places.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Producer = 0,
    Tracker = 1,
    Worker = 2,
    User = 3,
}

const PLACES: [usize; 4] = [2, 3, 3, 1];

struct Simulation {
    chaos: Chaos,
    clock: TestClock,
    state: MemoryState,
    broker: RecordingBroker,
    person: Person,
    /// A job store that neither waits nor fails, to look from outside.
    outside: JobStore,
    tasks: Vec<(Kind, Task)>,
    files: Vec<File>,
    /// Jobs as they were last seen.
    seen: BTreeMap<JobId, Job>,
    /// Ends that were announced, by event id.
    announced: BTreeMap<String, JobEnded>,
    /// Jobs whose outputs were read and compared.
    compared: BTreeSet<JobId>,
    /// Jobs that were swept for the last time while somebody may still have slept.
    swept_early: BTreeSet<JobId>,
}

impl Simulation {
    fn new(seed: u64, folder: &Path) -> Self {
        let chaos = Chaos::new(seed);
        let clock = TestClock::at(1_000_000_000);
        let outside = MemoryState::with_write_once(&["chunk/", "part/"]);
        let state = outside.with(&chaos);
        let broker = RecordingBroker::new(&chaos);
        let master = MasterKey::from_hex(&"07".repeat(32)).unwrap();
        let keys = master.wrapping_keys(&[Purpose::JobData]);
        let window = 1 + chaos.below(6) as u32;
        let jobs = |state: &MemoryState| {
            JobStore::new(Arc::new(state.clone()), keys.clone(), clock.clock(), Settings::default(), window)
        };
        let blobs = Blobs::directory(folder.to_path_buf()).unwrap();
        let backends = Backends {
            jobs: jobs(&state),
            blobs,
            broker: Arc::new(broker.clone()),
            shutdown: Shutdown::new(Duration::ZERO),
        };
        let files = (0..1 + chaos.below(2) as u64).map(|number| file(&chaos, seed, number)).collect();
        Self {
            person: Person { backends, chaos: chaos.clone() },
            outside: jobs(&outside),
            chaos,
            clock,
            state: outside,
            broker,
            tasks: Vec::new(),
            files,
            seen: BTreeMap::new(),
            announced: BTreeMap::new(),
            compared: BTreeSet::new(),
            swept_early: BTreeSet::new(),
        }
    }

    fn begin(&mut self, kind: Kind, task: impl Future<Output = ()> + 'static) {
        self.tasks.push((kind, Box::pin(task)));
    }

    fn has_place(&self, kind: Kind) -> bool {
        self.tasks.iter().filter(|(other, _)| *other == kind).count() < PLACES[kind as usize]
    }

    /// Somebody's next step up to where the world may interrupt it.
    fn poll(&mut self, position: usize) {
        let (_, task) = &mut self.tasks[position];
        if task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
            drop(self.tasks.swap_remove(position));
        }
        self.look();
    }

    fn chaos_step(&mut self) {
        match self.chaos.below(100) {
            0..74 if !self.tasks.is_empty() => self.poll(self.chaos.below(self.tasks.len())),
            0..84 => drop(self.deliver(25)),
            84..89 if self.has_place(Kind::Tracker) => {
                let tick = self.person.clone().tick();
                self.begin(Kind::Tracker, tick);
            }
            89..94 => self.pass_time(),
            94..96 if self.has_place(Kind::User) => self.use_it(),
            96..98 => self.lose_a_message(),
            98 if !self.tasks.is_empty() => self.crash(),
            _ => {}
        }
    }

    /// Hands a message to whoever has a place; it may stay and come again.
    fn deliver(&mut self, repeated: usize) -> bool {
        let messages = self.broker.messages.lock().unwrap().clone();
        if messages.is_empty() {
            return false;
        }
        let position = self.chaos.below(messages.len());
        let (topic, payload) = &messages[position];
        match *topic {
            CHUNKS if self.has_place(Kind::Worker) => {
                let ready = ChunkReady::decode(payload).unwrap();
                let chunk = format!("chunk/{}", ready.index);
                let is_recorded = self.state.was_written(&format!("job/{}", ready.job), &chunk);
                assert!(is_recorded, "{chunk} is published and was never recorded");
                let file = self.files.iter().find(|file| file.job == ready.job).unwrap();
                let work = self.person.clone().work(ready, file.poison);
                self.begin(Kind::Worker, work);
            }
            RESULTS if self.has_place(Kind::Tracker) => {
                let result = ChunkResult::decode(payload).unwrap();
                let job = result.job();
                let track = self.person.clone().track(job, event_of(result));
                self.begin(Kind::Tracker, track);
            }
            JOBS => self.hear_of_an_end(JobEnded::decode(payload).unwrap()),
            _ => return false,
        }
        if !self.chaos.chance(repeated) {
            self.broker.messages.lock().unwrap().swap_remove(position);
        }
        true
    }

    fn hear_of_an_end(&mut self, ended: JobEnded) {
        let first = self.announced.entry(ended.event_id.clone()).or_insert_with(|| ended.clone());
        assert_eq!(*first, ended, "one event id says two things");
    }

    fn pass_time(&mut self) {
        let now = self.clock.now();
        let next = match self.chaos.below(100) {
            0 => now + [HOUR, 25 * HOUR][self.chaos.below(2)],
            1..6 => now + 20_000,
            6..20 => self.state.next_due().unwrap_or(now),
            _ => now + 1 + self.chaos.below(300) as u64,
        };
        self.clock.advance_to(next);
    }

    fn use_it(&mut self) {
        let job = self.files[self.chaos.below(self.files.len())].job;
        let event = match self.chaos.below(16) {
            0 => Event::Cancel,
            1 => Event::DeleteFiles,
            _ => Event::Retry,
        };
        let person = self.person.clone();
        self.begin(Kind::User, async move {
            // Whether the job takes it or not.
            let _ = person.is_applied(job, &event).await;
        });
    }

    fn lose_a_message(&mut self) {
        let mut messages = self.broker.messages.lock().unwrap();
        if !messages.is_empty() {
            let position = self.chaos.below(messages.len());
            if messages[position].0 != JOBS {
                messages.swap_remove(position);
            }
        }
    }

    /// Somebody stops where it stands. Uploads do so more rarely: little happens without any.
    fn crash(&mut self) {
        let position = self.chaos.below(self.tasks.len());
        if self.tasks[position].0 != Kind::Producer || self.chaos.chance(10) {
            drop(self.tasks.swap_remove(position));
        }
    }

    /// Everybody goes on until nobody has anything to do before time passes.
    fn settle(&mut self) {
        for _ in 0..50_000 {
            let wants = self.tasks.is_empty() || self.chaos.chance(20);
            let has_delivered = wants && self.deliver(0);
            if self.tasks.is_empty() && !has_delivered {
                return;
            }
            if !self.tasks.is_empty() {
                self.poll(self.chaos.below(self.tasks.len()));
            }
        }
        panic!("the jobs go round in circles");
    }

    /// No faults from now on, every message so far is lost: ticks must bring the jobs to their ends and out.
    fn calm_down(&mut self) -> u32 {
        self.chaos.stop();
        self.tasks.retain(|(kind, _)| *kind != Kind::User);
        self.broker.messages.lock().unwrap().retain(|(topic, _)| *topic == JOBS);
        let calm_since = self.clock.now();
        for turn in 0..=MAX_TURNS {
            self.settle();
            self.compare_outputs();
            let late = self.clock.now() > calm_since + LONGEST_RUN;
            let all_ended = self.seen.values().all(|job| job.end.is_some());
            assert!(all_ended || !late, "a job runs for too long: {:?}", self.seen);
            let Some(due) = self.state.next_due() else { return turn };
            self.clock.advance_to(due);
            let tick = self.person.clone().tick();
            self.begin(Kind::Tracker, tick);
        }
        panic!("jobs are left after {MAX_TURNS} turns: {:?}", self.seen);
    }

    /// Looks at every job from outside: what holds at every moment.
    fn look(&mut self) {
        for file in &self.files {
            let Some(seen) = at_once(self.outside.load(file.job)).unwrap() else { continue };
            let job = seen.record;
            if self.seen.get(&job.id) == Some(&job) {
                continue;
            }
            assert!(job.released <= job.ready && job.done.len() <= job.ready);
            if job.files != Files::Kept {
                let left = self.state.fields(&format!("job/{}", job.id));
                assert_eq!(left, ["record"], "something is left of a purged job");
            }
            if let Files::Purged { at, swept: 3 } = job.files
                && !self.swept_early.contains(&job.id)
            {
                assert!(self.clock.now() >= at + 24 * HOUR, "a sweep is left out");
                if self.tasks.iter().any(|(kind, _)| *kind != Kind::Tracker) {
                    self.swept_early.insert(job.id);
                }
            }
            if let Some(end) = self.seen.get(&job.id).and_then(|before| before.end.as_ref()) {
                match &job.end {
                    Some(again) => assert_eq!((&end.event_id, end.outcome), (&again.event_id, again.outcome)),
                    None => assert_eq!(end.outcome, Outcome::Failed, "only a failed job goes on"),
                }
            }
            self.seen.insert(job.id, job);
        }
    }

    /// Downloads what there is of every completed job and compares it with a single pass.
    fn compare_outputs(&mut self) {
        for file in self.files.clone() {
            let Some(seen) = at_once(self.outside.load(file.job)).unwrap() else { continue };
            let job = seen.record;
            let (Some(entry), Files::Kept) = (&job.manifest, job.files) else { continue };
            assert_eq!(job.end.as_ref().map(|end| end.outcome), Some(Outcome::Completed));
            let secrets = at_once(self.outside.secrets(job.id, &job.project)).unwrap().unwrap();
            let open = |blob: &smartpass_core::job::BlobRef| self.open(&secrets.data_key, job.id, blob);
            let manifest: Manifest = serde_json::from_slice(open(&entry.blob).as_bytes()).unwrap();
            assert_eq!(manifest.parts.len(), file.rows.len(), "the manifest has every part");
            let pieces =
                |head: &_, parts: Vec<_>| -> String { [head].into_iter().chain(parts).map(open).collect() };
            let success =
                pieces(&manifest.headers.success, manifest.parts.iter().map(|part| &part.success).collect());
            let errors = pieces(
                &manifest.headers.errors,
                manifest.parts.iter().filter_map(|part| part.errors.as_ref()).collect(),
            );
            assert_eq!(
                (entry.success_bytes, entry.errors_bytes),
                (success.len() as u64, errors.len() as u64)
            );
            assert_eq!(job.rows, job.counts.links + job.counts.errors, "rows are counted once");
            assert_eq!((success, errors), file.in_one_pass(), "the outputs are those of a single pass");
            self.compared.insert(job.id);
        }
    }

    fn open(&self, key: &DataKey, job: JobId, blob: &smartpass_core::job::BlobRef) -> String {
        let path = blob_path(job, &blob.path);
        let sealed = at_once(self.person.backends.blobs.get(&path)).unwrap();
        String::from_utf8(key.open(&path, blob.tag, sealed).unwrap().to_vec()).unwrap()
    }

    /// What must be true when every job is gone.
    fn check_what_is_left(&self) {
        assert!(self.state.is_empty(), "something is left in the state");
        for (id, job) in &self.seen {
            let end = job.end.as_ref().expect("the job has ended");
            let announced = self.announced.get(&end.event_id).expect("the end was announced");
            assert_eq!((announced.job, announced.outcome), (*id, end.outcome));
            let ids = self.announced.values().filter(|ended| ended.job == *id).count() as u32;
            assert!(ids <= job.ends, "{ids} event ids for {} ends", job.ends);
            let left = at_once(self.person.backends.blobs.list_below(&blob_folder(*id))).unwrap();
            assert!(left.is_empty() || self.swept_early.contains(id), "blobs are left: {left:?}");
        }
    }
}

fn file(chaos: &Chaos, seed: u64, number: u64) -> File {
    let chunks = [1, 2, 3, 5, 7, 0][chaos.below(6)];
    File {
        job: format!("{:032x}", seed * 2 + number).parse().unwrap(),
        rows: (0..chunks).map(|_| 1 + chaos.below(4) as u32).collect(),
        fails: [None, None, None, None, None, Some(Outcome::Aborted), Some(Outcome::Refused)][chaos.below(7)],
        poison: chaos.chance(25).then(|| chaos.below(4) as u32),
    }
}

fn event_of(result: ChunkResult) -> Event {
    match result {
        ChunkResult::Encoded(encoded) => {
            Event::ChunkEncoded { index: encoded.index, part: encoded.part(), counts: encoded.counts }
        }
        ChunkResult::Failed(failed) => Event::ChunkFailed { index: failed.index, reason: failed.reason },
    }
}

/// What the seeds came to, so that the test can tell whether it tested anything.
#[derive(Default)]
struct Tally {
    outcomes: [AtomicU64; 5],
    retried: AtomicU64,
    compared: AtomicU64,
    max_turns: AtomicU64,
}

/// A good file while nothing fails: trackers get in each other's way, and that is all.
fn play_undisturbed(seed: u64, folder: &Path) {
    let mut simulation = Simulation::new(seed, folder);
    simulation.chaos.stop();
    let file = File { rows: vec![2; 8], fails: None, poison: None, ..simulation.files[0].clone() };
    simulation.files = vec![file.clone()];
    let begun = simulation.clock.now();
    let upload = simulation.person.clone().upload(file.clone());
    simulation.begin(Kind::Producer, upload);
    loop {
        simulation.settle();
        let job = &simulation.seen[&file.job];
        if let Some(end) = &job.end {
            assert_eq!((end.outcome, end.announced, job.stalls), (Outcome::Completed, true, 0));
            break;
        }
        let due = simulation.state.next_due().unwrap();
        let waited = due.saturating_sub(begun);
        assert!(
            waited < Settings::default().stall,
            "an event was lost, and the job waits {waited} ms: {job:?}"
        );
        simulation.clock.advance_to(due);
        let tick = simulation.person.clone().tick();
        simulation.begin(Kind::Tracker, tick);
    }
    simulation.compare_outputs();
    assert_eq!(simulation.compared.len(), 1);
}

fn play(seed: u64, folder: &Path, tally: &Tally) {
    let mut simulation = Simulation::new(seed, folder);
    for file in simulation.files.clone() {
        let upload = simulation.person.clone().upload(file);
        simulation.begin(Kind::Producer, upload);
    }
    for _ in 0..100 + simulation.chaos.below(1_400) {
        simulation.chaos_step();
    }
    let turns = simulation.calm_down();
    simulation.check_what_is_left();
    tally.max_turns.fetch_max(u64::from(turns), Ordering::Relaxed);
    tally.compared.fetch_add(simulation.compared.len() as u64, Ordering::Relaxed);
    for job in simulation.seen.values() {
        let end = job.end.as_ref().unwrap();
        tally.outcomes[end.outcome as usize].fetch_add(1, Ordering::Relaxed);
        tally.retried.fetch_add(u64::from(job.ends > 1), Ordering::Relaxed);
    }
}

/// Plays seeds on all cores; the first that fails is named, with the way to replay it.
fn play_all(seeds: std::ops::Range<u64>, play: impl Fn(u64, &Path) + Sync) {
    let next = AtomicU64::new(seeds.start);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    // In memory where there is such a folder: every blob is synced.
    let memory = Path::new("/dev/shm");
    let root = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let folder = root.path().join(seed.to_string());
                    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| play(seed, &folder))) {
                        next.store(seeds.end, Ordering::Relaxed);
                        eprintln!("seed {seed} failed: replay it with SEED={seed}");
                        std::panic::resume_unwind(panic);
                    }
                    std::fs::remove_dir_all(&folder).unwrap();
                }
            });
        }
    });
}

/// The seeds to play: all of them, or the one to replay.
fn seeds(all: u64) -> std::ops::Range<u64> {
    match std::env::var("SEED") {
        Ok(seed) => {
            let seed = seed.parse().expect("SEED is a number");
            seed..seed + 1
        }
        Err(_) => 0..all,
    }
}

#[test]
fn no_event_is_lost_while_nothing_fails() {
    play_all(seeds(SEEDS / 10), play_undisturbed);
}

#[test]
fn every_job_ends_once_and_whole_whatever_happens_to_its_drivers() {
    let tally = Tally::default();
    let seeds = seeds(SEEDS);
    play_all(seeds.clone(), |seed, folder| play(seed, folder, &tally));
    if seeds != (0..SEEDS) {
        return;
    }
    let outcomes = tally.outcomes.each_ref().map(|count| count.load(Ordering::Relaxed));
    let (retried, compared) = (tally.retried.into_inner(), tally.compared.into_inner());
    let turns = tally.max_turns.into_inner();
    println!(
        "completed, failed, cancelled, refused, aborted: {outcomes:?}; {retried} retried, {compared} compared; at \
         most {turns} turns"
    );
    assert!(outcomes.iter().all(|count| *count > SEEDS / 50), "an outcome is hardly tested: {outcomes:?}");
    assert!(retried > SEEDS / 100 && compared > SEEDS / 5, "{retried} retried, {compared} compared");
}
