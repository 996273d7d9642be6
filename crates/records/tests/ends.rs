//! Ends of jobs wait in the state for every consumer, whatever the broker has forgotten.
#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;

use smartpass_core::csv::{Dialect, Encoding};
use smartpass_core::encode::{BatchSpec, ENCODER_REVISION, LinkSpec};
use smartpass_core::ids::JobId;
use smartpass_core::job::{BlobRef, Event, Job, NewJob, Settings};
use smartpass_core::link::passkit::PasskitKind;
use smartpass_records::data_key::DataKey;
use smartpass_records::ends::Ends;
use smartpass_records::job_files::OutputHeaders;
use smartpass_records::jobs::JobStore;
use smartpass_records::wrapping_keys::{MasterKey, Purpose};
use smartpass_testkit::{MemoryState, TestClock};

struct World {
    state: Arc<MemoryState>,
    jobs: JobStore,
    clock: TestClock,
}

fn world() -> World {
    let (state, clock) = (Arc::new(MemoryState::default()), TestClock::at(1_000));
    let keys = MasterKey::generate().unwrap().wrapping_keys(&[Purpose::JobData]);
    let jobs = JobStore::new(state.clone(), keys, clock.clock(), Settings::default(), 8);
    World { state, jobs, clock }
}

impl World {
    async fn job(&self, number: u8) -> JobId {
        let new = NewJob {
            id: JobId([number; 16]),
            project: "wrsynr".parse().unwrap(),
            batch_id: "0011223344556677".parse().unwrap(),
            link: "hashed".into(),
            template: None,
            key_version: None,
            encoder_revision: ENCODER_REVISION,
            retention: 3_600_000,
        };
        let job = Job::open(new, self.clock.now(), &self.jobs.settings);
        let blob = |path: &str| BlobRef { path: path.to_owned(), tag: [7; 16].into(), bytes: 1 };
        let headers = OutputHeaders { success: blob("head/success"), errors: blob("head/errors") };
        self.jobs.create(&job, &spec(), &headers, &DataKey::generate().unwrap()).await.unwrap();
        job.id
    }

    /// Everything that follows from an end: it is announced, and the job's files are swept.
    async fn see_through(&self, id: JobId) {
        let event_id = self.jobs.load(id).await.unwrap().unwrap().record.end.unwrap().event_id;
        self.jobs.apply(id, &Event::Announced { event_id }).await.unwrap();
        for nth in 0..self.jobs.settings.sweeps.len() {
            self.jobs.apply(id, &Event::Swept { nth }).await.unwrap();
        }
    }

    /// The ends that a consumer finds, with the services' memory gone: only the state is what it was.
    async fn untaken(&self, consumer: &'static str) -> Vec<JobId> {
        let ends = Ends::new(self.state.clone(), self.jobs.clone(), consumer);
        ends.untaken().await.unwrap().iter().map(|job| job.id).collect()
    }

    async fn take(&self, consumer: &'static str, id: JobId) -> bool {
        let event_id = self.jobs.load(id).await.unwrap().unwrap().record.end.unwrap().event_id;
        Ends::new(self.state.clone(), self.jobs.clone(), consumer).take(id, &event_id).await.unwrap()
    }
}

fn spec() -> BatchSpec {
    BatchSpec {
        project: "wrsynr".parse().unwrap(),
        batch_id: "0011223344556677".parse().unwrap(),
        base_url: "https://pass.example/w".parse().unwrap(),
        dialect: Dialect { delimiter: b',', encoding: Encoding::Utf8, bom: false },
        columns: vec!["row".to_owned()],
        has_error_column: false,
        output_column: "smartUrl".to_owned(),
        link: LinkSpec::Passkit(PasskitKind::Hashed),
        encoder_revision: ENCODER_REVISION,
    }
}

#[tokio::test]
async fn who_subscribes_after_an_end_was_announced_still_finds_it_and_takes_it_once() {
    let world = world();
    let (first, second, running) = (world.job(1).await, world.job(2).await, world.job(3).await);
    for id in [first, second] {
        world.clock.pass(10);
        world.jobs.apply(id, &Event::Cancel).await.unwrap();
        world.see_through(id).await;
    }
    assert_eq!(world.untaken("emailer").await, [second, first], "announced, purged, and not taken");
    assert!(world.take("emailer", first).await);
    assert!(!world.take("emailer", first).await, "once");
    assert_eq!(world.untaken("emailer").await, [second]);
    assert_eq!(world.untaken("webhooks").await, [second, first], "every consumer has its own");
    world.clock.pass(10);
    world.jobs.apply(running, &Event::Cancel).await.unwrap();
    assert_eq!(world.untaken("emailer").await, [running, second], "announced or not");
}

#[tokio::test]
async fn a_retried_job_has_no_end_until_it_ends_again_with_another_event_id() {
    let world = world();
    let id = world.job(1).await;
    let blob = BlobRef { path: "in/0".into(), tag: [7; 16].into(), bytes: 1 };
    let chunk = smartpass_core::job::ChunkEntry { first_row: 0, first_line: 2, rows: 1, blob };
    world.jobs.apply(id, &Event::ChunkCut { index: 0, chunk }).await.unwrap();
    world.jobs.apply(id, &Event::UploadEnded).await.unwrap();
    let failed = Event::ChunkFailed { index: 0, reason: "it panics".to_owned() };
    world.jobs.apply(id, &failed).await.unwrap();
    assert!(world.take("emailer", id).await);
    world.jobs.apply(id, &Event::Retry).await.unwrap();
    assert_eq!(world.untaken("emailer").await, []);
    world.jobs.apply(id, &failed).await.unwrap();
    assert_eq!(world.untaken("emailer").await, [id], "a new end");
}

#[tokio::test]
async fn an_end_goes_with_its_jobs_record() {
    let world = world();
    let id = world.job(1).await;
    world.jobs.apply(id, &Event::Cancel).await.unwrap();
    world.see_through(id).await;
    world.clock.pass(world.jobs.settings.forget + 1);
    let _ = world.jobs.apply(id, &Event::Tick).await;
    assert!(world.jobs.load(id).await.unwrap().is_none());
    assert_eq!(world.untaken("emailer").await, []);
}
