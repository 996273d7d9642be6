//! Blobs in memory, with outages and damage at a test's command.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use smartpass_platform::blobs::Blobs;

/// A store of blobs in memory, with faults. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct MemoryBlobs {
    store: Arc<InMemory>,
    faults: Arc<Faults>,
}

#[derive(Debug, Default)]
struct Faults {
    is_away: AtomicBool,
    /// The number of operations that fail from now on.
    failing: AtomicU64,
}

impl MemoryBlobs {
    /// The store, as the services use it.
    pub fn blobs(&self) -> Blobs {
        Blobs::over(Arc::new(self.clone()), "the test's blobs")
    }

    /// Begins an outage, or ends it; the store keeps all that it had.
    pub fn set_away(&self, is_away: bool) {
        self.faults.is_away.store(is_away, Ordering::SeqCst);
    }

    /// Lets the next `count` operations fail.
    pub fn fail_next(&self, count: u64) {
        self.faults.failing.store(count, Ordering::SeqCst);
    }

    /// Replaces a blob, as an attacker with access to the store could.
    ///
    /// # Panics
    /// Never: a store in memory takes everything.
    pub async fn overwrite(&self, path: &str, content: Vec<u8>) {
        self.store.put(&Path::from(path), content.into()).await.expect("memory takes everything");
    }

    fn pass(&self) -> Result<()> {
        let take_one = |left: u64| left.checked_sub(1);
        let fails = self.faults.failing.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take_one).is_ok();
        if fails || self.faults.is_away.load(Ordering::SeqCst) {
            return Err(object_store::Error::Generic { store: "test", source: "an outage".into() });
        }
        Ok(())
    }
}

impl fmt::Display for MemoryBlobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryBlobs")
    }
}

#[async_trait]
impl ObjectStore for MemoryBlobs {
    async fn put_opts(&self, location: &Path, payload: PutPayload, options: PutOptions) -> Result<PutResult> {
        self.pass()?;
        self.store.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.pass()?;
        self.store.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.pass()?;
        self.store.get_opts(location, options).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        let faults = self.clone();
        let passing = locations.map(move |location| faults.pass().and(location)).boxed();
        self.store.delete_stream(passing)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.store.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.pass()?;
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.pass()?;
        self.store.copy_opts(from, to, options).await
    }
}
