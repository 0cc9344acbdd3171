"""Append: the only writer of the log.

Two ways in. `append` puts an entry into the caller's own transaction, so that a change and its record stand or fall
together. `Ledger.record` makes an entry durable by itself, before anything leaves: one committer thread per process
writes many entries with one sync (group commit). On PostgreSQL it writes those that are written whatever the database
holds; one with a condition may have to wait for another's row lock there, so it goes alone, on its own connection, and
the server groups the flushes.

`only_if` turns an append into *authorize-and-log*: the entry is written only where the condition holds in the same
statement, so a permit and its record cannot come apart. The log does not know what the condition means. While the
sequencer is too far behind, permits are refused (`audit.lag`); what else happened is recorded all the same.
"""

from __future__ import annotations

import contextlib
import enum
import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Insert, bindparam, insert, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from audit import tables
from audit.blame import blames_statement
from audit.entry import Entry
from audit.lag import BOUNDS, Bounds, Gauge, look
from audit.line import Line, Waiting
from audit.locks import Turn, quick

BATCH = 256
"""Most entries in one commit; bounds how long the first of a batch waits for the last."""

PATIENCE_S = 10.0
"""How long a request waits for its entry to become durable before it answers 503."""

BACKLOG = 2_000
"""Most entries of one process that may wait; beyond it a request is refused with 503 at once."""

CONDITIONS = 64
"""How many conditions' statements are kept ready; those built anew for each entry push one another out."""

NO_VALUES: Mapping[str, Any] = MappingProxyType({})


class LogUnavailable(Exception):
    """The log cannot make an entry durable now. Nothing may be sent: answer 503."""


class Recorded(enum.Enum):
    """What became of an entry: written; not written as `only_if` did not hold; not written as its key was used."""

    WRITTEN = "written"
    NOT_PERMITTED = "not permitted"
    REPLAYED = "replayed"


@dataclass(slots=True, eq=False)
class _Item(Waiting):
    entry: Entry
    body: bytes
    only_if: ColumnElement[bool] | None
    values: Mapping[str, Any]
    replay_key: str | None
    outcome: Recorded | LogUnavailable | None = None

    @property
    def plain(self) -> bool:
        """Whether it is written whatever the database holds."""
        return self.only_if is None and self.replay_key is None


def append(
    connection: Connection,
    entry: Entry,
    *,
    only_if: ColumnElement[bool] | None = None,
    values: Mapping[str, Any] = NO_VALUES,
    replay_key: str | None = None,
) -> Recorded:
    """Write an entry in the transaction of `connection`; the caller commits.

    `values` are those of the named parameters in `only_if`, so that a condition asked often is built once.
    `replay_key` is a one-time key: a second use writes nothing and answers `REPLAYED`.
    Raises `EntryTooLarge`, or SQLAlchemy's errors if the database refuses.
    """
    return _write(connection, _Item(entry, entry.canonical(), only_if, values, replay_key))


def _write(connection: Connection, item: _Item) -> Recorded:
    if item.replay_key is not None:
        key = {"key": item.replay_key, "at": int(item.entry.at.timestamp() * 1000)}
        if _count(connection, _insert_once(connection.dialect.name), key) != 1:
            return Recorded.REPLAYED
    if item.only_if is None:
        connection.execute(_insert_plain(), _row(item))
        return Recorded.WRITTEN
    permitted = {"entry_id": item.entry.id, "entry_body": item.body, **item.values}
    written = _count(connection, _insert_if(item.only_if), permitted)
    return Recorded.WRITTEN if written == 1 else Recorded.NOT_PERMITTED


def _row(item: _Item) -> dict[str, Any]:
    return {"id": item.entry.id, "body": item.body}


def _count(connection: Connection, statement: Insert, values: Mapping[str, Any]) -> int:
    """Execute; how many rows it wrote. Said aloud, since SQLAlchemy forgets the count of an INSERT on PostgreSQL."""
    return connection.execute(statement, values, execution_options={"preserve_rowcount": True}).rowcount


@functools.cache
def _insert_once(dialect_name: str) -> Insert:
    dialect: Any = postgresql if dialect_name == "postgresql" else sqlite
    statement: Insert = dialect.insert(tables.replay).on_conflict_do_nothing()
    return statement


@functools.cache
def _insert_plain() -> Insert:
    return insert(tables.queue).inline()


@functools.lru_cache(CONDITIONS)
def _insert_if(only_if: ColumnElement[bool]) -> Insert:
    """Authorize-and-log: the row that is written is the row that the condition lets through."""
    id, body = (bindparam(f"entry_{name}", type_=tables.queue.c[name].type) for name in ("id", "body"))
    return insert(tables.queue).from_select(["id", "body"], select(id, body).where(only_if))


class Ledger:
    """Durable appends for one process. Make it after the process has forked; `close` it when the process ends.

    `record` waits for a transaction of its own. A caller that holds SQLite's write lock (a session in which something
    was changed) would wait for itself: such a caller uses `append`, or rolls back first.
    """

    def __init__(
        self,
        engine: Engine,
        lock_file: Path,
        *,
        patience_s: float = PATIENCE_S,
        backlog: int = BACKLOG,
        bounds: Bounds = BOUNDS,
    ) -> None:
        self._engine = engine
        self._turn = Turn(lock_file)
        self._patience_s = patience_s
        self._line: Line[_Item] = Line(self._commit, "audit-committer", backlog, BATCH)
        self._gauge = Gauge(lambda: look(engine, bounds.most_waiting), bounds)
        self._held: Connection | None = None
        self._flushes = False

    def record(
        self,
        entry: Entry,
        *,
        only_if: ColumnElement[bool] | None = None,
        values: Mapping[str, Any] = NO_VALUES,
        replay_key: str | None = None,
    ) -> Recorded:
        """Make an entry durable, by itself, before returning. The words are those of `append`.

        Raises `LogUnavailable` if that cannot be said for certain within `patience_s` seconds; the entry may then
        still be written, which errs on the safe side. So it does, at once and for a permit alone, while the sequencer
        is too far behind. Raises `Unrecordable` for an entry that has no canonical form.
        """
        if only_if is not None:
            self._require_kept_up()
        item = _Item(entry, entry.canonical(), only_if, values, replay_key)
        if self._engine.dialect.name != "sqlite" and not item.plain:
            return self._record_alone(item)
        if not self._line.put(item):
            raise LogUnavailable("the log's queue is full")
        if not item.wait(self._patience_s):
            raise LogUnavailable("the log did not answer in time")
        if isinstance(item.outcome, Recorded):
            return item.outcome
        raise item.outcome or LogUnavailable("the log's writer was ended")

    def close(self) -> None:
        """Let the committer finish what waits, then end it."""
        self._line.close()
        self._let_go()

    def _require_kept_up(self) -> None:
        try:
            too_far = self._gauge.too_far()
        except Exception as error:  # the driver's own: a database that cannot be asked cannot be written either
            raise _unavailable(error) from error
        if too_far:
            raise LogUnavailable(f"the log is behind: {too_far}")

    def _record_alone(self, item: _Item) -> Recorded:
        try:
            with self._engine.begin() as connection:
                self._require_flush(connection)
                return _write(connection, item)
        except SQLAlchemyError as error:
            raise _unavailable(error) from error

    def _require_flush(self, connection: Connection) -> None:
        """Durable means flushed: a database that answers before its flush is no place for a log. Asked once."""
        if not self._flushes:
            setting = connection.execute(text("SHOW synchronous_commit")).scalar_one()
            if setting == "off":
                raise LogUnavailable("PostgreSQL runs with synchronous_commit=off; set it to on for this database")
            self._flushes = True

    def _commit(self, items: Sequence[_Item]) -> None:
        """All in one transaction; if one entry's own statement is at fault, once more with each on its own footing."""
        try:
            _settle(items, self._write_together(items))
        except Exception as error:
            if isinstance(error, LogUnavailable) or not blames_statement(error):
                _settle(items, [_unavailable(error)] * len(items))
                return
            try:
                _settle(items, self._write_apart(items))
            except Exception as again:
                _settle(items, [_unavailable(again)] * len(items))

    def _write_together(self, items: Sequence[_Item]) -> list[Recorded]:
        with self._transaction() as connection:
            runs = itertools.groupby(items, lambda item: item.plain)
            return [done for plain, run in runs for done in _write_run(connection, plain, list(run))]

    def _write_apart(self, items: Sequence[_Item]) -> list[Recorded | LogUnavailable]:
        with self._transaction() as connection:
            return [_write_or_blame(connection, item) for item in items]

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """A transaction of the committer, on a connection that it keeps until something goes wrong with it."""
        try:
            if self._held is None:
                self._held = quick(self._engine.connect())
            with self._turn_here(), self._held.begin():
                if self._engine.dialect.name != "sqlite":
                    self._require_flush(self._held)
                yield self._held
        except BaseException:
            self._let_go()
            raise

    def _turn_here(self) -> contextlib.AbstractContextManager[None]:
        return self._turn.taken() if self._engine.dialect.name == "sqlite" else contextlib.nullcontext()

    def _let_go(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            with contextlib.suppress(Exception):  # it is given up because it does not work
                held.close()


def _write_run(connection: Connection, plain: bool, items: Sequence[_Item]) -> list[Recorded]:
    """Entries that follow one another: those without a condition or key go to the database in one call."""
    if not plain:
        return [_write(connection, item) for item in items]
    if connection.dialect.name == "sqlite":  # past SQLAlchemy, whose way to it takes longer than the statement
        rows = [(item.entry.id, item.body) for item in items]
        connection.connection.cursor().executemany("INSERT INTO audit_queue (id, body) VALUES (?, ?)", rows)
    else:
        connection.execute(_insert_plain(), [_row(item) for item in items])
    return [Recorded.WRITTEN] * len(items)


def _write_or_blame(connection: Connection, item: _Item) -> Recorded | LogUnavailable:
    try:
        with connection.begin_nested():
            return _write(connection, item)
    except Exception as error:
        if not blames_statement(error):
            raise
        return _unavailable(error)


def _unavailable(error: Exception) -> LogUnavailable:
    if isinstance(error, LogUnavailable):
        return error
    refusal = LogUnavailable(f"the log could not be written: {type(error).__name__}")
    refusal.__cause__ = error
    return refusal


def _settle(items: Sequence[_Item], results: Sequence[Recorded | LogUnavailable]) -> None:
    for item, result in zip(items, results, strict=True):
        item.outcome = result
        item.settle()
