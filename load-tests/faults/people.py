"""Input files: people who do not exist, in rows that are hard to keep apart, and some that cannot become links.

No other part of the system writes a cell of six characters or more by itself, so such a cell in a log means that a row
got there.
"""

from __future__ import annotations

import csv
import io
import random
from dataclasses import dataclass
from pathlib import Path

PROJECT = "demo"
TEMPLATE = "members"
# Symbols stand in the template, which is stored: shorter than what the search for rows looks for.
TIERS = ("black", "blue", "gold")
FIELDS = (
    ("members.member.externalId", "string", True, ()),
    ("person.forename", "string", True, ()),
    ("person.surname", "string", True, ()),
    ("person.emailAddress", "email", True, ()),
    ("person.mobileNumber", "phone", False, ()),
    ("person.dateOfBirth", "date", False, ()),
    ("members.tier.id", "enum", True, TIERS),
    ("members.member.points", "integer", True, ()),
)
# The template has no such field: it stays in the outputs and is in no link.
UNMAPPED = "remark"
HEADER = [name for name, *_ in FIELDS] + [UNMAPPED]
SYLLABLES = ("bra", "çel", "dro", "fjå", "gwu", "hül", "jøs", "kwi", "łoz", "mñe", "pœr", "qua", "ská", "tři")


def template_text() -> str:
    lines = [f'code = "{TEMPLATE}"']
    for name, type_name, required, symbols in FIELDS:
        lines += ["", "[[fields]]", f'name = "{name}"', f'type = "{type_name}"', f"required = {str(required).lower()}"]
        if symbols:
            lines.append("symbols = [" + ", ".join(f'"{symbol}"' for symbol in symbols) + "]")
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class People:
    """A CSV file: its bytes, and where it may be cut without cutting a row."""

    path: Path
    content: bytes
    rows: int
    row_ends: list[int]

    def pieces(self, count: int) -> list[bytes]:
        """The file in so many pieces, each of which ends with a row."""
        every = len(self.row_ends) // count
        ends = [self.row_ends[every * piece - 1] for piece in range(1, count)]
        return [self.content[start:end] for start, end in zip([0, *ends], [*ends, len(self.content)])]


def make_people(path: Path, rows: int, seed: str) -> People:
    """The same file for the same seed."""
    dice = random.Random(seed)
    content = bytearray(",".join(HEADER).encode() + b"\n")
    row_ends = []
    for number in range(rows):
        content += row_text(dice, number)
        row_ends.append(len(content))
    path.write_bytes(content)
    return People(path, bytes(content), rows, row_ends)


def row_text(dice: random.Random, number: int) -> bytes:
    forename, surname = name(dice, 3), name(dice, 4)
    cells = [
        f"MBR-{dice.randrange(16**8):08X}",
        forename,
        surname,
        f"user{dice.randrange(10**9):09}@mail{dice.randrange(10**4):04}.example.net",
        f"+4477{dice.randrange(10**8):08}" if dice.random() < 0.8 else "",
        f"{dice.randrange(1930, 1969)}-{dice.randrange(1, 13):02}-{dice.randrange(1, 29):02}",
        dice.choice(TIERS),
        str(dice.randrange(100_000)),
        remark(dice),
    ]
    if number % 97 == 13:
        cells[4] = f"fon-{dice.randrange(10**8):08}"
    elif number % 211 == 17:
        cells[1] = ""
    elif number % 331 == 19:
        cells.pop()
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    blank_line = b"\n" if number % 503 == 7 else b""
    line_end = b"\r\n" if number % 53 == 5 else b"\n"
    return blank_line + line.getvalue().encode() + line_end


def name(dice: random.Random, syllables: int) -> str:
    return "".join(dice.choice(SYLLABLES) for _ in range(syllables)).capitalize() + f"{dice.randrange(1000):03}"


def remark(dice: random.Random) -> str:
    words = f"remark{dice.randrange(10**6):06}"
    return dice.choice((words, f'{words} with "quotes"', f"{words},\n on a second line", ""))
