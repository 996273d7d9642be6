"""The search for rows, links and keys where none may be."""

from __future__ import annotations

import csv
import io
import subprocess
from collections.abc import Iterable
from pathlib import Path

# Shorter cells are words that stand everywhere.
SHORTEST_CELL = 6
PLANTED = "a-cell-planted-to-be-found"


def row_needles(content: bytes) -> set[str]:
    """All cells of a CSV file that are long enough, line by line, without the header's."""
    rows = csv.reader(io.StringIO(content.decode(), newline=""))
    next(rows)
    lines = (line for row in rows for cell in row for line in cell.splitlines())
    return {line for line in lines if len(line) >= SHORTEST_CELL}


def token_needles(success: bytes) -> set[str]:
    """The tokens of all links of a success file."""
    rows = csv.reader(io.StringIO(success.decode(), newline=""))
    next(rows, None)
    return {row[-1].rpartition("/")[2] for row in rows if row}


class Haystack:
    def __init__(self, folder: Path, files: Iterable[Path]) -> None:
        self.folder = folder
        self.files = [file for file in files if file.is_file()]
        assert self.files, "there is nothing to search"

    def prove_it_has_none_of(self, needles: set[str]) -> None:
        # A search that finds nothing proves something only if it would have found it.
        planted = self.folder / "planted.txt"
        planted.write_bytes(b"\0\xff" + PLANTED.encode() + b"\0")
        found = self._files_with(needles | {PLANTED}, [*self.files, planted])
        assert planted in found, "the search does not find what was planted"
        leaks = sorted(str(file.relative_to(self.folder)) for file in found if file != planted)
        assert not leaks, f"rows, links or keys are in {', '.join(leaks)}"

    def _files_with(self, needles: set[str], files: list[Path]) -> set[Path]:
        """The files that hold one of the needles. grep searches all needles at once, minutes faster than Python."""
        patterns = self.folder / "needles.txt"
        patterns.write_text("\n".join(sorted(needles)) + "\n")
        command = ["grep", "--fixed-strings", "--text", "--files-with-matches", "--null", f"--file={patterns}", "--"]
        ended = subprocess.run([*command, *map(str, files)], env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"},
                               capture_output=True)
        # 2 is what grep says of a file that vanished while it read: a segment or a log that was replaced.
        assert ended.returncode in (0, 1), ended.stderr.decode(errors="replace")
        return {Path(name.decode()) for name in ended.stdout.split(b"\0") if name}
