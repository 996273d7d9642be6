"""The two PassKit formats, from the last section of ../link-v1.md."""

from __future__ import annotations

import hmac
import json
import re
from typing import Iterable

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from cells import WHITE_SPACE
from link_v1 import BadToken, base64url, hmac_sha256, strict_base64url

PASSKIT_ENCRYPTED = "passkit-encrypted"
PASSKIT_HASHES = {"passkit-hashed": "sha256", "passkit-hashed-sha1": "sha1"}


def passkit_json(columns: Iterable[tuple[str, str]]) -> str:
    trimmed = {name: value.strip(WHITE_SPACE) for name, value in columns}
    # Python sorts by code point, which is the order of the UTF-8 bytes.
    return json.dumps(trimmed, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def passkit_iv(key: bytes, batch_id: bytes, row_number: int, text: bytes) -> bytes:
    return hmac_sha256(key, b"smartpass/passkit-iv" + batch_id + row_number.to_bytes(8, "big") + text)[:16]


def seal_passkit(
    form: str, key: bytes, base_url: str, columns: Iterable[tuple[str, str]], batch_id: bytes, row_number: int
) -> str:
    text = passkit_json(columns).encode("utf-8")
    if form == PASSKIT_ENCRYPTED:
        iv = passkit_iv(key, batch_id, row_number, text)
        return f"{base_url}?data={base64url(aes_cbc_encrypt(key, iv, text))}&iv={iv.hex()}"
    signed = f"{base_url}?data={base64url(text)}"
    return f"{signed}&sig={passkit_signature(form, key, signed)}"


def passkit_signature(form: str, key: bytes, signed: str) -> str:
    return hmac.digest(key, signed.encode("utf-8"), PASSKIT_HASHES[form]).hex()


def aes_cbc_encrypt(key: bytes, iv: bytes, text: bytes) -> bytes:
    padder, encryptor = PKCS7(128).padder(), Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
    return encryptor.update(padder.update(text) + padder.finalize()) + encryptor.finalize()


def aes_cbc_decrypt(key: bytes, iv: bytes, data: bytes) -> bytes:
    unpadder, decryptor = PKCS7(128).unpadder(), Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
    try:
        return unpadder.update(decryptor.update(data) + decryptor.finalize()) + unpadder.finalize()
    except ValueError:  # not whole blocks, or no padding
        raise BadToken() from None


def lenient_base64(text: str) -> bytes:
    """Either alphabet, padded or not."""
    unpadded = text.rstrip("=")
    if unpadded != text and (len(text) % 4 or len(text) - len(unpadded) > 2):
        raise BadToken()
    return strict_base64url(unpadded.replace("+", "-").replace("/", "_"))


def open_passkit(form: str, key: bytes, base_url: str, url: str) -> str:
    """The JSON text of the link. The query is taken as it stands: a `+` is no space."""
    data, second = split_passkit_url(base_url, url, "iv" if form == PASSKIT_ENCRYPTED else "sig")
    if form == PASSKIT_ENCRYPTED:
        iv = bytes.fromhex(second) if re.fullmatch(r"[0-9a-fA-F]{32}", second) else lenient_base64(second)
        if len(iv) != 16:
            raise BadToken()
        opened = aes_cbc_decrypt(key, iv, lenient_base64(data))
    else:
        expected = passkit_signature(form, key, f"{base_url}?data={data}")
        if not hmac.compare_digest(second.encode("utf-8"), expected.encode("utf-8")):
            raise BadToken()
        opened = lenient_base64(data)
    try:
        text = opened.decode("utf-8")
        is_object = isinstance(json.loads(text), dict)
    except ValueError:
        raise BadToken() from None
    if not is_object:
        raise BadToken()
    return text


def split_passkit_url(base_url: str, url: str, second_name: str) -> tuple[str, str]:
    before = base_url + "?data="
    data, separator, second = url.removeprefix(before).partition(f"&{second_name}=")
    if not url.startswith(before) or not separator:
        raise BadToken()
    return data, second
