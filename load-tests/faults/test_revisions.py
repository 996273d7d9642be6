"""A rolling upgrade: a worker that does not know a job's encoder revision leaves its chunks alone."""

import unittest

from scene import Scene, history
from waiting import wait_for

OTHER_REVISION = 4_711
LEFT_ALONE = "skipped: another encoder revision"


class Revisions(Scene):
    def test_chunks_of_another_encoder_revision_are_left_to_another_worker(self) -> None:
        producer, _ = (self.cluster.start(target) for target in ("producer", "tracker"))
        people = self.people()
        job_id = producer.api.upload(people.content)
        own = history().state.record(job_id)["encoder_revision"]
        self.set_revision(job_id, own, OTHER_REVISION)
        worker = self.cluster.start("encoder-worker")
        worker.wait_for_log(LEFT_ALONE)
        job = producer.api.job(job_id)
        self.assertEqual((job["state"], job["chunks"]["done"]), ("encoding", 0))
        worker.wait_for_log(LEFT_ALONE, times=job["chunks"]["total"])
        wait_for(lambda: self.attempts(job_id, "begun") == self.attempts(job_id, "returned"), 10,
                 "the return of every attempt")
        self.set_revision(job_id, OTHER_REVISION, own)
        self.prove_completed(producer.api, job_id, people)

    def attempts(self, job_id: str, counter: str) -> dict[str, bytes]:
        """A counter of attempts, by chunk."""
        fields = history().state.job(job_id).items()
        return {name.partition("/")[2]: value for name, value in fields if name.startswith(f"{counter}/")}

    def set_revision(self, job_id: str, old: int, new: int) -> None:
        texts = (f'"encoder_revision":{revision},' for revision in (old, new))
        history().state.edit_record(job_id, *texts)


if __name__ == "__main__":
    unittest.main()
