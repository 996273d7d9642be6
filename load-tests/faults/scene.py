"""The base of every test here: one set of servers for all tests, people to upload, and the history checker."""

from __future__ import annotations

import atexit
import functools
import itertools
import os
import shutil
import signal
import sys
import tempfile
import unittest
from pathlib import Path

from api import Api
from cluster import Cluster, Service, World
from history import History, Outputs
from people import People, make_people
from waiting import wait_for

# About ten chunks: enough for something to happen in the middle.
USUAL_ROWS = 6_000
END_SECONDS = 60
FILES = itertools.count(1)


@functools.cache
def world() -> World:
    """The servers: started by the first test that asks, stopped when the tests are over."""
    folder = Path(tempfile.mkdtemp(prefix="smartpass-faults-"))
    if "SMARTPASS_KEEP" in os.environ:
        print(f"logs and data stay in {folder}", file=sys.stderr)
    else:
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    new = World(folder)
    new.start()
    atexit.register(new.stop)
    return new


@functools.cache
def history() -> History:
    return History(world())


class Scene(unittest.TestCase):
    """A test on a cluster of its own, which is put away at its end."""

    def setUp(self) -> None:
        self.files = 0
        self.cluster = self.enterContext(self.make_cluster())

    def make_cluster(self) -> Cluster:
        return world().cluster()

    def people(self, rows: int = USUAL_ROWS) -> People:
        """A file that no other test has, and that this one has whether it runs alone or after others."""
        self.files += 1
        path = world().folder / f"people-{next(FILES)}.csv"
        self.addCleanup(path.unlink, missing_ok=True)
        return make_people(path, rows, seed=f"{self.id()} {self.files}")

    def outputs(self, api: Api, job_id: str) -> Outputs:
        answers = [api.download(job_id, name) for name in ("success", "errors")]
        self.assertEqual([status for status, _ in answers], [200, 200])
        return Outputs(*(content for _, content in answers))

    def prove_completed(self, api: Api, job_id: str, people: People) -> None:
        """Waits for the job's end, and has everything about it checked."""
        api.wait_until_ended(job_id, END_SECONDS)
        history().prove_completed(job_id, people, self.outputs(api, job_id))

    def prove_unreadable(self, api: Api, job_id: str) -> None:
        statuses = [api.download(job_id, name)[0] for name in ("success", "errors")]
        self.assertIn(statuses, ([409, 409], [410, 410]))

    def sleep_through_a_job(self, producer: Service) -> tuple[Service, Service, str, People]:
        """Stops a worker that has begun a chunk, while another worker does the whole job. Answers both, the job and its
        rows."""
        sleeper = self.cluster.start("encoder-worker", fault="worker/fetched:2=stop")
        people = self.people()
        job_id = producer.api.upload(people.content)
        sleeper.wait_until_it_stopped_itself()
        other = self.cluster.start("encoder-worker")
        producer.api.wait_until_ended(job_id, END_SECONDS)
        return sleeper, other, job_id, people

    def wake(self, sleeper: Service) -> None:
        """Resumes the worker, and waits until it has finished its chunk: the second that it encoded."""
        sleeper.signal(signal.SIGCONT)
        wait_for(lambda: sleeper.metric('smartpass_chunks_total{event="encoded"}') >= 2, 30, "the sleeper's chunk")
