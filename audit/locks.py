"""Turns and leadership: who may write now.

`turn` lets processes on one machine follow each other without sleeping. `leadership` gives the sequencer's work to one
process: a file lock on every database, and on PostgreSQL an advisory lock whose connection also does the
work, so that a leader that lost its lock can no longer commit. Both end with the process, however it ends.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, Engine, text

LEADER_KEY = 0x6C6F67
"""The advisory lock's number ("log"); one log per database."""

APPEND_LOCK = "audit-append.lock"
LEADER_LOCK = "audit-leader.lock"


class Turn:
    """A place in line for one thread that comes again and again: the file stays open in between."""

    def __init__(self, lock_file: Path) -> None:
        self._lock_file = lock_file
        self._handle: int | None = None

    @contextlib.contextmanager
    def taken(self) -> Iterator[None]:
        """Wait for a turn by `flock`, which wakes the next at once; SQLite's own busy handler sleeps."""
        if self._handle is None:
            self._lock_file.parent.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(self._lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        fcntl.flock(self._handle, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._handle, fcntl.LOCK_UN)

    def __del__(self) -> None:
        if self._handle is not None:
            os.close(self._handle)


@contextlib.contextmanager
def turn(lock_file: Path) -> Iterator[None]:
    """One turn by `flock`."""
    with Turn(lock_file).taken():
        yield


class Leader:
    """The right to sequence, held by this process until `leadership` ends."""

    def __init__(self, engine: Engine, data_dir: Path, held: Connection | None) -> None:
        self._engine = engine
        self._append_lock = data_dir / APPEND_LOCK
        self._held = held

    @contextlib.contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction that can only commit while this process leads."""
        if self._held is not None:
            with self._held.begin():
                yield self._held
            return
        with turn(self._append_lock), self._engine.begin() as connection:
            yield connection


@contextlib.contextmanager
def leadership(engine: Engine, data_dir: Path) -> Iterator[Leader | None]:
    """Lead while the block runs, or None if another process does."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / LEADER_LOCK).open("a+b") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
            return
        handle.truncate(0)
        handle.write(f"{os.getpid()}\n".encode())
        handle.flush()
        if engine.dialect.name != "postgresql":
            yield Leader(engine, data_dir, None)
            return
        with _advisory(engine) as held:
            yield Leader(engine, data_dir, held) if held is not None else None


@contextlib.contextmanager
def _advisory(engine: Engine) -> Iterator[Connection | None]:
    with engine.connect() as connection:
        connection.detach()
        with connection.begin():
            won = connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": LEADER_KEY}).scalar()
        yield connection if won else None
