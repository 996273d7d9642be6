//! The encoders: actors, each on a thread of its own, that open, encode and seal chunks.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use actix::{Actor, Handler, Message, SyncContext};
use bytes::Bytes;
use smartpass_core::encode::{Chunk, ChunkOutput, Encoder, SpecError, Tally};
use smartpass_core::ids::JobId;
use smartpass_core::job::{ChunkEntry, Counts};
use smartpass_platform::{Error, failpoints};
use smartpass_records::job_files::{self, SealedFile};
use smartpass_records::metrics::metrics;
use tokio::sync::OwnedSemaphorePermit;

use crate::job_cache::JobWork;

/// The limit of encoders that a thread caches: as many as jobs take turns on a busy worker.
const KEPT_ENCODERS: usize = 8;
/// Output buffers have multiples of this size, since the allocator rarely reuses freed blocks whose sizes all differ
/// a little.
const OUTPUT_STEP: usize = 4 << 20;

/// Opens, encodes and seals one chunk.
#[derive(Message)]
#[rtype(result = "Result<EncodedChunk, EncodeFault>")]
pub(crate) struct EncodeChunk {
    pub(crate) job: JobId,
    pub(crate) index: u32,
    pub(crate) attempt: u64,
    pub(crate) chunk: ChunkEntry,
    pub(crate) work: Arc<JobWork>,
    pub(crate) sealed: Bytes,
    pub(crate) sent: Instant,
    /// A place in the actors' queue, which has no bound of its own.
    pub(crate) _permit: OwnedSemaphorePermit,
}

/// The sealed outputs of a chunk, to be written.
pub(crate) struct EncodedChunk {
    pub(crate) success: SealedFile,
    pub(crate) errors: Option<SealedFile>,
    pub(crate) counts: Counts,
}

/// Why a chunk cannot be encoded. No variant holds anything of a row.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EncodeFault {
    #[error("{0}")]
    Blob(#[from] Error),
    #[error("{0}")]
    Spec(#[from] SpecError),
    #[error("its rows are {found}, and the state says {recorded}")]
    Rows { found: u64, recorded: u32 },
    #[error("the encoder panicked: this is a fault of SmartPass")]
    Panic,
}

/// An encoder actor. Its work is done by [`EncoderCache`].
#[derive(Default)]
pub(crate) struct EncoderActor {
    cache: EncoderCache,
}

impl Actor for EncoderActor {
    type Context = SyncContext<Self>;
}

impl Handler<EncodeChunk> for EncoderActor {
    type Result = Result<EncodedChunk, EncodeFault>;

    fn handle(&mut self, message: EncodeChunk, _: &mut Self::Context) -> Self::Result {
        metrics().stage("wait", message.sent);
        // An uncaught panic would end this thread for good.
        let outcome = catch_unwind(AssertUnwindSafe(|| self.cache.encode(message)));
        outcome.unwrap_or_else(|_| {
            // The cached encoders may be in any state after a panic.
            self.cache = EncoderCache::default();
            Err(EncodeFault::Panic)
        })
    }
}

/// Encoders of the jobs used last, the newest last.
#[derive(Default)]
struct EncoderCache {
    encoders: Vec<(JobId, Encoder)>,
}

impl EncoderCache {
    fn encode(&mut self, message: EncodeChunk) -> Result<EncodedChunk, EncodeFault> {
        let started = Instant::now();
        let EncodeChunk { job, index, attempt, chunk, work, sealed, .. } = message;
        failpoints::hit_of("worker/encode", index);
        let text = job_files::open(&work.data_key, job, &chunk.blob, sealed)?;
        let estimate = text.len() * 7 / 3 + chunk.rows as usize * work.url_overhead();
        let mut out = ChunkOutput {
            success: Vec::with_capacity(estimate.next_multiple_of(OUTPUT_STEP)),
            errors: Vec::new(),
            tally: Tally::default(),
        };
        let rows = Chunk { bytes: &text, first_row: chunk.first_row, first_line: chunk.first_line };
        let found = self.encoder(job, &work)?.encode(rows, &mut out);
        if found != u64::from(chunk.rows) {
            return Err(EncodeFault::Rows { found, recorded: chunk.rows });
        }
        let seal = |kind: &str, text: Vec<u8>| {
            SealedFile::seal(&work.data_key, job, format!("{kind}/{index}.{attempt}"), text)
        };
        let success = seal("out", out.success)?;
        let errors = if out.errors.is_empty() { None } else { Some(seal("err", out.errors)?) };
        metrics().stage("encode", started);
        Ok(EncodedChunk { success, errors, counts: Counts::of(&out.tally) })
    }

    fn encoder(&mut self, job: JobId, work: &JobWork) -> Result<&mut Encoder, SpecError> {
        let position = self.encoders.iter().position(|(kept, _)| *kept == job);
        let entry = match position {
            Some(position) => self.encoders.remove(position),
            None => (job, work.encoder()?),
        };
        if self.encoders.len() == KEPT_ENCODERS {
            self.encoders.remove(0);
        }
        self.encoders.push(entry);
        Ok(&mut self.encoders.last_mut().expect("one was pushed").1)
    }
}
