"""python3 -m unittest discover -s schemas/reader"""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path
from typing import Callable

from cells import Field, schema_text
from link_v1 import ENCRYPTED, SIGNED, Header, seal
from passkit import PASSKIT_ENCRYPTED, seal_passkit

KEY, BATCH, BASE = bytes(range(32)), bytes(8), "https://pass.example/l"
FIELDS = (Field("surname", "string", True), Field("points", "integer", False), Field("seat", "string", False))
HEADER = ["Surname", "points", "note"]
ROWS = [["Müller", "1", 'a,\n"b"'], ["", "2", "refused: no surname"], ["García", "", " blank "], ["Müller", "1", ""]]
ERROR = "row 2, line 4: surname: blank, and the field is required"

Files = dict[str, list[list[str]]]


def link(kind: str, row: list[str], position: int, batch_id: bytes = BATCH) -> str:
    if kind not in (ENCRYPTED, SIGNED):
        return seal_passkit(kind, KEY, BASE, zip(HEADER, row), batch_id, position)
    values = [row[0], row[1] or None, None]
    return f"{BASE}/{seal(KEY, 'wrsynr', Header(kind, 1, 1, batch_id, position), FIELDS, values)}"


def finished_job(kind: str) -> Files:
    good = [(position, row) for position, row in enumerate(ROWS) if row[0]]
    return {
        "input": [HEADER, *ROWS],
        "success": [HEADER + ["smartUrl"], *(row + [link(kind, row, position)] for position, row in good)],
        "errors": [HEADER + ["error"], ROWS[1] + [ERROR]],
    }


def read_job(files: Files, kind: str, encoding: str = "utf-8", delimiter: str = ",") -> tuple[int, str]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part, rows in files.items():
            with open(folder / f"{part}.csv", "w", encoding=encoding, newline="") as file:
                csv.writer(file, delimiter=delimiter).writerows(rows)
        (folder / "key.hex").write_text(KEY.hex() + "\n")
        (folder / "schema.txt").write_text(schema_text(FIELDS), encoding="utf-8", newline="")
        command = [sys.executable, str(Path(__file__).with_name("read_job.py")), "--link", kind, "--url", BASE]
        for option in ("input", "success", "errors"):
            command += [f"--{option}", str(folder / f"{option}.csv")]
        command += ["--key-file", str(folder / "key.hex"), "--schema-text", str(folder / "schema.txt")]
        command += ["--project", "wrsynr", "--template-number", "1", "--map", "Surname=surname"]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        return result.returncode, result.stdout + result.stderr


class ReadJob(unittest.TestCase):
    def test_a_right_job_is_all_equal(self) -> None:
        for kind in (ENCRYPTED, SIGNED, PASSKIT_ENCRYPTED, "passkit-hashed", "passkit-hashed-sha1"):
            with self.subTest(kind):
                self.assertEqual(read_job(finished_job(kind), kind), (0, "opened 3 links of 4 rows: all equal\n"))

    def test_other_encodings_and_delimiters_are_read(self) -> None:
        for encoding, delimiter in (("utf-8-sig", ";"), ("utf-16", "\t"), ("utf-8", "|")):
            with self.subTest(encoding):
                code, output = read_job(finished_job(SIGNED), SIGNED, encoding, delimiter)
                self.assertEqual((code, output), (0, "opened 3 links of 4 rows: all equal\n"))

    def assert_found(self, kind: str, expected: str, change: Callable[[Files], object]) -> None:
        files = finished_job(kind)
        change(files)
        code, output = read_job(files, kind)
        self.assertEqual(code, 1, output)
        self.assertIn(expected, output)
        for secret in ("Müller", "García", BASE, KEY.hex()):
            self.assertNotIn(secret, output)

    def test_every_difference_is_found(self) -> None:
        def set_link(position: int, url: str) -> Callable[[Files], object]:
            return lambda files: files["success"][position].__setitem__(-1, url)

        wrong: list[tuple[str, Callable[[Files], object]]] = [
            ("row 1: the link's row number is 3", set_link(1, link(ENCRYPTED, ROWS[3], 3))),
            ("row 3: field surname: the link's value is not the cell", set_link(2, link(ENCRYPTED, ROWS[0], 2))),
            ("row 3: the link has another batch id", set_link(2, link(ENCRYPTED, ROWS[2], 2, b"x" * 8))),
            ("row 4: the link does not open", set_link(3, BASE + "/AAAA")),
            ("row 4: the link does not start with the base URL", set_link(3, "https://elsewhere.example/AAAA")),
            ("row 4: the link is signed", set_link(3, link(SIGNED, ROWS[3], 3))),
            ("row 3 is not the next one", lambda files: files["success"].pop(2)),
            ("row 4 is not the next one", lambda files: files["success"].pop()),
            ("row 1 is not the next one", lambda files: files["success"].insert(1, files["success"].pop())),
            ("holds more rows than the input", lambda files: files["success"].append(files["success"][1])),
            ("row 2 is not the next one", lambda files: files["errors"].pop()),
            ("row 2: the cells in the errors file", lambda files: files["errors"][1].__setitem__(2, "other")),
            ("a row that the input has not", lambda files: files["errors"].append(files["errors"][1])),
            ("an error does not start with", lambda files: files["errors"][1].__setitem__(-1, "bad")),
            ("the header of the success file", lambda files: files["success"][0].__setitem__(-1, "link")),
            ("the header of the errors file", lambda files: files["errors"][0].__setitem__(0, "surname")),
        ]
        for expected, change in wrong:
            with self.subTest(expected):
                self.assert_found(ENCRYPTED, expected, change)
        same = link(PASSKIT_ENCRYPTED, ROWS[0], 0)
        for expected, change in (
            ("row 3: the link's values are not the trimmed cells", set_link(2, same)),
            ("row 4: the link does not open", set_link(3, same[:-2])),
        ):
            with self.subTest(expected):
                self.assert_found(PASSKIT_ENCRYPTED, expected, change)

    def test_a_row_of_the_wrong_width_may_not_have_a_link(self) -> None:
        def shorten_the_last_row(files: Files) -> None:
            files["input"][-1] = ROWS[3][:2]
            files["success"][-1].pop(2)

        self.assert_found(ENCRYPTED, "row 4: the row has a link", shorten_the_last_row)

    def test_equal_rows_may_not_have_equal_encrypted_links(self) -> None:
        def repeat_the_first_row(files: Files) -> None:
            files["input"].append(ROWS[0])
            files["success"].append(files["success"][1])

        self.assert_found(PASSKIT_ENCRYPTED, "row 5: an earlier row has the same link", repeat_the_first_row)


if __name__ == "__main__":
    unittest.main()
