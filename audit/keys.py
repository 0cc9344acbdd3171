"""The log's signing keys in a file, and the high-water mark that is made with them.

The name of the newest key is the log's origin for as long as the log lives. The file is looked at before each
signature, so a key that was added or whose time is over is used, or not, from the next checkpoint on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

from audit import merkle
from audit.checkpoints import (
    ED25519,
    ML_DSA_44,
    BadCheckpoint,
    Checkpoint,
    FileSigner,
    Verifier,
    is_name,
    open_with,
    sign,
)
from audit.locks import turn
from audit.mark import mark_of
from audit.signing import key_file
from audit.signing.key_file import SEED, Key


class KeyUnusable(Exception):
    """The signing key file cannot be used; the message says what the operator must do."""


class KeyFile:
    """The keys in a file, as one signer."""

    def __init__(self, path: Path, now: Callable[[], datetime]) -> None:
        self._path, self._now = path, now
        self._seen: tuple[int, ...] = ()
        self._keys: tuple[Key, ...] = ()

    @property
    def keys(self) -> tuple[Key, ...]:
        """Every key of the log, newest first. Raises `KeyUnusable`."""
        found = self._path.stat()
        seen = (found.st_mtime_ns, found.st_ino, found.st_size)
        if seen != self._seen:
            self._keys, self._seen = read_keys(self._path), seen
        return self._keys

    @property
    def verifier(self) -> Verifier:
        """The public half of the newest Ed25519 key."""
        return self.keys[0].verifiers[0]

    def open(self, note: str) -> Checkpoint:
        """The checkpoint in a note that any key of this log signed, retired ones too: the log's own past."""
        return open_with([verifier for key in self.keys for verifier in key.verifiers], note)

    def sign(self, text: str) -> tuple[str, ...]:
        """A line of each key and type that signs now, the newest key's first."""
        self.retire()
        now = self._now()
        name, at = self.verifier.name, int(now.timestamp())
        if not text.startswith(name + "\n"):
            raise BadCheckpoint(f"this key signs for {name} only")
        return tuple(private.line(text, at) for key in self.keys if key.signs(now) for private in key.private)

    def statement(self) -> str:
        """The public halves with their dates, as JSON."""
        return key_file.statement(self.keys)

    def retire(self) -> bool:
        """Forget the private halves of keys whose time is over; whether there were any."""
        now = self._now()
        if not any(key.private and key.ended(now) for key in self.keys):
            return False
        with changing(self._path):
            keys = read_keys(self._path)
            key_file.write(self._path, [key.retired() if key.ended(now) else key for key in keys])
        return True


def load_signer(path: Path, origin: str, *, create: bool, now: Callable[[], datetime]) -> KeyFile:
    """The keys in a file; `origin` names a new one, which is made only if `create` (the demo's first use).

    Raises `KeyUnusable` if the file is missing, readable by others or not a key.
    """
    if create and not path.exists():
        _create(path, origin, now())
    read_keys(path)
    return KeyFile(path, now)


def read_keys(path: Path) -> tuple[Key, ...]:
    """The keys of a log's key file, newest first. Raises `KeyUnusable`."""
    try:
        if path.stat().st_mode & 0o077:
            raise KeyUnusable(f"{path} can be read by others; run: chmod 600 {path}")
        keys = key_file.read(path.read_text())
    except FileNotFoundError as missing:
        raise KeyUnusable(f"there is no signing key at {path}; run: flask audit make-key") from missing
    except (BadCheckpoint, UnicodeDecodeError) as wrong:
        raise KeyUnusable(f"{path} does not hold an Ed25519 note key") from wrong
    if any(key.verifiers[0].kind != ED25519 for key in keys) or not keys[0].private:
        raise KeyUnusable(f"{path} does not hold an Ed25519 note key")
    return keys


def add_ml_dsa(path: Path) -> Key:
    """Give the newest key of a log that signs with Ed25519 alone its ML-DSA-44 half. Raises `KeyUnusable`."""
    with changing(path):
        newest, *older = read_keys(path)
        if newest.of_kind(ML_DSA_44):
            raise KeyUnusable(f"the key in {path} has both halves already")
        seeds = [(key.verifier.kind, key.seed) for key in newest.private]
        whole = key_file.make(newest.verifiers[0].name, [*seeds, (ML_DSA_44, os.urandom(SEED))], newest.since)
        key_file.write(path, [whole, *older])
    return whole


def succeed(path: Path, name: str, lost: Sequence[Verifier], now: datetime) -> Key:
    """A key under another name for a log whose key is lost; the lost one is kept by its public halves.

    It has no mark, so it signs nothing until the operator has looked and run `accept-restore`, which records why. What
    is left of the lost key lies beside, named `.lost`. Raises `KeyUnusable`.
    """
    if not is_name(name) or not lost or name in {verifier.name for verifier in lost}:
        raise KeyUnusable("a log whose key is lost goes on under another name: --name, and --lost with the old key")
    if lost[0].kind != ED25519:
        raise KeyUnusable("name the lost Ed25519 key first: --lost, as /audit/log/key said it")
    with changing(path):
        for file in (path, path.with_name(f"{path.name}.mark")):
            if file.exists():
                file.replace(file.with_name(f"{file.name}.lost"))
        key = new_key(name, now)
        key_file.write(path, [key, Key(tuple(lost), until=now)])
    return key


def new_key(name: str, since: datetime) -> Key:
    """A new key for a log, in both forms."""
    return key_file.make(name, [(ED25519, os.urandom(SEED)), (ML_DSA_44, os.urandom(SEED))], since)


def changing(path: Path) -> AbstractContextManager[None]:
    """One process at a time changes a key file."""
    return turn(path.with_name(f".{path.name}.lock"))


def _create(path: Path, origin: str, now: datetime) -> None:
    """Write a new key once: of two processes that try, the first wins and both then read its file."""
    if not is_name(origin):
        raise KeyUnusable(f"{origin!r} cannot be a log's name: no spaces, no plus sign")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with changing(path):
        if not path.exists():
            _write_new(path, new_key(origin, now))


def _write_new(path: Path, key: Key) -> None:
    """The mark first: a key that is there without its mark has lost it."""
    signer = FileSigner(key.verifiers[0].name, key.private[0].seed, key.private[1].seed)
    mark = mark_of(path, signer)
    if _of_an_empty_log(mark.note()):
        mark.write(sign(Checkpoint(signer.verifier.name, 0, merkle.EMPTY_ROOT), signer))
    key_file.write(path, [key])


def _of_an_empty_log(note: str | None) -> bool:
    """No mark, or one that a crash left before its key was there. Another key's mark stays, and stops the log."""
    return note is None or note.split("\n")[1:2] == ["0"]
