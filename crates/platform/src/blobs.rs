//! Blobs in a directory or in S3: what is too large for the state. Writers seal content before they put it here.
//!
//! A blob is written once and never changed: [`Blobs::put`] refuses a path that is taken, so that two attempts at
//! the same thing can never mix. A blob is on the disk (or acknowledged by S3) when the call answers.
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let folder = tempfile::tempdir().unwrap();
//! let blobs = smartpass_platform::blobs::Blobs::directory(folder.path().join("blobs")).unwrap();
//! blobs.put("jobs/1/in/0", ["some".into(), " bytes".into()]).await.unwrap();
//! assert_eq!(blobs.get("jobs/1/in/0").await.unwrap(), "some bytes");
//! assert!(blobs.put("jobs/1/in/0", ["others".into()]).await.is_err());
//! # });
//! ```

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutPayload};

use crate::error::{Error, Result};

/// A store of blobs.
#[derive(Clone)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    name: &'static str,
}

impl Blobs {
    /// Blobs in another store, called `name` in errors.
    pub fn over(store: Arc<dyn ObjectStore>, name: &'static str) -> Self {
        Self { store, name }
    }

    /// Blobs in a directory, which is made if it is not there.
    ///
    /// # Errors
    /// The directory cannot be made.
    pub fn directory(path: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&path)
            .map_err(|error| Error::Config(format!("cannot make {}: {error}", path.display())))?;
        let store = LocalFileSystem::new_with_prefix(&path)
            .map_err(|error| Error::Config(format!("cannot use {}: {error}", path.display())))?;
        let store = store.with_fsync(true).with_automatic_cleanup(true);
        Ok(Self { store: Arc::new(store), name: "the blob directory" })
    }

    /// Blobs in an S3 bucket; endpoint, region and keys come from the usual `AWS_` variables.
    ///
    /// # Errors
    /// The settings do not fit together.
    pub fn s3(bucket: &str, prefix: &str) -> Result<Self> {
        let store = AmazonS3Builder::from_env()
            .with_bucket_name(bucket)
            .build()
            .map_err(|error| Error::Config(format!("cannot use the S3 bucket {bucket}: {error}")))?;
        let store = object_store::prefix::PrefixStore::new(store, Path::from(prefix));
        Ok(Self { store: Arc::new(store), name: "S3" })
    }

    /// Blobs at a URL: `s3://bucket/prefix` or `file:///directory`.
    ///
    /// # Errors
    /// The URL is of another kind, or cannot be used.
    pub fn at(url: &str) -> Result<Self> {
        if let Some(place) = url.strip_prefix("s3://") {
            let (bucket, prefix) = place.split_once('/').unwrap_or((place, ""));
            return Self::s3(bucket, prefix);
        }
        if let Some(path) = url.strip_prefix("file://") {
            return Self::directory(path.into());
        }
        Err(Error::Config(format!(
            "{url:?} is no place for blobs (expected s3://bucket/prefix or file:///directory)"
        )))
    }

    /// Writes a new blob.
    ///
    /// # Errors
    /// The path is taken, or the store is unavailable: the blob may be written or not.
    pub async fn put(&self, path: &str, content: impl IntoIterator<Item = Bytes>) -> Result<()> {
        let payload: PutPayload = content.into_iter().collect();
        let put = self.store.put_opts(&Path::from(path), payload, PutMode::Create.into()).await;
        put.map(|_| ()).map_err(|error| self.explain(path, error))
    }

    /// Reads a whole blob.
    ///
    /// # Errors
    /// There is none, or the store is unavailable.
    pub async fn get(&self, path: &str) -> Result<Bytes> {
        let got = self.store.get(&Path::from(path)).await.map_err(|error| self.explain(path, error))?;
        got.bytes().await.map_err(|error| self.explain(path, error))
    }

    /// Deletes a blob, if it is there.
    ///
    /// # Errors
    /// The store is unavailable.
    pub async fn delete(&self, path: &str) -> Result<()> {
        match self.store.delete(&Path::from(path)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.explain(path, error)),
        }
    }

    /// Deletes every blob below the folder `prefix`; answers how many there were.
    ///
    /// # Errors
    /// The store is unavailable; some may be deleted then.
    pub async fn delete_below(&self, prefix: &str) -> Result<u64> {
        let paths = self.list_below(prefix).await?;
        let count = paths.len() as u64;
        let locations =
            futures_util::stream::iter(paths.into_iter().map(|path| Ok(Path::from(path)))).boxed();
        let mut deleted = self.store.delete_stream(locations);
        while let Some(outcome) = deleted.next().await {
            match outcome {
                Ok(_) | Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(self.explain(prefix, error)),
            }
        }
        Ok(count)
    }

    /// The paths of all blobs below the folder `prefix`.
    ///
    /// # Errors
    /// The store is unavailable.
    pub async fn list_below(&self, prefix: &str) -> Result<Vec<String>> {
        let list = self.store.list(Some(&Path::from(prefix)));
        let found = list.map_ok(|object| object.location.to_string()).try_collect().await;
        found.map_err(|error| self.explain(prefix, error))
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// It does not.
    pub async fn check(&self) -> Result<()> {
        match self.store.head(&Path::from("check")).await {
            Ok(_) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.explain("check", error)),
        }
    }

    fn explain(&self, path: &str, error: object_store::Error) -> Error {
        match error {
            object_store::Error::NotFound { .. } => Error::Missing(format!("blob {path}")),
            object_store::Error::AlreadyExists { .. } => Error::Exists(format!("blob {path}")),
            other => Error::unavailable(self.name, other),
        }
    }
}
