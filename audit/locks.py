"""Turns and leadership: who may write now.

`turn` lets processes on one machine follow each other without sleeping. `leadership` gives the sequencer's work to one
process: a file lock on every database, and on PostgreSQL an advisory lock whose connection also does the
work, so that a leader that lost its lock can no longer commit. Both end with the process, however it ends.

A process that hangs keeps its locks, so a leader beats in its lock file; see `audit.deposing`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

LEADER_KEY = 0x6C6F67
"""The advisory lock's number ("log"); one log per database."""

APPEND_LOCK = "audit-append.lock"
LEADER_LOCK = "audit-leader.lock"

BEAT_S = 5.0
"""Between two signs of life of a leader that reads; a few fit into the lease."""

QUICK = ("temp_store=MEMORY", "cache_size=-65536")
"""For SQLite's connections that only write the log. A statement's own journal (not the one that makes a commit durable)
goes to a file otherwise and costs as much as the row; the indexes' upper pages should stay in memory."""


def quick(connection: Connection) -> Connection:
    """A connection made ready to write the log and little else."""
    if connection.dialect.name == "sqlite":
        for pragma in QUICK:
            connection.connection.cursor().execute(f"PRAGMA {pragma}")
    return connection


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

    def __init__(self, held: Connection, turn: Turn, beat_file: int) -> None:
        self._held, self._turn, self._beat_file = held, turn, beat_file
        self._sqlite = held.dialect.name == "sqlite"
        self._beats = 0
        self._using = threading.RLock()

    @contextlib.contextmanager
    def begin(self) -> Iterator[Connection]:
        """A transaction that can only commit while this process leads."""
        self.beat()
        turn = self._turn.taken() if self._sqlite else contextlib.nullcontext()
        with self._using, turn, self._held.begin():
            yield self._held

    def beat(self) -> None:
        """Show that this process goes on."""
        self._beats += 1
        os.pwrite(self._beat_file, f"{os.getpid()} {self._beats:020d}\n".encode(), 0)

    def require(self) -> None:
        """Before something is signed: raise SQLAlchemy's error if the connection that makes us leader is closed."""
        if not self._sqlite:
            with self._using, self._held.begin():
                self._held.execute(text("SELECT 1"))

    @contextlib.contextmanager
    def alive(self) -> Iterator[None]:
        """While the block runs, a thread beats: for reading all of a log, which takes minutes and no transactions."""
        ended = threading.Event()

        def beat() -> None:
            while not ended.wait(BEAT_S):
                self.beat()
                with contextlib.suppress(SQLAlchemyError):
                    self.require()

        thread = threading.Thread(target=beat, name="leader-beat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()


@contextlib.contextmanager
def leadership(engine: Engine, data_dir: Path, *, by_steps: bool = False) -> Iterator[Leader | None]:
    """Lead while the block runs, or None if another process does.

    `by_steps`: the leader's transactions are its sign of life, as they are many. Otherwise being there is enough.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    beat_file = os.open(data_dir / LEADER_LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if not _locked(beat_file):
            yield None
            return
        with _alone(engine) as held:
            if held is None:
                yield None
                return
            leader = Leader(held, Turn(data_dir / APPEND_LOCK), beat_file)
            with contextlib.nullcontext() if by_steps else leader.alive():
                yield leader
    finally:
        os.close(beat_file)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextlib.contextmanager
def _alone(engine: Engine) -> Iterator[Connection | None]:
    """A connection for the leader's work; None if another machine's leader has the database."""
    with engine.connect() as connection:
        connection.detach()
        if engine.dialect.name != "postgresql":
            yield quick(connection)
            return
        with connection.begin():
            won = connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": LEADER_KEY}).scalar()
        yield connection if won else None
