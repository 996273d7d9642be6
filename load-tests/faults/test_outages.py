"""Servers and workers that go away for a while, and come back."""

import signal
import unittest

from api import Upload
from cluster import NOTHING_TWICE, PARTITIONS_ASSIGNED, PARTITIONS_REVOKED
from history import WORKERS
from scene import Scene, history, world
from waiting import wait_for

# What a server that was killed may take to be back, and clients to notice.
RECOVERY_SECONDS = 60


class Outages(Scene):
    def setUp(self) -> None:
        super().setUp()
        groups = self.cluster.start_all()
        self.producer, self.tracker, self.worker = (group[0] for group in groups)
        self.file = self.people(9_000)
        self.first, self.middle, self.last = self.file.pieces(3)

    def begin(self) -> Upload:
        """Uploads a third of the file, and waits until a chunk of it is done."""
        upload = self.enterContext(Upload(self.producer.api, len(self.file.content)))
        upload.send(self.first)
        self.job_id = upload.job_id()
        self.producer.api.wait_until_done(self.job_id, 1)
        return upload

    def prove(self) -> None:
        self.prove_completed(self.producer.api, self.job_id, self.file)

    def test_a_job_completes_through_a_kill_of_kafka(self) -> None:
        upload = self.begin()
        world().servers.kafka.kill()
        self.addCleanup(world().servers.kafka.start)
        self.assertFalse(self.producer.is_ready())
        # Rows come in and are stored while there is nobody to hand chunks out.
        ready = self.producer.api.job(self.job_id)["chunks"]["ready"]
        upload.send(self.middle)
        wait_for(lambda: self.producer.api.job(self.job_id)["chunks"]["ready"] > ready, 20, "a chunk without Kafka")
        world().servers.kafka.start()
        upload.send(self.last)
        upload.finish()
        self.prove()

    def test_a_job_completes_through_a_kill_of_redis(self) -> None:
        upload = self.begin()
        world().servers.redis.kill()
        self.addCleanup(world().servers.redis.start)
        for service in (self.producer, self.tracker, self.worker):
            self.assertFalse(service.is_ready())
        answer = upload.in_background(self.middle + self.last)
        # The tracker cannot look for jobs that are due, and says so.
        self.tracker.wait_for_log("claiming due jobs failed")
        world().servers.redis.start()
        answer.result(RECOVERY_SECONDS)
        self.prove()

    def test_a_job_completes_through_a_pause_of_the_blob_store(self) -> None:
        upload = self.begin()
        uploaded = self.producer.metric('smartpass_bytes_total{direction="uploaded"}')
        world().servers.s3.pause()
        self.addCleanup(world().servers.s3.resume)
        answer = upload.in_background(self.middle + self.last)
        wait_for(lambda: self.producer.metric('smartpass_bytes_total{direction="uploaded"}') > uploaded, 20, "bytes")
        # An upload of this size takes a second, and this look alone takes longer.
        wait_for(lambda: not self.producer.is_ready(), 20, "a producer that misses its blobs")
        stored = self.producer.api.job(self.job_id)["chunks"]["ready"]
        self.assertFalse(answer.done())
        world().servers.s3.resume()
        self.assertLess(stored, answer.result(RECOVERY_SECONDS)["chunks"]["total"])
        self.prove()


class StoppedWorkers(Scene):
    def test_a_worker_that_slept_past_its_session_finds_its_chunk_done_by_another(self) -> None:
        producer, _ = self.cluster.start("producer"), self.cluster.start("tracker")
        sleeper, other, job_id, people = self.sleep_through_a_job(producer)
        other.wait_until_it_has_partitions()
        # It wakes up with the chunk in its hands, finishes it, and changes nothing.
        self.wake(sleeper)
        sleeper.wait_for_log('"is_lost":true')
        self.prove_completed(producer.api, job_id, people)

        other.stop()
        following = self.people(1_500)
        self.prove_completed(producer.api, producer.api.upload(following.content), following)

    def test_a_chunk_whose_partition_went_and_came_back_meanwhile_is_not_committed_before_it_is_done(self) -> None:
        producer, _ = self.cluster.start("producer"), self.cluster.start("tracker")
        people = self.people(400)
        job_id = producer.api.upload(people.content)
        world().servers.s3.pause()
        self.addCleanup(world().servers.s3.resume)
        # It has the only chunk in its hands until the blobs are back.
        worker = self.cluster.launch("encoder-worker")
        wait_for(lambda: "begun/0" in history().state.job(job_id), 30, "the chunk's begin")
        worker.signal(signal.SIGSTOP)
        wait_for(lambda: not history().topics.has_members(WORKERS), 30, "the end of its session")
        worker.signal(signal.SIGCONT)
        wait_for(lambda: worker.partition_moves(PARTITIONS_ASSIGNED) == 2, 30, "the partitions' return")
        repeated = "duplicate delivery: the chunk is in progress"
        wait_for(lambda: repeated in worker.log_text().rpartition(PARTITIONS_ASSIGNED)[2], 30, "its message")
        worker.stop()
        history().prove_offsets()
        world().servers.s3.resume()
        self.cluster.start("encoder-worker")
        self.prove_completed(producer.api, job_id, people)


class Rebalances(Scene):
    ROUNDS = 4

    def test_a_job_completes_while_a_worker_joins_and_leaves_again_and_again(self) -> None:
        [producer], _, [stays] = self.cluster.start_all(more=NOTHING_TWICE)
        people = self.people(12_000)
        pieces = people.pieces(self.ROUNDS + 1)
        upload = self.enterContext(Upload(producer.api, len(people.content)))
        upload.send(pieces[0])
        job_id = upload.job_id()
        for number, piece in enumerate(pieces[1:-1], start=1):
            guest = self.cluster.start("encoder-worker", more=NOTHING_TWICE)
            upload.send(piece)
            guest.wait_until_it_has_partitions()
            self.assertEqual(stays.partition_moves(PARTITIONS_REVOKED), number)
            history().prove_offsets()
            guest.stop()
            wait_for(lambda: stays.partition_moves(PARTITIONS_ASSIGNED) > number, 30, "the partitions' return")
        self.assertEqual(producer.api.job(job_id)["state"], "uploading")
        upload.send(pieces[-1])
        upload.finish()
        self.prove_completed(producer.api, job_id, people)


if __name__ == "__main__":
    unittest.main()
