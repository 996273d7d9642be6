"""Jobs to which nothing happens, by one of each service and by several."""

import unittest

from api import JOBS
from scene import Scene


class PlainJobs(Scene):
    def test_a_job_completes_on_one_of_each_service(self) -> None:
        [producer], _, _ = self.cluster.start_all()
        people = self.people(12_000)
        job_id = producer.api.upload(people.content)
        self.prove_completed(producer.api, job_id, people)
        self.assertGreater(producer.api.job(job_id)["chunks"]["total"], 12)

    def test_a_job_completes_on_two_workers_with_two_producers_and_two_trackers(self) -> None:
        self.complete_with(workers=2)

    def test_a_job_completes_on_four_workers_with_two_producers_and_two_trackers(self) -> None:
        self.complete_with(workers=4)

    def complete_with(self, workers: int) -> None:
        (one, other), _, all_workers = self.cluster.start_all(producers=2, trackers=2, workers=workers)
        people = self.people(12_000)
        job_id = one.api.upload(people.content)
        # Any producer answers for every job, and tells its progress.
        _, events = other.api.ask("GET", f"{JOBS}/{job_id}/events")
        self.assertTrue(events.splitlines()[-3].startswith(b"event: ended"), events[-500:])
        self.prove_completed(other.api, job_id, people)
        encoded = [worker.metric('smartpass_chunks_total{event="encoded"}') for worker in all_workers]
        self.assertTrue(all(encoded), f"the work was not shared: {encoded}")


if __name__ == "__main__":
    unittest.main()
