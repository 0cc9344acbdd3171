"""The log's signing key in a file, and the high-water mark that is made with it.

The key file is in the note format of Go's sumdb (`PRIVATE+KEY+<name>+<id>+<key>`), so its name is the log's origin for
as long as the key lives.
"""

from __future__ import annotations

import os
from pathlib import Path

from audit import merkle
from audit.checkpoints import ED25519, BadCheckpoint, Checkpoint, FileSigner, b64, sign, unb64
from audit.locks import turn
from audit.mark import mark_of, sync_folder


class KeyUnusable(Exception):
    """The signing key file cannot be used; the message says what the operator must do."""


def load_signer(path: Path, origin: str, *, create: bool) -> FileSigner:
    """The key in a file; `origin` names a new one, which is made only if `create` (the demo's first use).

    Raises `KeyUnusable` if the file is missing, readable by others or not a key.
    """
    if create and not path.exists():
        _create(path, origin)
    try:
        if path.stat().st_mode & 0o077:
            raise KeyUnusable(f"{path} can be read by others; run: chmod 600 {path}")
        return _parse_private(path.read_text())
    except FileNotFoundError as missing:
        raise KeyUnusable(f"there is no signing key at {path}; run: flask audit make-key") from missing
    except BadCheckpoint as wrong:
        raise KeyUnusable(f"{path} does not hold an Ed25519 note key") from wrong


def _create(path: Path, origin: str) -> None:
    """Write a new key once: of two processes that try, the first wins and both then read its file."""
    if not origin or any(c.isspace() or c == "+" for c in origin):
        raise KeyUnusable(f"{origin!r} cannot be a log's name: no spaces, no plus sign")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with turn(path.with_name(f".{path.name}.lock")):
        if not path.exists():
            _write_new(path, origin, os.urandom(32))


def _write_new(path: Path, origin: str, seed: bytes) -> None:
    """The mark first: a key that is there without its mark has lost it."""
    signer = FileSigner(origin, seed)
    mark = mark_of(path, signer.verifier)
    if _of_an_empty_log(mark.note()):
        mark.write(sign(Checkpoint(origin, 0, merkle.EMPTY_ROOT), signer))
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
        handle.write(f"PRIVATE+KEY+{origin}+{signer.verifier.key_id.hex()}+{b64(ED25519 + seed)}\n")
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def _of_an_empty_log(note: str | None) -> bool:
    """No mark, or one that a crash left before its key was there. Another key's mark stays, and stops the log."""
    return note is None or note.split("\n")[1:2] == ["0"]


def _parse_private(text: str) -> FileSigner:
    parts = text.strip().split("+", 4)
    if len(parts) != 5 or parts[:2] != ["PRIVATE", "KEY"]:
        raise BadCheckpoint("not a note key")
    raw = unb64(parts[4])
    if raw[:1] != ED25519 or len(raw) != 33:
        raise BadCheckpoint("not an Ed25519 note key")
    signer = FileSigner(parts[2], raw[1:])
    if signer.verifier.key_id.hex() != parts[3]:
        raise BadCheckpoint("the key does not fit its id")
    return signer
