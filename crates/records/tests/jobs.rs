//! Job records: decisions are committed whole, attempts are counted, and a purge leaves nothing to open.
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;

use smartpass_core::csv::{Dialect, Encoding};
use smartpass_core::encode::{BatchSpec, ENCODER_REVISION, LinkSpec};
use smartpass_core::ids::{JobId, ProjectCode};
use smartpass_core::job::{
    BlobRef, ChunkEntry, Counts, Entry, Event, Job, NewJob, Outcome, PartEntry, Refusal, Settings, decide,
};
use smartpass_core::link::passkit::PasskitKind;
use smartpass_platform::Error;
use smartpass_platform::random::random_bytes;
use smartpass_platform::state::{Commit, EmbeddedState, State};
use smartpass_records::data_key::DataKey;
use smartpass_records::document::Committed;
use smartpass_records::job_files::OutputHeaders;
use smartpass_records::jobs::{ApplyError, Begin, JobStore};
use smartpass_records::wrapping_keys::{MasterKey, Purpose};
use smartpass_testkit::TestClock;
use tempfile::TempDir;

const WINDOW: u32 = 64;

/// A job store in a file, with a clock that the test sets.
struct World {
    jobs: JobStore,
    state: Arc<EmbeddedState>,
    clock: TestClock,
    _folder: TempDir,
}

fn world() -> World {
    let folder = TempDir::new().unwrap();
    let state = Arc::new(EmbeddedState::open(&folder.path().join("state")).unwrap());
    let clock = TestClock::at(1_000);
    let keys = MasterKey::generate().unwrap().wrapping_keys(&[Purpose::JobData]);
    let jobs = JobStore::new(state.clone(), keys, clock.clock(), Settings::default(), WINDOW);
    World { jobs, state, clock, _folder: folder }
}

fn project(code: &str) -> ProjectCode {
    code.parse().unwrap()
}

fn blob_ref(blob: &str) -> BlobRef {
    BlobRef { path: blob.to_owned(), tag: [7; 16].into(), bytes: 100 }
}

fn headers() -> OutputHeaders {
    OutputHeaders { success: blob_ref("head/success"), errors: blob_ref("head/errors") }
}

fn batch_spec() -> BatchSpec {
    BatchSpec {
        project: project("wrsynr"),
        batch_id: "0011223344556677".parse().unwrap(),
        base_url: "https://example.com/w".parse().unwrap(),
        dialect: Dialect { delimiter: b',', encoding: Encoding::Utf8, bom: false },
        columns: vec!["surname-of-nobody".to_owned()],
        has_error_column: false,
        output_column: "smartUrl".to_owned(),
        link: LinkSpec::Passkit(PasskitKind::Hashed),
        encoder_revision: ENCODER_REVISION,
    }
}

fn part(index: u32) -> Event {
    let part = PartEntry { success: blob_ref(&format!("out/{index}")), errors: None };
    Event::ChunkEncoded { index, part, counts: Counts { links: 3, ..Counts::default() } }
}

fn cut(index: u32) -> Event {
    let blob = blob_ref(&format!("in/{index}"));
    Event::ChunkCut { index, chunk: ChunkEntry { first_row: 3 * index, first_line: 2, rows: 3, blob } }
}

impl World {
    fn job(&self, code: &str) -> Job {
        let new = NewJob {
            id: JobId(random_bytes().unwrap()),
            project: project(code),
            batch_id: "0011223344556677".parse().unwrap(),
            link: "hashed".into(),
            template: None,
            key_version: None,
            encoder_revision: ENCODER_REVISION,
            retention: 3_600_000,
        };
        Job::open(new, self.jobs.clock().now(), &self.jobs.settings)
    }

    async fn create(&self, code: &str) -> (JobId, DataKey) {
        let (job, key) = (self.job(code), DataKey::generate().unwrap());
        self.jobs.create(&job, &batch_spec(), &headers(), &key).await.unwrap();
        (job.id, key)
    }

    /// A job whose upload is over, with this many chunks, all of them released.
    async fn uploaded(&self, chunks: u32) -> JobId {
        let (id, _) = self.create("wrsynr").await;
        for index in 0..chunks {
            self.apply(id, &cut(index)).await;
        }
        self.apply(id, &Event::UploadEnded).await;
        self.apply(id, &Event::Released { upto: chunks }).await;
        id
    }

    async fn apply(&self, id: JobId, event: &Event) -> Job {
        let before = self.jobs.load(id).await.unwrap().unwrap();
        let job = self.jobs.apply(id, event).await.unwrap();
        let after = self.jobs.load(id).await.unwrap();
        assert!(!after.is_some_and(|after| after.is_same_as(&before)), "{event:?} changes the job");
        job
    }

    /// Attempt number and attempts that did not come back; none where there is nothing to do.
    async fn begin(&self, id: JobId, index: u32) -> Option<(u64, u64)> {
        match self.jobs.begin(id, index).await.unwrap() {
            Begin::Go { attempt, unresolved, chunk } => {
                assert_eq!((chunk.first_row, chunk.blob), (3 * index, blob_ref(&format!("in/{index}"))));
                Some((attempt, unresolved))
            }
            Begin::Skip => None,
        }
    }

    fn pass(&self, milliseconds: u64) {
        self.clock.pass(milliseconds);
    }
}

async fn ids(world: &World, code: &str) -> Vec<JobId> {
    world.jobs.list(&project(code), None, 100).await.unwrap().iter().map(|job| job.id).collect()
}

#[tokio::test]
async fn a_job_is_created_once_and_has_what_it_was_created_with() {
    let world = world();
    let (job, key) = (world.job("wrsynr"), DataKey::generate().unwrap());
    assert!(world.jobs.load(job.id).await.unwrap().is_none());
    world.jobs.create(&job, &batch_spec(), &headers(), &key).await.unwrap();
    let other_key = DataKey::generate().unwrap();
    let again = world.jobs.create(&job, &batch_spec(), &headers(), &other_key).await;
    assert_eq!(again, Err(Error::Exists(format!("job {}", job.id))));

    assert_eq!(world.jobs.load(job.id).await.unwrap().unwrap().record, job);
    assert_eq!(world.jobs.headers(job.id).await.unwrap(), headers());
    let secrets = world.jobs.secrets(job.id, &job.project).await.unwrap().unwrap();
    assert_eq!((secrets.data_key.expose(), secrets.spec), (key.expose(), batch_spec()));
    assert_eq!(ids(&world, "wrsynr").await, [job.id]);
    assert_eq!(world.jobs.all().await.unwrap(), [job.id]);
}

#[tokio::test]
async fn data_key_and_batch_spec_do_not_show_in_the_state() {
    let world = world();
    let (id, key) = world.create("wrsynr").await;
    let found = world.state.load_all(&format!("job/{id}")).await.unwrap().unwrap();
    for (field, value) in found.fields {
        let shows = |text: &[u8]| value.windows(text.len()).any(|piece| piece == text);
        assert!(!shows(&key.expose()[..8]) && !shows(b"surname-of-nobody"), "{field}");
    }
}

#[tokio::test]
async fn secrets_open_for_their_own_project_alone() {
    let world = world();
    let (id, _) = world.create("wrsynr").await;
    let outcome = world.jobs.secrets(id, &project("another")).await;
    assert!(matches!(outcome, Err(Error::Damaged(_))), "{:?}", outcome.err());
}

#[tokio::test]
async fn an_event_is_committed_with_its_entries_and_happens_once() {
    let world = world();
    let id = world.uploaded(3).await;
    let chunks = world.jobs.chunks(id, &[2, 0]).await.unwrap();
    assert_eq!(chunks.iter().map(|chunk| chunk.first_row).collect::<Vec<_>>(), [6, 0]);
    let job = world.apply(id, &part(1)).await;
    assert_eq!((job.done.len(), job.counts.links), (1, 3));
    assert_eq!(world.jobs.load(id).await.unwrap().unwrap().record, job);
    assert_eq!(world.jobs.parts(id, &[1]).await.unwrap()[0].success, blob_ref("out/1"));
    assert_eq!(world.jobs.parts(id, &[1, 2]).await, Err(Error::Missing(format!("part/2 of job {id}"))));

    let before = world.jobs.load(id).await.unwrap().unwrap();
    assert_eq!(world.jobs.apply(id, &part(1)).await.unwrap(), job);
    assert!(world.jobs.load(id).await.unwrap().unwrap().is_same_as(&before), "nothing was committed");
}

#[tokio::test]
async fn an_event_that_cannot_happen_is_refused() {
    let world = world();
    let id = world.uploaded(1).await;
    let refused = world.jobs.apply(id, &Event::Retry).await;
    assert!(matches!(refused, Err(ApplyError::Refused(Refusal::NotFailed("encoding")))), "{refused:?}");
    let nobody = world.jobs.apply(JobId([9; 16]), &Event::Tick).await;
    assert!(matches!(nobody, Err(ApplyError::NoJob)), "{nobody:?}");
}

#[tokio::test]
async fn of_two_decisions_about_the_same_record_one_is_committed() {
    let world = world();
    let id = world.uploaded(2).await;
    let seen = world.jobs.load(id).await.unwrap().unwrap();
    let now = world.jobs.clock().now();
    let decision = |event| decide(&seen.record, &event, now, &world.jobs.settings).unwrap().unwrap();
    let first = world.jobs.commit(&seen, decision(part(0)), 0).await.unwrap();
    assert!(matches!(first, Committed::Done(Some(_))), "{first:?}");
    let second = world.jobs.commit(&seen, decision(part(1)), 0).await.unwrap();
    assert!(matches!(second, Committed::Conflict), "{second:?}");
    assert!(world.jobs.parts(id, &[1]).await.is_err(), "nothing of the second");
}

#[tokio::test]
async fn events_from_many_sides_all_happen() {
    let world = world();
    let id = world.uploaded(16).await;
    let applied = (0..16).map(async |index| {
        let seen = world.jobs.load(id).await.unwrap().unwrap();
        world.jobs.apply_to(seen, &part(index), 0).await.unwrap().before.is_some()
    });
    assert!(futures_util::future::join_all(applied).await.into_iter().all(|is_applied| is_applied));
    let job = world.jobs.load(id).await.unwrap().unwrap().record;
    assert_eq!((job.done.len(), job.counts.links), (16, 48));
    let all: Vec<u32> = (0..16).collect();
    assert_eq!(world.jobs.parts(id, &all).await.unwrap().len(), 16);
}

#[tokio::test]
async fn a_commit_with_a_handover_leaves_the_job_to_the_caller_for_that_long() {
    let world = world();
    let (id, _) = world.create("wrsynr").await;
    let seen = world.jobs.load(id).await.unwrap().unwrap();
    world.jobs.apply_to(seen, &cut(0), 2_000).await.unwrap();
    assert_eq!(world.jobs.claim_due(5_000, 10).await.unwrap(), []);
    world.pass(2_000);
    assert_eq!(world.jobs.claim_due(5_000, 10).await.unwrap(), [id], "the chunk is to be published");
    assert_eq!(world.jobs.claim_due(5_000, 10).await.unwrap(), [], "one tracker has it");
}

#[tokio::test]
async fn attempts_are_counted_until_the_chunk_is_done() {
    let world = world();
    let id = world.uploaded(2).await;
    assert_eq!(world.begin(id, 0).await, Some((1, 1)));
    assert_eq!(world.begin(id, 0).await, Some((2, 2)));
    assert_eq!(world.begin(id, 1).await, Some((1, 1)), "each chunk has its own");
    assert_eq!(world.begin(id, 2).await, None, "there is no such chunk");
    assert_eq!(world.begin(JobId([9; 16]), 0).await, None, "there is no such job");
    world.apply(id, &part(0)).await;
    assert_eq!(world.begin(id, 0).await, None, "it is done");
    assert_eq!(world.begin(id, 1).await, Some((2, 2)));
    world.apply(id, &Event::Cancel).await;
    assert_eq!(world.begin(id, 1).await, None, "the job has ended");
}

#[tokio::test]
async fn an_attempt_that_is_given_back_does_not_count_and_its_number_is_not_given_again() {
    let world = world();
    let id = world.uploaded(2).await;
    assert_eq!(world.begin(id, 0).await, Some((1, 1)));
    world.jobs.give_back(id, 0).await.unwrap();
    assert_eq!(world.begin(id, 0).await, Some((2, 1)));
    assert_eq!(world.begin(id, 0).await, Some((3, 2)));
    world.jobs.give_back(id, 0).await.unwrap();
    assert_eq!(world.begin(id, 0).await, Some((4, 2)));
    assert_eq!(world.begin(id, 1).await, Some((1, 1)));
}

#[tokio::test]
async fn a_retry_counts_attempts_anew_and_gives_no_number_again() {
    let world = world();
    let id = world.uploaded(3).await;
    for attempt in 1..=3 {
        assert_eq!(world.begin(id, 1).await, Some((attempt, attempt)));
    }
    assert_eq!(world.begin(id, 2).await, Some((1, 1)));
    world.jobs.give_back(id, 2).await.unwrap();
    world.apply(id, &part(0)).await;
    world.apply(id, &Event::ChunkFailed { index: 1, reason: "it panics".to_owned() }).await;
    assert_eq!(world.begin(id, 1).await, None, "the job has failed");
    world.jobs.give_back(id, 1).await.unwrap();

    let job = world.apply(id, &Event::Retry).await;
    assert_eq!((job.end, job.done.len()), (None, 1));
    assert_eq!(world.begin(id, 1).await, Some((4, 1)));
    assert_eq!(world.begin(id, 2).await, Some((2, 1)));
    assert_eq!(world.begin(id, 0).await, None, "its part is still there");
}

#[tokio::test]
async fn a_purge_leaves_the_record_and_nothing_to_open() {
    let world = world();
    let id = world.uploaded(2).await;
    world.begin(id, 0).await;
    world.apply(id, &part(0)).await;
    let job = world.apply(id, &Event::Cancel).await;
    assert!(world.jobs.secrets(id, &job.project).await.unwrap().is_none());
    assert!(world.jobs.chunks(id, &[0]).await.is_err());
    assert!(world.jobs.parts(id, &[0]).await.is_err());
    assert!(world.jobs.headers(id).await.is_err());
    assert_eq!(world.begin(id, 0).await, None);
    let left = world.state.load_all(&format!("job/{id}")).await.unwrap().unwrap();
    assert_eq!(left.fields.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["record"]);
    assert_eq!(world.jobs.load(id).await.unwrap().unwrap().record, job);
    assert_eq!(ids(&world, "wrsynr").await, [id]);

    world.jobs.give_back(id, 0).await.unwrap();
    let left = world.state.load_all(&format!("job/{id}")).await.unwrap().unwrap();
    assert_eq!(left.fields.len(), 1, "a straggler leaves nothing behind");
}

#[tokio::test]
async fn running_jobs_of_a_project_share_its_window() {
    let world = world();
    let share = async |code| world.jobs.share(&project(code)).await.unwrap();
    assert_eq!(share("wrsynr").await, WINDOW);
    let mut ids = Vec::new();
    for running in 1..=3 {
        ids.push(world.create("wrsynr").await.0);
        assert_eq!(share("wrsynr").await, WINDOW / running);
    }
    world.create("another").await;
    assert_eq!(share("another").await, WINDOW);
    world.apply(ids[0], &Event::Cancel).await;
    assert_eq!(share("wrsynr").await, WINDOW / 2, "a job that ended leaves its share");
    for _ in 0..2 * WINDOW {
        world.create("many").await;
    }
    assert_eq!(share("many").await, 1, "every job goes on");
}

#[tokio::test]
async fn a_failed_job_leaves_the_window_and_a_retry_takes_its_share_again() {
    let world = world();
    let id = world.uploaded(1).await;
    world.create("wrsynr").await;
    let share = async || world.jobs.share(&project("wrsynr")).await.unwrap();
    world.apply(id, &Event::ChunkFailed { index: 0, reason: "it panics".to_owned() }).await;
    assert_eq!(share().await, WINDOW);
    world.apply(id, &Event::Retry).await;
    assert_eq!(share().await, WINDOW / 2);
}

#[tokio::test]
async fn a_forgotten_job_is_gone_from_everywhere() {
    let world = world();
    let id = world.uploaded(1).await;
    let other = world.uploaded(1).await;
    let job = world.apply(id, &Event::Cancel).await;
    let end = job.end.unwrap();
    assert_eq!(end.outcome, Outcome::Cancelled);
    world.apply(id, &Event::Announced { event_id: end.event_id }).await;
    for nth in 0..world.jobs.settings.sweeps.len() {
        world.apply(id, &Event::Swept { nth }).await;
    }
    world.pass(world.jobs.settings.forget);
    let seen = world.jobs.load(id).await.unwrap().unwrap();
    let now = world.jobs.clock().now();
    let decision = decide(&seen.record, &Event::Tick, now, &world.jobs.settings).unwrap().unwrap();
    assert_eq!(decision.entries, [Entry::Forget]);
    let forgotten = world.jobs.commit(&seen, decision, 0).await.unwrap();
    assert!(matches!(forgotten, Committed::Done(None)), "{forgotten:?}");

    assert!(world.jobs.load(id).await.unwrap().is_none());
    assert_eq!(world.state.load_all(&format!("job/{id}")).await.unwrap(), None);
    assert_eq!(ids(&world, "wrsynr").await, [other]);
    assert_eq!(world.jobs.all().await.unwrap(), [other]);
    assert_eq!(world.state.index_len("jobs/wrsynr").await.unwrap(), 1);
}

#[tokio::test]
async fn a_due_time_without_its_job_can_be_dropped() {
    let world = world();
    let (id, _) = world.create("wrsynr").await;
    world.jobs.drop_due(id).await.unwrap();
    assert_eq!(world.jobs.all().await.unwrap(), [id], "the job is there: its time stays");
    let version = world.state.load(&format!("job/{id}"), &[]).await.unwrap().unwrap().version;
    let lost = smartpass_platform::state::Changes { clear: true, ..Default::default() };
    assert_eq!(
        world.state.commit(&format!("job/{id}"), version, lost).await.unwrap(),
        Commit::Done(version + 1)
    );
    assert_eq!(ids(&world, "wrsynr").await, []);
    world.jobs.drop_due(id).await.unwrap();
    assert_eq!(world.jobs.all().await.unwrap(), []);
}

#[tokio::test]
async fn jobs_are_listed_the_newest_first_page_by_page() {
    let world = world();
    let mut created = Vec::new();
    for _ in 0..3 {
        created.push(world.create("wrsynr").await.0);
        world.pass(10);
    }
    world.create("another").await;
    let (project, all) = (project("wrsynr"), ids(&world, "wrsynr").await);
    assert_eq!(all, created.iter().rev().copied().collect::<Vec<_>>());
    let page = world.jobs.list(&project, None, 2).await.unwrap();
    let next = world.jobs.list(&project, Some(page[1].created), 2).await.unwrap();
    assert_eq!(next.iter().map(|job| job.id).collect::<Vec<_>>(), created[..1]);
}
