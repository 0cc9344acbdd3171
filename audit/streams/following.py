"""Send entries on as they get their index: in order, at least once, going on where it stopped.

What was confirmed is kept in a file of its own for each stream, `streams/<name>.json`: the next index, and the hash of
the last entry sent. A log whose entry at that place is another is not the log that was being followed.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, select

from audit import merkle, tables
from audit.mark import sync_folder
from audit.streams.sequenced import Sequenced
from audit.streams.targets import NotTaken, Target
from audit.tables import as_bytes, body_of

BATCH = 256
PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0


class NotThisLog(Exception):
    """The stream followed another log; the message says what to do."""


@dataclass(frozen=True)
class Cursor:
    """How far a stream was confirmed: the next index, and the leaf hash (hex) of the entry before it."""

    following: int = 0
    leaf: str = ""


@dataclass(frozen=True)
class Place:
    """The file in which a stream keeps its cursor."""

    path: Path

    def read(self) -> Cursor | None:
        """The cursor; None for a stream that never sent anything."""
        try:
            found = json.loads(self.path.read_text())
            return Cursor(int(found["next"]), str(found["leaf"]))
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as wrong:
            raise NotThisLog(
                f"{self.path} does not say how far the stream was sent. Remove it and begin again with --from"
            ) from wrong

    def write(self, cursor: Cursor) -> None:
        """Replace it, durably."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = self.path.with_name(f".{self.path.name}.{os.getpid()}.tmp")
        with temporary.open("w") as handle:
            json.dump({"next": cursor.following, "leaf": cursor.leaf}, handle)
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(self.path)
        sync_folder(self.path.parent)


def place_of(data_dir: Path, name: str) -> Place:
    """Where the stream of this name keeps its cursor."""
    return Place(data_dir / "streams" / f"{name}.json")


@dataclass(frozen=True)
class Stream:
    """Entries of one database to one target. `line` makes an entry's message; `told` hears of what failed."""

    engine: Engine
    target: Target
    place: Place
    line: Callable[[Sequenced], bytes]
    told: Callable[[str], None]

    def begin(self, first: int | None) -> Cursor:
        """Where to go on: at `first` if it is given, else where the stream stopped, else at the log's beginning.

        Raises `NotThisLog` if the entry that was sent last is not the one in the log.
        """
        if first is not None:
            return Cursor(first)
        cursor = self.place.read() or Cursor()
        if cursor.leaf:
            before = self._entries(cursor.following - 1, 1)
            if not before or merkle.leaf_hash(before[0].body).hex() != cursor.leaf:
                raise NotThisLog(
                    f"entry {cursor.following - 1} is not the one that was sent last. Was an older backup restored? "
                    "Check with: flask audit verify. To go on all the same: --from INDEX"
                )
        return cursor

    def send_next(self, cursor: Cursor) -> Cursor:
        """Send the next batch; the same cursor if there is nothing new. Raises `NotTaken` or `OSError`."""
        entries = self._entries(cursor.following, BATCH)
        if not entries:
            return cursor
        self.target.send([self.line(entry) for entry in entries])
        cursor = Cursor(entries[-1].index + 1, merkle.leaf_hash(entries[-1].body).hex())
        self.place.write(cursor)
        return cursor

    def send_all(self, cursor: Cursor) -> Cursor:
        """Send everything that has an index by now. Raises `NotTaken` or `OSError`; what was confirmed stays so."""
        while (following := self.send_next(cursor)) != cursor:
            cursor = following
        return cursor

    def follow(self, cursor: Cursor, stop: threading.Event) -> Cursor:
        """Send on until `stop`. A receiver that fails is asked again, after longer and longer pauses."""
        pause = PAUSE_S
        while not stop.is_set():
            try:
                sent = self.send_next(cursor)
            except (NotTaken, OSError) as error:
                self.told(f"entry {cursor.following} was not taken: {error}; next try in {pause:.0f} s")
                stop.wait(pause)
                pause = min(pause * 2, LONGEST_PAUSE_S)
                continue
            pause = PAUSE_S
            if sent == cursor:
                stop.wait(PAUSE_S)
            cursor = sent
        return cursor

    def _entries(self, begin: int, most: int) -> list[Sequenced]:
        index = tables.entries.c.idx
        chosen = select(index, body_of(tables.entries)).where(index >= begin).order_by(index).limit(most)
        with self.engine.begin() as connection:
            return [Sequenced(row.idx, as_bytes(row.body)) for row in connection.execute(chosen)]
