"""Sequencing: durable queue -> index -> tree -> signed checkpoint, by one leader.

The order of durability, and what a `kill -9` after each step leaves behind:

1. one transaction moves entries from the queue to `audit_entry` with the next indexes
   (before it: still queued; after it: indexed, no tile yet; the next leader goes on from the signed size)
2. tiles and bundles are written and synced (the same entries give the same bytes, so writing them again is harmless)
3. the checkpoint is signed and becomes the high-water mark beside the key (the next leader finishes that round first)
4. it is committed to `audit_checkpoint` (nobody but us has seen it before)
5. the checkpoint file is replaced (an older file is a true statement about a smaller tree, and is brought up to date)
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from audit import checkpoints, tables
from audit.checkpoints import Checkpoint, Signer
from audit.deposing import Challenger
from audit.indexing import BATCH, index_waiting, unsigned
from audit.locks import Leader, leadership
from audit.mark import HighWater
from audit.recovery import CHECKPOINT, KEY, KEYS, UNFINISHED, recover
from audit.tiles import Edge, TileStore, grow

ROUND = UNFINISHED
"""Most entries in one round: bounds what a crash makes the next leader redo."""

PAUSE_S = 0.2
"""Between two looks at an empty queue."""

REPLAY_KEEP = timedelta(minutes=15)
"""How long a one-time key is remembered; longer than any proof that carries one is valid, and than the ten minutes
before which the database refuses to forget it, so that two clocks may differ."""

PURGE_EVERY = timedelta(minutes=1)

LOG = "log"
"""The log's folder in the data folder."""

logger = logging.getLogger(__name__)


class Sequencer:
    """The work of one leader. It keeps the right edge in memory, so files changed behind its back are not signed."""

    def __init__(self, leader: Leader, store: TileStore, signer: Signer, mark: HighWater, batch: int = BATCH) -> None:
        self._leader = leader
        self._batch = batch
        self._store = store
        self._signer = signer
        self._mark = mark
        self._marked = mark.read()
        with leader.begin() as connection:
            self._edge = recover(connection, store, signer, self._marked, leader.beat)
        self._purged: datetime | None = None
        self._stated = ""
        self._republish()

    @property
    def size(self) -> int:
        """Entries under the last checkpoint."""
        return self._edge.size

    def step(self, now: datetime) -> int:
        """Index what waits, grow the tree and sign it; how many entries this added to the tree. 0: nothing waits."""
        end = self._end_of_round()
        self._index(end - self._edge.size)
        with self._leader.begin() as connection:
            bodies = unsigned(connection, self._edge.size, end)
        self._purge(now)
        if bodies:
            self._integrate(bodies, now)
        return len(bodies)

    def _index(self, most: int) -> None:
        """Some transactions rather than one: between two of them entries can be appended on SQLite."""
        indexed = 0
        while indexed < most:
            with self._leader.begin() as connection:
                count = index_waiting(connection, self._batch)
            indexed += count
            if count < self._batch:
                return

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

    def _end_of_round(self) -> int:
        """A round that was broken off between mark and checkpoint is finished as it was, before another begins."""
        return self._marked.size if self._marked.size > self._edge.size else self._edge.size + ROUND

    def _head(self, edge: Edge) -> Checkpoint:
        return Checkpoint(self._signer.verifier.name, edge.size, edge.root())

    def _integrate(self, bodies: Sequence[bytes], now: datetime) -> None:
        edge, files = grow(self._edge, bodies)
        self._store.write(files)
        self._publish(self._head(edge), now)
        self._store.drop_partials(files)
        self._edge = edge

    def _publish(self, checkpoint: Checkpoint, now: datetime) -> None:
        self._leader.require()
        note = checkpoints.sign(checkpoint, self._signer)
        self._mark.advance(
            self._marked if self._marked.size > self._edge.size else self._head(self._edge), checkpoint, note
        )
        with self._leader.begin() as connection:
            _keep_checkpoint(connection, checkpoint, note, now)
        self._show(note)

    def _republish(self) -> None:
        """Bring mark and checkpoint file up to the committed one; an empty log signs its empty tree.

        Nothing smaller than the mark is signed: a round that was broken off is finished first, and publishes.
        """
        if self._marked.size > self._edge.size:
            return
        checkpoint = self._head(self._edge)
        note = checkpoints.sign(checkpoint, self._signer)
        if checkpoint.size > self._marked.size:
            self._mark.advance(self._marked, checkpoint, note)
        self._show(note)

    def _show(self, note: str) -> None:
        """Publish a checkpoint, and then the keys that signed it if they are others than before."""
        self._store.write({CHECKPOINT: note.encode()})
        stated = self._signer.statement()
        if stated != self._stated:
            self._store.write({KEY: self._signer.verifier.vkey().encode() + b"\n", KEYS: stated.encode()})
            self._stated = stated

    def _purge(self, now: datetime) -> None:
        """Forget old one-time keys. Should our clock be ahead, the database keeps them, and the log goes on."""
        if self._purged is not None and abs(now - self._purged) < PURGE_EVERY:
            return
        self._purged = now
        try:
            with self._leader.begin() as connection:
                forgotten = int((now - REPLAY_KEEP).timestamp() * 1000)
                connection.execute(delete(tables.replay).where(tables.replay.c.at < forgotten))
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            logger.warning("old one-time keys are kept: %s", type(error.orig).__name__)


def _keep_checkpoint(connection: Connection, checkpoint: Checkpoint, note: str, now: datetime) -> None:
    """Commit the new checkpoint, beside all before it."""
    values: Mapping[str, Any] = {"size": checkpoint.size, "root": checkpoint.root.hex(), "note": note}
    connection.execute(insert(tables.checkpoints).values(**values, t=int(now.timestamp() * 1000)))


def run_once(
    engine: Engine, data_dir: Path, signer: Signer, mark: HighWater, now: Callable[[], datetime]
) -> int | None:
    """Sequence everything that waits, unless another process leads; how many entries, None if another leads."""
    with leadership(engine, data_dir) as leader:
        if leader is None:
            return None
        return Sequencer(leader, TileStore(data_dir / LOG), signer, mark).catch_up(now)


def run(
    engine: Engine, data_dir: Path, signer: Signer, mark: HighWater, stop: threading.Event, now: Callable[[], datetime]
) -> None:
    """Lead whenever nobody else does, until `stop`. A database or disk that fails for a while is tried again.

    Raises `InconsistentLog` if what is stored does not fit what was signed.
    """
    challenger = Challenger(engine, data_dir)
    while not stop.is_set():
        try:
            with leadership(engine, data_dir, by_steps=True) as leader:
                if leader is not None:
                    Sequencer(leader, TileStore(data_dir / LOG), signer, mark).follow(stop, now)
                else:
                    challenger.look()
        except (SQLAlchemyError, OSError) as error:
            logger.warning("the sequencer starts again: %s: %s", type(error).__name__, error)
        stop.wait(PAUSE_S * 5)
