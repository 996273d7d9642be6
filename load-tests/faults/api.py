"""A client of the producer's API that can send a body slowly, or never to its end."""

from __future__ import annotations

import http.client
import json
from concurrent.futures import Future, ThreadPoolExecutor

from people import PROJECT, TEMPLATE
from waiting import wait_for

LOOPBACK = "127.0.0.1"
# Longer than any outage that a test makes.
PATIENCE_SECONDS = 60
JOBS = f"/v1/projects/{PROJECT}/jobs"
ENDED = ("completed", "failed", "cancelled", "refused", "aborted")


class Api:
    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, method: str, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=PATIENCE_SECONDS)
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    def _job_of(self, method: str, path: str) -> dict:
        status, content = self.ask(method, path)
        assert status == 200, f"{method} {path}: {status} {content.decode(errors='replace')}"
        return json.loads(content)

    def job(self, job_id: str) -> dict:
        return self._job_of("GET", f"{JOBS}/{job_id}")

    def delete_files(self, job_id: str) -> dict:
        return self._job_of("DELETE", f"{JOBS}/{job_id}/files")

    def job_ids(self) -> list[str]:
        """The ids of the project's jobs, the newest first."""
        return [job["id"] for job in self._job_of("GET", f"{JOBS}?limit=1000")["jobs"]]

    def download(self, job_id: str, name: str) -> tuple[int, bytes]:
        return self.ask("GET", f"{JOBS}/{job_id}/{name}.csv")

    def upload(self, content: bytes) -> str:
        """A whole file; answers the job's id."""
        with Upload(self, len(content)) as upload:
            upload.send(content)
            return upload.finish()["id"]

    def wait_until_ended(self, job_id: str, seconds: float, outcome: str = "completed") -> dict:
        job = wait_for(lambda: self._if_ended(job_id), seconds, f"the end of job {job_id}")
        assert job["state"] == outcome, f"the job is {job['state']}, expected {outcome}: {job['end']}"
        return job

    def _if_ended(self, job_id: str) -> dict | None:
        job = self.job(job_id)
        return job if job["state"] in ENDED else None

    def wait_until_done(self, job_id: str, chunks: int, seconds: float = 30) -> dict:
        """Waits until so many chunks are done, while the job is still running."""
        def look() -> dict | None:
            job = self.job(job_id)
            assert job["state"] not in ENDED, f"the job is {job['state']} already"
            return job if job["chunks"]["done"] >= chunks else None
        return wait_for(look, seconds, f"{chunks} done chunks of job {job_id}")


class Upload:
    """An upload that is sent piece by piece. Without a length, it is sent in HTTP's chunks."""

    def __init__(self, api: Api, length: int | None) -> None:
        self.api = api
        self.known = set(api.job_ids())
        self.is_chunked = length is None
        self.connection = http.client.HTTPConnection(LOOPBACK, api.port, timeout=PATIENCE_SECONDS)
        self.connection.putrequest("POST", f"{JOBS}?template={TEMPLATE}")
        self.connection.putheader("content-type", "text/csv")
        if length is None:
            self.connection.putheader("transfer-encoding", "chunked")
        else:
            self.connection.putheader("content-length", str(length))
        self.connection.endheaders()

    def __enter__(self) -> Upload:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.break_off()

    def send(self, piece: bytes) -> None:
        self.connection.send(b"%x\r\n%b\r\n" % (len(piece), piece) if self.is_chunked else piece)

    def job_id(self) -> str:
        """The job's id, as soon as there is one."""
        new = wait_for(lambda: set(self.api.job_ids()) - self.known, 20, "the upload's job")
        assert len(new) == 1, "another upload began at the same time"
        return new.pop()

    def answer(self) -> tuple[int, dict]:
        if self.is_chunked:
            self.connection.send(b"0\r\n\r\n")
        response = self.connection.getresponse()
        try:
            return response.status, json.loads(response.read())
        finally:
            self.connection.close()

    def finish(self) -> dict:
        """Ends the body after the last piece; answers the job."""
        status, job = self.answer()
        assert status == 201, f"the upload was answered with {status}: {job}"
        return job

    def in_background(self, rest: bytes) -> Future[dict]:
        """Sends the rest and waits for the answer, while the test does something else."""
        def send_rest() -> dict:
            self.send(rest)
            return self.finish()
        executor = ThreadPoolExecutor(1)
        sending = executor.submit(send_rest)
        executor.shutdown(wait=False)
        return sending

    def break_off(self) -> None:
        """The client goes away, as if it had been killed."""
        self.connection.close()
