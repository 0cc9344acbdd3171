"""The seam between a plan and whatever runs it: results leave as Arrow batches, so formats are engine-blind."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import duckdb
import pyarrow as pa

from exchange import clock
from exchange.errors import CharterError, Invalid
from exchange.rows.instance import Instance
from exchange.rows.plan import Plan
from exchange.rows.source import Source

BATCH_ROWS = 16_384
_log = logging.getLogger(__name__)
_OF_THE_DATA = (duckdb.ConversionException, duckdb.OutOfRangeException, duckdb.InvalidInputException)


class RequestTimeout(CharterError):
    """The statement used up the time that one request may take."""

    status = 408
    code = "soda.request-timeout"


class Stopped(CharterError):
    """The stream was told to stop: the right to it ended, or the reader went away."""

    status = 403
    code = "permission_denied"


class TooLarge(Invalid):
    """The query wants more memory or rows than one request may use."""

    code = "query.too-large"


class NotComputable(Invalid):
    """The engine cannot compute the query over these rows. What it said stays in the server's own log."""

    code = "query.execution-failed"


class Batches(Iterator[pa.RecordBatch], Protocol):
    """Batches that can be given up early."""

    def close(self) -> None:
        """Stop and free everything. May be called twice."""
        ...


class Engine(Protocol):
    """Runs plans. One engine lives in each worker process."""

    name: str

    def run(
        self, plan: Plan, source: Source, *, deadline_s: float, max_rows: int | None, cancel: threading.Event
    ) -> Batches:
        """Start the plan and return its batches; the first one is computed before this returns, so errors come here.

        `deadline_s` is the time the engine itself may spend, not the reader's slowness. `cancel` stops it within
        0.1 s, between batches or inside one. The iterator has `close()`; whoever stops early calls it.
        Raises `RequestTimeout`, `Stopped`, `Invalid`, `Unavailable`.
        """
        ...


class DuckDBEngine:
    """DuckDB, one locked-down instance per process, opened at first use (after the server forked)."""

    name = "duckdb"

    def __init__(self, files: Path | None, *, memory: str = "1GB", resident_bytes: int = 1 << 30) -> None:
        """`files` is the only folder from which versions may be attached; None for an engine of memory only.

        `memory` is what the instance may use for its work beside the rows that it holds; `resident_bytes` bounds the
        rows of restricted versions held in memory, the least recently used go first.
        """
        self._files = files
        self._memory = memory
        self._resident_bytes = resident_bytes
        self._opening = threading.Lock()
        self._instance: tuple[int, Instance] | None = None

    def run(
        self, plan: Plan, source: Source, *, deadline_s: float, max_rows: int | None, cancel: threading.Event
    ) -> Batches:
        """See `Engine.run`."""
        if max_rows is not None and plan.limit > max_rows:
            raise TooLarge(
                f"At most {max_rows:,} rows at once; page with $limit and $offset.", code="req.row-limit-exceeded"
            )
        running = _Running(self._opened(), plan, source, deadline_s, cancel)
        try:
            running.start()
        except BaseException:
            running.close()
            raise
        return running

    def _opened(self) -> Instance:
        with self._opening:
            if self._instance is None or self._instance[0] != os.getpid():
                self._instance = (os.getpid(), Instance(self._files, self._memory, self._resident_bytes))
            return self._instance[1]


class _Running:
    """One statement in progress."""

    def __init__(
        self, instance: Instance, plan: Plan, source: Source, deadline_s: float, cancel: threading.Event
    ) -> None:
        self._instance, self._plan, self._source = instance, plan, source
        self._left_s, self._cancel = deadline_s, cancel
        self._cursor: Any = None
        self._reader: Any = None
        self._first: pa.RecordBatch | None = None
        self._held = self._done = False

    def start(self) -> None:
        """Open the source, begin the statement, compute the first batch."""
        if self._cancel.is_set():
            raise Stopped("The reading was stopped before it began.")
        relation = self._instance.hold(self._source)
        self._held = True
        sql, values = self._plan.sql(relation, self._source.published_at, self._source.row_version)
        self._cursor = self._instance.cursor()
        self._first = self._timed(lambda: self._begin(sql, values))

    def _begin(self, sql: str, values: list[Any]) -> pa.RecordBatch | None:
        self._reader = self._cursor.sql(sql, params=values).to_arrow_reader(BATCH_ROWS)
        return self._read()

    def _read(self) -> pa.RecordBatch | None:
        try:
            batch = self._reader.read_next_batch()
        except StopIteration:
            return None
        return pa.RecordBatch.from_arrays(batch.columns, names=[field.name for field in self._plan.fields])

    def _timed(self, work: Any) -> pa.RecordBatch | None:
        elapsed = clock.stopwatch()
        with self._instance.watchdog.watching(self._cursor, self._left_s, self._cancel) as watch:
            try:
                return work()
            except (duckdb.Error, pa.ArrowException, OSError, RuntimeError) as problem:
                raise self._explained(problem, watch.late) from problem
            finally:
                self._left_s -= elapsed() / 1000

    def _explained(self, problem: Exception, late: bool) -> CharterError:
        if self._cancel.is_set():
            return Stopped("The reading was stopped: the right to these rows has ended.")
        if late:
            return RequestTimeout("The query took longer than one request may; narrow it or ask for fewer rows.")
        _log.warning("statement failed: %s", type(problem).__name__, exc_info=problem)
        if isinstance(problem, duckdb.OutOfMemoryException) or "Out of Memory" in str(problem):
            return TooLarge("The query needs more memory than one request may use; narrow it.")
        if isinstance(problem, _OF_THE_DATA):
            return NotComputable("The query cannot be computed over these rows; check its casts and its arithmetic.")
        return CharterError("The query could not be run. This is our fault, and it is in the server's log.")

    def __iter__(self) -> _Running:
        return self

    def __next__(self) -> pa.RecordBatch:
        if self._done:
            raise StopIteration
        try:
            batch = self._following()
        except BaseException:
            self.close()
            raise
        if batch is None:
            self.close()
            raise StopIteration
        return batch

    def _following(self) -> pa.RecordBatch | None:
        if self._cancel.is_set():
            raise Stopped("The reading was stopped: the right to these rows has ended.")
        if self._first is not None:
            first, self._first = self._first, None
            return first
        return self._timed(self._read) if self._reader is not None else None

    def close(self) -> None:
        """Stop and free everything. May be called twice."""
        self._done = True
        reader, cursor, held = self._reader, self._cursor, self._held
        self._reader = self._cursor = self._first = None
        self._held = False
        if reader is not None:
            reader.close()
        if cursor is not None:
            cursor.close()
        if held:
            self._instance.release(self._source)

    def __del__(self) -> None:
        self.close()
