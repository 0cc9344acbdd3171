"""The key that wraps the keys of personal fields: a file of mode 0600 outside database and log.

Each line is a key, 32 random bytes as base64. The first one wraps; any others are former ones, there only while
`flask audit rotate-personal-key` is at work. Whoever has a copy of a wrapped key and no key of this file has nothing.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from audit.ledger import LogUnavailable
from audit.mark import sync_folder

KEY_BYTES = 32
NONCE_BYTES = 12


class MasterKeyUnusable(LogUnavailable):
    """The personal key file cannot be used, so no entry with personal fields can be recorded: 503."""


@dataclass(frozen=True)
class MasterKey:
    """One key of the file; `id` names it in the rows of the keys that it wraps."""

    key: bytes

    @property
    def id(self) -> str:
        """The beginning of a hash of the key."""
        return hashlib.sha256(b"charter-oak personal master " + self.key).hexdigest()[:16]

    def wrap(self, key: bytes, about: bytes) -> str:
        """A key for keeping, bound to what it is about."""
        nonce = os.urandom(NONCE_BYTES)
        return base64.b64encode(nonce + AESGCM(self.key).encrypt(nonce, key, about)).decode()

    def unwrap(self, wrapped: str, about: bytes) -> bytes | None:
        """The key again; None if it is another's, or was wrapped about something else."""
        try:
            raw = base64.b64decode(wrapped, validate=True)
            return AESGCM(self.key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], about)
        except (InvalidTag, ValueError, binascii.Error):
            return None


class MasterKeys:
    """The file, read again whenever it changed, so that every process follows a rotation."""

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """`create` makes a key where there is none: the demo's choice, never a real installation's."""
        self.path, self._create = path, create
        self._seen: tuple[int, int, int] | None = None
        self._keys: tuple[MasterKey, ...] = ()

    def present(self) -> MasterKey:
        """The key that wraps now. Raises `MasterKeyUnusable`."""
        return self._read()[0]

    def all(self) -> tuple[MasterKey, ...]:
        """Every key of the file, the present one first. Raises `MasterKeyUnusable`."""
        return self._read()

    def by_id(self, id: str) -> MasterKey | None:
        """The key of this name, if the file still holds it. Raises `MasterKeyUnusable`."""
        return next((key for key in self._read() if key.id == id), None)

    def write(self, *keys: MasterKey) -> None:
        """Put these keys in the file's place, the present one first: whole or not at all, mode 0600."""
        temporary = _written(self.path, keys)
        temporary.replace(self.path)
        sync_folder(self.path.parent)

    def _read(self) -> tuple[MasterKey, ...]:
        try:
            if self._create and not self.path.exists():
                _make(self.path)
            found = self.path.stat()
            if stat.S_IMODE(found.st_mode) & 0o077:
                raise MasterKeyUnusable(f"{self.path} can be read by others; run: chmod 600 {self.path}")
            state = (found.st_mtime_ns, found.st_ino, found.st_size)
            if state != self._seen:
                self._keys, self._seen = _parsed(self.path.read_text()), state
        except (OSError, ValueError) as problem:
            raise MasterKeyUnusable(
                f"the personal key file {self.path} cannot be used ({type(problem).__name__}); put it in place, or "
                f"for a new installation run: openssl rand -base64 32 > {self.path}; chmod 600 {self.path}"
            ) from problem
        return self._keys


def new_master_key() -> MasterKey:
    """A new key."""
    return MasterKey(os.urandom(KEY_BYTES))


def _parsed(text: str) -> tuple[MasterKey, ...]:
    keys = tuple(MasterKey(base64.b64decode(line, validate=True)) for line in text.split())
    if not keys or any(len(key.key) != KEY_BYTES for key in keys):
        raise ValueError("not keys of 32 bytes")
    return keys


def _make(path: Path) -> None:
    """Make the key appear whole, once, whoever else is trying."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = _written(path, (new_master_key(),))
    try:
        os.link(temporary, path)
    except FileExistsError:
        return
    finally:
        temporary.unlink()


def _written(path: Path, keys: tuple[MasterKey, ...]) -> Path:
    temporary = path.with_name(f".{path.name}.{os.urandom(6).hex()}")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.writelines(base64.b64encode(key.key).decode() + "\n" for key in keys)
        out.flush()
        os.fsync(out.fileno())
    return temporary
