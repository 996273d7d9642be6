"""The checker itself: it finds every kind of fault that it is for."""

import contextlib
import dataclasses
import json
import unittest
from collections.abc import Iterator

from history import Outputs, prove_exact, prove_links, prove_rows, rows_of
from scene import Scene, history, world
from stores import CHUNKS, JOBS
from waiting import wait_for


class TheChecker(Scene):
    def setUp(self) -> None:
        super().setUp()
        [producer], _, _ = self.cluster.start_all()
        self.file = self.people(1_500)
        self.job_id = producer.api.upload(self.file.content)
        self.prove_completed(producer.api, self.job_id, self.file)
        self.outputs = self.outputs(producer.api, self.job_id)

    def test_it_finds_every_kind_of_damage_in_a_good_job(self) -> None:
        for damage in (self.lost_row, self.swapped_rows, self.changed_row, self.swapped_links, self.changed_link,
                       self.other_bytes_in_the_blobs, self.second_end, self.other_content, self.early_commit,
                       self.row_in_a_log, self.link_in_a_log, self.key_after_a_purge):
            with self.subTest(damage.__name__):
                damage()

    def success_lines(self) -> list[bytes]:
        return [text + end for text, end in rows_of(self.outputs.success)]

    def with_success(self, lines: list[bytes]) -> Outputs:
        return dataclasses.replace(self.outputs, success=b"".join(lines))

    def lost_row(self) -> None:
        lines = self.success_lines()
        with self.assertRaisesRegex(AssertionError, "outputs"):
            prove_rows(self.file, self.with_success(lines[:-1]))

    def swapped_rows(self) -> None:
        lines = self.success_lines()
        with self.assertRaisesRegex(AssertionError, "row 1 is the next one of 0 outputs"):
            prove_rows(self.file, self.with_success([lines[0], lines[2], lines[1], *lines[3:]]))

    def changed_row(self) -> None:
        changed = dataclasses.replace(self.outputs, success=self.outputs.success.replace(b"MBR-", b"MBR_", 1))
        with self.assertRaises(AssertionError):
            prove_rows(self.file, changed)

    def swapped_links(self) -> None:
        head, one, two, *rest = self.success_lines()
        (one, one_link), (two, two_link) = one.rsplit(b",", 1), two.rsplit(b",", 1)
        swapped = self.with_success([head, one + b"," + two_link, two + b"," + one_link, *rest])
        prove_rows(self.file, swapped)
        with self.assertRaisesRegex(AssertionError, "row number"):
            prove_links(world(), history().project_key(), self.file, swapped)

    def changed_link(self) -> None:
        lines = self.success_lines()
        last = lines[-1][-2:-1]
        changed = self.with_success([*lines[:-1], lines[-1][:-2] + (b"A" if last != b"A" else b"Q") + b"\n"])
        with self.assertRaisesRegex(AssertionError, "does not open"):
            prove_links(world(), history().project_key(), self.file, changed)
        with self.assertRaises(AssertionError):
            prove_exact(world(), self.file, changed)

    def other_bytes_in_the_blobs(self) -> None:
        changed = dataclasses.replace(self.outputs, success=self.outputs.success + b"\n")
        with self.assertRaisesRegex(AssertionError, "not what the manifest lists"):
            history().prove_completed(self.job_id, self.file, changed)

    @contextlib.contextmanager
    def one_more(self, topic: str, kind: str, **changes: object) -> Iterator[None]:
        """One more message, as it would stand there if the services had written it."""
        messages = history().topics.messages
        found = next(message for message in messages if (message.topic, message.kind) == (topic, kind)
                     and message.datum["job"] == self.job_id)
        more = dataclasses.replace(found, datum=found.datum | changes)
        messages.append(more)
        try:
            yield
        finally:
            messages.remove(more)

    def second_end(self) -> None:
        with self.one_more(JOBS, "JobEnded", event_id=f"{self.job_id}-2"):
            with self.assertRaisesRegex(AssertionError, "expected"):
                history().prove_ended_once(self.job_id)

    def other_content(self) -> None:
        with self.one_more(JOBS, "JobEnded", rows=1):
            with self.assertRaisesRegex(AssertionError, "two contents"):
                history().prove_ended_once(self.job_id)

    def early_commit(self) -> None:
        """A chunk that is behind a committed offset, of a job that has not ended, and is not done."""
        record = history().state.record(self.job_id)
        running = json.dumps(record | {"end": None}).encode()
        key, redis = f"smartpass:doc:job/{self.job_id}", history().state.client
        wait_for(history().is_all_consumed, 20, "the last commit of offsets")
        redis.hset(key, "record", running)
        try:
            with self.one_more(CHUNKS, "ChunkReady", index=record["total"]):
                with self.assertRaisesRegex(AssertionError, "is not done"):
                    history().prove_offsets()
        finally:
            redis.hset(key, "record", json.dumps(record))

    def row_in_a_log(self) -> None:
        log = self.cluster.folder / "leaky.log"
        log.write_bytes(b'{"message":"' + rows_of(self.file.content)[2][0].split(b",")[3] + b'"}')
        with self.assertRaisesRegex(AssertionError, "leaky.log"):
            history().prove_nothing_personal(self.file, self.outputs.success)
        log.unlink()

    def link_in_a_log(self) -> None:
        log = self.cluster.folder / "leaky.log"
        log.write_bytes(b'{"message":"' + self.success_lines()[-1].strip().rsplit(b"/", 1)[1] + b'"}')
        with self.assertRaisesRegex(AssertionError, "leaky.log"):
            history().prove_nothing_personal(self.file, self.outputs.success)
        log.unlink()

    def key_after_a_purge(self) -> None:
        with self.assertRaisesRegex(AssertionError, "data-key"):
            history().prove_purged(self.job_id, self.file)


if __name__ == "__main__":
    unittest.main()
