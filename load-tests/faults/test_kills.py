"""SIGKILL of every service at each of its steps."""

import contextlib
import http.client
import unittest

from api import Api
from cluster import LAST_SWEEP_SECONDS, Cluster
from people import People
from scene import END_SECONDS, Scene, history, world
from waiting import wait_for

UPLOAD_LEASE_SECONDS = 10
# One chunk at a time: the upload is over long before the chunks are.
SLOW = ["--window", "1"]


class KilledWorkers(Scene):
    """A worker dies with chunks in its hands, another takes its place, and the job completes."""

    def kill_at(self, point: str, nth: int) -> None:
        producer, _ = self.cluster.start("producer"), self.cluster.start("tracker")
        doomed = self.cluster.start("encoder-worker", fault=f"{point}:{nth}=kill")
        people = self.people()
        job_id = producer.api.upload(people.content)
        doomed.wait_until_it_killed_itself()
        self.assertEqual(producer.api.job(job_id)["state"], "encoding")
        history().prove_offsets()
        self.cluster.start("encoder-worker")
        self.prove_completed(producer.api, job_id, people)

    def test_a_worker_killed_after_it_began_a_chunk_is_replaced(self) -> None:
        self.kill_at("worker/begun", 3)

    def test_a_worker_killed_after_it_fetched_a_chunk_is_replaced(self) -> None:
        self.kill_at("worker/fetched", 4)

    def test_a_worker_killed_while_it_encoded_a_chunk_is_replaced(self) -> None:
        self.kill_at("worker/encode/2", 1)

    def test_a_worker_killed_between_its_two_outputs_is_replaced(self) -> None:
        self.kill_at("worker/half-written", 2)

    def test_a_worker_killed_after_its_outputs_were_written_is_replaced(self) -> None:
        self.kill_at("worker/written", 3)

    def test_a_worker_killed_after_it_published_a_result_is_replaced(self) -> None:
        self.kill_at("worker/published", 3)


class KilledTrackers(Scene):
    """A tracker dies between any two of its steps, another one goes on, and the job completes."""

    def kill_at(self, point: str, nth: int) -> None:
        producer, _ = self.cluster.start("producer"), self.cluster.start("encoder-worker")
        doomed = self.cluster.start("tracker", fault=f"{point}:{nth}=kill")
        people = self.people()
        self.job_id = producer.api.upload(people.content)
        doomed.wait_until_it_killed_itself()
        self.state_at_death = producer.api.job(self.job_id)["state"]
        history().prove_offsets()
        self.cluster.start("tracker")
        self.prove_completed(producer.api, self.job_id, people)

    def test_a_tracker_killed_after_a_commit_is_replaced(self) -> None:
        self.kill_at("tracker/committed", 5)
        self.assertIn(self.state_at_death, ("uploading", "encoding"))

    def test_a_tracker_killed_after_it_published_chunks_is_replaced(self) -> None:
        self.kill_at("tracker/released", 1)
        self.assertIn(self.state_at_death, ("uploading", "encoding"))

    def test_a_tracker_killed_after_it_wrote_a_manifest_is_replaced(self) -> None:
        self.kill_at("tracker/manifest-written", 1)
        self.assertEqual(self.state_at_death, "encoding")
        # The one that nobody recorded, and the one that counts.
        manifests = [path for path in history().bucket.paths(f"jobs/{self.job_id}/") if "/manifest." in path]
        self.assertEqual(len(manifests), 2)

    def test_an_end_announced_by_a_tracker_that_then_dies_is_announced_again_as_the_same(self) -> None:
        self.kill_at("tracker/announced", 1)
        self.assertEqual(self.state_at_death, "completed")
        self.assertEqual(len(history().announcements(self.job_id)), 2)

    def test_a_tracker_killed_after_a_sweep_is_replaced(self) -> None:
        producer, _ = self.cluster.start("producer"), self.cluster.start("encoder-worker")
        doomed = self.cluster.start("tracker", fault="tracker/swept:2=kill")
        people = self.people()
        job_id = producer.api.upload(people.content)
        self.prove_completed(producer.api, job_id, people)
        producer.api.delete_files(job_id)
        doomed.wait_until_it_killed_itself()
        self.assertEqual(history().sweeps(job_id), 1)
        self.cluster.start("tracker")
        wait_for(lambda: history().sweeps(job_id) == 3, LAST_SWEEP_SECONDS + 20, "the last sweep")
        history().prove_swept(job_id, people)
        self.prove_unreadable(producer.api, job_id)


class KilledProducers(Scene):
    """A producer dies during an upload. The file is not whole, so nothing of it may be readable."""

    def setUp(self) -> None:
        super().setUp()
        self.healthy, _, _ = (group[0] for group in self.cluster.start_all())

    def kill_at(self, point: str, nth: int) -> None:
        lease = ["--upload-lease-seconds", str(UPLOAD_LEASE_SECONDS)]
        doomed = self.cluster.start("producer", f"{point}:{nth}=kill", lease)
        people = self.people()
        known = set(self.healthy.api.job_ids())
        with self.assertRaises((OSError, http.client.HTTPException)):
            doomed.api.upload(people.content)
        doomed.wait_until_it_killed_itself()
        [job_id] = set(self.healthy.api.job_ids()) - known
        self.assertEqual(self.healthy.api.job(job_id)["state"], "uploading")
        self.healthy.api.wait_until_ended(job_id, UPLOAD_LEASE_SECONDS + 10, outcome="aborted")
        wait_for(lambda: history().sweeps(job_id) == 3, LAST_SWEEP_SECONDS + 20, "the last sweep")
        history().prove_ended_otherwise(job_id, "aborted", people)
        history().prove_swept(job_id, people)
        self.prove_unreadable(self.healthy.api, job_id)

    def test_an_upload_whose_producer_died_after_it_stored_a_chunk_is_aborted(self) -> None:
        self.kill_at("producer/stored", 3)

    def test_an_upload_whose_producer_died_after_it_recorded_a_chunk_is_aborted(self) -> None:
        self.kill_at("producer/recorded", 3)

    def test_an_upload_whose_producer_died_before_it_recorded_the_end_is_aborted(self) -> None:
        self.kill_at("producer/whole", 1)

    def test_an_upload_whose_producer_died_before_it_stored_the_header_lines_is_aborted(self) -> None:
        self.kill_at("producer/opened", 1)

    def test_an_upload_whose_producer_died_after_it_stored_the_header_lines_is_aborted(self) -> None:
        self.kill_at("producer/headers-stored", 1)


class KilledEmbedded(Scene):
    """Everything in one process, without a server."""

    def make_cluster(self) -> Cluster:
        return world().embedded()

    def test_a_job_goes_on_after_its_process_was_killed_while_it_encoded(self) -> None:
        first, people = self.cluster.start(None, more=SLOW), self.people(24_000)
        job_id = first.api.upload(people.content)
        job = first.api.wait_until_done(job_id, 1)
        self.assertLess(job["chunks"]["done"], job["chunks"]["total"])
        first.kill()
        second = self.cluster.start(None, more=SLOW)
        self.prove_files(second.api, job_id, people)
        self.assertGreater(second.metric('smartpass_chunks_total{event="encoded"}'), 0)

    def test_a_job_goes_on_after_its_process_killed_itself_before_the_manifest_was_recorded(self) -> None:
        first, people = self.cluster.start(None, fault="tracker/manifest-written=kill"), self.people()
        # The answer to the upload may come before the kill, or never.
        with contextlib.suppress(OSError, http.client.HTTPException):
            first.api.upload(people.content)
        first.wait_until_it_killed_itself()
        second = self.cluster.start(None)
        [job_id] = second.api.job_ids()
        self.prove_files(second.api, job_id, people)

    def test_a_client_whose_server_died_after_the_upload_says_how_to_watch_the_job_again(self) -> None:
        server, people = self.cluster.start(None, "tracker/manifest-written=kill", SLOW), self.people(24_000)
        submitted = self.cluster.client(server.api, "submit", str(people.path))
        server.wait_until_it_killed_itself()
        self.assertEqual(submitted.returncode, 1)
        second = self.cluster.start(None)
        [job_id] = second.api.job_ids()
        self.assertIn(f"smartpass jobs watch {job_id}", submitted.stderr)
        self.prove_files(second.api, job_id, people)

    def prove_files(self, api: Api, job_id: str, people: People) -> None:
        api.wait_until_ended(job_id, END_SECONDS)
        history().prove_files(people, self.outputs(api, job_id), self.cluster.folder)


if __name__ == "__main__":
    unittest.main()
