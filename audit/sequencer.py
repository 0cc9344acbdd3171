"""Sequencing: durable queue -> index -> tree -> signed checkpoint, by one leader.

The order of durability, and what a `kill -9` after each step leaves behind:

1. one transaction moves entries from the queue to `audit_entry` with the next indexes
   (before it: still queued; after it: indexed, no tile yet; the next leader goes on from the signed size)
2. tiles and bundles are written and synced (the same entries give the same bytes, so writing them again is harmless)
3. the checkpoint is signed and committed to `audit_checkpoint` (a signature that was not committed was never seen)
4. the checkpoint file is replaced (an older file is a true statement about a smaller tree, and is brought up to date)
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Connection, Engine, String, delete, insert, select
from sqlalchemy.exc import SQLAlchemyError

from audit import checkpoints, tables
from audit.checkpoints import Checkpoint, Signer
from audit.locks import Leader, leadership
from audit.recovery import CHECKPOINT, KEY, recover, size_of
from audit.tables import as_bytes, body_of
from audit.tiles import TileStore, grow

BATCH = 1024
"""Most entries in one round: bounds the transaction, and what a crash makes the next leader redo."""

PAUSE_S = 0.2
"""Between two looks at an empty queue."""

REPLAY_KEEP = timedelta(minutes=10)
"""How long a one-time key is remembered; longer than any proof that carries one is valid."""

PURGE_EVERY = timedelta(minutes=1)

LOG = "log"
"""The log's folder in the data folder."""

logger = logging.getLogger(__name__)


class Sequencer:
    """The work of one leader. It keeps the right edge in memory, so files changed behind its back are not signed."""

    def __init__(self, leader: Leader, store: TileStore, signer: Signer) -> None:
        self._leader = leader
        self._store = store
        self._signer = signer
        with leader.begin() as connection:
            self._edge = recover(connection, store, signer.verifier)
        self._purged: datetime | None = None
        store.write({KEY: signer.verifier.vkey().encode() + b"\n"})
        self._republish()

    @property
    def size(self) -> int:
        """Entries under the last checkpoint."""
        return self._edge.size

    def step(self, now: datetime) -> int:
        """Index what waits, grow the tree and sign it; how many entries this added to the tree. 0: nothing waits."""
        with self._leader.begin() as connection:
            index_waiting(connection)
            bodies = _unsigned(connection, self._edge.size)
            self._purge(connection, now)
        if bodies:
            self._integrate(bodies, now)
        return len(bodies)

    def catch_up(self, now: Callable[[], datetime]) -> int:
        """Step until nothing waits; how many entries that added."""
        added = 0
        while count := self.step(now()):
            added += count
        return added

    def follow(self, stop: threading.Event, now: Callable[[], datetime]) -> None:
        """Step until told to stop; at most one round behind when told."""
        while not stop.is_set():
            if not self.step(now()):
                stop.wait(PAUSE_S)
        self.catch_up(now)

    def _integrate(self, bodies: Sequence[bytes], now: datetime) -> None:
        edge, files = grow(self._edge, bodies)
        self._store.write(files)
        self._publish(Checkpoint(self._signer.verifier.name, edge.size, edge.root()), now)
        self._store.drop_partials(files)
        self._edge = edge

    def _publish(self, checkpoint: Checkpoint, now: datetime) -> None:
        note = checkpoints.sign(checkpoint, self._signer)
        with self._leader.begin() as connection:
            _keep_checkpoint(connection, checkpoint, note, now)
        self._store.write({CHECKPOINT: note.encode()})

    def _republish(self) -> None:
        """Bring the checkpoint file up to the committed one; an empty log signs its empty tree."""
        checkpoint = Checkpoint(self._signer.verifier.name, self._edge.size, self._edge.root())
        self._store.write({CHECKPOINT: checkpoints.sign(checkpoint, self._signer).encode()})

    def _purge(self, connection: Connection, now: datetime) -> None:
        if self._purged is None or now - self._purged >= PURGE_EVERY:
            forgotten = int((now - REPLAY_KEEP).timestamp() * 1000)
            connection.execute(delete(tables.replay).where(tables.replay.c.at < forgotten))
            self._purged = now


def index_waiting(connection: Connection) -> int:
    """Move up to `BATCH` entries from the queue to `audit_entry`; how many.

    On PostgreSQL queue numbers become visible out of order; an entry gets its index when it is seen, so none is passed
    over. An entry that was indexed before is dropped; another with its id stays queued, where `verify` reports it.
    """
    queue = tables.queue.c
    chosen = select(queue.seq, queue.id, body_of(tables.queue)).order_by(queue.seq).limit(BATCH)
    waiting = connection.execute(chosen).all()
    if not waiting:
        return 0
    known = _indexed_before(connection, [row.id for row in waiting])
    new = [row for row in waiting if row.id not in known]
    same = [row for row in waiting if known.get(row.id) == as_bytes(row.body)]
    if len(new) + len(same) < len(waiting):
        logger.error("the queue holds %d entries with a used id; they stay there", len(waiting) - len(new) - len(same))
    begin = size_of(connection)
    if new:
        connection.execute(insert(tables.entries), [_indexed(begin + i, row) for i, row in enumerate(new)])
    connection.execute(delete(tables.queue).where(queue.seq.in_([row.seq for row in (*new, *same)])))
    return len(new)


def _indexed_before(connection: Connection, ids: Sequence[str]) -> dict[str, bytes]:
    chosen = select(tables.entries.c.id, body_of(tables.entries)).where(tables.entries.c.id.in_(ids))
    return {row.id: as_bytes(row.body) for row in connection.execute(chosen)}


def _indexed(index: int, row: Any) -> dict[str, Any]:
    body = as_bytes(row.body)
    return {"idx": index, "id": row.id, "body": body, **searchable(body)}


def searchable(body: bytes) -> dict[str, Any]:
    """The columns under which an entry is found. They help to search; only the body counts, so nothing may fail."""
    try:
        members = json.loads(body)
    except ValueError:
        members = None
    found = members if isinstance(members, dict) else {}
    values = {column.name: _fitting(column.type, found.get(column.name)) for column in _SEARCHED}
    return {name: _UNREADABLE.get(name) if value is None else value for name, value in values.items()}


_SEARCHED = [column for column in tables.entries.columns if column.name not in ("idx", "id", "body")]
_UNREADABLE = {"t": 0, "action": "unreadable", "outcome": "unreadable"}


def _fitting(kind: Any, value: object) -> str | int | None:
    """A value that the column can hold on both databases: cut to its length, without NUL, within 64 bits."""
    if value is None:
        return None
    if isinstance(kind, String):
        return str(value).replace("\x00", "")[: kind.length]
    largest = 2**63 if isinstance(kind, BigInteger) else 2**31
    return value if isinstance(value, int) and -largest < value < largest else None


def _unsigned(connection: Connection, size: int) -> list[bytes]:
    entries = tables.entries.c
    chosen = (
        select(body_of(tables.entries)).where(entries.idx >= size, entries.idx < size + BATCH).order_by(entries.idx)
    )
    return [as_bytes(body) for body in connection.execute(chosen).scalars()]


def _keep_checkpoint(connection: Connection, checkpoint: Checkpoint, note: str, now: datetime) -> None:
    """Commit the new checkpoint; of those before it, keep the last of each hour."""
    kept = tables.checkpoints
    hour = int(now.replace(minute=0, second=0, microsecond=0).timestamp() * 1000)
    values: Mapping[str, Any] = {"size": checkpoint.size, "root": checkpoint.root.hex(), "note": note}
    connection.execute(insert(kept).values(**values, t=int(now.timestamp() * 1000)))
    connection.execute(delete(kept).where(kept.c.size < checkpoint.size, kept.c.t >= hour))


def run_once(engine: Engine, data_dir: Path, signer: Signer, now: Callable[[], datetime]) -> int | None:
    """Sequence everything that waits, unless another process leads; how many entries, None if another leads."""
    with leadership(engine, data_dir) as leader:
        if leader is None:
            return None
        return Sequencer(leader, TileStore(data_dir / LOG), signer).catch_up(now)


def run(engine: Engine, data_dir: Path, signer: Signer, stop: threading.Event, now: Callable[[], datetime]) -> None:
    """Lead whenever nobody else does, until `stop`. A database or disk that fails for a while is tried again.

    Raises `InconsistentLog` if what is stored does not fit what was signed.
    """
    while not stop.is_set():
        try:
            with leadership(engine, data_dir) as leader:
                if leader is not None:
                    Sequencer(leader, TileStore(data_dir / LOG), signer).follow(stop, now)
        except (SQLAlchemyError, OSError) as error:
            logger.warning("the sequencer starts again: %s: %s", type(error).__name__, error)
        stop.wait(PAUSE_S * 5)
