"""Cells and the Avro binary that a link holds for them: LEB128, schema text, the types. See ../link-v1.md.

Every accepted text has one encoding and every accepted encoding has one text, so a cell comes back as it was.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import Callable, Iterable, Optional, Sequence

UTC_WRITTEN_Z = 1441  # the offset that stands for the letter Z
UNIX_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
LAST_ORDINAL = date.max.toordinal()
DAY_SECONDS = 86_400

# The characters with the Unicode property White_Space.
WHITE_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))

Cell = Optional[str]


class RowError(Exception):
    """A row that cannot become a link."""


# Numbers


def varint(value: int) -> bytes:
    """Unsigned LEB128 in its shortest form."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def zigzag(value: int) -> bytes:
    """An Avro int or long."""
    return varint(2 * value if value >= 0 else -2 * value - 1)


class Cursor:
    """Reads forward and raises `error` at the first thing that is not exactly right."""

    def __init__(self, data: bytes, error: type[Exception]) -> None:
        self.data, self.at, self.error = data, 0, error

    def take(self, count: int) -> bytes:
        if count < 0 or self.at + count > len(self.data):
            raise self.error()
        self.at += count
        return self.data[self.at - count : self.at]

    def _varint(self, bits: int) -> int:
        value = 0
        for shift in range(0, bits, 7):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                longer_than_shortest = byte == 0 and shift > 0
                if longer_than_shortest or value >> bits:
                    raise self.error()
                return value
        raise self.error()

    def number(self) -> int:
        return self._varint(32)

    def zigzag(self) -> int:
        value = self._varint(64)
        return value >> 1 ^ -(value & 1)

    def number_in(self, lowest: int, highest: int) -> int:
        value = self.zigzag()
        if not lowest <= value <= highest:
            raise self.error()
        return value


# Fields and schema text


@dataclass(frozen=True)
class Field:
    name: str
    type: str
    required: bool
    symbols: tuple[str, ...] = ()


def schema_text(fields: Iterable[Field]) -> str:
    lines = []
    for field in fields:
        parts = [field.name, field.type, "required" if field.required else "optional", *field.symbols]
        lines.append("\t".join(parts) + "\n")
    return "".join(lines)


def parse_schema_text(text: str) -> list[Field]:
    fields = []
    for line in text.split("\n")[:-1]:
        name, type_name, presence, *symbols = line.split("\t")
        fields.append(Field(name, type_name, presence == "required", tuple(symbols)))
    if schema_text(fields) != text or any(field.type not in TYPES for field in fields):
        raise ValueError("not a schema text")
    return fields


# Types: cell text to Avro binary and back


def matched(pattern: str, text: str) -> re.Match[str]:
    match = re.fullmatch(pattern, text)
    if match is None:
        raise RowError("the text is not of the field's type")
    return match


def long_in_range(value: int) -> int:
    if not -(2**63) <= value < 2**63:
        raise RowError("the number does not fit 64 bits")
    return value


def encode_string(text: str, _: Field) -> bytes:
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError:
        raise RowError("not valid UTF-8") from None
    return zigzag(len(data)) + data


def decode_string(cursor: Cursor, _: Field) -> str:
    data = cursor.take(cursor.zigzag())
    if not data:  # a blank is null, or an error; never a string of no bytes
        raise cursor.error()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise cursor.error() from None


def is_space_or_control(character: str) -> bool:
    return character in WHITE_SPACE or unicodedata.category(character) == "Cc"


def encode_email(text: str, field: Field) -> bytes:
    local, _, domain = text.partition("@")
    labels = domain.split(".")
    well_formed = local and "@" not in domain and len(labels) > 1 and all(labels)
    if not well_formed or any(map(is_space_or_control, text)) or len(text.encode("utf-8", "replace")) > 254:
        raise RowError("not an email address")
    return encode_string(text, field)


def encode_url(text: str, field: Field) -> bytes:
    authority = matched(r"https?://([^/?#]*)(?s:.*)", text)[1]
    host_and_port = authority.rpartition("@")[2]
    if not host_and_port or host_and_port.startswith(":") or any(map(is_space_or_control, text)):
        raise RowError("not a URL")
    return encode_string(text, field)


def encode_integer(text: str, _: Field) -> bytes:
    return zigzag(long_in_range(int(matched(r"0|-?[1-9][0-9]{0,18}", text)[0])))


def decode_integer(cursor: Cursor, _: Field) -> str:
    return str(cursor.zigzag())


def encode_decimal(text: str, _: Field) -> bytes:
    sign, whole, fraction = matched(r"(-?)(0|[1-9][0-9]{0,18})(?:\.([0-9]{1,18}))?", text).groups("")
    unscaled = long_in_range(int(sign + whole + fraction))
    if sign and unscaled == 0:
        raise RowError("negative zero")
    return zigzag(unscaled) + zigzag(len(fraction))


def decode_decimal(cursor: Cursor, _: Field) -> str:
    unscaled = cursor.zigzag()
    scale = cursor.number_in(0, 18)
    digits = str(abs(unscaled)).rjust(scale + 1, "0")
    whole, fraction = digits[: len(digits) - scale], digits[len(digits) - scale :]
    return ("-" if unscaled < 0 else "") + whole + ("." + fraction if scale else "")


def encode_boolean(text: str, _: Field) -> bytes:
    return b"\x01" if matched("true|false", text)[0] == "true" else b"\x00"


def decode_boolean(cursor: Cursor, _: Field) -> str:
    byte = cursor.take(1)[0]
    if byte > 1:
        raise cursor.error()
    return "true" if byte else "false"


def days_from_text(text: str) -> int:
    year, month, day = map(int, matched(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", text).groups())
    try:
        return date(year, month, day).toordinal() - UNIX_EPOCH_ORDINAL
    except ValueError:
        raise RowError("no such day") from None


def text_from_days(days: int, error: type[Exception]) -> str:
    ordinal = days + UNIX_EPOCH_ORDINAL
    if not 1 <= ordinal <= LAST_ORDINAL:
        raise error()
    return date.fromordinal(ordinal).isoformat()


def encode_date(text: str, _: Field) -> bytes:
    return zigzag(days_from_text(text))


def decode_date(cursor: Cursor, _: Field) -> str:
    return text_from_days(cursor.zigzag(), cursor.error)


def encode_datetime(text: str, _: Field) -> bytes:
    hours, minutes = "([01][0-9]|2[0-3])", "([0-5][0-9])"
    match = matched(rf"(.{{10}})T{hours}:{minutes}:{minutes}(?:Z|([+-]){hours}:{minutes})", text)
    day, hour, minute, second, sign, offset_hour, offset_minute = match.groups()
    local = days_from_text(day) * DAY_SECONDS + int(hour) * 3600 + int(minute) * 60 + int(second)
    if sign is None:
        return zigzag(local) + zigzag(UTC_WRITTEN_Z)
    offset = int(sign + "1") * (int(offset_hour) * 60 + int(offset_minute))
    if sign == "-" and offset == 0:
        raise RowError("the offset -00:00 has no meaning here")
    return zigzag(local - offset * 60) + zigzag(offset)


def decode_datetime(cursor: Cursor, _: Field) -> str:
    seconds, offset = cursor.zigzag(), cursor.zigzag()
    if offset == UTC_WRITTEN_Z:
        local, zone = seconds, "Z"
    elif abs(offset) < 1440:
        hours, minutes = divmod(abs(offset), 60)
        local, zone = seconds + offset * 60, f"{'-' if offset < 0 else '+'}{hours:02}:{minutes:02}"
    else:
        raise cursor.error()
    days, second_of_day = divmod(local, DAY_SECONDS)
    minute_of_day, second = divmod(second_of_day, 60)
    hour, minute = divmod(minute_of_day, 60)
    return f"{text_from_days(days, cursor.error)}T{hour:02}:{minute:02}:{second:02}{zone}"


def encode_enum(text: str, field: Field) -> bytes:
    if text not in field.symbols:
        raise RowError("not one of the symbols")
    return zigzag(field.symbols.index(text))


def decode_enum(cursor: Cursor, field: Field) -> str:
    return field.symbols[cursor.number_in(0, len(field.symbols) - 1)]


def encode_uuid(text: str, _: Field) -> bytes:
    matched(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", text)
    return bytes.fromhex(text.replace("-", ""))


def decode_uuid(cursor: Cursor, _: Field) -> str:
    digits = cursor.take(16).hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def encode_phone(text: str, _: Field) -> bytes:
    return zigzag(int(matched(r"\+([1-9][0-9]{6,14})", text)[1]))


def decode_phone(cursor: Cursor, _: Field) -> str:
    return f"+{cursor.number_in(10**6, 10**15 - 1)}"


TYPES: dict[str, tuple[Callable[[str, Field], bytes], Callable[[Cursor, Field], str]]] = {
    "string": (encode_string, decode_string),
    "email": (encode_email, decode_string),
    "url": (encode_url, decode_string),
    "integer": (encode_integer, decode_integer),
    "decimal": (encode_decimal, decode_decimal),
    "boolean": (encode_boolean, decode_boolean),
    "date": (encode_date, decode_date),
    "datetime": (encode_datetime, decode_datetime),
    "enum": (encode_enum, decode_enum),
    "uuid": (encode_uuid, decode_uuid),
    "phone": (encode_phone, decode_phone),
}


def encode_datum(fields: Sequence[Field], values: Sequence[Cell]) -> bytes:
    out = bytearray()
    for field, value in zip(fields, values, strict=True):
        if not value:
            if field.required:
                raise RowError(f"{field.name}: a required field is blank")
            out += zigzag(0)
            continue
        if not field.required:
            out += zigzag(1)
        out += TYPES[field.type][0](value, field)
    return bytes(out)


def decode_datum(fields: Sequence[Field], cursor: Cursor) -> list[Cell]:
    values: list[Cell] = []
    for field in fields:
        is_null = not field.required and cursor.number_in(0, 1) == 0
        values.append(None if is_null else TYPES[field.type][1](cursor, field))
    return values
