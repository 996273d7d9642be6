//! Chunks that cannot be encoded: tried so often, then given up, with a code for programs and words for people.

use smartpass_core::job::Job;
use smartpass_core::link::KeyState;
use smartpass_records::wrapping_keys::Purpose;

use crate::support::{House, NewChunks, in_a_house};

/// The chunk fails with that code, to the tracker and as a dead letter, and a reason.
async fn assert_fails(house: &House, job: &Job, code: &str, reason: &str) {
    let failed = house.next_failed(job, 0).await;
    assert_eq!(failed.code, code, "{failed:?}");
    assert!(failed.reason.contains(reason), "{failed:?}");
    let letter = house.next_dead_letter().await;
    assert_eq!((&*letter.topic, letter.code), ("smartpass.chunks", failed.code));
    assert_eq!((letter.reason, letter.job, letter.index), (failed.reason, Some(job.id), Some(0)));
}

/// The whole life of a chunk that fails: its attempts, its end, nothing written, and no second message.
async fn assert_given_up(house: &House, job: &Job, code: &str, reason: &str) {
    let worker = house.worker();
    house.publish(job, 0).await;
    assert_fails(house, job, code, reason).await;
    worker.stop().await;
    assert_eq!(house.attempts(job, 0).await, (3, 3));
    assert!(!house.blobs_of(job).await.iter().any(|path| path.starts_with("out") || path.starts_with("err")));
    house.assert_no_more_results().await;
    house.assert_no_more_dead_letters().await;
}

#[test]
fn a_chunk_whose_blob_is_missing_fails_after_the_most_attempts() {
    in_a_house(async |house| {
        let job = house.job(NewChunks::default()).await;
        house.blobs.blobs().delete(&format!("jobs/{}/in/0", job.id)).await.unwrap();
        assert_given_up(&house, &job, "missing", "in/0 is missing").await;
    });
}

#[test]
fn a_chunk_whose_blob_is_damaged_fails_after_the_most_attempts() {
    in_a_house(async |house| {
        let job = house.job(NewChunks::default()).await;
        let path = |index| format!("jobs/{}/in/{index}", job.id);
        // Another chunk of the same job, whole and sealed with the right key.
        let other = house.blobs.blobs().get(&path(1)).await.unwrap();
        house.blobs.overwrite(&path(0), other.to_vec()).await;
        assert_given_up(&house, &job, "damaged", "in/0 is damaged").await;
    });
}

#[test]
fn a_chunk_that_has_other_rows_than_the_state_says_fails() {
    in_a_house(async |house| {
        let job = house.job(NewChunks { rows_too_many: 1, ..NewChunks::default() }).await;
        assert_given_up(&house, &job, "unusable", "its rows are 2, and the state says 3").await;
    });
}

#[test]
fn a_chunk_that_was_begun_again_and_again_and_never_came_to_an_end_is_not_tried_once_more() {
    in_a_house(async |house| {
        let job = house.job(NewChunks::default()).await;
        for _ in 0..3 {
            // A worker that dies of it.
            house.jobs.begin(job.id, 0).await.unwrap();
        }
        let worker = house.worker();
        house.publish(&job, 0).await;
        assert_fails(&house, &job, "attempts", "begun again and again").await;
        worker.stop().await;
        assert_eq!(house.blobs_of(&job).await, ["in/0", "in/1"]);
    });
}

#[test]
fn a_key_that_was_revoked_is_not_sealed_with() {
    in_a_house(async |house| {
        let job = house.job(NewChunks::default()).await;
        let key_version = 1.try_into().unwrap();
        house.projects.set_key_state(&job.project, key_version, KeyState::Revoked).await.unwrap();
        assert_given_up(&house, &job, "unusable", "is revoked").await;
    });
}

#[test]
fn a_key_that_was_retired_still_seals_what_was_begun_with_it() {
    in_a_house(async |house| {
        let job = house.job(NewChunks::default()).await;
        house.projects.rotate_key(&job.project).await.unwrap();
        let worker = house.worker();
        house.publish(&job, 0).await;
        house.next_encoded(&job, 0).await;
        worker.stop().await;
    });
}

#[test]
fn a_worker_without_one_of_its_wrapping_keys_encodes_nothing_and_says_which_is_missing() {
    for (given, missing) in [(Purpose::JobData, "link"), (Purpose::Link, "job data")] {
        in_a_house(async |house| {
            let job = house.job(NewChunks::default()).await;
            let worker = house.worker_with(|_| {}, house.all_keys().only(&[given]));
            house.publish(&job, 0).await;
            assert_fails(&house, &job, "unusable", missing).await;
            worker.stop().await;
            assert_eq!(house.blobs_of(&job).await, ["in/0", "in/1"]);
        });
    }
}
