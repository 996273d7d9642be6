//! One chunk, from its message to its part.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix::Addr;
use smartpass_core::job::ChunkEntry;
use smartpass_messages::{ChunkEncoded, ChunkFailed, ChunkReady, DeadLetter, Message, Topic};
use smartpass_platform::broker::Partitioning;
use smartpass_platform::files::blob_path;
use smartpass_platform::jobs::Begin;
use smartpass_platform::retry::retry_while_unavailable;
use smartpass_platform::telemetry::metrics;
use smartpass_platform::{Error, Platform, Result, failpoints};
use tokio::sync::Semaphore;
use tracing::{info, warn};

use crate::encoder::{EncodeChunk, EncodeFault, EncodedChunk, EncoderActor};
use crate::job_cache::{Found, JobCache};

/// How long to wait after an outage before the next attempt.
const AFTER_OUTAGE: Duration = Duration::from_secs(1);

/// What an encoder-worker works with.
pub(crate) struct Worker {
    pub(crate) max_attempts: u64,
    pub(crate) platform: Platform,
    pub(crate) encoders: Addr<EncoderActor>,
    pub(crate) jobs: JobCache,
    pub(crate) encoder_queue: Arc<Semaphore>,
}

/// How an attempt went wrong.
enum AttemptError {
    /// Through no fault of the chunk.
    Outage(Error),
    /// Through a fault that may lie in the chunk: a code for metrics, and words for people.
    Fault(&'static str, String),
}

impl From<Error> for AttemptError {
    fn from(error: Error) -> Self {
        let code = match error {
            Error::Unavailable { .. } => return Self::Outage(error),
            Error::Missing(_) => "missing",
            Error::Damaged(_) => "damaged",
            Error::Exists(_) | Error::Setting(_) => "unusable",
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
    /// Sees a chunk through. Answers when its message never has to come again.
    ///
    /// # Errors
    /// An outage that lasts when the process stops.
    pub(crate) async fn process(&self, ready: &ChunkReady) -> Result<()> {
        let (job, index) = (ready.job, ready.index);
        let shutdown = &self.platform.shutdown;
        loop {
            let begun =
                retry_while_unavailable("state", shutdown, || self.platform.jobs.begin(job, index)).await?;
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
                    warn!(%job, index, attempt, %error, "an outage: the attempt does not count");
                    metrics().chunk("given-back");
                    retry_while_unavailable("state", shutdown, || self.platform.jobs.give_back(job, index))
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
                    warn!(%job, index, attempt, code, reason, "an attempt failed")
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
                // Its message comes again when the job stalls, by then perhaps to a worker that knows the revision.
                info!(%job, index, revision, "skipped: another encoder revision");
                self.platform.jobs.give_back(job, index).await?;
                return Ok(());
            }
        };
        let started = Instant::now();
        let sealed = self.platform.blobs.get(&blob_path(job, &chunk.blob.path)).await?;
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

    /// Writes the outputs, then says so.
    async fn store_outputs(
        &self,
        ready: &ChunkReady,
        encoded: EncodedChunk,
    ) -> std::result::Result<(), AttemptError> {
        let EncodedChunk { success, errors, counts } = encoded;
        let started = Instant::now();
        success.put(&self.platform.blobs).await?;
        failpoints::hit("worker/half-written");
        if let Some(errors) = &errors {
            errors.put(&self.platform.blobs).await?;
        }
        metrics().stage("write", started);
        failpoints::hit("worker/written");
        let (success, errors) = (success.blob, errors.map(|errors| errors.blob));
        let bytes = success.bytes + errors.as_ref().map_or(0, |errors| errors.bytes);
        let message = ChunkEncoded { job: ready.job, index: ready.index, success, errors, counts };
        self.publish(Topic::Results, ready, message.encode()).await?;
        failpoints::hit("worker/published");
        let metrics = metrics();
        metrics.chunk("encoded");
        metrics.bytes.with_label_values(&["encoded"]).inc_by(bytes);
        metrics.rows.with_label_values(&["link"]).inc_by(message.counts.links);
        metrics.rows.with_label_values(&["error"]).inc_by(message.counts.errors);
        for reason in &message.counts.by_reason {
            metrics.row_errors.with_label_values(&[reason.kind.code()]).inc_by(reason.rows);
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
        let shutdown = &self.platform.shutdown;
        retry_while_unavailable("publish", shutdown, || {
            self.publish(Topic::DeadLetters, ready, letter.encode())
        })
        .await?;
        retry_while_unavailable("publish", shutdown, || self.publish(Topic::Results, ready, failed.encode()))
            .await
    }

    async fn publish(&self, topic: Topic, ready: &ChunkReady, message: Vec<u8>) -> Result<()> {
        let started = Instant::now();
        self.platform.broker.publish(topic, Partitioning::ByKey(ready.job.to_string()), message).await?;
        metrics().stage("publish", started);
        Ok(())
    }
}

fn stopping() -> Error {
    Error::unavailable("the encoder", "the process is stopping")
}
