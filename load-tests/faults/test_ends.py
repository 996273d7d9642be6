"""Jobs that end otherwise than completed, or only at the second try."""

import unittest

from api import Upload
from cluster import LAST_SWEEP_SECONDS, NOTHING_TWICE, Service
from people import People
from scene import END_SECONDS, Scene, history
from stores import DEAD_LETTERS
from waiting import wait_for


class Ends(Scene):
    def setUp(self) -> None:
        super().setUp()
        self.producer, self.tracker = (self.cluster.start(target, more=NOTHING_TWICE)
                                       for target in ("producer", "tracker"))
        self.api = self.producer.api

    def worker(self, fault: str | None = None) -> Service:
        return self.cluster.start("encoder-worker", fault, NOTHING_TWICE)

    def prove_gone(self, job_id: str, outcome: str, people: People) -> None:
        history().prove_purged(job_id, people)
        self.prove_unreadable(self.api, job_id)
        wait_for(lambda: history().sweeps(job_id) == 3, LAST_SWEEP_SECONDS + 20, "the last sweep")
        history().prove_ended_otherwise(job_id, outcome, people)
        history().prove_swept(job_id, people)

    def prove_given_up(self, job_id: str, code: str, index: int) -> None:
        """Proves that the chunk was given up after three attempts."""
        letters = {(message.datum["code"], message.datum["index"]) for message in history().topics.read()
                   if message.topic == DEAD_LETTERS and message.datum["job"] == job_id}
        self.assertEqual(letters, {(code, index)})
        self.assertEqual(history().state.job(job_id)[f"begun/{index}"], b"3")

    # Cancelled

    def test_a_job_cancelled_in_the_middle_leaves_nothing(self) -> None:
        self.worker()
        people = self.people()
        first, rest = people.pieces(2)
        upload = self.enterContext(Upload(self.api, len(people.content)))
        upload.send(first)
        job_id = upload.job_id()
        self.api.wait_until_done(job_id, 2)
        self.assertTrue(history().bucket.paths(f"jobs/{job_id}/out/"))
        cancelled = self.cluster.client(self.api, "cancel", job_id)
        self.assertEqual((cancelled.returncode, cancelled.stderr), (0, ""))
        upload.send(rest)
        status, problem = upload.answer()
        self.assertEqual((status, self.api.job(job_id)["state"]), (409, "cancelled"), problem)
        self.prove_gone(job_id, "cancelled", people)

    # Cut off

    def cut_off(self, with_length: bool) -> None:
        """The client goes away right behind a row: what came looks like a whole file, and is none."""
        self.worker()
        people = self.people()
        first, _ = people.pieces(2)
        upload = self.enterContext(Upload(self.api, len(people.content) if with_length else None))
        upload.send(first)
        job_id = upload.job_id()
        self.api.wait_until_done(job_id, 2)
        upload.break_off()
        job = self.api.wait_until_ended(job_id, 20, outcome="aborted")
        self.assertIn("broke off", job["end"]["reason"])
        self.assertTrue(first.endswith(b"\n"))
        self.prove_gone(job_id, "aborted", people)

    def test_an_upload_with_a_length_cut_off_at_a_row_boundary_is_aborted(self) -> None:
        self.cut_off(with_length=True)

    def test_an_upload_in_http_chunks_cut_off_at_a_row_boundary_is_aborted(self) -> None:
        self.cut_off(with_length=False)

    def test_an_upload_in_http_chunks_that_comes_to_its_end_completes(self) -> None:
        self.worker()
        people = self.people()
        upload = self.enterContext(Upload(self.api, None))
        for piece in people.pieces(5):
            upload.send(piece)
        self.prove_completed(self.api, upload.finish()["id"], people)

    # Failed

    def test_a_job_whose_input_is_deleted_fails_with_a_reason_and_a_dead_letter(self) -> None:
        people = self.people()
        job_id = self.api.upload(people.content)
        history().bucket.delete(f"jobs/{job_id}/in/2.1")
        self.worker()
        job = self.api.wait_until_ended(job_id, END_SECONDS, outcome="failed")
        self.assertRegex(job["end"]["reason"], r"^chunk 2 could not be encoded: .*in/2\.1")
        self.prove_given_up(job_id, "missing", 2)
        self.assertEqual(self.api.download(job_id, "success")[0], 409)
        history().prove_ended_otherwise(job_id, "failed", people)

    def test_a_poison_chunk_fails_its_job_alone_which_completes_when_it_is_retried_by_a_healthy_worker(self) -> None:
        people, others = self.people(), self.people(900)
        # First the whole file: what fails during its upload cannot be retried.
        job_id = self.api.upload(people.content)
        sick = self.worker(fault="worker/encode/3:0=panic")
        job = self.api.wait_until_ended(job_id, END_SECONDS, outcome="failed")
        sick.assert_fault_landed()
        self.assertIn("chunk 3 could not be encoded", job["end"]["reason"])
        self.prove_given_up(job_id, "panic", 3)
        history().prove_ended_otherwise(job_id, "failed", people)
        # The same worker goes on with others, whose chunks are fewer than four.
        self.prove_completed(self.api, self.api.upload(others.content), others)

        sick.stop()
        self.worker()
        retried = self.cluster.client(self.api, "retry", job_id)
        self.assertEqual((retried.returncode, retried.stderr), (0, ""))
        self.prove_completed(self.api, job_id, people)
        events = [event["event_id"] for event in history().announcements(job_id)]
        self.assertEqual(set(events), {f"{job_id}-1", f"{job_id}-2"})

    def test_a_poison_chunk_ends_its_upload_with_the_reason_and_leaves_nothing(self) -> None:
        sick = self.worker(fault="worker/encode/1:0=panic")
        people = self.people()
        first, rest = people.pieces(2)
        upload = self.enterContext(Upload(self.api, len(people.content)))
        upload.send(first)
        job_id = upload.job_id()
        self.api.wait_until_ended(job_id, END_SECONDS, outcome="failed")
        sick.assert_fault_landed()
        upload.send(rest)
        status, problem = upload.answer()
        self.assertEqual((status, problem["job"]), (409, job_id))
        self.assertRegex(problem["detail"], r"^the job is failed already: chunk 1 could not be encoded: ")
        retried = self.cluster.client(self.api, "retry", job_id)
        self.assertEqual(retried.returncode, 1)
        self.assertIn("files are deleted", retried.stderr)
        self.prove_gone(job_id, "failed", people)


if __name__ == "__main__":
    unittest.main()
