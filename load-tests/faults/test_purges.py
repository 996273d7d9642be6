"""Deleted files stay deleted, even if a worker was paused during the deletion."""

import re
import signal
import unittest

from cluster import LAST_SWEEP_SECONDS
from scene import Scene, history
from waiting import wait_for


class Purges(Scene):
    def test_what_a_worker_writes_that_slept_through_the_purge_does_not_open_and_is_swept(self) -> None:
        producer, tracker = self.cluster.start("producer"), self.cluster.start("tracker")
        sleeper, other, job_id, people = self.sleep_through_a_job(producer)
        self.assertEqual(history().rebuild(job_id), self.outputs(producer.api, job_id))
        self.assertGreater(other.metric('smartpass_chunks_total{event="encoded"}'), 0)

        producer.api.delete_files(job_id)
        wait_for(lambda: history().sweeps(job_id) >= 1, 10, "the first sweep")
        # The last sweep waits for the sleeper, however slow it is.
        tracker.signal(signal.SIGSTOP)
        self.assertLess(history().sweeps(job_id), 3)
        self.assertEqual(history().bucket.paths(f"jobs/{job_id}/"), [])
        self.wake(sleeper)
        tracker.signal(signal.SIGCONT)
        # Nothing is left that could open it.
        self.assertEqual(set(history().state.job(job_id)), {"record"})
        self.prove_unreadable(producer.api, job_id)

        wait_for(lambda: history().sweeps(job_id) == 3, LAST_SWEEP_SECONDS + 20, "the last sweep")
        _, *later = re.findall(rf'"message":"blobs swept","job":"{job_id}","deleted":(\d+)', tracker.log_text())
        self.assertGreater(sum(map(int, later)), 0, "no sweep found what the sleeper wrote")
        history().prove_swept(job_id, people)
        history().prove_ended_once(job_id)
        self.prove_unreadable(producer.api, job_id)

    def test_a_job_is_purged_when_its_retention_is_over(self) -> None:
        [producer], _, _ = self.cluster.start_all()
        people = self.people(900)
        job_id = producer.api.upload(people.content)
        self.prove_completed(producer.api, job_id, people)
        three_days = 72 * 3_600_000
        self.assertEqual(history().state.record(job_id)["retention"], three_days)
        # Three days are a millisecond from now on.
        history().state.edit_record(job_id, f'"retention":{three_days},', '"retention":1,')
        wait_for(lambda: producer.api.job(job_id)["files"]["state"] == "deleted", 20, "the purge")
        history().prove_purged(job_id, people)
        self.prove_unreadable(producer.api, job_id)
        wait_for(lambda: history().sweeps(job_id) == 3, LAST_SWEEP_SECONDS + 20, "the last sweep")
        history().prove_swept(job_id, people)


if __name__ == "__main__":
    unittest.main()
