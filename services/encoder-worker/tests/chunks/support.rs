//! A worker on fakes, with jobs whose chunks are ready for it.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use smartpass_core::csv::{Dialect, Encoding};
use smartpass_core::encode::{BatchSpec, ENCODER_REVISION, Encoder, LinkSpec};
use smartpass_core::ids::JobId;
use smartpass_core::job::{BlobRef, ChunkEntry, Event, Job, NewJob, Settings};
use smartpass_core::link::LinkKind;
use smartpass_core::template::{Mapping, Template};
use smartpass_encoder_worker::{Backends, Config, run};
use smartpass_messages::{ChunkEncoded, ChunkFailed, ChunkReady, ChunkResult, DeadLetter, Message, Topic};
use smartpass_platform::broker::{Broker, Consumer, MemoryBroker, Partitioning, Subscription};
use smartpass_platform::clock::Clock;
use smartpass_platform::random::random_bytes;
use smartpass_platform::shutdown::Shutdown;
use smartpass_records::data_key::DataKey;
use smartpass_records::job_files::{OutputHeaders, SealedFile, blob_folder, blob_path, open};
use smartpass_records::jobs::{Begin, JobStore};
use smartpass_records::projects::{Projects, StateBackend};
use smartpass_records::wrapping_keys::{MasterKey, WrappingKeys};
use smartpass_testkit::{MemoryBlobs, MemoryState};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Longer than anything takes that works, on a machine that is busy.
const LONG_ENOUGH: Duration = Duration::from_secs(60);
/// The rows of each chunk; one of them is wrong.
pub(crate) const CHUNKS: [&str; 2] = ["Anna,1\nBert,2\n", "Cleo,many\nDora,4\n"];
/// Behind everything that was published before it.
const MARKER: &[u8] = b"the last message";

/// What a test says about a new job.
pub(crate) struct NewChunks {
    pub(crate) encoder_revision: u32,
    /// So many rows too many are recorded of each chunk.
    pub(crate) rows_too_many: u32,
}

impl Default for NewChunks {
    fn default() -> Self {
        Self { encoder_revision: ENCODER_REVISION, rows_too_many: 0 }
    }
}

/// All that workers stand on, and a project.
pub(crate) struct House {
    pub(crate) blobs: MemoryBlobs,
    pub(crate) jobs: JobStore,
    pub(crate) projects: Projects,
    state: MemoryState,
    broker: Arc<MemoryBroker>,
    master: MasterKey,
    results: RefCell<Consumer>,
    dead_letters: RefCell<Consumer>,
}

/// A worker that runs.
pub(crate) struct Worker {
    shutdown: Shutdown,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Worker {
    /// Lets it end what it has in hand.
    pub(crate) async fn stop(self) {
        self.shutdown.begin();
        timeout(LONG_ENOUGH, self.task).await.expect("the worker stops").unwrap().unwrap();
    }
}

/// Runs a test in a house of its own.
pub(crate) fn in_a_house(test: impl AsyncFnOnce(House)) {
    actix::System::new().block_on(async { test(House::new().await).await });
}

fn project() -> smartpass_core::ids::ProjectCode {
    "wrsynr".parse().unwrap()
}

fn template() -> Template {
    let fields = "fields = [{ name = 'name', type = 'string' }, { name = 'points', type = 'integer' }]";
    Template::from_toml(&format!("code = 'club'\n{fields}")).unwrap()
}

fn batch_spec(encoder_revision: u32) -> BatchSpec {
    let columns = vec!["name".to_owned(), "points".to_owned()];
    let mapping = Mapping::build(&template(), &columns, &[]).unwrap().columns;
    let one = 1.try_into().unwrap();
    let link = LinkSpec::V1 {
        kind: LinkKind::Encrypted,
        key_version: one,
        template_number: one,
        expires: None,
        mapping,
    };
    BatchSpec {
        project: project(),
        batch_id: "0011223344556677".parse().unwrap(),
        base_url: "https://example.com/w".parse().unwrap(),
        dialect: Dialect { delimiter: b',', encoding: Encoding::Utf8, bom: false },
        columns,
        has_error_column: false,
        output_column: "smartUrl".to_owned(),
        link,
        encoder_revision,
    }
}

fn subscribe(broker: &MemoryBroker, topic: Topic) -> RefCell<Consumer> {
    let subscription = Subscription { group: "test", topic: topic.name(), in_hand: 1, drain: Duration::ZERO };
    RefCell::new(broker.subscribe(subscription).unwrap())
}

impl House {
    async fn new() -> Self {
        let (state, blobs) = (MemoryState::default(), MemoryBlobs::default());
        let (master, broker) = (MasterKey::generate().unwrap(), Arc::new(MemoryBroker::default()));
        let (jobs, projects) = stores(&state, &blobs, &master.wrapping_keys(Backends::PURPOSES));
        projects.rotate_key(&project()).await.unwrap();
        projects.publish(&project(), &template()).await.unwrap();
        let [results, dead_letters] =
            [Topic::Results, Topic::DeadLetters].map(|topic| subscribe(&broker, topic));
        Self { blobs, jobs, projects, state, broker, master, results, dead_letters }
    }

    /// The wrapping keys that a worker is given.
    pub(crate) fn all_keys(&self) -> WrappingKeys {
        self.master.wrapping_keys(Backends::PURPOSES)
    }

    pub(crate) fn worker(&self) -> Worker {
        self.worker_with(|_| {}, self.all_keys())
    }

    /// A worker with other settings, or other keys.
    pub(crate) fn worker_with(&self, change: impl FnOnce(&mut Config), keys: WrappingKeys) -> Worker {
        let mut config = Config { encoders: 1, max_attempts: 3 };
        change(&mut config);
        let (jobs, projects) = stores(&self.state, &self.blobs, &keys);
        let shutdown = Shutdown::new(LONG_ENOUGH);
        let (blobs, broker) = (self.blobs.blobs(), self.broker.clone());
        let backends = Backends { jobs, projects, blobs, broker, shutdown: shutdown.clone() };
        Worker { shutdown, task: actix::spawn(run(config, backends)) }
    }

    /// A job whose chunks are stored and released.
    pub(crate) async fn job(&self, new: NewChunks) -> Job {
        let (id, key) = (JobId(random_bytes().unwrap()), DataKey::generate().unwrap());
        let spec = batch_spec(new.encoder_revision);
        let job = NewJob {
            id,
            project: project(),
            batch_id: spec.batch_id,
            link: "encrypted".to_owned(),
            template: None,
            key_version: Some(1),
            encoder_revision: new.encoder_revision,
            retention: 3_600_000,
        };
        let job = Job::open(job, self.jobs.clock().now(), &self.jobs.settings);
        let header = BlobRef { path: "head".to_owned(), tag: [7; 16].into(), bytes: 100 };
        let headers = OutputHeaders { success: header.clone(), errors: header };
        self.jobs.create(&job, &spec, &headers, &key).await.unwrap();
        for (index, rows) in (0u32..).zip(CHUNKS) {
            let sealed = SealedFile::seal(&key, id, format!("in/{index}"), rows.into()).unwrap();
            sealed.put(&self.blobs.blobs()).await.unwrap();
            let chunk = ChunkEntry {
                first_row: 2 * index,
                first_line: u64::from(2 * index) + 2,
                rows: 2 + new.rows_too_many,
                blob: sealed.blob,
            };
            self.jobs.apply(id, &Event::ChunkCut { index, chunk }).await.unwrap();
        }
        self.jobs.apply(id, &Event::UploadEnded).await.unwrap();
        self.jobs.apply(id, &Event::Released { upto: CHUNKS.len() as u32 }).await.unwrap()
    }

    /// The encoder of the job's links.
    pub(crate) async fn encoder(&self, job: &Job) -> Encoder {
        let key = self.projects.key(&job.project, 1.try_into().unwrap()).await.unwrap();
        Encoder::v1(&batch_spec(job.encoder_revision), &template(), &key).unwrap()
    }

    /// The message of a chunk.
    pub(crate) async fn ready(&self, job: &Job, index: u32) -> ChunkReady {
        let ChunkEntry { first_row, first_line, rows, blob } =
            self.jobs.chunks(job.id, &[index]).await.unwrap().remove(0);
        ChunkReady { job: job.id, index, first_row, first_line, rows, blob }
    }

    pub(crate) async fn publish(&self, job: &Job, index: u32) {
        self.publish_ready(&self.ready(job, index).await).await;
    }

    pub(crate) async fn publish_ready(&self, ready: &ChunkReady) {
        self.publish_bytes(ready.encode()).await;
    }

    pub(crate) async fn publish_bytes(&self, payload: Vec<u8>) {
        self.publish_to(Topic::Chunks, payload).await;
    }

    async fn publish_to(&self, topic: Topic, payload: Vec<u8>) {
        self.broker.publish(topic.name(), Partitioning::ByKey("test".to_owned()), payload).await.unwrap();
    }

    pub(crate) async fn next_result(&self) -> ChunkResult {
        ChunkResult::decode(&next(&self.results).await).unwrap()
    }

    /// The next result, which is that the chunk is encoded.
    pub(crate) async fn next_encoded(&self, job: &Job, index: u32) -> ChunkEncoded {
        match self.next_result().await {
            ChunkResult::Encoded(encoded) if (encoded.job, encoded.index) == (job.id, index) => encoded,
            other => panic!("not that chunk {index} of {} is encoded: {other:?}", job.id),
        }
    }

    /// The next result, which is that the chunk has failed.
    pub(crate) async fn next_failed(&self, job: &Job, index: u32) -> ChunkFailed {
        match self.next_result().await {
            ChunkResult::Failed(failed) if (failed.job, failed.index) == (job.id, index) => failed,
            other => panic!("not that chunk {index} of {} has failed: {other:?}", job.id),
        }
    }

    pub(crate) async fn next_dead_letter(&self) -> DeadLetter {
        DeadLetter::decode(&next(&self.dead_letters).await).unwrap()
    }

    /// To be asked when the worker has stopped.
    pub(crate) async fn assert_no_more_results(&self) {
        self.publish_to(Topic::Results, MARKER.to_vec()).await;
        let next = next(&self.results).await;
        assert_eq!(next, MARKER, "{:?}", ChunkResult::decode(&next));
    }

    /// To be asked when the worker has stopped.
    pub(crate) async fn assert_no_more_dead_letters(&self) {
        self.publish_to(Topic::DeadLetters, MARKER.to_vec()).await;
        let next = next(&self.dead_letters).await;
        assert_eq!(next, MARKER, "{:?}", DeadLetter::decode(&next));
    }

    /// How many attempts there were, and how many of them did not come back.
    pub(crate) async fn attempts(&self, job: &Job, index: u32) -> (u64, u64) {
        match self.jobs.begin(job.id, index).await.unwrap() {
            Begin::Go { attempt, unresolved, .. } => (attempt - 1, unresolved - 1),
            Begin::Skip => panic!("chunk {index} cannot be begun any more"),
        }
    }

    /// Whether the job's document has a field.
    pub(crate) fn has_field(&self, job: &Job, field: &str) -> bool {
        self.state.fields(&format!("job/{}", job.id)).iter().any(|name| name == field)
    }

    /// Lets others go on until something is so.
    pub(crate) async fn until(&self, is_so: impl Fn() -> bool) {
        let wait = async {
            while !is_so() {
                tokio::task::yield_now().await;
            }
        };
        timeout(LONG_ENOUGH, wait).await.expect("it comes to be");
    }

    /// What is sealed in one of the job's blobs.
    pub(crate) async fn open(&self, job: &Job, blob: &BlobRef) -> Vec<u8> {
        let secrets = self.jobs.secrets(job.id, &job.project).await.unwrap().unwrap();
        let sealed = self.blobs.blobs().get(&blob_path(job.id, &blob.path)).await.unwrap();
        open(&secrets.data_key, job.id, blob, sealed).unwrap().to_vec()
    }

    /// Paths below the job's folder.
    pub(crate) async fn blobs_of(&self, job: &Job) -> Vec<String> {
        let folder = blob_folder(job.id);
        let mut paths = self.blobs.blobs().list_below(&folder).await.unwrap();
        paths.sort();
        paths.iter().map(|path| path[folder.len() + 1..].to_owned()).collect()
    }
}

fn stores(state: &MemoryState, blobs: &MemoryBlobs, keys: &WrappingKeys) -> (JobStore, Projects) {
    let state = Arc::new(state.clone());
    let jobs = JobStore::new(state.clone(), keys.clone(), Clock::system(), Settings::default(), 64);
    (jobs, Projects::new(StateBackend::new(state, blobs.blobs(), keys.clone())))
}

#[allow(clippy::await_holding_refcell_ref, reason = "a test asks for one message at a time")]
async fn next(consumer: &RefCell<Consumer>) -> Vec<u8> {
    let mut consumer = consumer.borrow_mut();
    let delivery = timeout(LONG_ENOUGH, consumer.next()).await.expect("a message comes").unwrap();
    let mut ack = delivery.ack;
    assert!(ack.start());
    ack.finish();
    delivery.payload
}
