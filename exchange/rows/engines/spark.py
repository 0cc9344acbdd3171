"""Spark over Spark Connect, for datasets that outgrow one machine (reference: engine.md §3).

Only the client runs here (`pyspark-client`, the extra "spark"). Statements carry a tag of their own, so that one can be
interrupted alone; answers come back as Arrow batches, a few ahead of the reader and never more.
"""

from __future__ import annotations

import hashlib
import logging
import os
import queue
import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import grpc
import pyarrow as pa
from pyspark.errors import PySparkException
from pyspark.sql.connect.client.retries import DefaultPolicy
from pyspark.sql.connect.session import SparkSession

from exchange import clock
from exchange.errors import CharterError, Unavailable
from exchange.rows.engine import NO_OTHERS, Batches, NotComputable, check_rows, not_run, stopped, too_late
from exchange.rows.functions.dialects import Statement, translate
from exchange.rows.plan import Plan, Relation
from exchange.rows.source import Source

AHEAD = 3
"""Batches that may wait for the reader."""

MAX_VIEWS = 256
POLL_S = 0.05
INTERRUPT_S = 0.5
_log = logging.getLogger(__name__)
_OF_THE_DATA = ("CAST_", "ARITHMETIC_", "DIVIDE_BY_ZERO", "NUMERIC_", "BINARY_ARITHMETIC", "INVALID_ARRAY", "DATETIME")
_LOST = ("INVALID_HANDLE", "SESSION_CLOSED", "NO_ACTIVE_SESSION")


class SparkEngine:
    """One Spark Connect session for each process, opened at first use (after the server forked)."""

    name = "spark"

    def __init__(self, remote: str, place: Callable[[Source], str]) -> None:
        """`remote` is a Spark Connect address (`sc://host:port/;token=…`); `place` where Spark finds a version."""
        self._remote, self._place = remote, place
        self._opening = threading.Lock()
        self._session: tuple[int, _Session] | None = None

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
        """See `Engine.run`. Raises `NotThere` for a query that Spark cannot answer as DuckDB does."""
        check_rows(plan, max_rows)
        if cancel.is_set():
            raise stopped()
        sources = {"": source, **others}
        relations = {key: Relation(_name(one), one.published_at, one.row_version) for key, one in sources.items()}
        sql, values = plan.sql(relations[""].name, source.published_at, source.row_version, _without_main(relations))
        statement = translate(sql, values, "spark")
        running = _Running(self._opened, lambda session: self._views(session, sources), plan, statement, cancel)
        running.start(deadline_s)
        return running

    def check(self) -> None:
        """Whether Spark answers at all. Raises `Unavailable`."""
        try:
            self._opened().spark.version  # noqa: B018 - asking is the check
        except (PySparkException, grpc.RpcError, OSError) as problem:
            self.forget()
            raise Unavailable("Spark does not answer.") from problem

    def forget(self) -> None:
        """Open a new session at the next use."""
        with self._opening:
            self._session = None

    def _opened(self) -> _Session:
        with self._opening:
            if self._session is None or self._session[0] != os.getpid():
                spark = SparkSession.builder.remote(self._remote).create()
                spark.client.set_retry_policies([DefaultPolicy(max_retries=3, initial_backoff=50, max_backoff=1000)])
                spark.conf.set("spark.sql.session.timeZone", "UTC")
                spark.conf.set("spark.sql.ansi.enabled", "true")
                self._session = (os.getpid(), _Session(spark))
            return self._session[1]

    def _views(self, session: _Session, sources: Mapping[str, Source]) -> None:
        for source in sources.values():
            session.see(_name(source), self._place(source))


def _name(source: Source) -> str:
    return f"v_{hashlib.sha256(source.key.encode()).hexdigest()[:24]}"


def _without_main(relations: Mapping[str, Relation]) -> dict[str, Relation]:
    return {key: relation for key, relation in relations.items() if key}


class _Session:
    """A session and the versions that it knows by name."""

    def __init__(self, spark: Any) -> None:
        self.spark = spark
        self._views: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def see(self, name: str, place: str) -> None:
        """Make the Parquet at that place known under the name."""
        with self._lock:
            if name in self._views:
                self._views.move_to_end(name)
                return
            self.spark.read.parquet(place).createOrReplaceTempView(name)
            self._views[name] = None
            if len(self._views) > MAX_VIEWS:
                self.spark.catalog.dropTempView(self._views.popitem(last=False)[0])


class _Running:
    """One statement in progress. A thread of its own reads from Spark, so that nothing can block the request."""

    def __init__(
        self,
        opened: Callable[[], _Session],
        views: Callable[[_Session], None],
        plan: Plan,
        statement: Statement,
        cancel: threading.Event,
    ) -> None:
        self._opened, self._views, self._plan, self._statement = opened, views, plan, statement
        self._cancel = cancel
        self._left_s = 0.0
        self._tag = f"charter-oak-{uuid.uuid4().hex}"
        self._waiting: queue.Queue[pa.RecordBatch | BaseException | None] = queue.Queue(AHEAD)
        self._over = threading.Event()
        self._session: _Session | None = None
        self._first: pa.RecordBatch | None = None
        self._ended = self._done = False
        self._reader = threading.Thread(target=self._read, name=self._tag, daemon=True)

    def start(self, deadline_s: float) -> None:
        """Begin, and wait for the first batch."""
        self._left_s = deadline_s
        self._reader.start()
        try:
            self._first = self._take()
        except BaseException:
            self.close()
            raise

    def _read(self) -> None:
        """In the reading thread: everything that talks to Spark."""
        try:
            self._session = session = self._opened()
            self._views(session)
            client = session.spark.client
            client.add_tag(self._tag)
            frame = session.spark.sql(self._statement.sql, dict(self._statement.values))
            for part in client.to_table_as_iterator(frame._plan.to_proto(client), {}):
                for batch in part.to_batches() if isinstance(part, pa.Table) else ():
                    if not self._hand_over(batch):
                        return
            self._hand_over(None)
        except BaseException as problem:
            self._hand_over(problem)

    def _hand_over(self, item: pa.RecordBatch | BaseException | None) -> bool:
        while not self._over.is_set():
            try:
                self._waiting.put(item, timeout=POLL_S)
            except queue.Full:
                continue
            return True
        return False

    def _take(self) -> pa.RecordBatch | None:
        """The next batch, or None after the last."""
        elapsed = clock.stopwatch()
        while True:
            if self._cancel.is_set():
                raise stopped()
            if elapsed() / 1000 > self._left_s:
                raise too_late()
            try:
                item = self._waiting.get(timeout=POLL_S)
            except queue.Empty:
                continue
            self._left_s -= elapsed() / 1000
            if isinstance(item, BaseException):
                raise _explained(item) from item
            self._ended = item is None
            return None if item is None else self._conformed(item)

    def _conformed(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        columns = [
            _as_ours(column, rounded=place in self._statement.rounded) for place, column in enumerate(batch.columns)
        ]
        return pa.RecordBatch.from_arrays(columns, names=[field.name for field in self._plan.fields])

    def __iter__(self) -> _Running:
        return self

    def __next__(self) -> pa.RecordBatch:
        if self._done:
            raise StopIteration
        try:
            first, self._first = self._first, None
            batch = first if first is not None or self._ended else self._take()
        except BaseException:
            self.close()
            raise
        if batch is None:
            self.close()
            raise StopIteration
        return batch

    def close(self) -> None:
        """Stop and free everything. May be called twice."""
        self._done = True
        self._first = None
        if not self._over.is_set():
            self._over.set()
            if self._reader.is_alive():
                threading.Thread(target=self._interrupt, name="spark interrupt", daemon=True).start()

    def _interrupt(self) -> None:
        """Until the reading thread ends: an interrupt that comes before its statement starts stops nothing."""
        while self._reader.is_alive():
            session = self._session
            if session is not None:
                try:
                    session.spark.client.interrupt_tag(self._tag)
                except (PySparkException, grpc.RpcError):
                    return
            self._reader.join(INTERRUPT_S)

    def __del__(self) -> None:
        self.close()


def _as_ours(column: pa.Array, *, rounded: bool) -> pa.Array:
    """The column in a type that the formats know; computed numbers to 15 significant digits, as C prints them."""
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.float64())
    if pa.types.is_integer(column.type) and not pa.types.is_int64(column.type):
        return column.cast(pa.int64())
    if rounded and pa.types.is_floating(column.type):
        values = [None if value is None else float(f"{value:.15g}") for value in column.to_pylist()]
        return pa.array(values, pa.float64())
    return column


def _explained(problem: BaseException) -> BaseException:
    if not isinstance(problem, Exception) or isinstance(problem, CharterError):
        return problem
    condition = (problem.getCondition() or "") if isinstance(problem, PySparkException) else ""
    _log.warning("statement failed on Spark: %s %s", type(problem).__name__, condition, exc_info=problem)
    if condition.startswith(_OF_THE_DATA):
        return NotComputable("The query cannot be computed over these rows; check its casts and its arithmetic.")
    if isinstance(problem, grpc.RpcError) or condition.startswith(_LOST) or "UNAVAILABLE" in str(problem):
        return Unavailable("The engine that holds this dataset does not answer now; try again in a minute.")
    return not_run()
