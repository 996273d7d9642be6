//! A job's files: blobs below its folder, each sealed for its place, and the list of those that make its outputs.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use smartpass_core::ids::JobId;
use smartpass_core::job::{BlobRef, ManifestEntry, PartEntry};

use smartpass_platform::Result;
use smartpass_platform::blobs::Blobs;

use crate::data_key::DataKey;

/// A file that is sealed and not yet written.
#[derive(Clone)]
pub struct SealedFile {
    /// Where it will be, and how to know it.
    pub blob: BlobRef,
    job: JobId,
    pieces: [Bytes; 3],
}

impl SealedFile {
    /// Seals a text for its place below the job's folder.
    ///
    /// # Errors
    /// As [`DataKey::seal`].
    pub fn seal(key: &DataKey, job: JobId, path: String, text: Vec<u8>) -> Result<Self> {
        let sealed = key.seal(&blob_path(job, &path), text)?;
        let blob = BlobRef { path, tag: sealed.tag, bytes: sealed.plain_bytes };
        Ok(Self { blob, job, pieces: sealed.pieces })
    }

    /// The same text for another place.
    ///
    /// # Errors
    /// As [`DataKey::seal`].
    pub fn seal_again(&self, key: &DataKey, path: String) -> Result<Self> {
        let text = open(key, self.job, &self.blob, self.pieces.concat().into())?;
        Self::seal(key, self.job, path, text.into())
    }

    /// Writes it.
    ///
    /// # Errors
    /// As [`Blobs::put`].
    pub async fn put(&self, blobs: &Blobs) -> Result<()> {
        blobs.put(&blob_path(self.job, &self.blob.path), self.pieces.clone()).await
    }
}

/// Opens what was read of a file of the job.
///
/// # Errors
/// As [`DataKey::open`].
pub fn open(key: &DataKey, job: JobId, blob: &BlobRef, sealed: Bytes) -> Result<Bytes> {
    key.open(&blob_path(job, &blob.path), blob.tag, sealed)
}

/// The folder of a job's blobs.
pub fn blob_folder(id: JobId) -> String {
    format!("jobs/{id}")
}

/// The whole path of one of a job's blobs.
pub fn blob_path(id: JobId, blob: &str) -> String {
    format!("jobs/{id}/{blob}")
}

/// Where the header lines of both outputs are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputHeaders {
    /// success.csv's.
    pub success: BlobRef,
    /// errors.csv's.
    pub errors: BlobRef,
}

/// Where the bytes of both outputs are, once a job has completed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The header lines.
    pub headers: OutputHeaders,
    /// The parts in order.
    pub parts: Vec<PartEntry>,
}

impl Manifest {
    /// How long both outputs are.
    pub fn entry(&self, blob: BlobRef) -> ManifestEntry {
        let success: u64 = self.parts.iter().map(|part| part.success.bytes).sum();
        let errors: u64 =
            self.parts.iter().filter_map(|part| part.errors.as_ref()).map(|part| part.bytes).sum();
        ManifestEntry {
            blob,
            success_bytes: self.headers.success.bytes + success,
            errors_bytes: self.headers.errors.bytes + errors,
        }
    }
}
