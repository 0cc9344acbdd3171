"""DuckDB: statements over a version's serving file, over its Parquet while that file is not there, or over memory."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from exchange import clock
from exchange.errors import CharterError
from exchange.rows.engine import NO_OTHERS, Batches, NotComputable, TooLarge, check_rows, not_run, stopped, too_late
from exchange.rows.engines.duckdb_parquet import view_parquet
from exchange.rows.instance import Held, Instance, Opened
from exchange.rows.plan import Plan, Relation
from exchange.rows.search_index import find_index
from exchange.rows.source import Source

BATCH_ROWS = 8_192
_log = logging.getLogger(__name__)
_OF_THE_DATA = (duckdb.ConversionException, duckdb.OutOfRangeException, duckdb.InvalidInputException)


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
        self,
        plan: Plan,
        source: Source,
        *,
        others: Mapping[str, Source] = NO_OTHERS,
        deadline_s: float,
        max_rows: int | None,
        cancel: threading.Event,
    ) -> Batches:
        """See `Engine.run`."""
        check_rows(plan, max_rows)
        running = _Running(self._opened(), plan, deadline_s, cancel)
        try:
            running.start(source, others)
        except BaseException:
            running.close()
            raise
        return running

    def _opened(self) -> Instance:
        with self._opening:
            if self._instance is None or self._instance[0] != os.getpid():
                instance = Instance(self._files, self._memory, self._resident_bytes, open_source)
                self._instance = (os.getpid(), instance)
            return self._instance[1]


def open_source(cursor: Any, source: Source, name: str) -> Opened:
    """Make the version the relation `"<name>"."rows"`, whichever way it is there."""
    if source.file is not None and (source.parquet is None or source.file.exists()):
        return _attach(cursor, source.file, name)
    if source.parquet is not None:
        view_parquet(cursor, source.parquet, name)
        return Opened()
    return _load(cursor, source, name)


def _attach(cursor: Any, file: Path, name: str) -> Opened:
    path = str(file).replace("'", "''")
    cursor.execute(f"ATTACH '{path}' AS \"{name}\" (READ_ONLY)")
    return Opened(index=find_index(cursor, name))


def _load(cursor: Any, source: Source, name: str) -> Opened:
    if source.load is None:
        raise ValueError(f"the source {source.key} has neither a file nor rows")
    table = source.load()
    cursor.execute(f"ATTACH ':memory:' AS \"{name}\"")
    cursor.register("incoming", table)
    cursor.execute(f'CREATE TABLE "{name}"."rows" AS SELECT * FROM incoming')
    cursor.unregister("incoming")
    return Opened(int(table.nbytes))


def _in_order(rows: pa.Array, last: int) -> int:
    """The last row number, after a look that they follow each other. Raises `RuntimeError` if the scan mixed them."""
    numbers = rows.to_numpy(zero_copy_only=False)
    if len(numbers) and (numbers[0] <= last or not (np.diff(numbers) > 0).all()):
        raise RuntimeError("a scan did not give the rows in their own order")
    return int(numbers[-1]) if len(numbers) else last


class _Running:
    """One statement in progress."""

    def __init__(self, instance: Instance, plan: Plan, deadline_s: float, cancel: threading.Event) -> None:
        self._instance, self._plan = instance, plan
        self._left_s, self._cancel = deadline_s, cancel
        self._cursor: Any = None
        self._reader: Any = None
        self._first: pa.RecordBatch | None = None
        self._held: list[Held] = []
        self._done = False
        self._last_row = -1

    def start(self, source: Source, others: Mapping[str, Source]) -> None:
        """Open the sources, begin the statement, compute the first batch."""
        if self._cancel.is_set():
            raise stopped()
        held = self._hold(source)
        joined = {
            key: Relation(self._hold(other).relation, other.published_at, other.row_version)
            for key, other in others.items()
        }
        sql, values = self._plan.sql(
            held.relation,
            source.published_at,
            source.row_version,
            joined,
            search_index=held.opened.index,
            in_scan_order=True,
        )
        self._cursor = self._instance.cursor()
        self._first = self._timed(lambda: self._begin(sql, values))

    def _hold(self, source: Source) -> Held:
        held = self._instance.hold(source)
        self._held.append(held)
        return held

    def _begin(self, sql: str, values: list[Any]) -> pa.RecordBatch | None:
        self._reader = self._cursor.sql(sql, params=values).to_arrow_reader(BATCH_ROWS)
        return self._read()

    def _read(self) -> pa.RecordBatch | None:
        try:
            batch = self._reader.read_next_batch()
        except StopIteration:
            return None
        names = [*(field.name for field in self._plan.fields), *self._plan.carried]
        if batch.num_columns > len(names):
            self._last_row = _in_order(batch.column(len(names)), self._last_row)
        return pa.RecordBatch.from_arrays(batch.columns[: len(names)], names=names)

    def _timed(self, work: Callable[[], pa.RecordBatch | None]) -> pa.RecordBatch | None:
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
            return stopped()
        if late:
            return too_late()
        shown = None if isinstance(problem, _OF_THE_DATA) else problem  # DuckDB repeats the value that did not fit
        _log.warning("statement failed: %s", type(problem).__name__, exc_info=shown)
        if isinstance(problem, duckdb.OutOfMemoryException) or "Out of Memory" in str(problem):
            return TooLarge("The query needs more memory than one request may use; narrow it.")
        if isinstance(problem, _OF_THE_DATA):
            return NotComputable("The query cannot be computed over these rows; check its casts and its arithmetic.")
        return not_run()

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
            raise stopped()
        if self._first is not None:
            first, self._first = self._first, None
            return first
        return self._timed(self._read) if self._reader is not None else None

    def close(self) -> None:
        """Stop and free everything. May be called twice."""
        self._done = True
        reader, cursor, held = self._reader, self._cursor, self._held
        self._reader = self._cursor = self._first = None
        self._held = []
        if reader is not None:
            reader.close()
        if cursor is not None:
            cursor.close()
        for relation in held:
            self._instance.release(relation)

    def __del__(self) -> None:
        self.close()
