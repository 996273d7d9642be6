//! Attempts at one chunk, from its message to its outputs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::Addr;
use smartpass_core::job::ChunkEntry;
use smartpass_messages::{ChunkEncoded, ChunkFailed, ChunkReady, DeadLetter, Message, Topic};
use smartpass_platform::blobs::Blobs;
use smartpass_platform::broker::Broker;
use smartpass_platform::broker::Partitioning;
use smartpass_platform::retry::retry_until_shutdown;
use smartpass_platform::shutdown::Shutdown;
use smartpass_platform::{Error, Result, failpoints};
use smartpass_records::job_files::blob_path;
use smartpass_records::jobs::{Begin, JobStore};
use smartpass_records::metrics::metrics;
use tokio::sync::Semaphore;
use tracing::{info, warn};

use crate::encoder::{EncodeChunk, EncodeFault, EncodedChunk, EncoderActor};
use crate::job_cache::{Found, JobCache};
use crate::metrics::worker_metrics;

/// The pause after an outage before the next attempt.
const AFTER_OUTAGE: Duration = Duration::from_secs(1);

/// An encoder-worker: its backends, encoders and caches.
pub(crate) struct Worker {
    pub(crate) max_attempts: u64,
    pub(crate) records: JobStore,
    pub(crate) blobs: Blobs,
    pub(crate) broker: Arc<dyn Broker>,
    pub(crate) shutdown: Shutdown,
    pub(crate) encoders: Addr<EncoderActor>,
    pub(crate) jobs: JobCache,
    pub(crate) encoder_queue: Arc<Semaphore>,
}

/// Why an attempt failed.
enum AttemptError {
    /// An outage: no fault of the chunk.
    Outage(Error),
    /// A fault that may lie in the chunk: a code for metrics, and a reason for people.
    Fault(&'static str, String),
}

impl From<Error> for AttemptError {
    fn from(error: Error) -> Self {
        let code = match error {
            Error::Unavailable { .. } => return Self::Outage(error),
            Error::Missing(_) => "missing",
            Error::Damaged(_) => "damaged",
            Error::Exists(_) | Error::Conflict(_) | Error::Config(_) | Error::Limit(_) => "unusable",
        };
        Self::Fault(code, error.to_string())
    }
}

impl From<EncodeFault> for AttemptError {
    fn from(fault: EncodeFault) -> Self {
        match fault {
            EncodeFault::Blob(error) => error.into(),
            EncodeFault::Panic => Self::Fault("panic", fault.to_string()),
            EncodeFault::Spec(_) | EncodeFault::Rows { .. } => Self::Fault("unusable", fault.to_string()),
        }
    }
}

impl Worker {
    /// Processes a chunk, in as many attempts as it takes. Answers when its message need not be redelivered.
    ///
    /// # Errors
    /// An outage lasts until shutdown begins.
    pub(crate) async fn process(&self, ready: &ChunkReady) -> Result<()> {
        let (job, index) = (ready.job, ready.index);
        let shutdown = &self.shutdown;
        loop {
            let begun =
                retry_until_shutdown("state", shutdown, async || self.records.begin(job, index).await)
                    .await?;
            let Begin::Go { attempt, unresolved, chunk } = begun else {
                metrics().chunk("skipped");
                return Ok(());
            };
            metrics().chunk("begun");
            failpoints::hit("worker/begun");
            if unresolved > self.max_attempts {
                return self
                    .give_up(ready, "attempts", "it was begun again and again and never came to an end")
                    .await;
            }
            let error = match self.attempt(ready, attempt, &chunk).await {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            match error {
                AttemptError::Outage(error) => {
                    warn!(%job, index, attempt, %error, "attempt failed by an outage, not counted");
                    metrics().chunk("given-back");
                    retry_until_shutdown("state", shutdown, async || {
                        self.records.give_back(job, index).await
                    })
                    .await?;
                    tokio::select! {
                        () = tokio::time::sleep(AFTER_OUTAGE) => {}
                        () = shutdown.begun() => return Err(error),
                    }
                }
                AttemptError::Fault(code, reason) if unresolved >= self.max_attempts => {
                    return self.give_up(ready, code, &reason).await;
                }
                AttemptError::Fault(code, reason) => {
                    warn!(%job, index, attempt, code, reason, "attempt failed, will be retried")
                }
            }
        }
    }

    async fn attempt(
        &self,
        ready: &ChunkReady,
        attempt: u64,
        chunk: &ChunkEntry,
    ) -> std::result::Result<(), AttemptError> {
        let (job, index) = (ready.job, ready.index);
        let found = self.jobs.find(job).await?;
        let work = match found {
            Found::Work(work) => work,
            Found::Gone => return Ok(()),
            Found::OtherRevision(revision) => {
                // The job stalls, and the chunk is published again: a worker of that revision may get it then.
                info!(%job, index, revision, "skipped: another encoder revision");
                self.records.give_back(job, index).await?;
                return Ok(());
            }
        };
        let started = Instant::now();
        let sealed = self.blobs.get(&blob_path(job, &chunk.blob.path)).await?;
        metrics().stage("fetch", started);
        failpoints::hit("worker/fetched");
        let permit = self.encoder_queue.clone().acquire_owned().await.map_err(|_| stopping())?;
        let message = EncodeChunk {
            job,
            index,
            attempt,
            chunk: chunk.clone(),
            work,
            sealed,
            sent: Instant::now(),
            _permit: permit,
        };
        let encoded = self.encoders.send(message).await.map_err(|_| stopping())??;
        self.store_outputs(ready, encoded).await
    }

    /// Writes the outputs, then publishes the result.
    async fn store_outputs(
        &self,
        ready: &ChunkReady,
        encoded: EncodedChunk,
    ) -> std::result::Result<(), AttemptError> {
        let EncodedChunk { success, errors, counts } = encoded;
        let started = Instant::now();
        success.put(&self.blobs).await?;
        failpoints::hit("worker/half-written");
        if let Some(errors) = &errors {
            errors.put(&self.blobs).await?;
        }
        metrics().stage("write", started);
        failpoints::hit("worker/written");
        let (success, errors) = (success.blob, errors.map(|errors| errors.blob));
        let bytes = success.bytes + errors.as_ref().map_or(0, |errors| errors.bytes);
        let message = ChunkEncoded { job: ready.job, index: ready.index, success, errors, counts };
        self.publish(Topic::Results, ready, message.encode()).await?;
        failpoints::hit("worker/published");
        metrics().chunk("encoded");
        metrics().bytes.with_label_values(&["encoded"]).inc_by(bytes);
        worker_metrics().rows.with_label_values(&["link"]).inc_by(message.counts.links);
        worker_metrics().rows.with_label_values(&["error"]).inc_by(message.counts.errors);
        for reason in &message.counts.by_reason {
            worker_metrics().row_errors.with_label_values(&[reason.kind.code()]).inc_by(reason.rows);
        }
        Ok(())
    }

    async fn give_up(&self, ready: &ChunkReady, code: &'static str, reason: &str) -> Result<()> {
        let (job, index) = (ready.job, ready.index);
        warn!(%job, index, code, reason, "chunk failed");
        metrics().chunk("failed");
        metrics().dead_letters.with_label_values(&[code]).inc();
        let letter = DeadLetter {
            topic: Topic::Chunks.name().to_owned(),
            code: code.to_owned(),
            reason: reason.to_owned(),
            job: Some(job),
            index: Some(index),
        };
        let failed = ChunkFailed { job, index, code: code.to_owned(), reason: reason.to_owned() };
        let shutdown = &self.shutdown;
        retry_until_shutdown("publish", shutdown, async || {
            { self.publish(Topic::DeadLetters, ready, letter.encode()) }.await
        })
        .await?;
        retry_until_shutdown("publish", shutdown, async || {
            self.publish(Topic::Results, ready, failed.encode()).await
        })
        .await
    }

    async fn publish(&self, topic: Topic, ready: &ChunkReady, message: Vec<u8>) -> Result<()> {
        let started = Instant::now();
        self.broker.publish(topic.name(), Partitioning::ByKey(ready.job.to_string()), message).await?;
        metrics().stage("publish", started);
        Ok(())
    }
}

fn stopping() -> Error {
    Error::unavailable("the encoder", "the process is stopping")
}
