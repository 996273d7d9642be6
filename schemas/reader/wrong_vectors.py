"""Tokens and PassKit URLs that no reader may take, and sealed payloads that no writer may make.

A wrong token is sealed as well as it can be: a token with a zero key version is sealed with a key of version 0,
so that only the rule about zero stands in its way.
"""

from __future__ import annotations

from typing import Any, Callable, Mapping, Sequence

from cells import Field, encode_datum, schema_text, varint, zigzag
from link_v1 import ENCRYPTED, FIRST_BYTES, SIGNED, TAG_BYTES, Header, base64url, derive_subkey, hmac_sha256
from link_v1 import seal, seal_body, strict_base64url
from passkit import PASSKIT_ENCRYPTED, aes_cbc_encrypt, passkit_iv, passkit_signature, seal_passkit
from samples import EXAMPLE_FIELDS, EXAMPLE_VALUES, MANY_SYMBOLS, PASSKIT_BASE, PASSKIT_KEYS, PASSKIT_ROWS
from samples import PROJECT, arbitrary, fields_as_json

KEY = arbitrary("key of the wrong tokens", 32)
OTHER_KEY = arbitrary("other key of the wrong tokens", 32)
BATCH = arbitrary("batch of the wrong tokens", 8)
FIELDS, VALUES = EXAMPLE_FIELDS, EXAMPLE_VALUES
TEXT_FIELD = (Field("text", "string", True),)
KEYS = {1: KEY, 2: OTHER_KEY}
TEMPLATES: dict[int, Sequence[Field]] = {1: FIELDS, 2: TEXT_FIELD}
PAYLOAD = varint(0) + encode_datum(FIELDS, VALUES)


def case(
    name: str,
    token: str,
    keys: Mapping[int, bytes] = KEYS,
    templates: Mapping[int, Sequence[Field]] = TEMPLATES,
    project: str = PROJECT,
) -> dict[str, Any]:
    return {
        "name": name,
        "project": project,
        "keys": {str(version): key.hex() for version, key in keys.items()},
        "templates": {str(number): fields_as_json(fields) for number, fields in templates.items()},
        "token": token,
    }


def token_of(kind: str, row_number: int = 77, **changes: Any) -> str:
    numbers = {"key_version": 1, "template_number": 1, "batch_id": BATCH, **changes}
    return seal(KEY, PROJECT, Header(kind, row_number=row_number, **numbers), FIELDS, VALUES)


def sealed_raw(
    kind: str,
    before_row: bytes,
    row: bytes,
    row_number: int,
    payload: bytes = PAYLOAD,
    fields: Sequence[Field] = FIELDS,
) -> bytes:
    """A token's bytes under a header of any bytes whatever."""
    subkey = derive_subkey(KEY, PROJECT, before_row, schema_text(fields))
    return before_row + row + seal_body(kind, subkey, before_row + row, row_number, payload)


def invalid_vectors() -> list[dict[str, Any]]:
    vectors = wrong_texts() + wrong_numbers() + wrong_first_bytes() + wrong_lengths()
    for kind in (ENCRYPTED, SIGNED):
        vectors += wrong_bytes(kind) + wrong_secrets(kind)
    return vectors


def wrong_texts() -> list[dict[str, Any]]:
    rows = range(1000)
    mixed = next(token for token in (token_of(ENCRYPTED, row) for row in rows) if "-" in token and "_" in token)
    plain = token_of(ENCRYPTED)
    longer = token_of(SIGNED, 16384)
    assert len(plain) % 4 == 3 and len(longer) % 4 == 2, "the tokens must leave two and four bits unused"
    texts = {
        "empty": "",
        "one character": "E",
        "only padding": "====",
        "padded with one sign": plain + "=",
        "padded with two signs": longer + "==",
        "standard alphabet": mixed.replace("-", "+").replace("_", "/"),
        "standard alphabet, only +": mixed.replace("-", "+"),
        "standard alphabet, only /": mixed.replace("_", "/"),
        "percent-encoded": mixed.replace("-", "%2D"),
        "space before": " " + plain,
        "space after": plain + " ",
        "line feed after": plain + "\n",
        "carriage return and line feed after": plain + "\r\n",
        "line feed inside": plain[:40] + "\n" + plain[40:],
        "tab inside": plain[:40] + "\t" + plain[40:],
        "NUL after": plain + "\0",
        "slash after": plain + "/",
        "full stop after": plain + ".",
        "letters in the other case": plain.swapcase(),
        "a letter outside ASCII": plain[:-1] + "é",
        "full-width letters": "".join(chr(ord(sign) + 0xFEE0) for sign in plain),
        "a byte order mark before": "\ufeff" + plain,
        "twice": plain + plain,
        "four characters more": plain + "AAAA",
    }
    vectors = [case(f"text: {name}", text) for name, text in texts.items()]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for token, unused_bits in ((plain, 2), (longer, 4)):
        last = alphabet.index(token[-1])
        vectors += [
            case(f"text: unused bits are {bits} of {unused_bits} bits", token[:-1] + alphabet[last | bits])
            for bits in range(1, 1 << unused_bits)
        ]
    return vectors


def wrong_numbers() -> list[dict[str, Any]]:
    vectors = []
    longer_spellings = {
        "in two bytes": lambda value: bytes([value | 0x80, 0]),
        "in five bytes": lambda value: bytes([value | 0x80, 0x80, 0x80, 0x80, 0]),
        "in six bytes": lambda value: bytes([value | 0x80, 0x80, 0x80, 0x80, 0x80, 0]),
        "as 2^32 more": lambda value: varint(value + 2**32),
        "as 2^35 more": lambda value: varint(value + 2**35),
    }
    for kind in (ENCRYPTED, SIGNED):
        first = bytes([FIRST_BYTES[kind]])
        for spelling_name, spell in longer_spellings.items():
            headers = {
                "key version": (first + spell(1) + varint(1) + BATCH, varint(77)),
                "template number": (first + varint(1) + spell(1) + BATCH, varint(77)),
                "row number": (first + varint(1) + varint(1) + BATCH, spell(77)),
            }
            body = strict_base64url(token_of(kind))[12:]
            for name, (before_row, row) in headers.items():
                spelled = f"{name} {spelling_name}, {kind}"
                sealed_so, sealed_shortest = sealed_raw(kind, before_row, row, 77), before_row + row + body
                vectors.append(case(f"number: {spelled}, sealed so", base64url(sealed_so)))
                vectors.append(case(f"number: {spelled}, sealed in the shortest form", base64url(sealed_shortest)))
        zero_keys, zero_templates = {0: KEY, **KEYS}, {0: FIELDS, **TEMPLATES}
        for name, version, number in (("key version", 0, 1), ("template number", 1, 0)):
            raw = sealed_raw(kind, first + varint(version) + varint(number) + BATCH, varint(77), 77)
            vectors.append(case(f"number: {name} zero, {kind}", base64url(raw), zero_keys, zero_templates))
        row_too_high = sealed_raw(kind, first + varint(1) + varint(1) + BATCH, varint(2**32), 2**32)
        vectors.append(case(f"number: row number 2^32, {kind}", base64url(row_too_high)))
        endless = first + b"\x80" * 60
        vectors.append(case(f"number: key version without an end, {kind}", base64url(endless)))
    return vectors


def wrong_first_bytes() -> list[dict[str, Any]]:
    vectors = []
    for kind in (ENCRYPTED, SIGNED):
        right = strict_base64url(token_of(kind))
        kind_bit = FIRST_BYTES[kind] & 1
        first_bytes = {f"format version {version}": version << 4 | kind_bit for version in range(16) if version != 1}
        first_bytes |= {f"payload coding {coding}": 0x10 | coding << 1 | kind_bit for coding in range(1, 8)}
        for name, first in first_bytes.items():
            before_row = bytes([first]) + varint(1) + varint(1) + BATCH
            right_subkey = derive_subkey(KEY, PROJECT, right[:11], schema_text(FIELDS))
            mixed = before_row + right[11:12] + seal_body(kind, right_subkey, before_row + right[11:12], 77, PAYLOAD)
            seals = {
                "sealed so": sealed_raw(kind, before_row, right[11:12], 77),
                "sealed with the right first byte": before_row + right[11:],
                "the right first byte in the subkey alone": mixed,
            }
            vectors += [case(f"first byte: {name}, {kind}, {how}", base64url(raw)) for how, raw in seals.items()]
        kind_flipped = bytes([right[0] ^ 1]) + right[1:]
        vectors.append(case(f"first byte: kind bit flipped, {kind}", base64url(kind_flipped)))
    return vectors


def wrong_lengths() -> list[dict[str, Any]]:
    vectors = []
    text = b"0123456789abcdef" * 254 + b"xy"
    for kind in (ENCRYPTED, SIGNED):
        before_row = bytes([FIRST_BYTES[kind]]) + varint(1) + varint(2) + BATCH
        payload = varint(0) + zigzag(len(text)) + text
        raw = sealed_raw(kind, before_row, varint(1), 1, payload, TEXT_FIELD)
        assert len(raw) == 4097
        vectors.append(case(f"length: 4,097 bytes decoded, {kind}", base64url(raw)))
        raw = strict_base64url(token_of(kind))
        header_length, tag_start = 12, len(raw) - TAG_BYTES
        for length in (1, 2, 3, 7, 11, header_length, header_length + 1, header_length + 15, header_length + 16):
            vectors.append(case(f"length: the first {length} bytes, {kind}", base64url(raw[:length])))
        for length in (tag_start, len(raw) - 2, len(raw) - 1):
            vectors.append(case(f"length: the last {len(raw) - length} bytes cut off, {kind}", base64url(raw[:length])))
        vectors.append(case(f"length: a zero byte more, {kind}", base64url(raw + b"\0")))
        vectors.append(case(f"length: a zero byte before, {kind}", base64url(b"\0" + raw)))
    header = Header(SIGNED, 1, 1, BATCH, 77)
    subkey = derive_subkey(KEY, PROJECT, header.without_row_number(), schema_text(FIELDS))
    whole_tag = hmac_sha256(subkey, header.to_bytes() + PAYLOAD)
    for length in (0, 1, 15, 17, 32):
        token = base64url(header.to_bytes() + PAYLOAD + whole_tag[:length])
        vectors.append(case(f"length: a signed token with {length} bytes of tag", token))
    return vectors


def wrong_bytes(kind: str) -> list[dict[str, Any]]:
    raw = strict_base64url(token_of(kind))
    vectors = []
    for bit in range(8 * 12):
        vectors.append(flipped(f"header, {kind}", raw, bit))
    for bit in range(8 * 12, 8 * len(raw), 13):
        vectors.append(flipped(f"body and tag, {kind}", raw, bit))
    header_length = 12
    changes = {
        "tag of zero bytes": raw[:-TAG_BYTES] + bytes(TAG_BYTES),
        "tag before the payload": raw[:header_length] + raw[-TAG_BYTES:] + raw[header_length:-TAG_BYTES],
        "other row number": Header(kind, 1, 1, BATCH, 78).to_bytes() + raw[header_length:],
        "other batch id": Header(kind, 1, 1, arbitrary("another batch", 8), 77).to_bytes() + raw[header_length:],
        "other key version": Header(kind, 2, 1, BATCH, 77).to_bytes() + raw[header_length:],
        "other template number": Header(kind, 1, 2, BATCH, 77).to_bytes() + raw[header_length:],
        "body of another row": raw[:header_length] + strict_base64url(token_of(kind, 78))[header_length:],
        "body of another batch": raw[:header_length]
        + strict_base64url(token_of(kind, batch_id=arbitrary("another batch", 8)))[header_length:],
        "body of the other kind": raw[:header_length]
        + strict_base64url(token_of(SIGNED if kind == ENCRYPTED else ENCRYPTED))[header_length:],
    }
    return vectors + [case(f"bytes: {name}, {kind}", base64url(changed)) for name, changed in changes.items()]


def flipped(part: str, raw: bytes, bit: int) -> dict[str, Any]:
    changed = bytearray(raw)
    changed[bit // 8] ^= 0x80 >> bit % 8
    return case(f"bytes: bit {bit} flipped, {part}", base64url(bytes(changed)))


def wrong_secrets(kind: str) -> list[dict[str, Any]]:
    token = token_of(kind)
    optional_made_required = tuple(Field(f.name, f.type, True, f.symbols) for f in FIELDS)
    renamed = (Field("person.Surname", "string", True), *FIELDS[1:])
    retyped = (Field("person.surname", "email", True), *FIELDS[1:])
    symbols_reordered = (*FIELDS[:4], Field("members.tier.id", "enum", True, ("gold", "silver")), *FIELDS[5:])
    symbol_added = (*FIELDS[:4], Field("members.tier.id", "enum", True, ("silver", "gold", "black")), *FIELDS[5:])
    schemas = {
        "a renamed field": renamed,
        "another type with the same binary": retyped,
        "optional fields made required": optional_made_required,
        "symbols in another order": symbols_reordered,
        "a symbol more": symbol_added,
        "a field more": (*FIELDS, Field("more", "string", False)),
        "a field less": FIELDS[:-1],
        "fields in another order": (FIELDS[1], FIELDS[0], *FIELDS[2:]),
        "no fields": (),
    }
    vectors = [case(f"schema: {name}, {kind}", token, templates={1: fields}) for name, fields in schemas.items()]
    return vectors + [
        case(f"secret: other project, {kind}", token, project="wrsyns"),
        case(f"secret: a longer project code, {kind}", token, project="wrsynr0"),
        case(f"secret: other key, {kind}", token, keys={1: OTHER_KEY}),
        case(f"secret: no such key version, {kind}", token, keys={2: KEY}),
        case(f"secret: no keys, {kind}", token, keys={}),
        case(f"secret: no such template number, {kind}", token, templates={2: FIELDS}),
        case(f"secret: no templates, {kind}", token, templates={}),
    ]


# Type, what is wrong, and the datum of one required field in hex; `?` before the type makes the field optional.
BROKEN_DATA = (
    ("string", "no datum", ""),
    ("string", "a byte after the datum", "02" "61" "00"),
    ("string", "no bytes", "00"),
    ("string", "a negative length", "01"),
    ("string", "a length past the end", "04" "61"),
    ("string", "a length past 2^62", "feffffffffffffffff01" "61"),
    ("string", "a length in two bytes", "8200" "61"),
    ("string", "not UTF-8", "02" "ff"),
    ("string", "UTF-8 longer than shortest", "04" "c1a1"),
    ("string", "a surrogate in UTF-8", "06" "eda080"),
    ("string", "UTF-8 above U+10FFFF", "08" "f4908080"),
    ("?string", "no bytes", "02" "00"),
    ("?string", "a third branch", "04" "02" "61"),
    ("?string", "a branch before the first", "01"),
    ("?string", "a branch in two bytes", "8000"),
    ("?string", "a branch without a value", "02"),
    ("?string", "a byte after the null", "00" "00"),
    ("integer", "a value in two bytes", "8000"),
    ("integer", "ten bytes, above 64 bits", "ffffffffffffffffff02"),
    ("integer", "eleven bytes", "8080808080808080808001"),
    ("integer", "no last byte", "80"),
    ("decimal", "scale 19", "02" "26"),
    ("decimal", "a negative scale", "02" "01"),
    ("decimal", "no scale", "02"),
    ("boolean", "the byte 2", "02"),
    ("boolean", "the byte 255", "ff"),
    ("date", "the day before 0001-01-01", zigzag(-719163).hex()),
    ("date", "the day after 9999-12-31", zigzag(2932897).hex()),
    ("date", "a day far away", zigzag(2**62).hex()),
    ("datetime", "offset 1440", "00" + zigzag(1440).hex()),
    ("datetime", "offset -1440", "00" + zigzag(-1440).hex()),
    ("datetime", "offset 1442", "00" + zigzag(1442).hex()),
    ("datetime", "the second after 9999", zigzag(253402300800).hex() + zigzag(1441).hex()),
    ("datetime", "the second before 0001", zigzag(-62135596801).hex() + zigzag(1441).hex()),
    ("datetime", "after 9999 where it was written", zigzag(253402300799).hex() + zigzag(1).hex()),
    ("datetime", "before 0001 where it was written", zigzag(-62135596800).hex() + zigzag(-1).hex()),
    ("datetime", "seconds at the end of 64 bits", zigzag(2**63 - 1).hex() + zigzag(1439).hex()),
    ("enum", "the symbol after the last", zigzag(len(MANY_SYMBOLS)).hex()),
    ("enum", "the symbol before the first", "01"),
    ("uuid", "15 bytes", "00" * 15),
    ("uuid", "17 bytes", "00" * 17),
    ("phone", "six digits", zigzag(999_999).hex()),
    ("phone", "sixteen digits", zigzag(10**15).hex()),
    ("phone", "a negative number", zigzag(-447700900123).hex()),
)
BROKEN_EXPIRIES = {
    "no bytes": "",
    "an expiry without a last byte": "80",
    "an expiry in two bytes": "8000" "0261",
    "an expiry of 2^32": "8080808010" "0261",
    "an expiry of six bytes": "808080808001" "0261",
}


def broken_vectors() -> list[dict[str, Any]]:
    vectors = [broken(f"payload: {name}", TEXT_FIELD[0], hex_bytes) for name, hex_bytes in BROKEN_EXPIRIES.items()]
    for type_name, name, datum in BROKEN_DATA:
        plain_name = type_name.removeprefix("?")
        symbols = MANY_SYMBOLS if plain_name == "enum" else ()
        field = Field("field", plain_name, type_name == plain_name, symbols)
        vectors.append(broken(f"{type_name.replace('?', 'optional ')}: {name}", field, "00" + datum))
    return vectors


def broken(name: str, field: Field, payload: str) -> dict[str, Any]:
    before_row = bytes([FIRST_BYTES[ENCRYPTED]]) + varint(1) + varint(1) + BATCH
    raw = sealed_raw(ENCRYPTED, before_row, varint(77), 77, bytes.fromhex(payload), (field,))
    return case(name, base64url(raw), {1: KEY}, {1: (field,)})


def passkit_invalid_vectors() -> list[dict[str, Any]]:
    key, other_key = PASSKIT_KEYS[32], arbitrary("another PassKit key", 32)
    columns = PASSKIT_ROWS["an ordinary row"]
    vectors = []

    def add(name: str, form: str, url: str, base_url: str = PASSKIT_BASE, opened_with: bytes = key) -> None:
        row = {"name": name, "format": form, "key": opened_with.hex(), "base_url": base_url, "url": url}
        vectors.append(row)

    url = seal_passkit(PASSKIT_ENCRYPTED, key, PASSKIT_BASE, columns, BATCH, 77)
    data, _, iv = url.removeprefix(PASSKIT_BASE + "?data=").partition("&iv=")
    encrypted: dict[str, str] = {
        "no query": PASSKIT_BASE,
        "no data": f"{PASSKIT_BASE}?iv={iv}",
        "no iv": f"{PASSKIT_BASE}?data={data}",
        "empty data": f"{PASSKIT_BASE}?data=&iv={iv}",
        "empty iv": f"{PASSKIT_BASE}?data={data}&iv=",
        "an iv of 31 hex digits": url[:-1],
        "an iv of 15 bytes": url[:-2],
        "an iv of 17 bytes": url + "00",
        "an iv that is not hex": url[:-1] + "g",
        "data less a block": f"{PASSKIT_BASE}?data={base64url(strict_base64url(data)[:-16])}&iv={iv}",
        "data less a byte": f"{PASSKIT_BASE}?data={base64url(strict_base64url(data)[:-1])}&iv={iv}",
        "data with a foreign character": url.replace("data=", "data=!"),
        "data with padding in the middle": f"{PASSKIT_BASE}?data={data[:8]}=={data[8:]}&iv={iv}",
        "data with too much padding": f"{PASSKIT_BASE}?data={data}====&iv={iv}",
    }
    for name, wrong_url in encrypted.items():
        add(name, PASSKIT_ENCRYPTED, wrong_url)
    add("another key", PASSKIT_ENCRYPTED, url, opened_with=other_key)
    add("a key of another size", PASSKIT_ENCRYPTED, url, opened_with=key[:16])
    add("another base URL", PASSKIT_ENCRYPTED, url, base_url=PASSKIT_BASE + "x")
    not_objects = {"an array": b'["a"]', "not JSON": b"{", "not UTF-8": b'{"a":"\xff"}', "nothing": b""}
    for name, text in not_objects.items():
        own_iv = passkit_iv(key, BATCH, 77, text)
        sealed = base64url(aes_cbc_encrypt(key, own_iv, text))
        add(f"the JSON is {name}", PASSKIT_ENCRYPTED, f"{PASSKIT_BASE}?data={sealed}&iv={own_iv.hex()}")

    for form in ("passkit-hashed", "passkit-hashed-sha1"):
        url = seal_passkit(form, key, PASSKIT_BASE, columns, BATCH, 77)
        signed, _, signature = url.partition("&sig=")
        swap_last: Callable[[str], str] = lambda text: text[:-1] + ("0" if text[-1] != "0" else "1")
        other_form = {"passkit-hashed": "passkit-hashed-sha1", "passkit-hashed-sha1": "passkit-hashed"}[form]
        hashed = {
            "no sig": signed,
            "an empty sig": signed + "&sig=",
            "the last digit of the sig changed": swap_last(url),
            "a sig less a digit": url[:-1],
            "a sig with a digit more": url + "0",
            "a sig in upper case": f"{signed}&sig={signature.upper()}",
            "a sig of the other hash": f"{signed}&sig={passkit_signature(other_form, key, signed)}",
            "the first character of the data changed": url.replace("data=e", "data=f"),
            "data padded after signing": f"{signed}==&sig={signature}",
            "the data alone signed": f"{signed}&sig={passkit_signature(form, key, signed.partition('data=')[2])}",
        }
        assert "data=e" in url
        for name, wrong_url in hashed.items():
            add(f"{name}, {form}", form, wrong_url)
        add(f"another key, {form}", form, url, opened_with=other_key)
        moved = url.replace("/c/", "/d/")
        add(f"moved to another base URL, {form}", form, moved, base_url=PASSKIT_BASE.replace("/c/", "/d/"))
        for name, text in not_objects.items():
            signed = f"{PASSKIT_BASE}?data={base64url(text)}"
            add(f"the JSON is {name}, {form}", form, f"{signed}&sig={passkit_signature(form, key, signed)}")
    return vectors
