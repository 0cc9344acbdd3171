"""The high-water mark: the largest tree that the key has signed, kept beside the key.

Whoever removes the end of the log from the database and the files leaves a smaller log that fits together. The mark
lies with neither, is written before a checkpoint is, and nothing smaller or other than it says is signed again.
It is a checkpoint's signed note, and it is made with the key: a key without its mark is not a new log.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from audit.checkpoints import BadCheckpoint, Checkpoint, Opener

WHAT_TO_DO = (
    "Stop the sequencer and restore the newest backup of the log's folder and the database together. "
    "If what is missing is lost for good, say so: flask audit accept-restore --because 'what happened'"
)


class InconsistentLog(Exception):
    """The database, the files and what was signed do not fit together; nothing is signed until they do."""


class HighWater(Protocol):
    """The mark as the sequencer uses it: a file beside the key, or what a process that signs for it remembers."""

    def read(self) -> Checkpoint:
        """The largest tree that was signed. Raises `InconsistentLog` if that is not known."""
        ...

    def advance(self, before: Checkpoint, after: Checkpoint, note: str) -> None:
        """Move the mark from one tree to one that it begins. Raises `InconsistentLog` if the mark stands elsewhere."""
        ...

    def note(self) -> str | None:
        """The signed note that is remembered, unchecked; None if there is none."""
        ...

    def write(self, note: str) -> None:
        """Set the mark to another tree, which only `accept-restore` does."""
        ...


@dataclass(frozen=True)
class Mark:
    """The mark's file and who can tell that the log's key signed it."""

    path: Path
    opener: Opener

    def note(self) -> str | None:
        """What the file says, unchecked; None if there is none."""
        try:
            return self.path.read_text()
        except FileNotFoundError:
            return None
        except UnicodeDecodeError:
            return ""

    def read(self) -> Checkpoint:
        """The largest tree that was signed. Raises `InconsistentLog` if the mark is missing or not the key's."""
        note = self.note()
        if note is None:
            raise InconsistentLog(
                f"the high-water mark {self.path} is missing; it was made with the key. Put it back, or, if it is lost "
                "or the key is older than marks are, accept the log as it stands: flask audit accept-restore --because"
            )
        try:
            return self.opener.open(note)
        except BadCheckpoint as bad:
            raise InconsistentLog(f"the high-water mark {self.path} is not this key's: {bad}. {WHAT_TO_DO}") from bad

    def advance(self, before: Checkpoint, after: Checkpoint, note: str) -> None:
        """Move the mark from one tree to one that it begins. Raises `InconsistentLog` if the mark stands elsewhere."""
        stands = self.read()
        if stands == after:
            return
        if stands != before or after.size < before.size:
            raise InconsistentLog(
                f"the high-water mark counts {stands.size} entries, not the {before.size} that were signed last; "
                f"another process signs with this key. {WHAT_TO_DO}"
            )
        self.write(note)

    def write(self, note: str) -> None:
        """Replace the mark: durable when this returns, whole at every instant, mode 0600."""
        write_private(self.path, note)


def mark_of(key_file: Path, opener: Opener) -> Mark:
    """The mark that belongs to the key in this file."""
    return Mark(key_file.with_name(f"{key_file.name}.mark"), opener)


def write_private(path: Path, text: str) -> None:
    """Replace a file for its owner alone: durable when this returns, whole at every instant, mode 0600."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
            handle.write(text)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
