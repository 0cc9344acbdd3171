"""Append: the only writer of the log.

Two ways in. `append` puts an entry into the caller's own transaction, so that a change and its record stand or fall
together. `Ledger.record` makes an entry durable by itself, before anything leaves: on SQLite one committer thread per
process writes many entries with one sync (group commit), on PostgreSQL the server groups the flushes.

`only_if` turns an append into *authorize-and-log*: the entry is written only where the condition holds in the same
statement, so a permit and its record cannot come apart (security.md §4.4). The log does not know what the condition means.
"""

from __future__ import annotations

import contextlib
import enum
import fcntl
import queue
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Insert, insert, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from audit import tables
from audit.entry import Entry

BATCH = 256
"""Most entries in one commit; bounds how long the first of a batch waits for the last."""

PATIENCE_S = 10.0
"""How long a request waits for its entry to become durable before it answers 503."""

BACKLOG = 2_000
"""Most entries of one process that may wait; beyond it a request is refused with 503 at once."""


class LogUnavailable(Exception):
    """The log cannot make an entry durable now. Nothing may be sent: answer 503."""


class Recorded(enum.Enum):
    """What became of an entry: written; not written since `only_if` did not hold; not written since its key was used."""

    WRITTEN = "written"
    NOT_PERMITTED = "not permitted"
    REPLAYED = "replayed"


@dataclass(frozen=True)
class _Item:
    entry: Entry
    body: bytes
    only_if: ColumnElement[bool] | None
    replay_key: str | None
    done: Future[Recorded]


def append(
    connection: Connection,
    entry: Entry,
    *,
    only_if: ColumnElement[bool] | None = None,
    replay_key: str | None = None,
) -> Recorded:
    """Write an entry in the transaction of `connection`; the caller commits.

    `replay_key` is a one-time key: a second use writes nothing and answers `REPLAYED`.
    Raises `EntryTooLarge`, or SQLAlchemy's errors if the database refuses.
    """
    return _write(connection, entry, entry.canonical(), only_if, replay_key)


def _write(
    connection: Connection, entry: Entry, body: bytes, only_if: ColumnElement[bool] | None, replay_key: str | None
) -> Recorded:
    if replay_key is not None:
        key = {"key": replay_key, "at": int(entry.at.timestamp() * 1000)}
        if connection.execute(_insert_once(connection), key).rowcount != 1:
            return Recorded.REPLAYED
    if connection.execute(_insert_entry(entry, body, only_if)).rowcount != 1:
        return Recorded.NOT_PERMITTED
    return Recorded.WRITTEN


def _insert_once(connection: Connection) -> Insert:
    dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement: Insert = dialect.insert(tables.replay).on_conflict_do_nothing()
    return statement


def _insert_entry(entry: Entry, body: bytes, only_if: ColumnElement[bool] | None) -> Insert:
    if only_if is None:
        return insert(tables.queue).values(id=entry.id, body=body)
    permitted = select(literal(entry.id), literal(body, tables.queue.c.body.type)).where(only_if)
    return insert(tables.queue).from_select(["id", "body"], permitted)


class Ledger:
    """Durable appends for one process. Make it after the process has forked; `close` it when the process ends."""

    def __init__(self, engine: Engine, lock_file: Path) -> None:
        self._engine = engine
        self._lock_file = lock_file
        self._waiting: queue.Queue[_Item | None] = queue.Queue(BACKLOG)
        self._start = threading.Lock()
        self._committer: threading.Thread | None = None

    def record(
        self, entry: Entry, *, only_if: ColumnElement[bool] | None = None, replay_key: str | None = None
    ) -> Recorded:
        """Make an entry durable, by itself, before returning.

        Raises `LogUnavailable` if that cannot be said for certain within `PATIENCE_S` seconds.
        """
        body = entry.canonical()
        if self._engine.dialect.name != "sqlite":
            return self._record_alone(entry, body, only_if, replay_key)
        item = _Item(entry, body, only_if, replay_key, Future())
        self._ensure_committer()
        try:
            self._waiting.put_nowait(item)
            return item.done.result(timeout=PATIENCE_S)
        except queue.Full as full:
            raise LogUnavailable("the log's queue is full") from full
        except FutureTimeout as late:
            item.done.cancel()
            raise LogUnavailable("the log did not answer in time") from late

    def close(self) -> None:
        """Let the committer finish what waits, then end it."""
        if self._committer is not None:
            self._waiting.put(None)
            self._committer.join()
            self._committer = None

    def _record_alone(
        self, entry: Entry, body: bytes, only_if: ColumnElement[bool] | None, replay_key: str | None
    ) -> Recorded:
        try:
            with self._engine.begin() as connection:
                return _write(connection, entry, body, only_if, replay_key)
        except SQLAlchemyError as error:
            raise LogUnavailable(f"the log could not be written: {type(error).__name__}") from error

    def _ensure_committer(self) -> None:
        with self._start:
            if self._committer is None:
                self._committer = threading.Thread(target=self._commit_for_ever, name="audit-committer", daemon=True)
                self._committer.start()

    def _commit_for_ever(self) -> None:
        while True:
            batch = self._next_batch()
            if batch:
                self._commit(batch)
            if not batch or batch[-1] is None:
                return

    def _next_batch(self) -> list[_Item | None]:
        batch: list[_Item | None] = [self._waiting.get()]
        while batch[-1] is not None and len(batch) < BATCH:
            try:
                batch.append(self._waiting.get_nowait())
            except queue.Empty:
                break
        return batch

    def _commit(self, batch: list[_Item | None]) -> None:
        items = [item for item in batch if item is not None and item.done.set_running_or_notify_cancel()]
        try:
            with self._one_at_a_time(), self._engine.begin() as connection:
                results = [_write(connection, item.entry, item.body, item.only_if, item.replay_key) for item in items]
        except Exception as error:
            for item in items:
                item.done.set_exception(LogUnavailable(f"the log could not be written: {type(error).__name__}"))
            return
        for item, result in zip(items, results, strict=True):
            item.done.set_result(result)

    @contextlib.contextmanager
    def _one_at_a_time(self) -> Iterator[None]:
        """Processes take turns by `flock`, which wakes the next at once; SQLite's own busy handler sleeps."""
        self._lock_file.parent.mkdir(parents=True, exist_ok=True)
        with self._lock_file.open("ab") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
