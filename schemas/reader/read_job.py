"""Opens every link of a finished job and compares it with the input, with none of the product's code.

    python3 schemas/reader/read_job.py --input people.csv --success people.success.csv --errors people.errors.csv \\
        --key-file key.hex --project wrsynr --template-number 1 --schema-text schema.txt --url https://pass.example/l

It checks that every row of the input stands in exactly one of the two outputs, in order, with equal cells; that every
link opens to the row's values; that a v1 link's row number is the row's place in the input, under one batch id; and
that no two links are the same. It prints no cell, key or link.
"""

from __future__ import annotations

import argparse
import codecs
import csv
import itertools
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Optional, Sequence

from cells import WHITE_SPACE, Field, parse_schema_text
from link_v1 import ENCRYPTED, SIGNED, BadToken, BrokenPayload, Opener
from passkit import PASSKIT_ENCRYPTED, open_passkit

V1_KINDS = (ENCRYPTED, SIGNED)
LINKS = (*V1_KINDS, PASSKIT_ENCRYPTED, "passkit-hashed", "passkit-hashed-sha1")
MOST_DIFFERENCES = 5  # enough to see a pattern
LONGEST_CELL = 1 << 30


class Difference(Exception):
    """What is not as it should be. The message holds no data of the row."""


class CsvFile:
    """A header and then rows. Blank lines are no rows."""

    def __init__(self, path: Path, encoding: Optional[str], delimiter: Optional[str]) -> None:
        self.path = path
        self.encoding = encoding or encoding_by_mark(path)
        with open(path, encoding=self.encoding, newline="") as file:
            first_line = file.readline()
        self.delimiter = delimiter or max(",;\t|", key=first_line.count)

    def rows(self) -> Iterator[list[str]]:
        with open(self.path, encoding=self.encoding, newline="") as file:
            yield from filter(None, csv.reader(file, delimiter=self.delimiter))


def encoding_by_mark(path: Path) -> str:
    with open(path, "rb") as file:
        start = file.read(2)
    return "utf-16" if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8-sig"


class V1Checker:
    """Checks links of format v1: values, row number, one batch id. So no two link ids are the same."""

    def __init__(self, arguments: argparse.Namespace, key: bytes, header: Sequence[str]) -> None:
        fields = parse_schema_text(arguments.schema_text.read_text(encoding="utf-8"))
        self.arguments = arguments
        self.columns = columns_of_fields(fields, header, arguments.map)
        self.field_names = [field.name for field in fields]
        keys, templates = {arguments.key_version: key}, {arguments.template_number: fields}
        self.opener = Opener(arguments.project, keys, templates)
        self.batch_id: Optional[bytes] = None

    def check(self, url: str, row: Sequence[str], position: int) -> None:
        base = self.arguments.url + "/"
        if not url.startswith(base):
            raise Difference("the link does not start with the base URL")
        opened = self.opener.open(url.removeprefix(base))
        if opened.header.kind != self.arguments.link:
            raise Difference(f"the link is {opened.header.kind}")
        if opened.header.row_number != position:
            raise Difference(f"the link's row number is {opened.header.row_number}, expected {position}")
        if self.batch_id not in (None, opened.header.batch_id):
            raise Difference("the link has another batch id than the links before")
        self.batch_id = opened.header.batch_id
        for name, column, value in zip(self.field_names, self.columns, opened.values, strict=True):
            cell = row[column] if column is not None else ""
            if cell != (value or ""):
                raise Difference(f"field {name}: the link's value is not the cell")


def columns_of_fields(
    fields: Sequence[Field], header: Sequence[str], pairs: Sequence[tuple[str, str]]
) -> list[Optional[int]]:
    """For each field the index of its column: the mapped one, else the one of its own name, else none."""
    column_of = {field: column for column, field in pairs}
    unknown = [name for name in column_of if name not in {field.name for field in fields}]
    unknown += [name for name in column_of.values() if name not in header]
    if unknown:
        raise Difference(f"--map names what is not there: {', '.join(unknown)}")
    names = [column_of.get(field.name, field.name) for field in fields]
    return [header.index(name) if name in header else None for name in names]


class PassKitChecker:
    """Checks PassKit links: the JSON holds every column, trimmed."""

    def __init__(self, arguments: argparse.Namespace, key: bytes, header: Sequence[str]) -> None:
        self.arguments, self.key, self.header = arguments, key, header
        self.encrypted_links: set[str] = set()

    def check(self, url: str, row: Sequence[str], _: int) -> None:
        opened = json.loads(open_passkit(self.arguments.link, self.key, self.arguments.url, url))
        if opened != {name: cell.strip(WHITE_SPACE) for name, cell in zip(self.header, row, strict=True)}:
            raise Difference("the link's values are not the trimmed cells")
        if self.arguments.link == PASSKIT_ENCRYPTED:  # a hashed link has no IV: equal rows have equal links
            if url in self.encrypted_links:
                raise Difference("an earlier row has the same link")
            self.encrypted_links.add(url)


@dataclass
class Counts:
    rows: int = 0
    opened: int = 0


def differences(arguments: argparse.Namespace, counts: Counts) -> Iterator[str]:
    rows = read(arguments.input, arguments)
    successes = read(arguments.success, arguments)
    errors = read(arguments.errors, arguments) if arguments.errors else iter(())
    header = next(rows, [])
    if next(successes, None) != header + [arguments.column]:
        raise Difference("the header of the success file is not the input's and the link column")
    if next(errors, header + ["error"]) != header + ["error"]:
        raise Difference("the header of the errors file is not the input's and the error column")

    key = bytes.fromhex(arguments.key_file.read_text(encoding="ascii"))
    checker = (V1Checker if arguments.link in V1_KINDS else PassKitChecker)(arguments, key, header)
    success, error = next(successes, None), next(errors, None)
    for position, row in enumerate(rows):
        counts.rows += 1
        person_row = position + 1
        if error is not None and error_row_number(error) == person_row:
            if error[:-1] != row:
                yield f"row {person_row}: the cells in the errors file are not the input's"
            error = next(errors, None)
            continue
        if success is None or success[:-1] != row:
            yield f"row {person_row} is not the next one in either file"
            return
        try:
            if len(row) != len(header):
                raise Difference("the row has a link, and not as many cells as the header")
            checker.check(success[-1], row, position)
            counts.opened += 1
        except (Difference, BadToken, BrokenPayload) as problem:
            yield f"row {person_row}: {str(problem) or CANNOT_OPEN[type(problem)]}"
        success = next(successes, None)
    if success is not None:
        yield "the success file holds more rows than the input"
    if error is not None:
        yield "the errors file holds a row that the input has not, or rows out of order"


CANNOT_OPEN = {BadToken: "the link does not open", BrokenPayload: "the link's payload is broken"}


def read(path: Path, arguments: argparse.Namespace) -> Iterator[list[str]]:
    return CsvFile(path, arguments.encoding, arguments.delimiter).rows()


def error_row_number(error: Sequence[str]) -> int:
    match = re.match(r"row ([0-9]+), line [0-9]+: ", error[-1])
    if match is None:
        raise Difference("an error does not start with `row N, line L: `")
    return int(match[1])


def column_and_field(text: str) -> tuple[str, str]:
    column, separator, field_name = text.rpartition("=")
    if not separator:
        raise argparse.ArgumentTypeError("expected COLUMN=FIELD")
    return column, field_name


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--success", type=Path, required=True)
    parser.add_argument("--errors", type=Path)
    parser.add_argument("--key-file", type=Path, required=True, help="the key in hex")
    parser.add_argument("--link", choices=LINKS, default=ENCRYPTED)
    parser.add_argument("--project")
    parser.add_argument("--key-version", type=int, default=1)
    parser.add_argument("--template-number", type=int)
    parser.add_argument("--schema-text", type=Path, help="a file with the template's schema text")
    parser.add_argument("--url", required=True, help="the base URL, without a slash at its end")
    parser.add_argument("--column", default="smartUrl", help="the link column (default: smartUrl)")
    parser.add_argument("--map", type=column_and_field, action="append", default=[], metavar="COLUMN=FIELD")
    parser.add_argument("--encoding", help="of all files (default: UTF-8, or UTF-16 by its mark)")
    parser.add_argument("--delimiter", help="of all files (default: found in the header)")
    arguments = parser.parse_args()
    needed = (arguments.project, arguments.template_number, arguments.schema_text)
    if arguments.link in V1_KINDS and None in needed:
        parser.error("links of format v1 need --project, --template-number and --schema-text")
    return arguments


def main() -> int:
    csv.field_size_limit(LONGEST_CELL)
    arguments, counts = parse_arguments(), Counts()
    try:
        found = list(itertools.islice(differences(arguments, counts), MOST_DIFFERENCES))
    except Difference as difference:
        found = [str(difference)]
    if found:
        print("\n".join(found))
        return 1
    print(f"opened {counts.opened} links of {counts.rows} rows: all equal")
    return 0


if __name__ == "__main__":
    sys.exit(main())
