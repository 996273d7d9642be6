//! The writer of an upload's chunks: it stores several at once, and records them in order.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use smartpass_core::csv::CutChunk;
use smartpass_core::ids::JobId;
use smartpass_core::job::{ChunkEntry, Event, Job};
use smartpass_platform::retry::{RetryPolicy, retry_while_unavailable};
use smartpass_platform::{Error, failpoints};
use smartpass_records::data_key::DataKey;
use smartpass_records::job_files::SealedFile;
use smartpass_records::jobs::ApplyError;
use smartpass_records::metrics::metrics;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

use crate::backends::Backends;

/// The limit of chunks of one upload that are stored at once: enough to hide a store's latency.
const AT_ONCE: usize = 3;

/// The chunks of one upload, on their way into the blobs and the state.
pub(crate) struct ChunkWriter {
    backends: Backends,
    job: JobId,
    key: DataKey,
    patience: Duration,
    storing: FuturesOrdered<JoinHandle<Result<StoredChunk, Error>>>,
    buffers: Arc<Semaphore>,
    /// The buffer of the chunk that is being read.
    buffer: Option<OwnedSemaphorePermit>,
}

struct StoredChunk {
    event: Event,
    /// Held until the chunk is recorded.
    _buffer: Option<OwnedSemaphorePermit>,
}

impl ChunkWriter {
    pub(crate) fn new(
        backends: Backends,
        job: JobId,
        key: DataKey,
        patience: Duration,
        buffers: Arc<Semaphore>,
    ) -> Self {
        Self { backends, job, key, patience, storing: FuturesOrdered::new(), buffers, buffer: None }
    }

    /// Waits for a buffer to read the next chunk into.
    pub(crate) async fn reserve(&mut self) -> Result<(), ApplyError> {
        while self.buffer.is_none() {
            if self.storing.is_empty() {
                self.buffer = self.buffers.clone().acquire_owned().await.ok();
                break;
            }
            // Another upload may free a buffer, or one of our own chunks.
            tokio::select! {
                buffer = self.buffers.clone().acquire_owned() => self.buffer = buffer.ok(),
                Some(stored) = self.storing.next() => self.record(stored).await?,
            }
        }
        Ok(())
    }

    /// Begins to store a chunk.
    pub(crate) async fn add(&mut self, chunk: CutChunk) -> Result<(), ApplyError> {
        metrics().bytes.with_label_values(&["chunked"]).inc_by(chunk.text.len() as u64);
        metrics().chunk("cut");
        while self.storing.len() >= AT_ONCE {
            if let Some(stored) = self.storing.next().await {
                self.record(stored).await?;
            }
        }
        let (backends, job, key) = (self.backends.clone(), self.job, self.key.clone());
        let (patience, buffer) = (self.patience, self.buffer.take());
        self.storing.push_back(actix_web::rt::spawn(store(backends, job, key, patience, chunk, buffer)));
        self.reserve().await
    }

    /// Waits until every chunk is recorded.
    pub(crate) async fn finish(&mut self) -> Result<(), ApplyError> {
        self.buffer = None;
        while let Some(stored) = self.storing.next().await {
            self.record(stored).await?;
        }
        Ok(())
    }

    async fn record(
        &self,
        stored: Result<Result<StoredChunk, Error>, tokio::task::JoinError>,
    ) -> Result<(), ApplyError> {
        let stored =
            stored.map_err(|_| Error::unavailable("the producer", "a chunk's task ended early"))??;
        failpoints::hit("producer/stored");
        apply(&self.backends, self.job, &stored.event, self.patience).await?;
        failpoints::hit("producer/recorded");
        Ok(())
    }
}

/// Applies an event, and retries through an outage as long as `patience` allows. Answers the job after the event.
pub(crate) async fn apply(
    backends: &Backends,
    job: JobId,
    event: &Event,
    patience: Duration,
) -> Result<Job, ApplyError> {
    let policy = RetryPolicy::within(patience);
    retry_while_unavailable("state", policy, &backends.shutdown, async || {
        backends.jobs.apply(job, event).await
    })
    .await
}

async fn store(
    backends: Backends,
    job: JobId,
    key: DataKey,
    patience: Duration,
    chunk: CutChunk,
    buffer: Option<OwnedSemaphorePermit>,
) -> Result<StoredChunk, Error> {
    let CutChunk { start, rows, text } = chunk;
    let begun = Instant::now();
    let name = move |attempt: u32| format!("in/{}.{attempt}", start.index);
    let first_key = key.clone();
    let mut sealed = off_thread(move || SealedFile::seal(&first_key, job, name(1), text)).await?;
    metrics().stage("seal", begun);
    let storing = Instant::now();
    let mut attempt = 1u32;
    let put = async || {
        // The last attempt may have been written, and no blob is written twice: each attempt has a path of its own.
        if attempt > 1 {
            let (last, key) = (sealed.clone(), key.clone());
            sealed = off_thread(move || last.seal_again(&key, name(attempt))).await?;
        }
        attempt += 1;
        sealed.put(&backends.blobs).await
    };
    retry_while_unavailable("blobs", RetryPolicy::within(patience), &backends.shutdown, put).await?;
    metrics().stage("store", storing);
    // The intake refuses files with more rows than a row number can count.
    let first_row = u32::try_from(start.row).map_err(|_| Error::Limit("too many rows".to_owned()))?;
    let chunk = ChunkEntry { first_row, first_line: start.line, rows, blob: sealed.blob };
    let event = Event::ChunkCut { index: start.index, chunk };
    Ok(StoredChunk { event, _buffer: buffer })
}

/// Seals on a blocking thread: four megabytes take milliseconds.
async fn off_thread(
    seal: impl FnOnce() -> Result<SealedFile, Error> + Send + 'static,
) -> Result<SealedFile, Error> {
    let sealing = tokio::task::spawn_blocking(seal);
    sealing.await.map_err(|_| Error::unavailable("the producer", "the process is stopping"))?
}
