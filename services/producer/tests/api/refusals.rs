//! An upload that cannot become links says why, and leaves nothing behind: no blob, and no job that goes on.

use actix_web::error::PayloadError;
use actix_web::test::TestRequest;
use async_compression::tokio::bufread::GzipEncoder;
use bytes::Bytes;
use futures_util::StreamExt;
use smartpass_core::job::Outcome;
use smartpass_producer::Limits;
use tokio_util::io::ReaderStream;

use crate::support::{
    Answer, CSV, JOBS, Locally, OTHER, PROJECT, Producer, code, large_chunks, long_file, on_a_producer,
    on_a_producer_with, refused,
};

/// Nobody has anything of an upload that was refused before its header was read.
async fn assert_nothing_came_of_it(producer: &Producer, answer: &Answer) {
    assert_eq!(answer.problem().job, None, "{answer:?}");
    for project in [PROJECT, OTHER] {
        assert_eq!(producer.jobs.list(&code(project), None, 10).await.unwrap(), [], "{answer:?}");
    }
    assert_eq!(producer.blobs.blobs().list_below("jobs").await.unwrap(), Vec::<String>::new(), "{answer:?}");
}

/// The job that the problem names has ended, and nothing of it can be opened any more.
async fn assert_ended(producer: &Producer, answer: &Answer, outcome: Outcome) {
    let problem = answer.problem();
    let job = producer.only_job().await;
    assert_eq!(problem.job, Some(job.id));
    let end = job.end.clone().unwrap();
    assert_eq!((end.outcome, end.reason), (outcome, Some(problem.detail)));
    assert!(producer.jobs.secrets(job.id, &job.project).await.unwrap().is_none(), "its data key is gone");
    assert!(producer.jobs.chunks(job.id, &[0]).await.is_err(), "its chunks are gone");
    // The blobs are the tracker's to delete: it must hear of the job at once.
    assert_eq!(producer.jobs.claim_due(1, 10).await.unwrap(), [job.id]);
}

#[test]
fn what_is_asked_wrongly_is_refused_before_there_is_a_job() {
    on_a_producer(async |producer| {
        let other = format!("/v1/projects/{OTHER}/jobs");
        let wrong = |query: &str| format!("{JOBS}?{query}");
        let cases = [
            (wrong("tempalte=club"), 400, "unknown-parameter"),
            (wrong("template_number=0"), 400, "bad-parameter"),
            (wrong("link=hashed"), 400, "bad-parameter"),
            (wrong("url=nowhere"), 400, "bad-parameter"),
            (wrong("encoding=morse"), 400, "bad-parameter"),
            (wrong("retention_hours=0"), 400, "bad-parameter"),
            (wrong("expires=soon"), 400, "bad-parameter"),
            (wrong("map=name"), 400, "bad-parameter"),
            (wrong("map=name=shoe"), 422, "bad-mapping"),
            (wrong("map=nobody=name"), 422, "bad-mapping"),
            (wrong("column=name"), 422, "bad-column"),
            (wrong("template=nobody"), 422, "no-such-template"),
            (wrong("template_number=7"), 422, "no-such-template"),
            (wrong("link=signed"), 422, "signed-not-allowed"),
            (other, 400, "no-template"),
            ("/v1/projects/nobody/jobs".to_owned(), 404, "no-such-project"),
        ];
        for (uri, status, problem) in cases {
            let answer = producer.upload(&uri, CSV).await;
            assert_eq!(answer.refusal(), refused(status, problem), "{uri}: {answer:?}");
            assert_nothing_came_of_it(&producer, &answer).await;
        }
    });
}

#[test]
fn a_file_without_a_usable_header_is_refused_before_there_is_a_job() {
    on_a_producer(async |producer| {
        for file in ["", "\n", "name,name\nAnna,1\n", "name,\"points\nAnna,1\n"] {
            let answer = producer.upload(JOBS, file).await;
            assert_eq!(answer.refusal(), refused(422, "bad-file"), "{file:?}: {answer:?}");
            assert_nothing_came_of_it(&producer, &answer).await;
        }
    });
}

#[test]
fn a_body_that_is_not_what_its_headers_say_is_refused() {
    on_a_producer(async |producer| {
        let no_file = "--edge\r\ncontent-disposition: form-data; name=\"map\"\r\n\r\na=b\r\n--edge--\r\n";
        let cases = [
            ("content-encoding", "br", CSV, refused(415, "unknown-encoding")),
            ("content-encoding", "gzip", CSV, refused(422, "bad-file")),
            ("content-encoding", "zstd", CSV, refused(422, "bad-file")),
            ("content-type", "multipart/form-data; boundary=edge", no_file, refused(400, "bad-form")),
            ("content-type", "multipart/form-data", no_file, refused(400, "bad-form")),
        ];
        for (name, value, body, expected) in cases {
            let request = TestRequest::post().uri(JOBS).locally().insert_header((name, value));
            let answer = producer.send(request, [body.into()]).await;
            assert_eq!(answer.refusal(), expected, "{name}: {value}: {answer:?}");
            assert_nothing_came_of_it(&producer, &answer).await;
        }
    });
}

#[test]
fn a_file_without_rows_is_refused_and_its_job_says_so() {
    on_a_producer(async |producer| {
        let answer = producer.upload(JOBS, "name,points\n").await;
        assert_eq!(answer.refusal(), refused(422, "bad-file"));
        assert_ended(&producer, &answer, Outcome::Refused).await;
    });
}

#[test]
fn a_file_that_cannot_be_read_on_is_refused_and_its_job_says_where() {
    on_a_producer(async |producer| {
        let answer = producer.upload(JOBS, format!("{CSV}\"Dora,4\n")).await;
        assert_eq!(answer.refusal(), refused(422, "bad-file"));
        assert!(answer.problem().detail.contains("row 4"), "{answer:?}");
        assert_ended(&producer, &answer, Outcome::Refused).await;
    });
}

#[test]
fn a_file_over_the_most_bytes_is_refused_however_it_is_sent() {
    on_a_producer_with(
        |limits| limits.max_bytes = 1_000,
        async |producer| {
            assert_eq!(producer.upload(JOBS, CSV).await.status, 201);
            let zeros = GzipEncoder::new(&[b'0'; 10_000][..]);
            let bomb: Vec<u8> =
                ReaderStream::new(zeros).map(Result::unwrap).collect::<Vec<_>>().await.concat();
            assert!(bomb.len() < 1_000, "compressed, it is short enough");
            for (coding, body) in
                [("identity", format!("{CSV}{}", "\n".repeat(1_000)).into()), ("gzip", Bytes::from(bomb))]
            {
                let request = TestRequest::post().uri(JOBS).locally();
                let answer = producer.send(request.insert_header(("content-encoding", coding)), [body]).await;
                assert_eq!(answer.refusal(), refused(422, "bad-file"), "{coding}");
                assert!(answer.problem().detail.contains("more than 1000 bytes"));
                producer.only_job().await;
            }
        },
    );
}

#[test]
fn a_file_over_the_most_bytes_whose_job_has_begun_ends_the_job() {
    let file = long_file();
    let length = file.len() as u64;
    let limits = move |limits: &mut Limits| {
        large_chunks(limits);
        limits.max_bytes = length;
    };
    on_a_producer_with(limits, async |producer| {
        let request = TestRequest::post().uri(JOBS).locally();
        let answer = producer.send(request, [file.into(), "E,5\n".into()]).await;
        assert_eq!(answer.refusal(), refused(422, "bad-file"));
        assert_ended(&producer, &answer, Outcome::Refused).await;
    });
}

/// Uploads what breaks off behind `begin`: by an error, or by an end before the length that was told.
async fn break_off(producer: &Producer, begin: String, by_error: bool) -> Answer {
    let request = TestRequest::post().uri(JOBS).locally().insert_header(("content-length", "1000000"));
    let error = by_error.then_some(Err(PayloadError::Incomplete(None)));
    let pieces = futures_util::stream::iter([Ok(Bytes::from(begin))].into_iter().chain(error));
    producer.send_stream(request, pieces).await
}

#[test]
fn an_upload_that_breaks_off_ends_its_job() {
    for by_error in [true, false] {
        on_a_producer_with(large_chunks, async |producer| {
            let answer = break_off(&producer, long_file(), by_error).await;
            assert_eq!(answer.refusal(), refused(400, "broken-off"));
            assert_ended(&producer, &answer, Outcome::Aborted).await;
        });
    }
}

#[test]
fn an_upload_that_breaks_off_before_its_header_is_known_leaves_nothing_behind() {
    for by_error in [true, false] {
        on_a_producer(async |producer| {
            let answer = break_off(&producer, CSV.to_owned(), by_error).await;
            assert_eq!(answer.refusal(), refused(400, "broken-off"));
            assert_nothing_came_of_it(&producer, &answer).await;
        });
    }
}

#[test]
fn an_upload_beyond_the_most_at_once_is_told_to_come_again() {
    on_a_producer_with(
        |limits| limits.uploads = 0,
        async |producer| {
            let answer = producer.upload(JOBS, CSV).await;
            assert_eq!(answer.refusal(), refused(503, "busy"));
            assert_eq!(answer.header("retry-after"), "5");
            assert_nothing_came_of_it(&producer, &answer).await;
        },
    );
}
