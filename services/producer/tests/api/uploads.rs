//! An upload becomes a job whose chunks are in the blobs, whatever way it comes in.

use actix_web::test::TestRequest;
use async_compression::tokio::bufread::{GzipEncoder, ZstdEncoder};
use bytes::Bytes;
use smartpass_messages::{JobAccepted, Message, Topic};
use smartpass_platform::broker::{Broker, Subscription};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::support::{CSV, JOBS, Locally, Producer, on_a_producer, on_a_producer_with};

/// The rows of a job's chunks, as its record and the blobs have them.
async fn rows_of(producer: &Producer, job: &smartpass_core::job::Job) -> Vec<String> {
    let secrets = producer.jobs.secrets(job.id, &job.project).await.unwrap().unwrap();
    let mut rows = Vec::new();
    for index in 0..job.ready {
        let chunk = producer.jobs.chunks(job.id, &[index]).await.unwrap().remove(0);
        rows.push(String::from_utf8(producer.open(&secrets.data_key, job.id, &chunk.blob).await).unwrap());
    }
    rows
}

async fn compressed(mut encoder: impl AsyncRead + Unpin) -> Bytes {
    let mut bytes = Vec::new();
    encoder.read_to_end(&mut bytes).await.unwrap();
    bytes.into()
}

/// A form with fields, of which the one called `file` is a file.
fn form(fields: &[(&str, &str)]) -> (TestRequest, Bytes) {
    let field = |(name, value): &(&str, &str)| {
        let filename = if *name == "file" { "; filename=\"a.csv\"" } else { "" };
        format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"{filename}\r\n\r\n{value}\r\n")
    };
    let body: String = fields.iter().map(field).chain(["--edge--\r\n".to_owned()]).collect();
    let request = TestRequest::post().uri(JOBS).locally();
    (request.insert_header(("content-type", "multipart/form-data; boundary=edge")), body.into())
}

#[test]
fn an_upload_becomes_a_job_with_its_chunks_in_the_blobs() {
    on_a_producer(async |producer| {
        let answer = producer.upload(JOBS, CSV).await;
        assert_eq!(answer.status, 201);
        let shown = answer.job();
        assert_eq!(answer.header("location"), shown.href);
        assert_eq!(shown.href, format!("{JOBS}/{}", shown.id));
        assert_eq!((shown.state.as_str(), shown.rows.read, shown.chunks.ready), ("encoding", 3, 2));

        let job = producer.record(shown.id).await;
        assert_eq!((job.total, job.rows, job.end.is_none()), (Some(2), 3, true));
        assert_eq!(rows_of(&producer, &job).await, ["Anna,1\nBert,many\n", "Cleo,3\n"]);
        let blobs = producer.blobs_of(job.id).await;
        assert_eq!(blobs, ["head/errors", "head/success", "in/0.1", "in/1.1"]);
        assert_eq!(producer.get(answer.header("location")).await.job(), shown);
    });
}

#[test]
fn no_cell_of_a_file_shows_in_the_blobs() {
    on_a_producer(async |producer| {
        let id = producer.uploaded().await;
        for path in producer.blobs_of(id).await {
            let sealed = producer.blobs.blobs().get(&format!("jobs/{id}/{path}")).await.unwrap();
            assert!(!sealed.windows(4).any(|piece| piece == b"Anna" || piece == b"name"), "{path}");
        }
    });
}

#[test]
fn an_upload_is_announced_once_its_record_is_there() {
    on_a_producer(async |producer| {
        let id = producer.uploaded().await;
        let drain = std::time::Duration::ZERO;
        let topic = Topic::Jobs.name();
        let subscription = Subscription { group: "observers", topic, in_hand: 1, drain };
        let delivery = producer.broker.subscribe(subscription).unwrap().next().await.unwrap();
        let accepted = JobAccepted::decode(&delivery.payload).unwrap();
        assert_eq!((accepted.job, accepted.project.as_str()), (id, "wrsynr"));
    });
}

#[test]
fn a_form_says_its_parameters_before_its_file() {
    on_a_producer(async |producer| {
        let (request, body) =
            form(&[("column", "link"), ("retention_hours", "5"), ("file", CSV), ("column", "late")]);
        let answer = producer.send(request, [body]).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let job = producer.record(answer.job().id).await;
        assert_eq!(job.retention, 5 * 3_600_000);
        assert_eq!(rows_of(&producer, &job).await.concat(), "Anna,1\nBert,many\nCleo,3\n");
        let secrets = producer.jobs.secrets(job.id, &job.project).await.unwrap().unwrap();
        assert_eq!(secrets.spec.output_column, "link", "what comes after the file is too late");
    });
}

#[test]
fn a_compressed_file_is_the_file() {
    on_a_producer(async |producer| {
        let both = [
            ("gzip", compressed(GzipEncoder::new(CSV.as_bytes())).await),
            ("zstd", compressed(ZstdEncoder::new(CSV.as_bytes())).await),
        ];
        for (coding, body) in both {
            let request = TestRequest::post().uri(JOBS).locally();
            let answer = producer.send(request.insert_header(("content-encoding", coding)), [body]).await;
            assert_eq!(answer.status, 201, "{answer:?}");
            let job = producer.record(answer.job().id).await;
            assert_eq!(rows_of(&producer, &job).await.concat(), "Anna,1\nBert,many\nCleo,3\n", "{coding}");
        }
    });
}

#[test]
fn links_begin_with_what_the_upload_says_or_the_server_does() {
    on_a_producer_with(
        |limits| limits.link_base = "https://links.example".parse().unwrap(),
        async |producer| {
            let urls = [
                ("", "https://links.example/wrsynr"),
                ("?url=https://example.com/w", "https://example.com/w"),
            ];
            for (query, expected) in urls {
                let answer = producer.upload(&format!("{JOBS}{query}"), CSV).await;
                let job = producer.record(answer.job().id).await;
                let secrets = producer.jobs.secrets(job.id, &job.project).await.unwrap().unwrap();
                assert_eq!(secrets.spec.base_url.as_str(), expected);
            }
        },
    );
}
