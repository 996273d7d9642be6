//! The job machine under thousands of seeds: messages are reordered, repeated and lost, decisions are stale,
//! and everybody may crash between any two steps. A seed is replayed with
//! `SEED=7 cargo test -p smartpass-core --test job_machine`.
#![allow(clippy::unwrap_used, missing_docs)]

mod actors;
mod rng;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use actors::{Apply, Producer, Tracker, Worker, event_of};
use smartpass_core::encode::ErrorKind;
use smartpass_core::job::{
    ChunkEntry, Counts, Event, Files, Job, ManifestEntry, Outcome, ReasonCount, Settings, decide,
};
use world::{HOUR, Message, World, blob_ref, new_job, part};

const SEEDS: u64 = 20_000;
/// How long a tracker has a job for itself.
const CLAIM: u64 = 5_000;
/// Ticks that bring any job to its end and out of the state once nothing fails any more.
const MAX_TICKS: u32 = 10;
/// How long a job takes to its end at most from then on: the longest pause of a stalled one, and some.
const LONGEST_RUN: u64 = HOUR / 4;

struct Play {
    world: World,
    producer: Producer,
    trackers: [Tracker; 2],
    workers: Vec<Worker>,
    user: Option<Apply>,
    poison: Option<u32>,
}

impl Play {
    fn new(seed: u64) -> Self {
        let mut world = World::new(seed);
        let chunks = [0, 1, 2, 3, 5, 9][world.rng.below(6)];
        let fails =
            [None, None, None, None, Some(Outcome::Aborted), Some(Outcome::Refused)][world.rng.below(6)];
        let poison = world.rng.chance(30).then(|| world.rng.below(4) as u32);
        let workers = (0..1 + world.rng.below(3)).map(|_| Worker::Idle).collect();
        let producer = Producer::new(chunks, fails);
        Self { world, producer, trackers: Default::default(), workers, user: None, poison }
    }

    /// One step of somebody, or something that goes wrong.
    fn chaos(&mut self) {
        match self.world.rng.below(100) {
            0..14 => self.producer.step(&mut self.world, true),
            14..44 => self.track(),
            44..64 => self.work(),
            64..76 => drop(self.deliver(true)),
            76..84 => self.claim(),
            84..90 => self.pass_time(),
            90..94 => self.use_it(),
            94..96 => self.lose(),
            96 => self.stray(),
            _ => self.crash(),
        }
    }

    fn track(&mut self) {
        let tracker = self.world.rng.below(2);
        self.trackers[tracker].step(&mut self.world, true);
    }

    fn work(&mut self) {
        let worker = self.world.rng.below(self.workers.len());
        self.workers[worker].step(&mut self.world, true, self.poison);
    }

    /// Gives a message to whoever has time for it; a message may stay and come again.
    fn deliver(&mut self, has_faults: bool) -> bool {
        if self.world.messages.is_empty() {
            return false;
        }
        let position = self.world.rng.below(self.world.messages.len());
        let message = self.world.messages[position].clone();
        let is_taken = match (&message, event_of(&message)) {
            (Message::Ready(index), _) => {
                let idle = self.workers.iter_mut().find(|worker| worker.is_idle());
                idle.map(|worker| *worker = Worker::Begin(*index)).is_some()
            }
            (_, Some(event)) => {
                let idle = self.trackers.iter_mut().find(|tracker| tracker.is_idle());
                idle.map(|tracker| tracker.hear(event)).is_some()
            }
            (_, None) => false,
        };
        if is_taken && !(has_faults && self.world.rng.chance(25)) {
            self.world.messages.swap_remove(position);
        }
        is_taken
    }

    /// A tracker looks at the due list.
    fn claim(&mut self) {
        let is_due = self.world.due.is_some_and(|due| due <= self.world.now);
        let Some(idle) = self.trackers.iter_mut().find(|tracker| tracker.is_idle()) else { return };
        if is_due {
            self.world.due = Some(self.world.now + CLAIM);
            self.world.is_committed_due = false;
            idle.hear(Event::Tick);
        }
    }

    fn pass_time(&mut self) {
        let world = &mut self.world;
        match world.rng.below(120) {
            0 => world.now += [HOUR, 25 * HOUR, 73 * HOUR][world.rng.below(3)],
            1..6 => world.now += 20_000,
            6..16 => world.now = world.now.max(world.due.unwrap_or(0)),
            _ => world.now += 1 + world.rng.below(400) as u64,
        }
    }

    fn use_it(&mut self) {
        match &mut self.user {
            Some(apply) => {
                if apply.step(&mut self.world).is_some() {
                    self.user = None;
                }
            }
            None => {
                let event = match self.world.rng.below(12) {
                    0 => Event::Cancel,
                    1 => Event::DeleteFiles,
                    _ => Event::Retry,
                };
                self.user = Some(Apply::new(event));
            }
        }
    }

    fn lose(&mut self) {
        if self.world.rng.chance(20) {
            // The broker loses everything, and a tracker starts anew.
            self.world.messages.clear();
            self.trackers[0].hear(Event::BrokerLost);
        } else if !self.world.messages.is_empty() {
            let position = self.world.rng.below(self.world.messages.len());
            self.world.messages.swap_remove(position);
        }
    }

    /// Something that makes no sense for the job reaches a tracker: an old message, another version's.
    fn stray(&mut self) {
        let Some(seen) = self.world.load() else { return };
        let index = seen.job.ready + 1;
        let manifest =
            ManifestEntry { blob: blob_ref("manifest.0".to_owned()), success_bytes: 0, errors_bytes: 0 };
        let event = match self.world.rng.below(6) {
            0 => Event::Released { upto: u32::MAX },
            1 => Event::Announced { event_id: "another".to_owned() },
            2 => Event::Swept { nth: 7 },
            3 => Event::ChunkFailed { index, reason: "it is not there".to_owned() },
            4 => Event::ChunkEncoded { index, part: part(index, 9), counts: Counts::default() },
            _ => Event::ManifestWritten(manifest),
        };
        if let Some(idle) = self.trackers.iter_mut().find(|tracker| tracker.is_idle()) {
            idle.hear(event);
        }
    }

    fn crash(&mut self) {
        match self.world.rng.below(20) {
            0 => self.producer.crash(),
            1..10 => self.trackers[self.world.rng.below(2)] = Tracker::Idle,
            _ => {
                let worker = self.world.rng.below(self.workers.len());
                self.workers[worker] = Worker::Idle;
            }
        }
    }

    /// Everybody goes on, without faults, until nobody has anything to do before time passes.
    fn settle(&mut self) {
        for _ in 0..20_000 {
            let mut is_busy = self.deliver(false);
            if !self.producer.is_idle() {
                self.producer.step(&mut self.world, false);
                is_busy = true;
            }
            for tracker in self.trackers.iter_mut().filter(|tracker| !tracker.is_idle()) {
                tracker.step(&mut self.world, false);
                is_busy = true;
            }
            for worker in self.workers.iter_mut().filter(|worker| !worker.is_idle()) {
                worker.step(&mut self.world, false, self.poison);
                is_busy = true;
            }
            if !is_busy {
                return;
            }
        }
        panic!("the job goes round in circles");
    }

    /// No faults from now on, and nobody but the clock: the job must end and go.
    fn calm_down(&mut self) -> u32 {
        self.user = None;
        self.world.messages.clear();
        let calm_since = self.world.now;
        for ticks in 0..=MAX_TICKS {
            self.settle();
            let runs = self.world.load().is_some_and(|seen| seen.job.end.is_none());
            assert!(!runs || self.world.now <= calm_since + LONGEST_RUN, "the job runs for too long");
            if self.world.is_forgotten() {
                return ticks;
            }
            let due = self.world.due.expect("a job that is there is due some time");
            self.world.now = self.world.now.max(due);
            let (commits, is_committed_due) = (self.world.commits, self.world.is_committed_due);
            self.claim();
            self.settle();
            let did_something = self.world.commits > commits;
            assert!(
                did_something || !is_committed_due,
                "the job was due for nothing: {:?}",
                self.world.load().unwrap().job
            );
        }
        panic!("the job is still there after {MAX_TICKS} ticks: {:?}", self.world.load().unwrap().job);
    }
}

/// What came of a seed, so that the test can tell whether it tested anything.
#[derive(Default)]
struct Tally {
    outcomes: [AtomicU64; 5],
    retried: AtomicU64,
    max_ticks: AtomicU64,
}

fn play(seed: u64, tally: &Tally) {
    let mut play = Play::new(seed);
    for _ in 0..40 + play.world.rng.below(1_500) {
        play.chaos();
    }
    let ticks = play.calm_down();
    let (ends, announced) = play.world.ends();
    let last = ends.keys().max_by_key(|id| id.rsplit('-').next().unwrap().parse::<u32>().unwrap());
    let last = last.expect("the job has ended");
    assert_eq!(announced.get(last), Some(&ends[last]), "the job's last end was announced");
    tally.outcomes[ends[last] as usize].fetch_add(1, Ordering::Relaxed);
    tally.retried.fetch_add(u64::from(ends.len() > 1), Ordering::Relaxed);
    tally.max_ticks.fetch_max(u64::from(ticks), Ordering::Relaxed);
}

/// Plays seeds on all cores; the first that fails is named, with the way to replay it.
fn play_all(seeds: u64) -> Tally {
    let tally = Tally::default();
    if let Ok(seed) = std::env::var("SEED") {
        play(seed.parse().expect("SEED is a number"), &tally);
        return tally;
    }
    let next = AtomicU64::new(0);
    let threads = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| play(seed, &tally))) {
                        next.store(seeds, Ordering::Relaxed);
                        eprintln!("seed {seed} failed: replay it with SEED={seed}");
                        std::panic::resume_unwind(panic);
                    }
                }
            });
        }
    });
    tally
}

#[test]
fn every_job_ends_once_and_whole_whatever_goes_wrong() {
    let tally = play_all(SEEDS);
    let outcomes = tally.outcomes.each_ref().map(|count| count.load(Ordering::Relaxed));
    let (retried, ticks) = (tally.retried.into_inner(), tally.max_ticks.into_inner());
    println!(
        "completed, failed, cancelled, refused, aborted: {outcomes:?}; {retried} retried; at most {ticks} ticks"
    );
    if std::env::var("SEED").is_err() {
        assert!(
            outcomes.iter().all(|count| *count > SEEDS / 100),
            "an outcome is hardly tested: {outcomes:?}"
        );
        assert!(retried > SEEDS / 100, "retries are hardly tested: {retried}");
    }
}

#[test]
fn the_record_of_three_thousand_chunks_stays_small() {
    const CHUNKS: u32 = 3_000;
    const WINDOW: u32 = 64;
    let settings = Settings::default();
    let mut job = Job::open(new_job(HOUR), 0, &settings);
    let mut happen = |event: Event| {
        let decision = decide(&job, &event, 1_000, &settings).unwrap().expect("it changes something");
        job = decision.job;
        job.clone()
    };
    for index in 0..CHUNKS {
        let (first_row, first_line) = (index * 32_768, u64::from(index) * 32_768 + 2);
        let blob = blob_ref(format!("in/{index}.1"));
        happen(Event::ChunkCut { index, chunk: ChunkEntry { first_row, first_line, rows: 32_768, blob } });
    }
    happen(Event::UploadEnded);
    let reason = |number: u64| ReasonCount {
        field: Some(format!("person.someLongFieldName{number}")),
        kind: ErrorKind::CarriageReturn,
        rows: 30_000 - number,
    };
    let counts = Counts {
        links: 1,
        errors: 32_767,
        url_characters: 9_000_000,
        url_longest: 4_000,
        by_reason: (0..Counts::MAX_REASONS as u64).map(reason).collect(),
    };
    let mut largest = 0;
    for first in (0..CHUNKS).step_by(WINDOW as usize) {
        let end = CHUNKS.min(first + WINDOW);
        happen(Event::Released { upto: end });
        // The worst order: every second chunk, then the others.
        for index in (first..end).step_by(2).chain((first + 1..end).step_by(2)) {
            let after = happen(Event::ChunkEncoded { index, part: part(index, 1), counts: counts.clone() });
            largest = largest.max(serde_json::to_vec(&after).unwrap().len());
        }
    }
    assert!(largest < 8_192, "the record has {largest} bytes");
    assert_eq!((job.done.len(), job.files), (CHUNKS, Files::Kept));
}
