//! What becomes of a chunk: a real worker on a state, blobs and a broker in memory.
#![allow(clippy::unwrap_used, missing_docs)]

mod failing;
mod support;

use smartpass_core::encode::{Chunk, ChunkOutput, ENCODER_REVISION};
use smartpass_core::job::{Counts, Event};
use smartpass_messages::{ChunkEncoded, ChunkResult};

use support::{CHUNKS, NewChunks, in_a_house};

#[test]
fn a_ready_chunk_becomes_a_part_with_the_bytes_that_the_encoder_gives() {
    in_a_house(async |house| {
        let job = house.job(NewChunks::default()).await;
        let mut encoder = house.encoder(&job).await;
        let worker = house.worker();
        for index in 0..CHUNKS.len() as u32 {
            house.publish(&job, index).await;
            let ChunkEncoded { success, errors, counts, .. } = house.next_encoded(&job, index).await;
            let chunk = house.jobs.chunks(job.id, &[index]).await.unwrap().remove(0);
            let mut expected = ChunkOutput::default();
            let rows = CHUNKS[index as usize].as_bytes();
            let rows = Chunk { bytes: rows, first_row: chunk.first_row, first_line: chunk.first_line };
            encoder.encode(rows, &mut expected);
            assert_eq!(house.open(&job, &success).await, expected.success);
            match &errors {
                Some(errors) => assert_eq!(house.open(&job, errors).await, expected.errors),
                None => assert_eq!(expected.errors, b"", "chunk {index}"),
            }
            assert_eq!(errors.is_some(), index == 1, "only the second chunk has a wrong row");
            assert_eq!(counts, Counts::of(&expected.tally));
        }
        worker.stop().await;
    });
}

#[test]
fn the_worker_seals_what_it_writes() {
    in_a_house(async |house| {
        let job = house.job(NewChunks::default()).await;
        let worker = house.worker();
        house.publish(&job, 0).await;
        house.next_encoded(&job, 0).await;
        worker.stop().await;
        for path in house.blobs_of(&job).await {
            let sealed = house.blobs.blobs().get(&format!("jobs/{}/{path}", job.id)).await.unwrap();
            assert!(!sealed.windows(4).any(|piece| piece == b"Anna" || piece == b"http"), "{path}");
        }
    });
}

#[test]
fn an_outage_of_the_blobs_does_not_count_as_an_attempt() {
    in_a_house(async |house| {
        let job = house.job(NewChunks::default()).await;
        house.blobs.fail_next(1);
        let worker = house.worker_with(|config| config.max_attempts = 1, house.all_keys());
        house.publish(&job, 0).await;
        let encoded = house.next_encoded(&job, 0).await;
        assert_eq!(encoded.success.path, "out/0.2", "each attempt writes blobs of its own");
        worker.stop().await;
        assert_eq!(house.attempts(&job, 0).await, (2, 1), "one of two was given back");
    });
}

#[test]
fn a_chunk_that_meets_an_outage_at_shutdown_is_left_to_the_next_worker() {
    in_a_house(async |house| {
        let job = house.job(NewChunks::default()).await;
        house.blobs.set_away(true);
        let worker = house.worker();
        house.publish(&job, 0).await;
        house.until(|| house.has_field(&job, "returned/0")).await;
        worker.stop().await;

        house.blobs.set_away(false);
        let worker = house.worker();
        house.next_encoded(&job, 0).await;
        worker.stop().await;
    });
}

#[test]
fn a_job_of_another_encoder_revision_is_skipped_and_its_attempt_given_back() {
    in_a_house(async |house| {
        let other = NewChunks { encoder_revision: ENCODER_REVISION + 1, ..NewChunks::default() };
        let (other, job) = (house.job(other).await, house.job(NewChunks::default()).await);
        let worker = house.worker();
        house.publish(&other, 0).await;
        house.publish(&job, 0).await;
        house.next_encoded(&job, 0).await;
        worker.stop().await;
        house.assert_no_more_results().await;
        assert_eq!(house.attempts(&other, 0).await, (1, 0));
        assert_eq!(house.blobs_of(&other).await, ["in/0", "in/1"], "nothing was written");
    });
}

#[test]
fn a_chunk_that_is_done_is_skipped_when_its_message_comes_again() {
    in_a_house(async |house| {
        let job = house.job(NewChunks::default()).await;
        let worker = house.worker();
        house.publish(&job, 0).await;
        let encoded = house.next_encoded(&job, 0).await;
        let event = Event::ChunkEncoded { index: 0, part: encoded.part(), counts: encoded.counts };
        house.jobs.apply(job.id, &event).await.unwrap();

        house.publish(&job, 0).await;
        house.publish(&job, 1).await;
        house.next_encoded(&job, 1).await;
        worker.stop().await;
        house.assert_no_more_results().await;
        let written = house.blobs_of(&job).await;
        assert_eq!(written, ["err/1.1", "in/0", "in/1", "out/0.1", "out/1.1"]);
    });
}

#[test]
fn a_chunk_of_a_cancelled_job_is_skipped() {
    in_a_house(async |house| {
        let (cancelled, job) = (house.job(NewChunks::default()).await, house.job(NewChunks::default()).await);
        let ready = house.ready(&cancelled, 0).await;
        house.jobs.apply(cancelled.id, &Event::Cancel).await.unwrap();
        let worker = house.worker();
        house.publish_ready(&ready).await;
        house.publish(&job, 0).await;
        house.next_encoded(&job, 0).await;
        worker.stop().await;
        house.assert_no_more_results().await;
        assert_eq!(house.blobs_of(&cancelled).await, ["in/0", "in/1"], "nothing was written");
    });
}

#[test]
fn a_message_that_nobody_can_read_becomes_a_dead_letter_and_does_not_hold_up_those_behind_it() {
    in_a_house(async |house| {
        let job = house.job(NewChunks::default()).await;
        let worker = house.worker();
        house.publish_bytes(b"nobody can read this".to_vec()).await;
        house.publish(&job, 0).await;
        house.next_encoded(&job, 0).await;
        worker.stop().await;
        let letter = house.next_dead_letter().await;
        assert_eq!((&*letter.topic, &*letter.code), ("smartpass.chunks", "undecodable"));
        assert_eq!((letter.job, letter.index), (None, None));

        // Neither comes again.
        let worker = house.worker();
        house.publish(&job, 1).await;
        assert!(matches!(house.next_result().await, ChunkResult::Encoded(encoded) if encoded.index == 1));
        worker.stop().await;
        house.assert_no_more_dead_letters().await;
    });
}
