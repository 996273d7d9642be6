"""Writes ../link-v1-vectors.json, the same bytes each time. `--check` compares with the file instead.

Lists: `valid` tokens, `invalid` ones (one error for all), `broken` ones (right tag, wrong payload), cells that
the types accept and refuse, and PassKit links: as written, in other spellings that a reader takes, and invalid.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
from pathlib import Path
from typing import Any, Sequence

from cells import Cell, Field, encode_datum, schema_text, varint
from link_v1 import ENCRYPTED, SIGNED, Header, base64url, derive_subkey, seal
from passkit import PASSKIT_ENCRYPTED, passkit_json, passkit_signature, seal_passkit
from samples import (
    ACCEPTED,
    EXAMPLE_BATCH,
    EXAMPLE_FIELDS,
    EXAMPLE_KEY,
    EXAMPLE_VALUES,
    MANY_SYMBOLS,
    PASSKIT_BASE,
    PASSKIT_KEYS,
    PASSKIT_ROWS,
    PROJECT,
    REFUSED,
    arbitrary,
    field_of_type,
    fields_as_json,
)
from wrong_vectors import broken_vectors, invalid_vectors, passkit_invalid_vectors

VECTORS_FILE = Path(__file__).resolve().parent.parent / "link-v1-vectors.json"
# Both sides of every step in the length of a LEB128 number below 2^32.
NUMBER_EDGES = (1, 127, 128, 16383, 16384, 2097151, 2097152, 268435455, 268435456, 4294967295)
NUMBER_NAMES = ("key_version", "template_number", "row_number")
KINDS = (ENCRYPTED, SIGNED)

EXAMPLE_TOKENS = {
    ENCRYPTED: "EAEBABEiM0RVZneAgAHn-Qi3tgAfboKzqB_Q9B2VNfZm68MwRCI3Il3jxjhDLSgpe0nrpgctM-IHew0z_1ljJHnKEaWLhg",
    SIGNED: "EQEBABEiM0RVZneAgAEADk3DvGxsZXICBkFubgK25OzQhxoCxGAC4BICqP6VjQzXBAKHxzMIjBD-p_Y6ivtDcIapStAYpw",
}

def valid_vector(
    name: str,
    kind: str,
    fields: Sequence[Field],
    values: Sequence[Cell],
    key_version: int = 1,
    template_number: int = 1,
    row_number: int = 0,
    expires_hours: int = 0,
    project: str = PROJECT,
    project_key: bytes = b"",
    batch_id: bytes = b"",
) -> dict[str, Any]:
    key = project_key or arbitrary(f"key {project} {key_version}", 32)
    header = Header(kind, key_version, template_number, batch_id or arbitrary(f"batch {name}", 8), row_number)
    schema = schema_text(fields)
    return {
        "name": f"{name}, {kind}",
        "project_key": key.hex(),
        "project": project,
        "key_version": key_version,
        "template_number": template_number,
        "batch_id": header.batch_id.hex(),
        "row_number": row_number,
        "kind": kind,
        "expires_hours": expires_hours,
        "fields": fields_as_json(fields),
        "values": list(values),
        "schema_text": schema,
        "schema_sha256": hashlib.sha256(schema.encode("utf-8")).hexdigest(),
        "subkey": derive_subkey(key, project, header.without_row_number(), schema).hex(),
        "header": header.to_bytes().hex(),
        "payload": (varint(expires_hours) + encode_datum(fields, values)).hex(),
        "token": seal(key, project, header, fields, values, expires_hours),
    }


def valid_vectors() -> list[dict[str, Any]]:
    vectors = []
    one_field, one_value = (Field("points", "integer", True),), ("1200",)

    def add(name: str, fields: Sequence[Field], values: Sequence[Cell], **numbers: Any) -> None:
        vectors.extend(valid_vector(name, kind, fields, values, **numbers) for kind in KINDS)

    add(
        "the worked example",
        EXAMPLE_FIELDS,
        EXAMPLE_VALUES,
        row_number=16384,
        project_key=EXAMPLE_KEY,
        batch_id=EXAMPLE_BATCH,
    )
    for vector in vectors:
        assert vector["token"] == EXAMPLE_TOKENS[vector["kind"]], "the worked example has moved"
    assert vectors[0]["schema_sha256"].startswith("2eda5308") and vectors[0]["schema_sha256"].endswith("42be33f1")

    add("row number 0", one_field, one_value, row_number=0)
    for number in NUMBER_EDGES:
        add(f"row number {number}", one_field, one_value, row_number=number)
        add(f"key version {number}", one_field, one_value, key_version=number)
        add(f"template number {number}", one_field, one_value, template_number=number)
    add("every number at its highest", one_field, one_value, **dict.fromkeys(NUMBER_NAMES, NUMBER_EDGES[-1]))

    for type_name, texts in ACCEPTED.items():
        names = [f"{type_name}.{index}" for index in range(len(texts))]
        add(f"{type_name} at its limits", [field_of_type(name, type_name) for name in names], texts)
        optional = [field_of_type(name, type_name, required=False) for name in names]
        add(f"optional {type_name}, some blank", optional, [None if i % 2 else text for i, text in enumerate(texts)])
    every_type = [field_of_type(f"{type_name} field", type_name, required=False) for type_name in ACCEPTED]
    add("every optional type, all blank", every_type, [None] * len(every_type))
    add("every optional type, none blank", every_type, [texts[-1] for texts in ACCEPTED.values()])
    add("a space is not a blank", (Field("a", "string", False), Field("b", "string", False)), (None, " "))

    for hours in (1, 127, 128, 56952, 4294967295):
        add(f"expires after {hours} hours", one_field, one_value, expires_hours=hours)
    for number, template in enumerate((one_field, EXAMPLE_FIELDS, every_type), start=1):
        cells = (one_value, EXAMPLE_VALUES, [texts[0] for texts in ACCEPTED.values()])[number - 1]
        add(f"template {number} of three", template, cells, template_number=number, project="manytemplates")
    add("a template of no fields", (), ())
    multi_byte = Field("Größe 山 {a}[1]", "enum", True, ("groß", "🙂", "a,b c"))
    add("multi-byte names and symbols", (multi_byte,), ("🙂",))
    add("the shortest project code", one_field, one_value, project="0ab")
    add("the longest project code", one_field, one_value, project="abcdefghijklmnopqrstuvwxyz012345")
    add("4,096 bytes decoded", (Field("text", "string", True),), ("0123456789abcdef" * 254 + "x",), row_number=1)
    assert len(vectors[-1]["token"]) == 5462, "not the longest token"
    return vectors


def passkit_vectors() -> list[dict[str, Any]]:
    vectors = []
    forms_and_sizes = [(PASSKIT_ENCRYPTED, size) for size in PASSKIT_KEYS]
    forms_and_sizes += [("passkit-hashed", 32), ("passkit-hashed-sha1", 16)]
    for name, columns in PASSKIT_ROWS.items():
        for index, (form, size) in enumerate(forms_and_sizes):
            batch_id, row_number = arbitrary(f"batch {name}", 8), (0, 1, 4294967295)[index % 3]
            key = PASSKIT_KEYS[size]
            vectors.append(
                {
                    "name": f"{name}, {form}, key of {size} bytes",
                    "format": form,
                    "key": key.hex(),
                    "base_url": PASSKIT_BASE,
                    "batch_id": batch_id.hex(),
                    "row_number": row_number,
                    "columns": [list(column) for column in columns],
                    "json": passkit_json(columns),
                    "url": seal_passkit(form, key, PASSKIT_BASE, columns, batch_id, row_number),
                }
            )
    return vectors


def passkit_readable_vectors() -> list[dict[str, Any]]:
    key, columns, vectors = PASSKIT_KEYS[32], PASSKIT_ROWS["bytes that need - and _"], []
    text = passkit_json(columns)

    def add(name: str, form: str, url: str) -> None:
        row = {"name": name, "format": form, "key": key.hex(), "base_url": PASSKIT_BASE, "json": text, "url": url}
        vectors.append(row)

    data, iv = url_with_every_special_character(key, columns)
    spellings = {
        "base64url": base64url,
        "base64url, padded": lambda raw: base64.urlsafe_b64encode(raw).decode("ascii"),
        "standard base64, padded": lambda raw: base64.b64encode(raw).decode("ascii"),
        "standard base64, no padding": lambda raw: base64.b64encode(raw).decode("ascii").rstrip("="),
    }
    for data_name, spell_data in spellings.items():
        iv_spellings = {**spellings, "hex": bytes.hex, "upper-case hex": lambda raw: raw.hex().upper()}
        for iv_name, spell_iv in iv_spellings.items():
            url = f"{PASSKIT_BASE}?data={spell_data(data)}&iv={spell_iv(iv)}"
            add(f"data in {data_name}; iv in {iv_name}", PASSKIT_ENCRYPTED, url)
        for form in ("passkit-hashed", "passkit-hashed-sha1"):
            signed = f"{PASSKIT_BASE}?data={spell_data(text.encode('utf-8'))}"
            add(f"data in {data_name}", form, f"{signed}&sig={passkit_signature(form, key, signed)}")
    return vectors


def url_with_every_special_character(key: bytes, columns: list[tuple[str, str]]) -> tuple[bytes, bytes]:
    """Ciphertext and IV of the first row whose spelling differs in each of the alphabets, in both places."""
    for row_number in range(100_000):
        url = seal_passkit(PASSKIT_ENCRYPTED, key, PASSKIT_BASE, columns, EXAMPLE_BATCH, row_number)
        data_text, _, iv_text = url.removeprefix(PASSKIT_BASE + "?data=").partition("&iv=")
        data, iv = base64.urlsafe_b64decode(data_text + "=" * (-len(data_text) % 4)), bytes.fromhex(iv_text)
        if all(sign in base64.b64encode(raw) for raw in (data, iv) for sign in (b"+", b"/", b"=")):
            return data, iv
    raise AssertionError("no such row")


def make() -> str:
    vectors = {
        "format": "smartpass link v1",
        "valid": valid_vectors(),
        "invalid": invalid_vectors(),
        "broken": broken_vectors(),
        "accepted_cells": [cell_as_json(name, text) for name, texts in ACCEPTED.items() for text in texts],
        "refused_cells": [cell_as_json(name, text) for name, texts in REFUSED.items() for text in texts],
        "passkit": passkit_vectors(),
        "passkit_readable": passkit_readable_vectors(),
        "passkit_invalid": passkit_invalid_vectors(),
    }
    return one_vector_a_line(vectors)


def one_vector_a_line(vectors: dict[str, Any]) -> str:
    parts = []
    for name, value in vectors.items():
        rows = ",\n".join(json.dumps(row) for row in value) if isinstance(value, list) else ""
        parts.append(f"{json.dumps(name)}: " + (f"[\n{rows}\n]" if rows else json.dumps(value)))
    return "{\n" + ",\n".join(parts) + "\n}\n"


def cell_as_json(type_name: str, text: str) -> dict[str, Any]:
    symbols = {"symbols": list(MANY_SYMBOLS)} if type_name == "enum" else {}
    return {"type": type_name, **symbols, "text": text}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the file and write nothing")
    made = make()
    if not parser.parse_args().check:
        VECTORS_FILE.write_text(made, encoding="ascii")
    elif VECTORS_FILE.read_text(encoding="ascii") != made:
        sys.exit(f"{VECTORS_FILE.name} is out of date: run make_vectors.py")
    print(f"{VECTORS_FILE.name}: {len(made)} bytes")


if __name__ == "__main__":
    main()
