"""Link format v1, written from ../link-v1.md alone.

It shares no code with the product, so that each checks the other.

    opener = Opener("wrsynr", {1: project_key}, {1: fields})
    opener.open(token).values      # the cells of the row, None where a cell is blank

A writer raises RowError. A reader raises BadToken for every failure up to and with the tag, whatever failed;
after that Expired, or BrokenPayload for what a correct writer never seals. It is a check, not a server: it does not
hide how long a refusal takes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Mapping, Optional, Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cells import Cell, Cursor, Field, RowError, decode_datum, encode_datum, schema_text, varint

MAX_TOKEN_BYTES = 4096
TAG_BYTES = 16
BATCH_ID_BYTES = 8
ENCRYPTED, SIGNED = "encrypted", "signed"
FIRST_BYTES = {ENCRYPTED: 0x10, SIGNED: 0x11}
EXPIRY_EPOCH = 1_577_836_800  # 2020-01-01T00:00:00Z in Unix seconds


class BadToken(Exception):
    """The one error that a stranger sees. It says nothing of what failed."""


class Expired(Exception):
    """The tag is right and the link's time is over."""


class BrokenPayload(Exception):
    """The tag is right and the payload is not what a correct writer seals: our fault."""


@dataclass(frozen=True)
class Header:
    kind: str
    key_version: int
    template_number: int
    batch_id: bytes
    row_number: int

    def without_row_number(self) -> bytes:
        first = bytes([FIRST_BYTES[self.kind]])
        return first + varint(self.key_version) + varint(self.template_number) + self.batch_id

    def to_bytes(self) -> bytes:
        return self.without_row_number() + varint(self.row_number)


def read_header(cursor: Cursor) -> Header:
    first = cursor.take(1)[0]
    kind = next((kind for kind, byte in FIRST_BYTES.items() if byte == first), None)
    key_version, template_number = cursor.number(), cursor.number()
    batch_id, row_number = cursor.take(BATCH_ID_BYTES), cursor.number()
    if kind is None or key_version == 0 or template_number == 0:
        raise cursor.error()
    return Header(kind, key_version, template_number, batch_id, row_number)


def hmac_sha256(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")


def derive_subkey(project_key: bytes, project: str, header_without_row_number: bytes, schema: str) -> bytes:
    """HKDF-SHA256 (RFC 5869) for 32 bytes, which is one block of Expand."""
    pseudo_random_key = hmac_sha256(b"smartpass/link/v1", project_key)
    schema_digest = hashlib.sha256(schema.encode("utf-8")).digest()
    info = project.encode("ascii") + b"\x00" + header_without_row_number + schema_digest
    return hmac_sha256(pseudo_random_key, info + b"\x01")


def gcm_nonce(row_number: int) -> bytes:
    return row_number.to_bytes(12, "big")


def seal_body(kind: str, subkey: bytes, header: bytes, row_number: int, payload: bytes) -> bytes:
    if kind == ENCRYPTED:
        return AESGCM(subkey).encrypt(gcm_nonce(row_number), payload, header)
    return payload + hmac_sha256(subkey, header + payload)[:TAG_BYTES]


def open_body(kind: str, subkey: bytes, header: bytes, row_number: int, body: bytes) -> bytes:
    if len(body) < TAG_BYTES:
        raise BadToken()
    if kind == ENCRYPTED:
        try:
            return AESGCM(subkey).decrypt(gcm_nonce(row_number), body, header)
        except InvalidTag:
            raise BadToken() from None
    payload, tag = body[:-TAG_BYTES], body[-TAG_BYTES:]
    if not hmac.compare_digest(tag, hmac_sha256(subkey, header + payload)[:TAG_BYTES]):
        raise BadToken()
    return payload


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def strict_base64url(text: str) -> bytes:
    if not re.fullmatch(r"[A-Za-z0-9_-]*", text) or len(text) % 4 == 1:
        raise BadToken()
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64url(data) != text:  # the unused bits are not zero
        raise BadToken()
    return data


def seal(
    project_key: bytes,
    project: str,
    header: Header,
    fields: Sequence[Field],
    values: Sequence[Cell],
    expires_hours: int = 0,
) -> str:
    subkey = derive_subkey(project_key, project, header.without_row_number(), schema_text(fields))
    payload = varint(expires_hours) + encode_datum(fields, values)
    token = header.to_bytes() + seal_body(header.kind, subkey, header.to_bytes(), header.row_number, payload)
    if len(token) > MAX_TOKEN_BYTES:
        raise RowError(f"the link holds more than {MAX_TOKEN_BYTES} bytes")
    return base64url(token)


@dataclass(frozen=True)
class Opened:
    header: Header
    expires_hours: int
    values: list[Cell]


class Opener:
    """Opens the tokens of one project. Keys and templates go by their numbers."""

    def __init__(self, project: str, keys: Mapping[int, bytes], templates: Mapping[int, Sequence[Field]]) -> None:
        self.project, self.keys, self.templates = project, keys, templates
        self._verified_subkeys: dict[bytes, bytes] = {}

    def open(self, token: str, now: Optional[float] = None) -> Opened:
        """`now` is in Unix seconds; None reads expired links too."""
        if len(token) > len(base64url(bytes(MAX_TOKEN_BYTES))):
            raise BadToken()
        data = strict_base64url(token)
        cursor = Cursor(data, BadToken)
        header = read_header(cursor)
        if header.key_version not in self.keys or header.template_number not in self.templates:
            raise BadToken()
        fields = self.templates[header.template_number]
        batch = header.without_row_number()
        subkey = self._verified_subkeys.get(batch)
        if subkey is None:
            subkey = derive_subkey(self.keys[header.key_version], self.project, batch, schema_text(fields))
        payload = open_body(header.kind, subkey, data[: cursor.at], header.row_number, data[cursor.at :])
        self._verified_subkeys[batch] = subkey

        cursor = Cursor(payload, BrokenPayload)
        expires_hours = cursor.number()
        if expires_hours and now is not None and now >= EXPIRY_EPOCH + expires_hours * 3600:
            raise Expired()
        values = decode_datum(fields, cursor)
        if cursor.at != len(payload):
            raise BrokenPayload()
        return Opened(header, expires_hours, values)
