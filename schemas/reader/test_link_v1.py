"""python3 -m unittest discover -s schemas/reader"""

from __future__ import annotations

import json
import shutil
import string
import subprocess
import tempfile
import unittest
from pathlib import Path
from typing import Any

from cells import TYPES, Cursor, Field, RowError, encode_datum, parse_schema_text, schema_text
from link_v1 import EXPIRY_EPOCH, BadToken, BrokenPayload, Expired, Header, Opener, seal
from make_vectors import VECTORS_FILE, make
from passkit import open_passkit, seal_passkit

READER = Path(__file__).resolve().parent
VECTORS = json.loads(VECTORS_FILE.read_text(encoding="ascii"))
BASE64URL = string.ascii_letters + string.digits + "-_"


def fields_from_json(rows: list[dict[str, Any]]) -> list[Field]:
    return [Field(row["name"], row["type"], row["required"], tuple(row.get("symbols", ()))) for row in rows]


def opener_of_valid(vector: dict[str, Any]) -> Opener:
    keys = {vector["key_version"]: bytes.fromhex(vector["project_key"])}
    return Opener(vector["project"], keys, {vector["template_number"]: fields_from_json(vector["fields"])})


def opener_of_wrong(vector: dict[str, Any]) -> Opener:
    keys = {int(version): bytes.fromhex(key) for version, key in vector["keys"].items()}
    templates = {int(number): fields_from_json(rows) for number, rows in vector["templates"].items()}
    return Opener(vector["project"], keys, templates)


class Vectors(unittest.TestCase):
    def test_the_file_is_up_to_date(self) -> None:
        self.assertTrue(VECTORS_FILE.read_text(encoding="ascii") == make(), "run make_vectors.py")

    def test_names_are_unique(self) -> None:
        for part in ("valid", "invalid", "broken", "passkit", "passkit_readable", "passkit_invalid"):
            seen = [(vector["name"], vector.get("format")) for vector in VECTORS[part]]
            self.assertEqual(len(seen), len(set(seen)), part)

    def test_every_valid_token_opens_and_seals_again_to_itself(self) -> None:
        for vector in VECTORS["valid"]:
            with self.subTest(vector["name"]):
                opened = opener_of_valid(vector).open(vector["token"])
                self.assertEqual(opened.values, vector["values"])
                self.assertEqual(opened.expires_hours, vector["expires_hours"])
                self.assertEqual(opened.header.batch_id.hex(), vector["batch_id"])
                self.assertEqual(opened.header.row_number, vector["row_number"])
                self.assertEqual(opened.header.kind, vector["kind"])
                fields = fields_from_json(vector["fields"])
                key = bytes.fromhex(vector["project_key"])
                again = seal(key, vector["project"], opened.header, fields, opened.values, opened.expires_hours)
                self.assertEqual(again, vector["token"])

    def test_the_specification_shows_the_worked_example(self) -> None:
        specification = (READER.parent / "link-v1.md").read_text(encoding="utf-8")
        for vector in VECTORS["valid"][:2]:
            for part in ("schema_sha256", "subkey", "header", "payload", "token"):
                self.assertIn(vector[part], specification)

    def test_schema_texts_read_back(self) -> None:
        for vector in VECTORS["valid"]:
            fields = fields_from_json(vector["fields"])
            self.assertEqual(parse_schema_text(vector["schema_text"]), fields)

    def test_every_invalid_token_is_refused_with_the_one_error(self) -> None:
        for vector in VECTORS["invalid"]:
            with self.subTest(vector["name"]), self.assertRaises(BadToken):
                opener_of_wrong(vector).open(vector["token"])

    def test_a_broken_payload_is_told_from_a_bad_token(self) -> None:
        for vector in VECTORS["broken"]:
            with self.subTest(vector["name"]), self.assertRaises(BrokenPayload):
                opener_of_wrong(vector).open(vector["token"])

    def test_a_link_opens_until_its_last_second(self) -> None:
        expiring = [vector for vector in VECTORS["valid"] if vector["expires_hours"]]
        self.assertTrue(expiring)
        for vector in expiring:
            opener, end = opener_of_valid(vector), EXPIRY_EPOCH + 3600 * vector["expires_hours"]
            opener.open(vector["token"], now=end - 1)
            with self.assertRaises(Expired):
                opener.open(vector["token"], now=end)

    def test_any_other_spelling_of_a_token_is_refused(self) -> None:
        for vector in VECTORS["valid"][:2]:
            opener, token = opener_of_valid(vector), vector["token"]
            others = set()
            for at, character in enumerate(token):
                before, after = token[:at], token[at + 1 :]
                others |= {before + other + after for other in BASE64URL}
                others |= {before + after, before + 2 * character + after}
            for other in others - {token}:
                with self.assertRaises(BadToken):
                    opener.open(other)


class Cells(unittest.TestCase):
    def test_accepted_cells_come_back_as_they_were(self) -> None:
        for cell in VECTORS["accepted_cells"]:
            field = Field("field", cell["type"], True, tuple(cell.get("symbols", ())))
            encode, decode = TYPES[cell["type"]]
            with self.subTest(**cell):
                datum = encode(cell["text"], field)
                cursor = Cursor(datum, BrokenPayload)
                self.assertEqual(decode(cursor, field), cell["text"])
                self.assertEqual(cursor.at, len(datum))

    def test_refused_cells_are_refused(self) -> None:
        for cell in VECTORS["refused_cells"]:
            field = Field("field", cell["type"], True, tuple(cell.get("symbols", ())))
            with self.subTest(type=cell["type"], text=cell["text"]), self.assertRaises(RowError):
                encode_datum([field], [cell["text"]])

    def test_a_blank_in_a_required_field_is_refused(self) -> None:
        for type_name in TYPES:
            for blank in (None, ""):
                with self.assertRaises(RowError):
                    encode_datum([Field("field", type_name, True, ("a",))], [blank])

    def test_a_token_over_4096_bytes_is_a_row_error(self) -> None:
        with self.assertRaises(RowError):
            seal(bytes(32), "abc", Header("encrypted", 1, 1, bytes(8), 0), [Field("a", "string", True)], ["x" * 4066])

    def test_a_schema_text_in_another_form_is_refused(self) -> None:
        good = schema_text([Field("a", "string", True)])
        for wrong in (good[:-1], good.replace("string", "text"), good.replace("required", "needed"), good + "x"):
            with self.assertRaises(ValueError):
                parse_schema_text(wrong)


class PassKit(unittest.TestCase):
    def test_every_row_seals_to_its_url_and_opens(self) -> None:
        for vector in VECTORS["passkit"]:
            with self.subTest(vector["name"]):
                form, key, base_url = vector["format"], bytes.fromhex(vector["key"]), vector["base_url"]
                batch_id, columns = bytes.fromhex(vector["batch_id"]), vector["columns"]
                url = seal_passkit(form, key, base_url, columns, batch_id, vector["row_number"])
                self.assertEqual(url, vector["url"])
                self.assertEqual(open_passkit(form, key, base_url, url), vector["json"])

    def test_other_spellings_are_readable(self) -> None:
        for vector in VECTORS["passkit_readable"]:
            with self.subTest(vector["name"]):
                key = bytes.fromhex(vector["key"])
                opened = open_passkit(vector["format"], key, vector["base_url"], vector["url"])
                self.assertEqual(opened, vector["json"])

    def test_invalid_urls_are_refused_with_the_one_error(self) -> None:
        for vector in VECTORS["passkit_invalid"]:
            with self.subTest(vector["name"]), self.assertRaises(BadToken):
                open_passkit(vector["format"], bytes.fromhex(vector["key"]), vector["base_url"], vector["url"])

    @unittest.skipUnless(shutil.which("openssl"), "no openssl command")
    def test_openssl_opens_the_same_urls(self) -> None:
        for vector in VECTORS["passkit"] + VECTORS["passkit_readable"]:
            with self.subTest(vector["name"]):
                result = openssl_check(vector["url"], vector["key"])
                self.assertEqual(result.stdout.decode("utf-8"), vector["json"])
                self.assertEqual(result.returncode, 0)

    @unittest.skipUnless(shutil.which("openssl"), "no openssl command")
    def test_openssl_refuses_a_wrong_signature(self) -> None:
        changed = [vector for vector in VECTORS["passkit_invalid"] if vector["name"].startswith("the last digit")]
        self.assertEqual(len(changed), 2)
        for vector in changed:
            result = openssl_check(vector["url"], vector["key"])
            self.assertEqual((result.returncode, result.stdout), (1, b""))


def openssl_check(url: str, key: str) -> subprocess.CompletedProcess[bytes]:
    with tempfile.NamedTemporaryFile("w") as key_file:
        key_file.write(key + "\n")
        key_file.flush()
        command = ["sh", str(READER / "openssl_check.sh"), url, key_file.name]
        return subprocess.run(command, capture_output=True, check=False)


if __name__ == "__main__":
    unittest.main()
