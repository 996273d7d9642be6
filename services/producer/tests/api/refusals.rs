//! An upload that cannot become links says why, and leaves nothing behind: no blob, and no job that goes on.

use actix_web::error::PayloadError;
use actix_web::test::TestRequest;
use bytes::Bytes;
use futures_util::StreamExt;
use smartpass_core::job::Outcome;

use crate::support::{
    Answer, CSV, FromHere, JOBS, OTHER, PROJECT, Producer, code, on_a_producer, on_a_producer_with, refused,
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
            let request = TestRequest::post().uri(JOBS).from_here().insert_header((name, value));
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
fn a_file_over_the_most_bytes_is_refused() {
    on_a_producer_with(
        |limits| limits.max_bytes = CSV.len() as u64,
        async |producer| {
            let id = producer.uploaded().await;
            producer.apply(id, smartpass_core::job::Event::Cancel).await;
            let request = TestRequest::post().uri(&format!("{JOBS}?column=second")).from_here();
            let answer = producer.send(request, [CSV.into(), "D,4\n".into()]).await;
            assert_eq!(answer.refusal(), refused(422, "bad-file"));
            let job = producer.record(answer.problem().job.unwrap()).await;
            assert_eq!(job.end.unwrap().outcome, Outcome::Refused);
            assert!(answer.problem().detail.contains(&format!("more than {} bytes", CSV.len())));
        },
    );
}

#[test]
fn an_upload_that_breaks_off_aborts_its_job() {
    on_a_producer(async |producer| {
        let request = TestRequest::post().uri(JOBS).from_here();
        let pieces = [Ok(Bytes::from(CSV)), Err(PayloadError::Incomplete(None))];
        let answer = producer.send_stream(request, futures_util::stream::iter(pieces)).await;
        assert_eq!(answer.refusal(), refused(400, "broken-off"));
        assert_ended(&producer, &answer, Outcome::Aborted).await;
    });
}

#[test]
fn an_upload_that_ends_before_its_length_aborts_its_job() {
    on_a_producer(async |producer| {
        let request = TestRequest::post().uri(JOBS).from_here().insert_header(("content-length", "1000"));
        let pieces = futures_util::stream::iter([Bytes::from(CSV)]).map(Ok);
        let answer = producer.send_stream(request, pieces).await;
        assert_eq!(answer.refusal(), refused(400, "broken-off"));
        assert_ended(&producer, &answer, Outcome::Aborted).await;
    });
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
