"""A leader that hangs is ended, not passed by: then it cannot wake up and sign behind its successor.

A stopped or stuck process keeps its file lock and its connection, so nobody else could ever lead. Whoever wants to lead
therefore watches the leader's beat by a monotonic clock of its own, so that no change of the machine's time counts as
silence. After `LEASE_S` of it the process is killed, if it runs here and holds the lock; if it runs elsewhere,
PostgreSQL closes its connection, without which it can commit nothing and, as it asks before, signs nothing.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from audit.locks import LEADER_KEY, LEADER_LOCK

LEASE_S = 20.0
"""Without a beat for so long a leader counts as hung: longer than SQLite's 15 s and PostgreSQL's 10 s of waiting for
somebody else's lock, the longest that a sound leader is silent."""

FILE_LOCKS = Path("/proc/locks")

HOLDER = text(
    "SELECT l.pid, coalesce(a.state_change::text, '') FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid "
    "WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 0 AND l.objid = :key "
    "AND a.datname = current_database()"
)

END_HOLDER = text("SELECT pg_terminate_backend(:pid)")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Beat:
    """What was seen of the leader: the process (here) or PostgreSQL's connection that holds the lock, and its count."""

    holder: int
    count: str
    here: bool


class Challenger:
    """Who would lead if the leader did not, or keeps it running: then without an engine, for this machine alone.

    Ask it now and then; it remembers when the beat last changed.
    """

    def __init__(self, engine: Engine | None, data_dir: Path, lease_s: float | None = None) -> None:
        self._engine, self._lock_file = engine, data_dir / LEADER_LOCK
        self._lease_s = LEASE_S if lease_s is None else lease_s
        self._seen: Beat | None = None
        self._since = 0.0

    def look(self) -> bool:
        """End the leader if its lease is over; whether that was done."""
        beat, now = self._beat(), time.monotonic()
        if beat is None or beat != self._seen:
            self._seen, self._since = beat, now
            return False
        if now - self._since < self._lease_s:
            return False
        self._seen = None
        logger.error("the sequencer %d gave no sign of life for %.0f s; it is ended", beat.holder, self._lease_s)
        return self._end(beat)

    def _beat(self) -> Beat | None:
        here = _holder_here(self._lock_file)
        if here is not None or self._engine is None or self._engine.dialect.name != "postgresql":
            return here
        with self._engine.connect() as connection:
            found = connection.execute(HOLDER, {"key": LEADER_KEY}).first()
        return Beat(found[0], found[1], here=False) if found is not None else None

    def _end(self, beat: Beat) -> bool:
        if beat.here:
            with contextlib.suppress(ProcessLookupError):
                os.kill(beat.holder, signal.SIGKILL)
            return True
        if self._engine is not None:
            with contextlib.suppress(SQLAlchemyError), self._engine.begin() as connection:
                return bool(connection.execute(END_HOLDER, {"pid": beat.holder}).scalar())
        return False


def _holder_here(lock_file: Path) -> Beat | None:
    """The process on this machine that holds the leader's lock, if the system says that it does and it says so too."""
    try:
        words = lock_file.read_text().split()
        inode = lock_file.stat().st_ino
        locks = FILE_LOCKS.read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    if len(words) != 2 or not words[0].isdecimal():
        return None
    holds = any(
        fields[1] == "FLOCK" and fields[4] == words[0] and fields[5].endswith(f":{inode}")
        for fields in map(str.split, locks)
        if len(fields) > 5 and fields[1] != "->"
    )
    return Beat(int(words[0]), words[1], here=True) if holds and int(words[0]) != os.getpid() else None
