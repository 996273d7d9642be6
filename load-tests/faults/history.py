"""The history checker: proves the promises about a job from the content of the stores.

It shares no code with the services. It reads Kafka's topics from their beginning, the job's record in Redis, the
sealed blobs and the input, and compares them with each other and with the API's answers. Checks carry numbers, as in
the messages of `smartpass verify`: I1 every row is in exactly one output, unchanged and in order; I2 every link opens
to its row's values; I3 no committed offset is past an unfinished chunk; I4 encoding again gives the same bytes; I5 a
job ends once; I8 no row, link or key is outside of sealed blobs; I10 nothing of a job is readable after its purge.
"""

from __future__ import annotations

import argparse
import itertools
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cluster import World  # and with it the way to the reader of links
from cells import Field, schema_text
from read_job import Counts, differences
from leaks import Haystack, row_needles, token_needles
from people import FIELDS, PROJECT, People
from stores import CHUNKS, JOBS, RESULTS, Bucket, MasterKey, Message, State, Topics, done_chunks, open_blob
from waiting import wait_for

WORKERS, TRACKERS = "smartpass-encoder-worker", "smartpass-tracker"
LINK_BASE = f"http://localhost:8080/{PROJECT}"


@dataclass(frozen=True)
class Outputs:
    success: bytes
    errors: bytes


class History:
    """The jobs on a world's servers, as the stores show them."""

    def __init__(self, world: World) -> None:
        settings = world.servers.settings()
        self.world = world
        self.topics = Topics(settings["SMARTPASS_KAFKA"])
        self.state = State(settings["SMARTPASS_REDIS_URL"])
        self.bucket = Bucket(world.servers.s3.port)
        self.master_key = MasterKey(world.master_key)

    # The whole proof for each kind of end.

    def prove_completed(self, job_id: str, people: People, handed_out: Outputs) -> None:
        record = self.state.record(job_id)
        assert record["end"]["outcome"] == "completed", record["end"]
        rebuilt = self.rebuild(job_id)
        assert rebuilt.success == handed_out.success, "the API's success.csv is not what the manifest lists"
        assert rebuilt.errors == handed_out.errors, "the API's errors.csv is not what the manifest lists"
        self._prove_outputs(people, rebuilt)
        self.prove_counts(job_id, people, rebuilt)
        self.prove_ended_once(job_id)
        self.prove_offsets()
        self.prove_nothing_personal(people, rebuilt.success)

    def prove_ended_otherwise(self, job_id: str, outcome: str, people: People) -> None:
        """A job without outputs: failed, cancelled, refused, aborted."""
        record = self.state.record(job_id)
        assert record["end"]["outcome"] == outcome, record["end"]
        self.prove_ended_once(job_id)
        self.prove_offsets()
        self.prove_nothing_personal(people, b"")

    def prove_files(self, people: People, handed_out: Outputs, folder: Path) -> None:
        """Proves a job of one process without servers. Its state is in a file of its own format, so the checks cover
        the outputs, and that its folder, state and blobs included, shows nothing of them."""
        self._prove_outputs(people, handed_out)
        files = (path for path in folder.rglob("*") if path.name != "master-key")
        self._prove_none_has(self._needles(people, handed_out.success), files)

    # I1, I2 and I4: rows, links, bytes.

    def _prove_outputs(self, people: People, outputs: Outputs) -> None:
        prove_rows(people, outputs)
        prove_links(self.world, self.project_key(), people, outputs)
        prove_exact(self.world, people, outputs)

    def data_key(self, job_id: str) -> bytes:
        return self.master_key.unwrap("job data", PROJECT, job_id, self.state.job(job_id)["data-key"])

    def project_key(self) -> bytes:
        stored = json.loads(self.state.document(f"project/{PROJECT}")["key/1"])
        return self.master_key.unwrap("link", PROJECT, "1", bytes.fromhex(stored["wrapped"]))

    def rebuild(self, job_id: str) -> Outputs:
        """Both outputs, put together from the blobs that the manifest lists."""
        key, fields = self.data_key(job_id), self.state.job(job_id)
        entry = json.loads(fields["record"])["manifest"]
        manifest = json.loads(self._opened(key, job_id, entry["blob"]))
        parts = manifest["parts"]
        headers = json.loads(fields["headers"])
        assert manifest["headers"] == headers, "the manifest has other header lines than the state"
        recorded = [json.loads(fields[f"part/{index}"]) for index in range(len(parts))]
        assert parts == recorded, "the manifest lists other parts than the state"
        assert f"part/{len(parts)}" not in fields, "the state has a part that the manifest does not list"
        success = [manifest["headers"]["success"], *(part["success"] for part in parts)]
        errors = [manifest["headers"]["errors"], *(part["errors"] for part in parts if part["errors"])]
        outputs = Outputs(*(b"".join(self._opened(key, job_id, stored) for stored in blobs)
                            for blobs in (success, errors)))
        lengths = (len(outputs.success), len(outputs.errors))
        assert lengths == (entry["success_bytes"], entry["errors_bytes"]), "the record tells other lengths"
        return outputs

    def _opened(self, key: bytes, job_id: str, stored: dict) -> bytes:
        path = f"jobs/{job_id}/{stored['blob']}"
        content, tag = open_blob(key, path, self.bucket.get(path))
        assert tag == stored["tag"], f"{path} has another tag than the one written down"
        assert len(content) == stored["bytes"], f"{path} has another length than the one written down"
        return content

    def prove_counts(self, job_id: str, people: People, outputs: Outputs) -> None:
        record = self.state.record(job_id)
        links, errors = len(rows_of(outputs.success)) - 1, len(rows_of(outputs.errors)) - 1
        told = (record["rows"], record["counts"]["links"], record["counts"]["errors"])
        assert told == (people.rows, links, errors), f"the record counts {told}, the files {links} and {errors}"
        # Each index has one part, and its chunks are the whole file without gap or overlap.
        fields, next_row = self.state.job(job_id), 0
        for index in range(record["total"]):
            chunk = json.loads(fields[f"chunk/{index}"])
            assert chunk["first_row"] == next_row, f"chunk {index} begins at row {chunk['first_row']}, not {next_row}"
            next_row += chunk["rows"]
        assert next_row == people.rows, "the chunks are not the whole file"
        assert done_chunks(record) == set(range(record["total"])), "a chunk of a completed job is not done"

    # I3: no offset is committed before its chunk is done.

    def prove_offsets(self) -> None:
        """No committed offset is past a chunk, of whatever job, that is neither done nor of a job that ended."""
        # The offsets are read first: a committed chunk was done before.
        committed = self.topics.committed(WORKERS)
        ends, messages = self.topics.ends(), self.topics.read()
        for place, offset in committed.items():
            assert offset <= ends[place], f"{place} is committed past its end"
        records: dict[str, dict] = {}
        for message in messages:
            place = (message.topic, message.partition)
            if message.topic != CHUNKS or message.offset >= committed.get(place, 0):
                continue
            job_id, index = message.datum["job"], message.datum["index"]
            record = records.setdefault(job_id, self.state.record(job_id))
            has_result = record["end"] is not None or index in done_chunks(record) or self._has_result(message)
            assert has_result, f"{place} is committed at {committed[place]}, and chunk {index} of {job_id} is not done"

    def _has_result(self, ready: Message) -> bool:
        """Whether a result stands in its topic, for the tracker to take: from then on the chunk is the tracker's."""
        chunk = (ready.datum["job"], ready.datum["index"])
        return any((message.datum["job"], message.datum["index"]) == chunk
                   for message in self.topics.messages if message.topic == RESULTS)

    def is_all_consumed(self) -> bool:
        ends = self.topics.ends()
        workers, trackers = self.topics.committed(WORKERS), self.topics.committed(TRACKERS)
        return all(end == 0 or (workers if topic == CHUNKS else trackers).get((topic, partition)) == end
                   for (topic, partition), end in ends.items() if topic in (CHUNKS, RESULTS))

    # I5: one end.

    def announcements(self, job_id: str) -> list[dict]:
        return [message.datum for message in self.topics.read()
                if message.topic == JOBS and message.kind == "JobEnded" and message.datum["job"] == job_id]

    def prove_ended_once(self, job_id: str) -> None:
        # The end is committed before it is announced, and a tracker may die in between.
        wait_for(lambda: self.state.record(job_id)["end"]["announced"], 20, f"the announcement of job {job_id}")
        record = self.state.record(job_id)
        end, announced = record["end"], self.announcements(job_id)
        by_event = {event["event_id"]: event for event in announced}
        assert all(by_event[event["event_id"]] == event for event in announced), "one event id, two contents"
        # A retry goes on after an end, so each end has its own event.
        expected = {f"{job_id}-{number}" for number in range(1, record["ends"] + 1)}
        assert set(by_event) == expected, f"announced are {sorted(by_event)}, expected {sorted(expected)}"
        last = by_event[end["event_id"]]
        told = {name: last[name] for name in ("outcome", "reason", "at")}
        assert told == {name: end[name] for name in told}, "the announcement tells another end than the record"
        assert self.state.due(job_id) is not None, "nobody will look at the job again, to delete it"
        counted = (last["rows"], last["links"], last["errors"])
        counts = record["counts"]
        assert counted == (record["rows"], counts["links"], counts["errors"]), "the announcement tells other counts"

    # I8: rows, links and keys are in sealed blobs and nowhere else.

    def prove_nothing_personal(self, people: People, success: bytes) -> None:
        servers, folder = self.world.servers, self.world.folder
        files = [*servers.kafka.data.glob("topics/smartpass.*/*.log"), *servers.redis.data.glob("appendonlydir/*"),
                 *servers.directory.glob("*.log"), *folder.glob("services-*/*.log")]
        self._prove_none_has(self._needles(people, success), files)

    def _needles(self, people: People, success: bytes) -> set[str]:
        rows_and_links = row_needles(people.content) | token_needles(success)
        return rows_and_links | {self.world.master_key, self.project_key().hex()}

    def _prove_none_has(self, needles: set[str], files: Iterable[Path]) -> None:
        metrics = [service.keep_metrics() for service in self.world.live_services()]
        Haystack(self.world.folder, [*files, *metrics]).prove_it_has_none_of(needles)

    # I10: nothing is readable any more.

    def prove_purged(self, job_id: str, people: People) -> None:
        fields = self.state.job(job_id)
        assert set(fields) == {"record"}, f"the state still has {sorted(set(fields) - {'record'})}"
        record = json.loads(fields["record"])
        assert record["files"]["state"] == "purged", record["files"]
        assert record["manifest"] is None, "the record still says where the manifest is"
        self.prove_nothing_personal(people, b"")

    def prove_swept(self, job_id: str, people: People) -> None:
        """After the last sweep: also no sealed blob is left."""
        self.prove_purged(job_id, people)
        left = self.bucket.paths(f"jobs/{job_id}/")
        assert not left, f"after the last sweep, {len(left)} blobs are left"

    def sweeps(self, job_id: str) -> int:
        return self.state.record(job_id)["files"].get("swept", 0)


# Proofs that need nothing but files: they hold without servers too.


def rows_of(content: bytes) -> list[tuple[bytes, bytes]]:
    """Rows and their line endings, header included, blank lines not. A line inside quotes goes on with the next one."""
    rows, row = [], b""
    for line in re.findall(rb"[^\n]*\n|[^\n]+", content):
        row += line
        if row.count(b'"') % 2 == 0:
            text = row.rstrip(b"\r\n")
            if text:
                rows.append((text, row[len(text):]))
            row = b""
    assert not row, "the file ends inside a quoted cell"
    return rows


def prove_rows(people: People, outputs: Outputs) -> None:
    """I1: every row is in exactly one output, in order, its bytes untouched."""
    head, *rows = rows_of(people.content)
    (success_head, *success), (errors_head, *errors) = rows_of(outputs.success), rows_of(outputs.errors)
    assert (success_head[0], errors_head[0]) == (head[0] + b",smartUrl", head[0] + b",error"), "other header lines"
    assert len(rows) == people.rows
    taken = [0, 0]
    for number, (row, end) in enumerate(rows, start=1):
        places = [place for place, output in enumerate((success, errors))
                  if taken[place] < len(output) and output[taken[place]][0].startswith(row + b",")
                  and output[taken[place]][1] == end]
        assert len(places) == 1, f"row {number} is the next one of {len(places)} outputs"
        added = (success, errors)[places[0]][taken[places[0]]][0][len(row) + 1:]
        begins = (f"{LINK_BASE}/".encode(), f'"row {number}, line '.encode())[places[0]]
        assert added.startswith(begins), f"row {number} is followed by something else than a link or an error"
        taken[places[0]] += 1
    assert taken == [len(success), len(errors)], "an output has rows that the input has not"


def prove_links(world: World, project_key: bytes, people: People, outputs: Outputs) -> None:
    """I2: every link opens to its row's values, read by the independent reader of the link format."""
    folder = world.folder / "outputs"
    success, errors = write_outputs(folder, outputs)
    key_file, schema_file = folder / "key.hex", folder / "schema.txt"
    key_file.write_text(project_key.hex())
    schema_file.write_text(schema_text(Field(*field) for field in FIELDS), encoding="utf-8")
    arguments = argparse.Namespace(
        input=people.path, success=success, errors=errors, key_file=key_file, link="encrypted", project=PROJECT,
        key_version=1, template_number=1, schema_text=schema_file, url=LINK_BASE, column="smartUrl", map=[],
        encoding="utf-8", delimiter=",")
    counts = Counts()
    found = list(itertools.islice(differences(arguments, counts), 3))
    assert not found, "; ".join(found)
    assert counts.rows == people.rows and counts.opened > people.rows * 0.9, counts


def prove_exact(world: World, people: People, outputs: Outputs) -> None:
    """I4: encoding the input again gives the same bytes."""
    success, errors = write_outputs(world.folder / "outputs", outputs)
    said = world.command("verify", "--exact", str(people.path), str(success), str(errors))
    assert "gives the same bytes" in said, said


def write_outputs(folder: Path, outputs: Outputs) -> tuple[Path, Path]:
    folder.mkdir(exist_ok=True)
    success, errors = folder / "success.csv", folder / "errors.csv"
    success.write_bytes(outputs.success)
    errors.write_bytes(outputs.errors)
    return success, errors
