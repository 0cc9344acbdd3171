"""A running stream asks again: may this still be read? (DESIGN §4.3: it stops within a second.)

The epoch is read on a fresh short connection between small slices of rows; when it moved, and every half second anyway,
the permit itself is asked. Nothing is remembered that could let a stream run on.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextvars import copy_context

import pyarrow as pa
from sqlalchemy import Engine, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from access.models import Client, Grant, Token
from access.permit import permit_condition, permit_values
from access.reasons import why_not
from exchange import clock, epoch
from exchange.db import begin_reading_only
from exchange.rows.engine import Batches, Stopped

GLANCE_MS = 100
"""How often the epoch is read at most."""

LOOK_MS = 500
"""How often the permit itself is asked even if the epoch stands still: windows end without anybody's act."""

SLICE_ROWS = 1000
"""Rows handed on between two looks; small, so that a slow reader does not carry many beyond an end."""


class CutStream(Stopped):
    """The right to read ended while rows were being sent; the transfer is broken off where it stood."""

    code = "stream_cut"


class Watch:
    """The right under which one stream runs. `reason` says why it was cut, once it was."""

    def __init__(self, engine: Engine, grant_id: str, token_hash: str, known_epoch: int) -> None:
        self._engine, self._grant_id, self._token_hash = engine, grant_id, token_hash
        self._epoch = known_epoch
        self._watch = clock.stopwatch()
        self._glanced = self._looked = 0.0
        self.reason: str | None = None

    def check(self) -> None:
        """Raise `CutStream` if the right has ended, or if nobody can say that it has not."""
        if self.reason is None:
            self.reason = self._why_ended() or self.reason
        if self.reason is not None:
            raise CutStream(self.reason)

    def _why_ended(self) -> str | None:
        passed = self._watch()
        if passed - self._glanced < GLANCE_MS:
            return None
        self._glanced = passed
        try:
            return copy_context().run(self._look, passed)
        except SQLAlchemyError:
            return "The database could not say that the grant is still in force."

    def _look(self, passed: float) -> str | None:
        begin_reading_only(True)
        with self._engine.connect() as connection:
            seen = epoch.current(connection)
            if seen == self._epoch and passed - self._looked < LOOK_MS:
                return None
            self._looked, self._epoch = passed, seen
            values = permit_values(self._grant_id, self._token_hash, clock.now())
            if connection.scalar(select(permit_condition(running=True)), values):
                return None
        return self._why()

    def _why(self) -> str:
        with Session(self._engine) as session:
            grant, token = session.get_one(Grant, self._grant_id), session.get_one(Token, self._token_hash)
            client = session.get_one(Client, token.client_id)
            return why_not(session, grant, client, clock.now(), token).reason


class Watched(Iterator[pa.RecordBatch]):
    """The same rows in small slices, each handed on only after a look; ends the engine's work however it stops."""

    def __init__(self, batches: Batches, watch: Watch, cancel: threading.Event) -> None:
        self._batches, self._watch, self._cancel = batches, watch, cancel
        self._slices: Iterator[pa.RecordBatch] = iter(())

    def __next__(self) -> pa.RecordBatch:
        try:
            part = next(self._slices, None)
            while part is None:
                self._slices = _slices(next(self._batches))
                part = next(self._slices, None)
            self._watch.check()
        except BaseException:
            self.close()
            raise
        return part

    def close(self) -> None:
        """Stop the engine and free what it holds. May be called twice, and before the first row."""
        self._cancel.set()
        self._batches.close()


def _slices(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    return (batch.slice(start, SLICE_ROWS) for start in range(0, batch.num_rows, SLICE_ROWS))


def current_epoch(engine: Engine) -> int:
    """The epoch as committed, read on a connection of its own."""

    def read() -> int:
        begin_reading_only(True)
        with engine.connect() as connection:
            return epoch.current(connection)

    return copy_context().run(read)
