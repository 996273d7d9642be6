//! The outputs: whole, in part, compressed, and never other bytes than those that were made.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use async_compression::tokio::bufread::GzipDecoder;
use smartpass_core::ids::JobId;
use tokio::io::AsyncReadExt;

use crate::support::{Answer, JOBS, Locally, Outputs, Producer, on_a_producer, refused};

async fn success(producer: &Producer, id: JobId, headers: &[(&str, &str)]) -> Answer {
    let request = TestRequest::get().uri(&format!("{JOBS}/{id}/success.csv")).locally();
    producer.call(headers.iter().fold(request, |request, header| request.insert_header(*header))).await
}

async fn errors(producer: &Producer, id: JobId) -> Answer {
    producer.get(&format!("{JOBS}/{id}/errors.csv")).await
}

#[test]
fn outputs_are_the_bytes_of_a_single_pass() {
    on_a_producer(async |producer| {
        let (id, expected) = producer.completed().await;
        let answer = success(&producer, id, &[]).await;
        assert_eq!((answer.status, answer.broke_off), (200, false));
        assert_eq!(answer.header("content-type"), "text/csv");
        assert_eq!(answer.header("content-disposition"), "attachment; filename=\"success.csv\"");
        assert_eq!(answer.header("cache-control"), "private, no-store");
        let outputs = Outputs {
            success: answer.text().to_owned(),
            errors: errors(&producer, id).await.text().to_owned(),
        };
        assert_eq!(outputs, expected);
        assert_eq!(outputs.success.lines().count(), 3, "a header and two links");
        assert_eq!(outputs.errors.lines().count(), 2, "a header and a wrong row");
    });
}

#[test]
fn a_range_is_answered_with_its_bytes_whichever_parts_they_are_of() {
    on_a_producer(async |producer| {
        let (id, expected) = producer.completed().await;
        let whole = expected.success.as_bytes();
        let length = whole.len();
        let near_the_end = length - 5;
        let ranges = [
            ("bytes=0-0".to_owned(), 0..1),
            ("bytes=3-60".to_owned(), 3..61),
            (format!("bytes={near_the_end}-"), near_the_end..length),
            ("bytes=-7".to_owned(), length - 7..length),
            (format!("bytes=1-{}", 2 * length), 1..length),
        ];
        for (header, range) in ranges {
            let answer = success(&producer, id, &[("range", &header)]).await;
            assert_eq!((answer.status, &*answer.body), (206, &whole[range.clone()]), "{header}");
            let told = format!("bytes {}-{}/{length}", range.start, range.end - 1);
            assert_eq!(answer.header("content-range"), told);
        }
        for header in ["bytes=0-1,3-4", "rows=1-2", "bytes=5-4"] {
            let answer = success(&producer, id, &[("range", header)]).await;
            assert_eq!((answer.status, &*answer.body), (200, whole), "{header} need not be understood");
        }
        let answer = success(&producer, id, &[("range", &format!("bytes={length}-"))]).await;
        assert_eq!((answer.status, answer.header("content-range")), (416, &*format!("bytes */{length}")));
        assert!(answer.body.is_empty());
    });
}

#[test]
fn a_range_of_another_version_is_answered_with_the_whole_file() {
    on_a_producer(async |producer| {
        let (id, expected) = producer.completed().await;
        let etag = success(&producer, id, &[]).await.header("etag").to_owned();
        let (weak, of_errors) = (format!("W/{etag}"), errors(&producer, id).await.header("etag").to_owned());
        let same = success(&producer, id, &[("range", "bytes=0-3"), ("if-range", &etag)]).await;
        assert_eq!((same.status, same.text()), (206, "name"));
        for other in [&*weak, &*of_errors, "\"another\"", "Tue, 24 Nov 2026 15:04:05 GMT"] {
            let answer = success(&producer, id, &[("range", "bytes=0-3"), ("if-range", other)]).await;
            assert_eq!((answer.status, answer.text()), (200, &*expected.success), "{other}");
        }
    });
}

#[test]
fn what_the_client_has_already_is_not_sent_again() {
    on_a_producer(async |producer| {
        let (id, expected) = producer.completed().await;
        let etag = success(&producer, id, &[]).await.header("etag").to_owned();
        let (weak, among) = (format!("W/{etag}"), format!("\"another\", {etag}"));
        for known in [&*etag, &*weak, &*among, "*"] {
            let answer = success(&producer, id, &[("if-none-match", known)]).await;
            assert_eq!((answer.status, answer.header("etag")), (304, &*etag), "{known}");
            assert!(answer.body.is_empty());
        }
        let answer = success(&producer, id, &[("if-none-match", "\"another\"")]).await;
        assert_eq!((answer.status, answer.text()), (200, &*expected.success));
        let of_errors = errors(&producer, id).await.header("etag").to_owned();
        assert_eq!(success(&producer, id, &[("if-none-match", &of_errors)]).await.status, 200);
    });
}

#[test]
fn a_compressed_output_is_the_output_and_a_version_of_its_own() {
    on_a_producer(async |producer| {
        let (id, expected) = producer.completed().await;
        let plain = success(&producer, id, &[]).await;
        let zipped = success(&producer, id, &[("accept-encoding", "br, gzip;q=0.5")]).await;
        assert_eq!((zipped.status, zipped.header("content-encoding")), (200, "gzip"));
        assert_eq!(zipped.header("vary"), "accept-encoding");
        let mut text = String::new();
        GzipDecoder::new(&*zipped.body).read_to_string(&mut text).await.unwrap();
        assert_eq!(text, expected.success);
        assert_ne!(zipped.header("etag"), plain.header("etag"));

        for asked in ["gzip;q=0", "br"] {
            let answer = success(&producer, id, &[("accept-encoding", asked)]).await;
            assert_eq!(
                (answer.header("content-encoding"), answer.text()),
                ("", &*expected.success),
                "{asked}"
            );
        }
        let range = [("accept-encoding", "gzip"), ("range", "bytes=0-3")];
        let answer = success(&producer, id, &range).await;
        assert_eq!((answer.status, answer.text()), (206, "name"), "a range is one of the plain file");
    });
}

#[test]
fn a_part_that_was_overwritten_breaks_the_connection_and_sends_no_wrong_byte() {
    on_a_producer(async |producer| {
        let (id, expected) = producer.completed().await;
        let path = |blob: &str| format!("jobs/{id}/{blob}");
        let first = producer.blobs.blobs().get(&path("out/0.1")).await.unwrap();
        // A part that is sealed with the right key stands in another's place.
        producer.blobs.overwrite(&path("out/1.1"), first.to_vec()).await;
        for headers in [&[][..], &[("range", "bytes=3-")]] {
            let answer = success(&producer, id, headers).await;
            assert!(answer.broke_off, "{answer:?}");
            assert!(expected.success.contains(answer.text()), "{answer:?}");
        }
        let zipped = success(&producer, id, &[("accept-encoding", "gzip")]).await;
        assert!(zipped.broke_off, "{zipped:?}");
        assert_eq!(errors(&producer, id).await.text(), expected.errors, "the rest is what it was");
    });
}

#[test]
fn a_manifest_that_was_overwritten_is_an_internal_problem() {
    on_a_producer(async |producer| {
        let (id, _) = producer.completed().await;
        producer.blobs.overwrite(&format!("jobs/{id}/manifest.1"), vec![0; 100]).await;
        assert_eq!(success(&producer, id, &[]).await.refusal(), refused(500, "internal"));
    });
}

#[test]
fn a_download_while_the_blobs_are_away_is_told_to_come_again() {
    on_a_producer(async |producer| {
        let (id, expected) = producer.completed().await;
        producer.blobs.fail_next(1);
        let answer = success(&producer, id, &[]).await;
        assert_eq!((answer.refusal(), answer.header("retry-after")), (refused(503, "busy"), "5"));
        assert_eq!(success(&producer, id, &[]).await.text(), expected.success);
    });
}

#[test]
fn a_head_request_tells_the_same_without_the_bytes() {
    on_a_producer(async |producer| {
        let (id, _) = producer.completed().await;
        let whole = success(&producer, id, &[]).await;
        let request = TestRequest::default().method(Method::HEAD);
        let answer = producer.call(request.uri(&format!("{JOBS}/{id}/success.csv")).locally()).await;
        assert_eq!((answer.status, answer.header("etag")), (200, whole.header("etag")));
        assert!(answer.body.is_empty());
    });
}

#[test]
fn outputs_are_not_there_before_the_job_has_completed_and_gone_when_its_files_are() {
    on_a_producer(async |producer| {
        let id = producer.uploaded().await;
        assert_eq!(success(&producer, id, &[]).await.refusal(), refused(409, "not-completed"));
        producer.encode(id, crate::support::CSV).await;
        assert_eq!(success(&producer, id, &[]).await.status, 200);
        assert_eq!(producer.delete(&format!("{JOBS}/{id}/files")).await.status, 200);
        assert_eq!(success(&producer, id, &[]).await.refusal(), refused(410, "files-deleted"));
    });
}
