//! What workers and a tracker do, by hand: a service may not use another, and a download needs a completed job.

use smartpass_core::encode::{BatchSpec, Chunk, ChunkOutput, Encoder, LinkSpec};
use smartpass_core::ids::JobId;
use smartpass_core::job::{BlobRef, Counts, Event, Job, Outcome, PartEntry};
use smartpass_records::data_key::DataKey;
use smartpass_records::job_files::{Manifest, SealedFile, blob_path, open};

use super::Producer;

/// Both outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outputs {
    pub(crate) success: String,
    pub(crate) errors: String,
}

impl Producer {
    /// Encodes every chunk and completes the job. Answers its outputs as one pass over the file gives them.
    pub(crate) async fn encode(&self, id: JobId, file: &str) -> Outputs {
        let job = self.record(id).await;
        let secrets = self.jobs.secrets(id, &job.project).await.unwrap().unwrap();
        let mut encoder = self.encoder(&secrets.spec).await;
        let expected = in_one_pass(&mut encoder, file);
        self.apply(id, Event::Released { upto: job.ready }).await;
        for index in 0..job.ready {
            let event = self.encode_chunk(&mut encoder, &secrets.data_key, id, index).await;
            self.apply(id, event).await;
        }
        let event = self.write_manifest(&secrets.data_key, &job).await;
        let job = self.apply(id, event).await;
        assert_eq!(job.end.unwrap().outcome, Outcome::Completed);
        expected
    }

    pub(crate) async fn apply(&self, id: JobId, event: Event) -> Job {
        self.jobs.apply(id, &event).await.unwrap()
    }

    async fn encoder(&self, spec: &BatchSpec) -> Encoder {
        let LinkSpec::V1 { key_version, template_number, .. } = &spec.link else { panic!("no v1 links") };
        let key = self.projects.key(&spec.project, *key_version).await.unwrap();
        let template = self.projects.template(&spec.project, *template_number).await.unwrap();
        Encoder::v1(spec, &template, &key).unwrap()
    }

    async fn encode_chunk(&self, encoder: &mut Encoder, key: &DataKey, id: JobId, index: u32) -> Event {
        let chunk = self.jobs.chunks(id, &[index]).await.unwrap().remove(0);
        let text = self.open(key, id, &chunk.blob).await;
        let mut out = ChunkOutput::default();
        let rows = Chunk { bytes: &text, first_row: chunk.first_row, first_line: chunk.first_line };
        assert_eq!(encoder.encode(rows, &mut out), u64::from(chunk.rows));
        let success = self.store(key, id, format!("out/{index}.1"), out.success).await;
        let errors = match out.errors {
            none if none.is_empty() => None,
            errors => Some(self.store(key, id, format!("err/{index}.1"), errors).await),
        };
        Event::ChunkEncoded { index, part: PartEntry { success, errors }, counts: Counts::of(&out.tally) }
    }

    async fn write_manifest(&self, key: &DataKey, job: &Job) -> Event {
        let indices: Vec<u32> = (0..job.ready).collect();
        let parts = self.jobs.parts(job.id, &indices).await.unwrap();
        let manifest = Manifest { headers: self.jobs.headers(job.id).await.unwrap(), parts };
        let text = serde_json::to_vec(&manifest).unwrap();
        let blob = self.store(key, job.id, "manifest.1".to_owned(), text).await;
        Event::ManifestWritten(manifest.entry(blob))
    }

    async fn store(&self, key: &DataKey, id: JobId, path: String, text: Vec<u8>) -> BlobRef {
        let sealed = SealedFile::seal(key, id, path, text).unwrap();
        sealed.put(&self.blobs.blobs()).await.unwrap();
        sealed.blob
    }

    /// What is sealed in one of the job's blobs.
    pub(crate) async fn open(&self, key: &DataKey, id: JobId, blob: &BlobRef) -> Vec<u8> {
        let sealed = self.blobs.blobs().get(&blob_path(id, &blob.path)).await.unwrap();
        open(key, id, blob, sealed).unwrap().to_vec()
    }
}

fn in_one_pass(encoder: &mut Encoder, file: &str) -> Outputs {
    let (header, rows) = file.split_once('\n').unwrap();
    let mut out = ChunkOutput::default();
    encoder.encode(Chunk { bytes: rows.as_bytes(), first_row: 0, first_line: 2 }, &mut out);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Outputs {
        success: format!("{header},smartUrl\n{}", text(out.success)),
        errors: format!("{header},error\n{}", text(out.errors)),
    }
}
