"""Sealed files: AES-256-GCM in the STREAM construction, under a key of the file's own (reference: security.md §6).

    file    = header, chunk 0, chunk 1 … chunk n
    header  = "COSEAL01", salt (7 bytes), chunk size (4, big endian), plain size (8, big endian)
    chunk i = AES-256-GCM(key, nonce = salt, i (4, big endian), 1 if last else 0; plain part; AAD = header)

A flipped byte, a missing or swapped chunk and a cut file all refuse. The file's key is wrapped by a key-encryption key
with the dataset and version as AAD, so that one file cannot stand in for another.
"""

from __future__ import annotations

import base64
import hashlib
import os
import stat
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from exchange.errors import Unavailable

MAGIC = b"COSEAL01"
CHUNK = 1 << 20
TAG = 16
KEY_BYTES = 32
_HEADER = struct.Struct(">8s7sIQ")


class SealBroken(Unavailable):
    """A sealed file or key is not what was written. No part of it is used."""

    code = "store.seal-broken"


@dataclass(frozen=True)
class FileKey:
    """A data key: plain for use now, wrapped for keeping."""

    plain: bytes
    wrapped: dict[str, Any]


def seal(plain: memoryview, key: bytes) -> Iterator[bytes]:
    """The sealed file, part by part."""
    header = _HEADER.pack(MAGIC, os.urandom(7), CHUNK, len(plain))
    cipher = AESGCM(key)
    yield header
    count = _chunk_count(len(plain), CHUNK)
    for number in range(count):
        part = plain[number * CHUNK : (number + 1) * CHUNK]
        yield cipher.encrypt(_nonce(header, number, number == count - 1), bytes(part), header)


def unseal(sealed: memoryview, key: bytes) -> bytearray:
    """The plain bytes. Raises `SealBroken` if anything at all differs from what was sealed."""
    header = bytes(sealed[: _HEADER.size])
    if len(header) < _HEADER.size or header[:8] != MAGIC:
        raise SealBroken("This is not a sealed file of this store; restore it from its backup.")
    _, _, chunk, size = _HEADER.unpack(header)
    count = _chunk_count(size, chunk) if chunk else 0
    if not count or len(sealed) != _HEADER.size + size + count * TAG:
        raise SealBroken("The sealed file has been cut or extended; restore it from its backup.")
    cipher, plain = AESGCM(key), bytearray()
    for number in range(count):
        start = _HEADER.size + number * (chunk + TAG)
        try:
            plain += cipher.decrypt(
                _nonce(header, number, number == count - 1), sealed[start : start + chunk + TAG], header
            )
        except InvalidTag as broken:
            sentence = f"Chunk {number} of the sealed file has been changed; restore it from its backup."
            raise SealBroken(sentence) from broken
    return plain


def _chunk_count(size: int, chunk: int) -> int:
    return max(1, -(-size // chunk))


def _nonce(header: bytes, number: int, last: bool) -> bytes:
    return header[8:15] + struct.pack(">IB", number, last)


class FileKeys:
    """Key-encryption keys kept in a file of mode 0600, 32 random bytes as base64."""

    def __init__(self, key_file: Path, *, create: bool = False) -> None:
        """`create` makes a new key where there is none; a real installation never wants that."""
        if create and not key_file.exists():
            _create(key_file)
        self._key = _read(key_file)
        self.id = hashlib.sha256(b"charter-oak kek " + self._key).hexdigest()[:16]

    def generate(self, about: bytes) -> FileKey:
        """A new data key, wrapped with `about` (dataset and version) as AAD."""
        plain, nonce = AESGCM.generate_key(bit_length=256), os.urandom(12)
        wrapped = AESGCM(self._key).encrypt(nonce, plain, about)
        return FileKey(plain, {"alg": "A256GCM", "kek": self.id, "nonce": _text(nonce), "key": _text(wrapped)})

    def unwrap(self, wrapped: Mapping[str, Any], about: bytes) -> bytes:
        """The data key. Raises `SealBroken` for another key, another dataset or another version."""
        if wrapped.get("kek") != self.id or wrapped.get("alg") != "A256GCM":
            raise SealBroken("The file was sealed under another key; put the right store key file in place.")
        try:
            nonce, sealed = base64.b64decode(wrapped["nonce"]), base64.b64decode(wrapped["key"])
            return AESGCM(self._key).decrypt(nonce, sealed, about)
        except (InvalidTag, KeyError, ValueError) as broken:
            raise SealBroken("The file's key does not belong to this dataset and version.") from broken


def about(dataset_id: str, number: int) -> bytes:
    """What a version's data key is bound to."""
    return f"charter-oak/{dataset_id}/{number}".encode()


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _create(key_file: Path) -> None:
    """Make the key appear whole, once, whoever else is trying."""
    key_file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = key_file.with_name(f".{key_file.name}.{os.urandom(6).hex()}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as out:
        out.write(_text(os.urandom(KEY_BYTES)) + "\n")
        out.flush()
        os.fsync(out.fileno())
    try:
        os.link(temporary, key_file)
    except FileExistsError:
        return
    finally:
        temporary.unlink()


def _read(key_file: Path) -> bytes:
    try:
        if stat.S_IMODE(key_file.stat().st_mode) & 0o077:
            raise Unavailable(f"The store key file {key_file.name} can be read by others; set its mode to 0600.")
        key = base64.b64decode(key_file.read_text().strip(), validate=True)
    except (OSError, ValueError) as problem:
        raise Unavailable(f"The store key file {key_file.name} cannot be read; put it in place.") from problem
    if len(key) != KEY_BYTES:
        raise Unavailable(f"The store key file {key_file.name} does not hold 32 bytes as base64.")
    return key
