"""The templates, cells and PassKit rows that the vectors are made of."""

from __future__ import annotations

import hashlib
from typing import Any, Iterable

from cells import Field

PROJECT = "wrsynr"
EXAMPLE_KEY = bytes(range(32))
EXAMPLE_BATCH = bytes.fromhex("0011223344556677")
EXAMPLE_FIELDS = (
    Field("person.surname", "string", True),
    Field("person.forename", "string", False),
    Field("person.mobileNumber", "phone", False),
    Field("person.dateOfBirth", "date", False),
    Field("members.tier.id", "enum", True, ("silver", "gold")),
    Field("members.member.points", "integer", True),
    Field("universal.expiryDate", "datetime", False),
    Field("location[1].lat", "decimal", False),
)
EXAMPLE_VALUES = (
    "Müller",
    "Ann",
    "+447700900123",
    "1986-12-01",
    "gold",
    "1200",
    "2021-06-22T23:59:00-05:00",
    "-42.2340",
)

MANY_SYMBOLS = tuple(f"symbol {number}" for number in range(70))
# Texts that a type accepts: its limits, and what comes near them.
ACCEPTED: dict[str, tuple[str, ...]] = {
    "string": (
        " ",
        "  not trimmed\t",
        'a "quoted" word, a comma; a \\ and a \'',
        "line one\r\nline two\nline three",
        "Zoë Łukasiewicz 山田太郎",
        "👩‍👩‍👧‍👦🏳️‍🌈",
        "مرحبا עברית \u200frtl\u200e",
        "e\u0301 is not \u00e9; \u1e9b\u0323 stays",
        "\ufeff\u00a0\u2028\u0085\u007f\u0001",
        "\U0010ffff\ud7ff\ue000\uffff",
        "x" * 63,
        "x" * 64,
        "=1+1",
        "null",
    ),
    "email": ("a@b.c", "ann.müller+tag@exämple.co.uk", '"odd"local@x.y', "x" * 250 + "@y.z"),
    "url": ("http://a", "https://example.com/p?q=1&r=ä#f", "https://user:pw@[::1]:8443/", "https://münchen.example"),
    "integer": (
        "0",
        "1",
        "-1",
        "63",
        "64",
        "-64",
        "-65",
        "2147483648",
        "9007199254740993",
        "9223372036854775807",
        "-9223372036854775808",
    ),
    "decimal": (
        "0",
        "0.0",
        "0.000000000000000000",
        "1",
        "-1",
        "10.00",
        "-0.01",
        "0.5",
        "0.50",
        "-42.2340",
        "9223372036854775807",
        "-9223372036854775808",
        "9.223372036854775807",
        "-9.223372036854775808",
        "0.000000000000000001",
        "-0.000000000000000001",
    ),
    "boolean": ("true", "false"),
    "date": ("0001-01-01", "1582-10-10", "1900-02-28", "1969-12-31", "1970-01-01", "2000-02-29", "9999-12-31"),
    "datetime": (
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "0001-01-01T00:00:00-23:59",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00Z",
        "1970-01-01T00:00:00+00:00",
        "2024-02-29T12:34:56+14:00",
        "2024-02-29T12:34:56-12:00",
        "2024-02-29T12:34:56+05:45",
        "2024-02-29T12:34:56-00:01",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59+23:59",
        "9999-12-31T23:59:59-23:59",
    ),
    "enum": (MANY_SYMBOLS[0], MANY_SYMBOLS[63], MANY_SYMBOLS[64], MANY_SYMBOLS[-1]),
    "uuid": (
        "00000000-0000-0000-0000-000000000000",
        "123e4567-e89b-12d3-a456-426614174000",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
    ),
    "phone": ("+1000000", "+9999999", "+447700900123", "+100000000000000", "+999999999999999"),
}

REFUSED: dict[str, tuple[str, ...]] = {
    "email": (
        "a",
        "@b.c",
        "a@",
        "a@b",
        "a@b.",
        "a@.c",
        "a@b..c",
        "a@b@c.d",
        "a b@c.d",
        " a@b.c",
        "a@b.c\u00a0",
        "a\u0000@b.c",
        "a\u0085@b.c",
        "x" * 251 + "@y.z",
    ),
    "url": (
        "example.com",
        "ftp://a.b",
        "HTTPS://a.b",
        "https:/a.b",
        "https://",
        "https:///path",
        "https://?q",
        "https://#f",
        "https://:443/",
        "https://user@/",
        " https://a.b",
        "https://a.b/x y",
        "https://a.b/\n",
        "https://a.b/\u2003",
        "https://a.b/\u007f",
    ),
    "integer": (
        "-0",
        "+1",
        "01",
        "-01",
        "00",
        "1.0",
        "1e3",
        "1,000",
        " 1",
        "1 ",
        "1\n",
        "-",
        "0x1",
        "1_0",
        "١",
        "１",
        "\u22121",
        "9223372036854775808",
        "-9223372036854775809",
        "99999999999999999999999999",
    ),
    "decimal": (
        "-0",
        "-0.0",
        "-0.00",
        "+1.0",
        ".5",
        "5.",
        "-.5",
        "01.5",
        "00",
        "1,5",
        "1.5e3",
        " 1.5",
        "1.5\n",
        "1.٥",
        "NaN",
        "Infinity",
        "0.0000000000000000000",
        "9223372036854775808",
        "-9223372036854775809",
        "9.223372036854775808",
        "10.000000000000000000",
    ),
    "boolean": ("TRUE", "True", "t", "yes", "Y", "1", "0", " true", "true\n", "falsе"),
    "date": (
        "0000-01-01",
        "10000-01-01",
        "1986-13-01",
        "1986-00-01",
        "1986-12-00",
        "1986-11-31",
        "1900-02-29",
        "2023-02-29",
        "1986-12-1",
        "86-12-01",
        "01.12.1986",
        "1986/12/01",
        "19861201",
        "-001-01-01",
        "1986-12-01 ",
        "1986-12-01\n",
        "1986-12-01Z",
        "１986-12-01",
    ),
    "datetime": (
        "2021-06-22",
        "2021-06-22T23:59:00",
        "2021-06-22 23:59:00Z",
        "2021-06-22t23:59:00Z",
        "2021-06-22T23:59:00z",
        "2021-06-22T23:59Z",
        "2021-06-22T23:59:00.0Z",
        "2021-06-22T24:00:00Z",
        "2021-06-22T23:60:00Z",
        "2021-06-22T23:59:60Z",
        "2021-02-29T00:00:00Z",
        "0000-12-31T23:59:59Z",
        "2021-06-22T23:59:00-00:00",
        "2021-06-22T23:59:00+24:00",
        "2021-06-22T23:59:00+05:60",
        "2021-06-22T23:59:00+5:00",
        "2021-06-22T23:59:00+0500",
        "2021-06-22T23:59:00+05",
        "2021-06-22T23:59:00\u221205:00",
        "2021-06-22T23:59:00Z ",
        "2021-06-22T23:59:00Z\n",
    ),
    "enum": ("symbol", "symbol 70", "Symbol 1", " symbol 1", "symbol 1 ", "1"),
    "uuid": (
        "123E4567-e89b-12d3-a456-426614174000",
        "123e4567e89b12d3a456426614174000",
        "{123e4567-e89b-12d3-a456-426614174000}",
        "123e4567-e89b-12d3-a456-42661417400",
        "123e4567-e89b-12d3-a456-4266141740000",
        "123e4567-e89b-12d3-a45-6426614174000",
        "123e4567-e89b-12d3-a456-42661417400g",
        "123e4567-e89b-12d3-a456-426614174000\n",
    ),
    "phone": (
        "447700900123",
        "00447700900123",
        "+047700900123",
        "+100000",
        "+1000000000000000",
        "+44 7700 900123",
        "+44-7700-900123",
        "++447700900123",
        " +447700900123",
        "+447700900123\n",
        "+44770090012３",
    ),
}


def arbitrary(purpose: str, length: int) -> bytes:
    """Bytes that look random and are the same each time."""
    return hashlib.sha256(b"smartpass link v1 vectors: " + purpose.encode("utf-8")).digest()[:length]


def field_of_type(name: str, type_name: str, required: bool = True) -> Field:
    return Field(name, type_name, required, MANY_SYMBOLS if type_name == "enum" else ())


def fields_as_json(fields: Iterable[Field]) -> list[dict[str, Any]]:
    rows = []
    for field in fields:
        row: dict[str, Any] = {"name": field.name, "type": field.type, "required": field.required}
        if field.type == "enum":
            row["symbols"] = list(field.symbols)
        rows.append(row)
    return rows


PASSKIT_KEYS = {size: arbitrary(f"passkit key {size}", size) for size in (16, 24, 32)}
PASSKIT_BASE = "https://pass.example/c/wrsynr"
PASSKIT_ROWS: dict[str, list[tuple[str, str]]] = {
    "an ordinary row": [("person.surname", "Müller"), ("person.forename", "Ann"), ("members.member.points", "1200")],
    "keys in byte order": [("b", "1"), ("a", "2"), ("B", "3"), ("a.b", "4"), ("😀", "5"), ("～", "6"), ("é", "7")],
    "every escape": [("quote\"back\\slash/", "\"\\/\b\f\n\r\tx\u0000\u0001\u001b\u001f\u007f\u0080\u2028é山😀")],
    "trimmed": [("a", " \t\r\nx y\u00a0\u3000"), ("b", "\u2003\u0085"), ("c", "\u200bx\ufeff"), ("d", "\u001cx\u001f")],
    "all blank": [("a", ""), ("b", "")],
    "a JSON of 15 bytes": [("a", "1234567")],
    "a JSON of 16 bytes": [("a", "12345678")],
    "a JSON of 17 bytes": [("a", "123456789")],
    "bytes that need - and _": [("a", "???>>>~~~ÿÿÿ"), ("b", "~?>ÿ~?>ÿ~?>ÿ~?>ÿ")],
}
