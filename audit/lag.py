"""How far the sequencer is behind, and when that is too far to let data out.

An entry is durable before its rows leave, but only a signed checkpoint makes it evidence. While entries wait for one
too long, or too many do, permits are refused (503, `Retry-After`) and nothing is dropped: refusals, outcomes and acts
of people are recorded as ever. It opens again by itself with the first look that finds the sequencer going on.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from audit import tables

EVERY_S = 1.0
"""Between two looks of one process; four look-ups by key, and a count that ends at the bound."""


@dataclass(frozen=True)
class Bounds:
    """When it is too far.

    `most_waiting` entries are some seconds of the sequencer's work (5,000 to 15,000 a second): a longer queue grows
    faster than it is worked off. `longest_s` without a new checkpoint, though one is due, is thirty times what is
    promised, and longer than a restart or a change of leader takes.
    """

    most_waiting: int = 50_000
    longest_s: float = 30.0


BOUNDS = Bounds()


@dataclass(frozen=True)
class Lag:
    """`waiting` entries have no index (counted to one above the bound); `signed` are under the last checkpoint; `due`
    says that a checkpoint should be signed: something that can get an index waits, or has one and is not signed."""

    waiting: int
    signed: int
    due: bool


def waiting(connection: Connection) -> int:
    """How many durable entries the sequencer has not yet given an index."""
    return connection.execute(select(func.count()).select_from(tables.queue)).scalar_one()


def behind_s(connection: Connection, now_ms: int) -> float:
    """How long the oldest entry without a checkpoint has waited for one, in seconds by the clock; 0 if none waits."""
    entries, queue = tables.entries.c, tables.queue.c
    signed = connection.execute(select(func.coalesce(func.max(tables.checkpoints.c.size), 0))).scalar_one()
    indexed = connection.execute(select(entries.t).where(entries.idx == signed)).scalar()
    if indexed is None:
        oldest = connection.execute(select(queue.id).order_by(queue.seq).limit(1)).scalar()
        indexed = _time_in(oldest) if oldest else now_ms
    return max(0.0, (now_ms - indexed) / 1000)


def _time_in(id: str) -> int:
    """The milliseconds that a UUID version 7 begins with (RFC 9562 §5.7); 0 if it is none."""
    try:
        return int(id[:8] + id[9:13], 16)
    except ValueError:
        return 0


LOOK = """SELECT
(SELECT count(*) FROM (SELECT 1 AS one FROM audit_queue LIMIT {most}) AS few),
(SELECT coalesce(max(size), 0) FROM audit_checkpoint),
(SELECT coalesce(max(idx) + 1, 0) FROM audit_entry),
EXISTS (SELECT 1 FROM audit_queue q WHERE NOT EXISTS (SELECT 1 FROM audit_entry e WHERE e.id = q.id))"""
"""An entry whose id is used stays in the queue and must not shut the door, so the last line passes it over."""


def look(engine: Engine, most: int) -> Lag:
    """Look at the lag. Past SQLAlchemy, since a transaction of its would take SQLite's write lock."""
    connection: Any = engine.raw_connection()
    try:
        cursor = connection.cursor()
        cursor.execute(LOOK.format(most=most + 1))
        waits, signed, indexed, fresh = cursor.fetchone()
        return Lag(waits, signed, bool(fresh) or indexed > signed)
    finally:
        connection.close()


class Gauge:
    """What one process knows of the lag, by a monotonic clock: the machine's time may jump."""

    def __init__(
        self, look: Callable[[], Lag], bounds: Bounds, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._look, self._bounds, self._monotonic = look, bounds, monotonic
        self._looking = threading.Lock()
        self._next_look = 0.0
        self._signed = -1
        self._due_since: float | None = None
        self._too_far = ""

    def too_far(self) -> str:
        """Why nothing may leave now, as a sentence; empty if it may."""
        if self._monotonic() >= self._next_look and self._looking.acquire(blocking=False):
            try:
                self._take(self._look())
            finally:
                self._next_look = self._monotonic() + EVERY_S
                self._looking.release()
        return self._too_far

    def _take(self, lag: Lag) -> None:
        now = self._monotonic()
        if not lag.due:
            self._due_since = None
        elif self._due_since is None or lag.signed != self._signed:
            self._due_since = now
        self._signed = lag.signed
        if lag.waiting > self._bounds.most_waiting:
            self._too_far = f"more than {self._bounds.most_waiting} entries wait for the sequencer"
        elif self._due_since is not None and now - self._due_since > self._bounds.longest_s:
            self._too_far = f"no checkpoint for more than {self._bounds.longest_s:.0f} s"
        else:
            self._too_far = ""
