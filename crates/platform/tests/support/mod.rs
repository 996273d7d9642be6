//! What the suites share: the servers, a Redis of a test's own, and names that nobody else has.
#![allow(dead_code, unused_macros, unused_imports, reason = "every test file uses another part")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use proptest::test_runner::Config as ProptestConfig;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use smartpass_platform::blobs::Blobs;
use smartpass_platform::broker::{
    Broker, KafkaBroker, KafkaSettings, MemoryBroker, TopicLayout, apply_topics,
};
use smartpass_platform::random::random_bytes;
use smartpass_platform::state::{Changes, Commit, EmbeddedState, RedisState, State};
use tempfile::TempDir;

const REMEDY: &str =
    "run: deploy/local/servers.py run -- cargo test -p smartpass-platform -- --include-ignored";

/// Longer than anything takes that works, on a machine that is busy.
pub(crate) const LONG_ENOUGH: Duration = Duration::from_secs(60);

/// Where a server is; without one the test fails.
pub(crate) fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set ({REMEDY})"))
}

/// What a server answered; where it did not, the test fails.
pub(crate) fn answered<T>(answer: smartpass_platform::Result<T>) -> T {
    answer.unwrap_or_else(|error| panic!("{error} ({REMEDY})"))
}

/// A name that nobody else has: the servers are shared.
pub(crate) fn fresh(name: &str) -> String {
    format!("{name}-{:016x}", u64::from_le_bytes(random_bytes().unwrap()))
}

/// A property is tried on `count` cases. None are stored: what fails becomes a test.
pub(crate) fn cases(count: u32) -> ProptestConfig {
    ProptestConfig { cases: count, failure_persistence: None, ..ProptestConfig::default() }
}

pub(crate) fn embedded(folder: &Path) -> EmbeddedState {
    EmbeddedState::open(&folder.join("state")).unwrap()
}

/// A promise of every state, as two tests: on a file, and on a real Redis.
macro_rules! on_every_state {
    ($promise:ident, $body:expr) => {
        mod $promise {
            use super::*;

            #[tokio::test]
            async fn in_a_file() {
                support::on_a_file($body).await;
            }

            #[tokio::test]
            #[ignore = "needs a real server: ./test runs it"]
            async fn in_redis() {
                support::on_redis($body).await;
            }
        }
    };
}
pub(crate) use on_every_state;

pub(crate) async fn on_a_file(promise: impl AsyncFn(Arc<dyn State>)) {
    let folder = TempDir::new().unwrap();
    promise(Arc::new(embedded(folder.path()))).await;
}

/// On a Redis of the test's own: the due lists and indices of the servers' Redis are shared.
pub(crate) async fn on_redis(promise: impl AsyncFn(Arc<dyn State>)) {
    let server = RedisServer::start(&["--appendonly", "no"]);
    promise(Arc::new(server.connect().await)).await;
}

/// A promise of every broker, as two tests: in memory, and on a real Kafka.
macro_rules! on_every_broker {
    ($promise:ident, $body:expr) => {
        mod $promise {
            use super::*;

            #[tokio::test]
            async fn in_memory() {
                support::in_memory($body).await;
            }

            #[tokio::test]
            #[ignore = "needs a real server: ./test runs it"]
            async fn in_kafka() {
                support::on_kafka($body).await;
            }
        }
    };
}
pub(crate) use on_every_broker;

pub(crate) async fn in_memory(promise: impl AsyncFn(Arc<dyn Broker>, fn(&str) -> &'static str)) {
    promise(Arc::new(MemoryBroker::default()), |_| Box::leak(fresh("conformance").into_boxed_str())).await;
}

pub(crate) async fn on_kafka(promise: impl AsyncFn(Arc<dyn Broker>, fn(&str) -> &'static str)) {
    promise(Arc::new(kafka().await), fresh_group_of).await;
}

pub(crate) fn kafka_settings() -> KafkaSettings {
    // A machine that stands still for a while takes no partition from a test.
    let session = ("session.timeout.ms".to_owned(), "30000".to_owned());
    KafkaSettings { servers: setting("SMARTPASS_KAFKA"), settings: vec![session] }
}

/// Where the tests publish: no service subscribes to it.
pub(crate) const TOPIC: &str = "smartpass.passes";
pub(crate) const DEAD_LETTERS: &str = "smartpass.dead-letters";

/// The topics that the tests use, as `smartpass topics apply` makes them.
pub(crate) const TOPICS: [TopicLayout; 2] = [
    TopicLayout { name: TOPIC, partitions: 12, retention_days: 30 },
    TopicLayout { name: DEAD_LETTERS, partitions: 3, retention_days: 30 },
];
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// A consumer of a group that does not join it, to look at the topic and at what the group has committed.
pub(crate) fn observer(group: &str) -> BaseConsumer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", kafka_settings().servers).set("group.id", group);
    config.set("enable.auto.commit", "false").create().unwrap()
}

/// Where every partition of a topic ends now.
pub(crate) fn ends(observer: &BaseConsumer, topic: &str) -> TopicPartitionList {
    let mut ends = TopicPartitionList::new();
    let layout = TOPICS.iter().find(|layout| layout.name == topic).unwrap();
    for partition in 0..layout.partitions {
        let (_, end) = observer.fetch_watermarks(topic, partition, ANSWER_WITHIN).unwrap();
        ends.add_partition_offset(topic, partition, Offset::Offset(end)).unwrap();
    }
    ends
}

/// A group that nobody is in. With Kafka it begins at what is published from now on: a topic that is full of
/// earlier tests' messages costs no time.
pub(crate) fn fresh_group() -> &'static str {
    fresh_group_of(TOPIC)
}

/// The same for another topic.
pub(crate) fn fresh_group_of(topic: &str) -> &'static str {
    let group = &*Box::leak(fresh("conformance").into_boxed_str());
    let observer = observer(group);
    observer.commit(&ends(&observer, topic), CommitMode::Sync).unwrap();
    group
}

pub(crate) async fn kafka() -> KafkaBroker {
    answered(apply_topics(&kafka_settings(), &TOPICS, 1).await);
    answered(KafkaBroker::connect(kafka_settings(), &TOPICS).await)
}

/// A promise of every store of blobs, as two tests: in a directory, and in a real S3 server's bucket.
macro_rules! on_every_blob_store {
    ($promise:ident, $body:expr) => {
        mod $promise {
            use super::*;

            #[tokio::test]
            async fn in_a_directory() {
                support::in_a_directory($body).await;
            }

            #[tokio::test]
            #[ignore = "needs a real server: ./test runs it"]
            async fn in_s3() {
                support::in_s3($body).await;
            }
        }
    };
}
pub(crate) use on_every_blob_store;

pub(crate) async fn in_a_directory(promise: impl AsyncFn(Blobs)) {
    let folder = TempDir::new().unwrap();
    promise(Blobs::directory(folder.path().join("blobs")).unwrap()).await;
}

pub(crate) async fn in_s3(promise: impl AsyncFn(Blobs)) {
    let place = format!("{}/{}", setting("SMARTPASS_BLOBS").trim_end_matches('/'), fresh("conformance"));
    let blobs = answered(Blobs::at(&place));
    answered(blobs.check().await);
    promise(blobs).await;
}

/// Changes that write these fields.
pub(crate) fn set(fields: &[(&str, &str)]) -> Changes {
    let set = fields.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
    Changes { set, ..Changes::default() }
}

/// Commits what must not conflict, and answers the version.
pub(crate) async fn commit(state: &dyn State, key: &str, seen: u64, changes: Changes) -> u64 {
    match state.commit(key, seen, changes).await.unwrap() {
        Commit::Done(version) => version,
        Commit::Conflict => panic!("{key} does not have version {seen}"),
    }
}

/// A Redis of a test's own, on a free port and without anything in it. It ends with the pipe that holds it,
/// and so with the test.
pub(crate) struct RedisServer {
    child: Child,
    port: u16,
    _log: BufReader<ChildStdout>,
    _folder: TempDir,
}

impl RedisServer {
    pub(crate) fn start(settings: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut child = Command::new("sh")
            .args(["-c", "redis-server \"$@\" & exec >&-; read -r _; kill $!; wait", "redis-server"])
            .args(["--bind", "127.0.0.1", "--save", "", "--port", &port.to_string(), "--dir"])
            .arg(folder.path())
            .args(settings)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // What it says after that fits into the pipe.
        let mut log = BufReader::new(child.stdout.take().unwrap());
        let mut said = String::new();
        while !said.contains("Ready to accept connections") {
            let more = log.read_line(&mut said).unwrap();
            assert!(more > 0, "redis-server does not start (run: deploy/local/install): {said}");
        }
        Self { child, port, _log: log, _folder: folder }
    }

    /// A connection to it.
    pub(crate) async fn connect(&self) -> RedisState {
        RedisState::connect(&format!("redis://127.0.0.1:{}/0", self.port)).await.unwrap()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
