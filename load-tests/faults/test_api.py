"""What the API promises: bodies of every kind, refusals before the rows are read, ranges, events and API keys."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import secrets
import subprocess
import unittest

import zstandard

from api import JOBS, LOOPBACK, Upload
from cluster import PROGRAM, Cluster
from people import PROJECT, People
from scene import END_SECONDS, Scene, history, world
from waiting import wait_for

DEADLINE_SECONDS = 30


class ApiScene(Scene):
    """One process without any server."""

    more: list[str] = []

    def make_cluster(self) -> Cluster:
        return world().embedded()

    def setUp(self) -> None:
        super().setUp()
        self.service = self.cluster.start(None, more=self.more)
        self.api = self.service.api

    def prove_outputs(self, job_id: str, people: People) -> None:
        self.api.wait_until_ended(job_id, END_SECONDS)
        history().prove_files(people, self.outputs(self.api, job_id), self.cluster.folder)

    def ask(self, method: str, path: str, body: bytes | None = None,
            **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
        connection = http.client.HTTPConnection(LOOPBACK, self.api.port, timeout=DEADLINE_SECONDS)
        with contextlib.closing(connection):
            connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
            response = connection.getresponse()
            return response, response.read()

    def problem(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, str, str]:
        """Status, code and detail of an answer that is an error."""
        response, content = self.ask(method, path, body, **headers)
        self.assertEqual(response.headers["content-type"], "application/problem+json", content)
        answer = json.loads(content)
        self.assertEqual(answer["status"], response.status)
        return response.status, answer["code"], answer["detail"]


class Bodies(ApiScene):
    more = ["--max-bytes", "3000000"]

    def test_compressed_bodies_and_forms_carry_the_same_file(self) -> None:
        people = self.people(3_000)
        content = people.content
        two_members = gzip.compress(content[:1_000]) + gzip.compress(content[1_000:])
        boundary = "X" + secrets.token_hex(8)
        form = (f'--{boundary}\r\nContent-Disposition: form-data; name="template"\r\n\r\nmembers\r\n'
                f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n').encode()
        form += content + f"\r\n--{boundary}--\r\n".encode()
        bodies = [
            (gzip.compress(content), {"content_encoding": "gzip"}),
            (two_members, {"content_encoding": "gzip"}),
            (zstandard.compress(content), {"content_encoding": "zstd"}),
            (form, {"content_type": f"multipart/form-data; boundary={boundary}"}),
        ]
        for body, headers in bodies:
            response, answer = self.ask("POST", JOBS, body, **headers)
            self.assertEqual(response.status, 201, answer)
            self.prove_outputs(json.loads(answer)["id"], people)

    def test_a_compressed_body_that_is_cut_off_is_refused_and_leaves_nothing_to_read(self) -> None:
        content = self.people(3_000).content
        for body, encoding in [(gzip.compress(content), "gzip"), (zstandard.compress(content), "zstd")]:
            for kept in (len(body) - 1, len(body) - 8, len(body) // 2):
                response, answer = self.ask("POST", JOBS, body[:kept], content_encoding=encoding)
                problem = json.loads(answer)
                self.assertEqual((response.status, problem["code"]), (422, "bad-file"), problem)
                if "job" in problem:
                    self.api.wait_until_ended(problem["job"], END_SECONDS, "refused")
                    self.prove_unreadable(self.api, problem["job"])

    def test_a_file_that_unpacks_to_more_than_is_allowed_is_refused(self) -> None:
        bomb = gzip.compress(self.people(50).content + b"x,y\n" * 1_000_000)
        status, code, detail = self.problem("POST", JOBS, bomb, content_encoding="gzip")
        self.assertEqual((status, code), (422, "bad-file"))
        self.assertIn("3000000", detail)

    def test_what_cannot_work_is_refused_before_the_rows_are_read(self) -> None:
        people = self.people(50)
        cases = [
            ("?template=none", people.content, 422, "no-such-template", "it has members"),
            ("?template_number=99", people.content, 422, "no-such-template", "99"),
            ("?colour=red", people.content, 400, "unknown-parameter", "expected template"),
            ("?link=secret", people.content, 400, "bad-parameter", "encrypted or signed"),
            ("?link=signed", people.content, 422, "signed-not-allowed", "signed = true"),
            ("?expires=yesterday", people.content, 400, "bad-parameter", "2027-06-30"),
            ("?url=http://example.com", people.content, 400, "bad-parameter", "https"),
            ("?column=person.surname", people.content, 422, "bad-column", "already"),
            ("?map=no.such=person.surname", people.content, 422, "bad-mapping", "no column"),
            ("", b"a,b\n1,2\n", 422, "bad-mapping", "no column for required"),
            ("", b"", 422, "bad-file", "empty"),
            ("", b"a,a\n1,2\n", 422, "bad-file", "both called"),
        ]
        for query, body, *expected, words in cases:
            status, code, detail = self.problem("POST", JOBS + query, body)
            self.assertEqual([status, code], expected, detail)
            self.assertIn(words, detail)
        self.assertEqual(self.api.job_ids(), [])
        status, code, _ = self.problem("POST", JOBS, people.content, content_encoding="br")
        self.assertEqual((status, code), (415, "unknown-encoding"))

    def test_a_file_without_rows_and_one_with_an_endless_row_end_their_jobs_as_refused(self) -> None:
        people = self.people(900)
        header = people.content.partition(b"\n")[0] + b"\n"
        for body, words in [(header, "no rows"), (people.content + b'"never closed', "never closed")]:
            response, answer = self.ask("POST", JOBS, body)
            problem = json.loads(answer)
            self.assertEqual((response.status, problem["code"]), (422, "bad-file"), problem)
            self.assertIn(words, problem["detail"])
            job = self.api.wait_until_ended(problem["job"], END_SECONDS, "refused")
            self.assertIn(words, job["end"]["reason"])


class Downloads(ApiScene):
    def test_ranges_and_validators_are_those_of_the_whole_file(self) -> None:
        people = self.people(3_000)
        job_id = self.api.upload(people.content)
        self.prove_outputs(job_id, people)
        path = f"{JOBS}/{job_id}/success.csv"
        response, whole = self.ask("GET", path)
        etag = response.headers["etag"]
        self.assertEqual(int(response.headers["content-length"]), len(whole))
        size = len(whole)
        for asked, part in [("0-0", whole[:1]), (f"70000-{size - 70_000}", whole[70_000:size - 69_999]),
                            ("-1234", whole[-1234:]), (f"{size - 1}-", whole[-1:])]:
            response, content = self.ask("GET", path, range=f"bytes={asked}", if_range=etag)
            self.assertEqual((response.status, content), (206, part), asked)
            self.assertRegex(response.headers["content-range"], rf"^bytes \d+-\d+/{size}$")
        self.assertEqual(self.ask("GET", path, range=f"bytes={size}-")[0].status, 416)
        response, content = self.ask("GET", path, range="bytes=5-9", if_range='"another"')
        self.assertEqual((response.status, content), (200, whole))
        self.assertEqual(self.ask("GET", path, if_none_match=etag)[0].status, 304)
        response, content = self.ask("HEAD", path)
        self.assertEqual((response.headers["content-length"], content), (str(size), b""))
        response, content = self.ask("GET", path, accept_encoding="gzip")
        self.assertEqual((response.headers["content-encoding"], gzip.decompress(content)), ("gzip", whole))
        self.assertNotEqual(response.headers["etag"], etag)

    def test_a_part_that_was_changed_breaks_the_download(self) -> None:
        people = self.people(3_000)
        job_id = self.api.upload(people.content)
        self.prove_outputs(job_id, people)
        parts = self.cluster.folder / "data" / "blobs" / "jobs" / job_id / "out"
        for second in parts.glob("1.*"):
            content = bytearray(second.read_bytes())
            content[len(content) // 2] ^= 1
            second.write_bytes(content)
        with self.assertRaises(http.client.IncompleteRead) as broken:
            self.api.download(job_id, "success")
        first = next(parts.glob("0.*")).stat().st_size - 28
        self.assertLessEqual(len(broken.exception.partial), first + 1_000, "a byte of it was served")

    def test_events_tell_progress_and_then_the_end(self) -> None:
        people = self.people(3_000)
        upload = Upload(self.api, len(people.content))
        first, second = people.pieces(2)
        upload.send(first)
        job_id = upload.job_id()
        connection = http.client.HTTPConnection(LOOPBACK, self.api.port, timeout=DEADLINE_SECONDS)
        self.addCleanup(connection.close)
        connection.request("GET", f"{JOBS}/{job_id}/events")
        events = connection.getresponse()
        self.assertEqual(events.headers["content-type"], "text/event-stream")
        self.assertEqual(events.readline(), b"event: progress\n")
        upload.send(second)
        upload.finish()
        told = [line for line in events.read().decode().split("\n") if line.startswith("event: ")]
        self.assertEqual((told[-1], told.count("event: ended")), ("event: ended", 1))


class Places(ApiScene):
    more = ["--uploads", "1"]

    def test_more_uploads_than_there_are_places_are_told_to_come_again(self) -> None:
        people = self.people(50)
        upload = Upload(self.api, len(people.content))
        upload.send(people.content[:-1])
        wait_for(lambda: self.service.metric("smartpass_uploads") == 1, 20, "the first upload's place")
        self.assertEqual(self.problem("POST", JOBS, people.content)[:2], (503, "busy"))
        upload.send(people.content[-1:])
        upload.finish()


class SlowUploads(ApiScene):
    more = ["--minimum-rate", "1000"]

    def test_an_upload_that_trickles_is_broken_off(self) -> None:
        people = self.people(3_000)
        upload = self.enterContext(Upload(self.api, len(people.content)))
        upload.send(people.content[:200_000])
        job_id = upload.job_id()
        rest = iter(people.content[200_000:])

        def trickle() -> bool:
            # A byte for every look: the connection is never silent.
            upload.send(bytes([next(rest)]))
            return self.api.job(job_id)["state"] == "aborted"
        wait_for(trickle, 90, "the upload's end")
        self.assertIn("fewer than 1000 bytes a second", self.api.job(job_id)["end"]["reason"])
        self.prove_unreadable(self.api, job_id)


class ApiKeys(ApiScene):
    def test_only_a_key_of_the_project_opens_its_jobs(self) -> None:
        self.service.stop()
        data = ["--data", str(self.cluster.folder / "data")]
        other = "other"
        world().command("admin", "project", "new", other, *data)
        key, others_key = (world().command("admin", "api-key", "new", project, *data).strip()
                           for project in (PROJECT, other))
        self.service = self.cluster.start(None)
        self.api = self.service.api
        bearer = {"authorization": f"Bearer {key}"}
        people = self.people(50)
        response, answer = self.ask("POST", JOBS, people.content, **bearer)
        self.assertEqual(response.status, 201, answer)
        job = json.loads(answer)
        almost = key[:-1] + ("1" if key[-1] == "0" else "0")
        wrong = [{}, {"authorization": f"Bearer {others_key}"}, {"authorization": f"Bearer {almost}"},
                 {"authorization": "Bearer sp__"}, {"authorization": f"Basic {key}"}]
        answers = {self.problem("GET", job["href"], **headers) for headers in wrong}
        self.assertEqual({answer[:2] for answer in answers}, {(401, "unauthorized")})
        self.assertEqual(len(answers), 1, "bad keys get different answers")
        unknown = self.problem("GET", "/v1/projects/nobody/jobs", **bearer)
        self.assertEqual(answers, {unknown}, "a project that is none is told apart")
        moved = job["href"].replace(PROJECT, other)
        status, code, _ = self.problem("GET", moved, authorization=f"Bearer {others_key}")
        self.assertEqual((status, code), (404, "no-such-job"))
        self.service.stop()
        key_id = key.split("_")[1]
        world().command("admin", "api-key", "revoke", PROJECT, key_id, *data)
        self.service = self.cluster.start(None)
        self.api = self.service.api
        self.assertEqual(self.problem("GET", job["href"], **bearer)[0], 401)
        for secret in (key, others_key):
            self.assertNotIn(secret.split("_")[2], self.service.log_text())

    def test_no_other_machine_and_no_other_site_is_served_without_a_key(self) -> None:
        for headers in ({"origin": "https://evil.example"}, {"host": "evil.example"}):
            self.assertEqual(self.problem("GET", JOBS, **headers)[:2], (403, "other-site"))
        self.service.stop()
        command = [PROGRAM, "serve", "--listen", "0.0.0.0:0", "--ops-listen", f"{LOOPBACK}:0",
                   "--data", str(self.cluster.folder / "data")]
        ended = subprocess.run(command, env=self.cluster.environment, capture_output=True, text=True,
                               timeout=DEADLINE_SECONDS)
        self.assertEqual(ended.returncode, 1)
        self.assertIn("smartpass admin api-key new", ended.stderr)


class Client(ApiScene):
    def jobs(self, *arguments: str) -> subprocess.CompletedProcess:
        return self.cluster.client(self.api, *arguments)

    def test_the_client_submits_watches_and_downloads_what_generate_would_write(self) -> None:
        people = self.people(900)
        done = self.jobs("submit", str(people.path), "--download")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn("8 of 9 columns", done.stdout)
        outputs = [people.path.with_suffix(f".{kind}.csv") for kind in ("success", "errors")]
        self.addCleanup(lambda: [path.unlink() for path in outputs])
        world().command("verify", str(people.path), *map(str, outputs), "--exact")
        [job_id] = self.api.job_ids()
        self.assertIn(job_id, self.jobs("list").stdout)
        watched = self.jobs("watch", job_id, "--json")
        self.assertEqual((watched.returncode, json.loads(watched.stdout)["state"]), (2, "completed"))
        again = self.jobs("submit", str(people.path), "--download")
        self.assertEqual(again.returncode, 1)
        self.assertIn("--force", again.stderr)
        refused = self.jobs("cancel", job_id)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("completed already", refused.stderr)

    def test_the_client_says_what_is_wrong(self) -> None:
        people = self.people(50)
        self.service.stop()
        for arguments in (["submit", str(people.path)], ["list"], ["watch", "0" * 32]):
            unreachable = self.jobs(*arguments)
            self.assertEqual(unreachable.returncode, 1, unreachable.stdout)
            self.assertIn("cannot reach", unreachable.stderr)


class ConfigFiles(unittest.TestCase):
    def test_a_file_is_below_the_environment_and_a_flag_above_it(self) -> None:
        file = world().folder / "smartpass.toml"
        # Addresses that no machine has (RFC 5737): what is listened on is said in the refusal.
        file.write_text('[process]\nops-listen = "198.51.100.1:1"\nlog = "debug"\n')
        base = [PROGRAM, "serve", "--config", str(file)]
        def errors(*more: str, **variables: str) -> str:
            environment = world().environment | variables
            ended = subprocess.run([*base, *more], env=environment, capture_output=True, text=True,
                                   timeout=DEADLINE_SECONDS)
            self.assertNotEqual(ended.returncode, 0)
            return ended.stderr
        self.assertIn("cannot listen on 198.51.100.1:1", errors())
        self.assertIn("cannot listen on 198.51.100.2:1", errors(SMARTPASS_OPS_LISTEN="198.51.100.2:1"))
        flag = ["--ops-listen", "198.51.100.3:1"]
        self.assertIn("cannot listen on 198.51.100.3:1", errors(*flag, SMARTPASS_OPS_LISTEN="198.51.100.2:1"))
        file.write_text("[producer]\nchunk-rowz = 1\n")
        self.assertIn(f"{file}, line 2: unknown field `chunk-rowz`", errors())


if __name__ == "__main__":
    unittest.main()
