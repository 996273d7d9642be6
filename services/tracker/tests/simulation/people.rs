//! Those who act: an upload, a worker, a tracker, a user, each as one future that the simulation polls or drops.
//! They use the job store as the services do, without the services' pauses.

use smartpass_core::csv::{Dialect, Encoding};
use smartpass_core::encode::{BatchSpec, ENCODER_REVISION, LinkSpec};
use smartpass_core::ids::JobId;
use smartpass_core::job::{BlobRef, ChunkEntry, Counts, Event, Job, NewJob, Outcome, Refusal};
use smartpass_core::link::passkit::PasskitKind;
use smartpass_messages::{ChunkEncoded, ChunkFailed, ChunkReady, Message, Topic};
use smartpass_platform::broker::Partitioning;
use smartpass_platform::{Error, Result};
use smartpass_records::data_key::DataKey;
use smartpass_records::job_files::{OutputHeaders, blob_path};
use smartpass_records::jobs::{ApplyError, Begin};
use smartpass_testkit::Chaos;
use smartpass_tracker::{Backends, JobDriver};

pub(crate) const PROJECT: &str = "wrsynr";
const RETENTION: u64 = 3_600_000;
const MAX_ATTEMPTS: u64 = 3;

/// The file of a job: chunk `index` has these rows.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub(crate) job: JobId,
    pub(crate) rows: Vec<u32>,
    /// How the upload ends, if not well.
    pub(crate) fails: Option<Outcome>,
    /// A chunk that no worker can encode.
    pub(crate) poison: Option<u32>,
}

impl File {
    fn first_row(&self, index: u32) -> u32 {
        self.rows[..index as usize].iter().sum()
    }

    fn text(first_row: u32, rows: u32) -> String {
        (first_row..first_row + rows).map(|row| format!("row {row}\n")).collect()
    }

    /// What one pass over the whole file gives: header line and rows of both outputs.
    pub(crate) fn in_one_pass(&self) -> (String, String) {
        let (success, errors) = encode(&Self::text(0, self.rows.iter().sum()));
        (format!("ok header\n{success}"), format!("error header\n{errors}"))
    }
}

/// The simulation's encoder: every third row fails.
fn encode(text: &str) -> (String, String) {
    let (mut success, mut errors) = (String::new(), String::new());
    for line in text.lines() {
        let number: u32 = line.strip_prefix("row ").unwrap().parse().unwrap();
        let (place, word) = if number % 3 == 1 { (&mut errors, "bad") } else { (&mut success, "link") };
        *place += &format!("{word} of {line}\n");
    }
    (success, errors)
}

/// Somebody's view of the world.
#[derive(Clone)]
pub(crate) struct Person {
    pub(crate) backends: Backends,
    pub(crate) chaos: Chaos,
}

impl Person {
    /// Uploads a file, as the producer does; the answer is lost with the future.
    pub(crate) async fn upload(self, file: File) {
        let jobs = &self.backends.jobs;
        let key = DataKey::generate().unwrap();
        let headers = OutputHeaders {
            success: self.must_write(&key, file.job, "head/success", "ok header\n").await,
            errors: self.must_write(&key, file.job, "head/errors", "error header\n").await,
        };
        let new = NewJob {
            id: file.job,
            project: PROJECT.parse().unwrap(),
            batch_id: "0011223344556677".parse().unwrap(),
            link: "hashed".to_owned(),
            template: None,
            key_version: Some(1),
            encoder_revision: ENCODER_REVISION,
            retention: RETENTION,
        };
        let job = Job::open(new, jobs.clock().now(), &jobs.settings);
        // An outage here is an upload that was never accepted, or one that falls silent at once.
        if jobs.create(&job, &spec(), &headers, &key).await.is_err() {
            return;
        }
        for (index, &rows) in (0u32..).zip(&file.rows) {
            let first_row = file.first_row(index);
            let blob =
                self.must_write(&key, file.job, &format!("in/{index}"), &File::text(first_row, rows)).await;
            let chunk = ChunkEntry { first_row, first_line: u64::from(first_row) + 2, rows, blob };
            let event = Event::ChunkCut { index, chunk };
            if !self.is_applied(file.job, &event).await {
                return;
            }
        }
        let failed = |outcome| Event::UploadFailed { outcome, reason: "cut off".to_owned() };
        self.is_applied(file.job, &file.fails.map_or(Event::UploadEnded, failed)).await;
    }

    /// Lets an event happen, through outages; `false` where the job does not take it.
    pub(crate) async fn is_applied(&self, job: JobId, event: &Event) -> bool {
        loop {
            match self.backends.jobs.apply(job, event).await {
                Ok(_) => return true,
                Err(ApplyError::Backend(error)) => assert!(error.is_outage(), "{error}"),
                Err(ApplyError::Refused(Refusal::OutOfOrder { .. })) => {
                    panic!("the only producer is out of order")
                }
                Err(_) => return false,
            }
        }
    }

    /// Hands an event to a driver, through outages, as an actor does.
    pub(crate) async fn track(self, job: JobId, event: Event) {
        let driver = JobDriver::new(self.backends.clone());
        while let Err(error) = driver.handle(job, event.clone()).await {
            assert!(error.is_outage(), "the driver fails at {event:?}: {error}");
        }
    }

    /// Looks at the due list and ticks what is due.
    pub(crate) async fn tick(self) {
        let Ok(due) = self.backends.jobs.claim_due(5_000, 64).await else { return };
        for job in due {
            self.clone().track(job, Event::Tick).await;
        }
    }

    /// Sees a chunk through, as an encoder-worker does.
    pub(crate) async fn work(self, ready: ChunkReady, poison: Option<u32>) {
        let (job, index) = (ready.job, ready.index);
        loop {
            let (attempt, unresolved, chunk) = match self.backends.jobs.begin(job, index).await {
                Ok(Begin::Go { attempt, unresolved, chunk }) => (attempt, unresolved, chunk),
                Ok(Begin::Skip) => return,
                Err(error) if error.is_outage() => continue,
                Err(error) => panic!("begin: {error}"),
            };
            assert_eq!(chunk.blob, ready.blob, "another chunk than the one that was published");
            if unresolved > MAX_ATTEMPTS {
                return self.give_up(job, index).await;
            }
            let is_fault = poison == Some(index);
            match self.attempt(job, index, attempt, &chunk.blob).await {
                _ if is_fault && unresolved >= MAX_ATTEMPTS => return self.give_up(job, index).await,
                _ if is_fault => {}
                Ok(()) => return,
                Err(Error::Unavailable { .. }) => {
                    while self.backends.jobs.give_back(job, index).await.is_err() {}
                }
                // Its input was swept: the job has ended.
                Err(Error::Missing(_)) => {}
                Err(error) => panic!("attempt {attempt} at chunk {index}: {error}"),
            }
            if is_fault && self.chaos.chance(30) {
                return;
            }
        }
    }

    async fn attempt(&self, job: JobId, index: u32, attempt: u64, input: &BlobRef) -> Result<()> {
        let Some(secrets) = self.backends.jobs.secrets(job, &PROJECT.parse().unwrap()).await? else {
            return Ok(());
        };
        let path = blob_path(job, &input.path);
        let sealed = self.io(|| get(&self.backends, &path)).await?;
        let text = secrets.data_key.open(&path, input.tag, sealed)?;
        let (success, errors) = encode(std::str::from_utf8(&text).unwrap());
        let key = &secrets.data_key;
        let counts = Counts {
            links: success.lines().count() as u64,
            errors: errors.lines().count() as u64,
            ..Counts::default()
        };
        let success = self.write(key, job, &format!("out/{index}.{attempt}"), &success).await?;
        let errors = match errors.as_str() {
            "" => None,
            errors => Some(self.write(key, job, &format!("err/{index}.{attempt}"), errors).await?),
        };
        self.say(job, ChunkEncoded { job, index, success, errors, counts }.encode()).await
    }

    async fn give_up(&self, job: JobId, index: u32) {
        let failed =
            ChunkFailed { job, index, code: "unusable".to_owned(), reason: "it is poison".to_owned() };
        while self.say(job, failed.encode()).await.is_err() {}
    }

    async fn say(&self, job: JobId, message: Vec<u8>) -> Result<()> {
        self.backends
            .broker
            .publish(Topic::Results.name(), Partitioning::ByKey(job.to_string()), message)
            .await
    }

    async fn write(&self, key: &DataKey, job: JobId, blob: &str, text: &str) -> Result<BlobRef> {
        let path = blob_path(job, blob);
        let sealed = key.seal(&path, text.as_bytes().to_vec())?;
        let blob = BlobRef { path: blob.to_owned(), tag: sealed.tag, bytes: sealed.plain_bytes };
        self.io(|| at_once(self.backends.blobs.put(&path, sealed.pieces))).await?;
        Ok(blob)
    }

    /// Writes through outages: every attempt has its own name.
    async fn must_write(&self, key: &DataKey, job: JobId, blob: &str, text: &str) -> BlobRef {
        for attempt in 1.. {
            match self.write(key, job, &format!("{blob}.{attempt}"), text).await {
                Ok(stored) => return stored,
                Err(error) => assert!(error.is_outage(), "{error}"),
            }
        }
        unreachable!("an attempt succeeds some time")
    }

    async fn io<T>(&self, effect: impl FnOnce() -> Result<T>) -> Result<T> {
        self.chaos.around(effect).await
    }
}

fn get(backends: &Backends, path: &str) -> Result<bytes::Bytes> {
    at_once(backends.blobs.get(path))
}

/// The outcome of a future that has nothing to wait for: a blob in a directory, outside any runtime.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    futures_util::FutureExt::now_or_never(future).expect("there is nothing to wait for")
}

fn spec() -> BatchSpec {
    BatchSpec {
        project: PROJECT.parse().unwrap(),
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
