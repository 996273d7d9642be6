//! Blobs and state that are away for a while, or for too long.

use std::time::Duration;

use actix_web::test::TestRequest;
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use smartpass_core::job::{Event, Outcome};

use crate::support::{
    Answer, CSV, JOBS, Locally, PROJECT, Producer, code, large_chunks, long_file, on_a_producer,
    on_a_producer_with, refused,
};

/// Uploads a long file, and lets something happen when its job has begun and nothing but its header is stored.
async fn upload_with(producer: &Producer, between: impl Fn() + 'static) -> Answer {
    let pieces = [Bytes::from(long_file()), Bytes::from("Emil,5\n")];
    let pieces = futures_util::stream::iter(pieces).enumerate().map(move |(index, piece)| {
        if index == 1 {
            between();
        }
        Ok(piece)
    });
    producer.send_stream(TestRequest::post().uri(JOBS).locally(), pieces).await
}

#[test]
fn an_upload_goes_on_after_an_outage_of_the_blobs_that_is_shorter_than_its_patience() {
    on_a_producer_with(large_chunks, async |producer| {
        let blobs = producer.blobs.clone();
        let answer = upload_with(&producer, move || blobs.fail_next(1)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        let job = producer.record(answer.job().id).await;
        assert_eq!((job.total, job.end), (Some(1), None));
        let chunk = producer.jobs.chunks(job.id, &[0]).await.unwrap().remove(0);
        assert_eq!(chunk.blob.path, "in/0.2", "each attempt has a blob of its own");
        assert_eq!(producer.blobs_of(job.id).await, ["head/errors", "head/success", "in/0.2"]);
    });
}

#[test]
fn an_upload_is_given_up_after_an_outage_of_the_blobs_that_is_longer_than_its_patience() {
    on_a_producer_with(
        |limits| {
            large_chunks(limits);
            limits.outage_patience = Duration::ZERO;
        },
        async |producer| {
            let blobs = producer.blobs.clone();
            let answer = upload_with(&producer, move || blobs.set_away(true)).await;
            assert_eq!((answer.refusal(), answer.header("retry-after")), (refused(503, "busy"), "5"));
            let job = producer.only_job().await;
            assert_eq!(answer.problem().job, Some(job.id));
            assert_eq!((job.end.unwrap().outcome, job.ready), (Outcome::Aborted, 0));
        },
    );
}

#[test]
fn an_upload_whose_header_lines_cannot_be_stored_is_refused_and_ended_by_its_lease() {
    on_a_producer(async |producer| {
        producer.blobs.fail_next(1);
        let answer = producer.upload(JOBS, CSV).await;
        assert_eq!(answer.refusal(), refused(503, "busy"));
        let job = producer.only_job().await;
        assert_eq!((answer.problem().job, job.end), (Some(job.id), None));
        assert_eq!(producer.jobs.claim_due(1, 10).await.unwrap(), []);
        producer.clock.pass(producer.jobs.settings.upload_lease);
        assert_eq!(producer.jobs.claim_due(1, 10).await.unwrap(), [job.id]);
    });
}

#[test]
fn an_upload_that_was_cancelled_meanwhile_is_told_so() {
    on_a_producer_with(large_chunks, async |producer| {
        let jobs = producer.jobs.clone();
        let cancel = move || {
            let jobs = jobs.clone();
            let cancelling = async move {
                let job = jobs.list(&code(PROJECT), None, 1).await.unwrap().remove(0);
                jobs.apply(job.id, &Event::Cancel).await.unwrap();
            };
            cancelling.now_or_never().unwrap();
        };
        let answer = upload_with(&producer, cancel).await;
        assert_eq!(answer.refusal(), refused(409, "wrong-state"));
        let job = producer.only_job().await;
        assert_eq!((answer.problem().job, job.ready), (Some(job.id), 0));
        assert_eq!(job.end.unwrap().outcome, Outcome::Cancelled);
    });
}
