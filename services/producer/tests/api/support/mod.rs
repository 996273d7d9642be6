//! A producer on fakes, and what a test needs around it.

mod answer;
mod encoding;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::error::PayloadError;
use actix_web::test::{TestRequest, call_service, init_service};
use actix_web::{App, web};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use smartpass_core::csv::ChunkLimits;
use smartpass_core::ids::{JobId, ProjectCode};
use smartpass_core::job::{Job, Settings};
use smartpass_core::template::Template;
use smartpass_http::Authentication;
use smartpass_http::problem::no_such_page;
use smartpass_platform::broker::MemoryBroker;
use smartpass_platform::shutdown::Shutdown;
use smartpass_producer::{Backends, Limits, routes};
use smartpass_records::api_keys::{ApiKeys, Scope};
use smartpass_records::job_files::blob_folder;
use smartpass_records::jobs::JobStore;
use smartpass_records::projects::{Projects, StateBackend};
use smartpass_records::wrapping_keys::{MasterKey, Purpose};
use smartpass_testkit::{MemoryBlobs, MemoryState, TestClock};

pub(crate) use answer::{Answer, refused};
pub(crate) use encoding::Outputs;

pub(crate) const PROJECT: &str = "wrsynr";
/// A project with a key and no template.
pub(crate) const OTHER: &str = "other";
pub(crate) const JOBS: &str = "/v1/projects/wrsynr/jobs";
/// Three rows, of which the second is wrong.
pub(crate) const CSV: &str = "name,points\nAnna,1\nBert,many\nCleo,3\n";
/// So many bytes decide a file's header and how it is written: a job begins when they are there.
const HEAD_BYTES: usize = smartpass_core::csv::HEAD_BYTES;
const TEMPLATE: &str = "code = 'club'
    fields = [{ name = 'name', type = 'string' }, { name = 'points', type = 'integer' }]";
const HOUR: u64 = 3_600_000;

/// A producer with two projects, and all that it stands on.
pub(crate) struct Producer {
    pub(crate) blobs: MemoryBlobs,
    pub(crate) broker: Arc<MemoryBroker>,
    pub(crate) clock: TestClock,
    pub(crate) jobs: JobStore,
    pub(crate) api_keys: ApiKeys,
    /// With the keys that seal links, which the producer itself has not.
    projects: Projects,
    routes: Box<dyn Fn(&mut web::ServiceConfig)>,
}

/// Runs a test on a producer of its own. A file of [`CSV`] has two chunks.
pub(crate) fn on_a_producer(test: impl AsyncFnOnce(Producer)) {
    on_a_producer_with(|_| {}, test);
}

/// The same, with other limits.
pub(crate) fn on_a_producer_with(change: impl FnOnce(&mut Limits), test: impl AsyncFnOnce(Producer)) {
    let mut limits = limits();
    change(&mut limits);
    actix_web::rt::System::new().block_on(async { test(Producer::new(limits).await).await });
}

fn limits() -> Limits {
    Limits {
        link_base: "http://localhost:8080".parse().unwrap(),
        // The first two rows of the file.
        chunks: ChunkLimits::of_bytes(17),
        uploads: 4,
        chunk_buffers: 8,
        minimum_rate: 0,
        max_bytes: 1 << 20,
        retention: 72 * HOUR,
        outage_patience: Duration::from_secs(60),
    }
}

/// Chunks that a [`long_file`] does not fill: nothing is stored before the file's end.
pub(crate) fn large_chunks(limits: &mut Limits) {
    limits.chunks = ChunkLimits::of_bytes(4 * HEAD_BYTES);
}

/// A file whose job begins before its end.
pub(crate) fn long_file() -> String {
    let row = "Dora,4\n";
    CSV.to_owned() + &row.repeat(HEAD_BYTES / row.len())
}

pub(crate) fn code(text: &str) -> ProjectCode {
    text.parse().unwrap()
}

impl Producer {
    async fn new(limits: Limits) -> Self {
        let (state, blobs, clock) =
            (Arc::new(MemoryState::default()), MemoryBlobs::default(), TestClock::at(1_800_000_000_000));
        let master = MasterKey::generate().unwrap();
        let [all, few] = [&Purpose::ALL[..], Backends::PURPOSES].map(|needed| master.wrapping_keys(needed));
        let projects = Projects::new(StateBackend::new(state.clone(), blobs.blobs(), all));
        for project in [PROJECT, OTHER] {
            projects.rotate_key(&code(project)).await.unwrap();
        }
        projects.publish(&code(PROJECT), &Template::from_toml(TEMPLATE).unwrap()).await.unwrap();
        let jobs = JobStore::new(state.clone(), few.clone(), clock.clock(), Settings::default(), 64);
        let (api_keys, broker) = (ApiKeys::new(state.clone()), Arc::new(MemoryBroker::default()));
        let backends = Backends {
            jobs: jobs.clone(),
            projects: Projects::new(StateBackend::new(state, blobs.blobs(), few)),
            api_keys: api_keys.clone(),
            blobs: blobs.blobs(),
            broker: broker.clone(),
            shutdown: Shutdown::new(Duration::ZERO),
        };
        let listen = SocketAddr::from(([127, 0, 0, 1], 8080));
        let (known, keys) = (backends.projects.clone(), api_keys.clone());
        let authentication = Authentication::new(known, keys, listen).await.unwrap();
        let routes = Box::new(routes(limits, backends, authentication));
        Self { blobs, broker, clock, jobs, api_keys, projects, routes }
    }

    /// Asks, as a program on this machine does.
    pub(crate) async fn call(&self, request: TestRequest) -> Answer {
        self.call_with(request, Payload::None).await
    }

    /// The same with a body.
    async fn call_with(&self, request: TestRequest, payload: Payload) -> Answer {
        let app = App::new().configure(&self.routes).default_service(web::route().to(no_such_page));
        let app = init_service(app).await;
        let (request, _) = request.to_request().replace_payload(payload);
        Answer::read(call_service(&app, request).await).await
    }

    pub(crate) async fn get(&self, uri: &str) -> Answer {
        self.call(TestRequest::get().uri(uri).locally()).await
    }

    pub(crate) async fn post(&self, uri: &str) -> Answer {
        self.call(TestRequest::post().uri(uri).locally()).await
    }

    pub(crate) async fn delete(&self, uri: &str) -> Answer {
        self.call(TestRequest::delete().uri(uri).locally()).await
    }

    /// Uploads a file to a place with a query.
    pub(crate) async fn upload(&self, uri: &str, file: impl Into<Bytes>) -> Answer {
        self.send(TestRequest::post().uri(uri).locally(), [file.into()]).await
    }

    /// Sends a body whose length the request tells.
    pub(crate) async fn send<const N: usize>(&self, request: TestRequest, pieces: [Bytes; N]) -> Answer {
        let length: usize = pieces.iter().map(Bytes::len).sum();
        let request = request.insert_header(("content-length", length.to_string()));
        self.send_stream(request, futures_util::stream::iter(pieces).map(Ok)).await
    }

    /// Sends a body piece by piece: the next piece is asked for only when the one before was read.
    pub(crate) async fn send_stream(
        &self,
        request: TestRequest,
        pieces: impl Stream<Item = Result<Bytes, PayloadError>> + 'static,
    ) -> Answer {
        self.call_with(request, Payload::Stream { payload: Box::pin(pieces) }).await
    }

    /// A job whose upload is over.
    pub(crate) async fn uploaded(&self) -> JobId {
        let answer = self.upload(JOBS, CSV).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.job().id
    }

    /// A job that has completed, and its outputs as one pass over the file gives them.
    pub(crate) async fn completed(&self) -> (JobId, Outputs) {
        let id = self.uploaded().await;
        (id, self.encode(id, CSV).await)
    }

    pub(crate) async fn record(&self, id: JobId) -> Job {
        self.jobs.load(id).await.unwrap().unwrap().record
    }

    /// The project's only job.
    pub(crate) async fn only_job(&self) -> Job {
        let [job] = &self.jobs.list(&code(PROJECT), None, 10).await.unwrap()[..] else {
            panic!("not one job")
        };
        job.clone()
    }

    /// Paths below the folder of a job.
    pub(crate) async fn blobs_of(&self, id: JobId) -> Vec<String> {
        let folder = blob_folder(id);
        let mut paths = self.blobs.blobs().list_below(&folder).await.unwrap();
        paths.sort();
        paths.iter().map(|path| path[folder.len() + 1..].to_owned()).collect()
    }

    /// A key of a project for some scopes, as a header.
    pub(crate) async fn api_key(&self, project: &str, scopes: &[Scope]) -> (&'static str, String) {
        let key = self.api_keys.create(&code(project), scopes, self.clock.now()).await.unwrap();
        ("authorization", format!("Bearer {}", *key))
    }
}

/// Who sends a request.
pub(crate) trait Locally {
    /// A program on this machine.
    fn locally(self) -> Self;
}

impl Locally for TestRequest {
    fn locally(self) -> Self {
        self.insert_header(("host", "localhost:8080"))
    }
}
