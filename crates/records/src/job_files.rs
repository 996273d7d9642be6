//! A job's files: blobs below its folder, each sealed for its path, and the manifest that lists its outputs' parts.

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
    /// The reference to it: path, tag and length.
    pub blob: BlobRef,
    job: JobId,
    pieces: [Bytes; 3],
}

impl SealedFile {
    /// Seals a text for its path below the job's folder.
    ///
    /// # Errors
    /// As [`DataKey::seal`].
    pub fn seal(key: &DataKey, job: JobId, path: String, text: Vec<u8>) -> Result<Self> {
        let sealed = key.seal(&blob_path(job, &path), text)?;
        let blob = BlobRef { path, tag: sealed.tag, bytes: sealed.plain_bytes };
        Ok(Self { blob, job, pieces: sealed.pieces })
    }

    /// Seals the same text for another path.
    ///
    /// # Errors
    /// As [`DataKey::seal`].
    pub fn seal_again(&self, key: &DataKey, path: String) -> Result<Self> {
        let text = open(key, self.job, &self.blob, self.pieces.concat().into())?;
        Self::seal(key, self.job, path, text.into())
    }

    /// Writes the file.
    ///
    /// # Errors
    /// As [`Blobs::put`].
    pub async fn put(&self, blobs: &Blobs) -> Result<()> {
        blobs.put(&blob_path(self.job, &self.blob.path), self.pieces.clone()).await
    }
}

/// Opens a sealed file of the job.
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

/// References to the header lines of both outputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputHeaders {
    /// The header line of success.csv.
    pub success: BlobRef,
    /// The header line of errors.csv.
    pub errors: BlobRef,
}

/// The manifest of a completed job: the files that make both outputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The header lines.
    pub headers: OutputHeaders,
    /// The parts in order.
    pub parts: Vec<PartEntry>,
}

impl Manifest {
    /// The manifest's entry in the job record, with the lengths of both outputs.
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
