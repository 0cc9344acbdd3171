"""The pages of a version: rows as finished SODA JSON in SQLite, for the narrow class of queries that want whole rows.

`<stem>.pages` lies beside a version's Parquet and can always be built again from it. Its table has `_row`, the values
of a few columns by which rows are filtered, and the row's JSON text, written by the very function that writes answers
(`exchange.rows.formats`), so both stores give the same bytes. It is written once, appears whole or not at all, and is
opened read-only; which plans it answers is decided in `exchange.rows.planner`. Source of the division of labour:
engine.md §1.1 (a row store finds pages and keys 3 to 70 times faster, and loses every scan).
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pyarrow as pa

from exchange import clock
from exchange.rows.formats import FORMATS, PLAIN
from exchange.rows.plan import Plan, resolve
from exchange.rows.soql import Query
from exchange.rows.types import ROW, ColumnInfo, columns_from_schema

PAGES = ".pages"
LAYOUT = 1
"""Grows when the tables change, or when the JSON writer writes a cell in another way; others are not read."""

MOST_INDEXES = 5
"""Beside the one on the row identifier. Each costs about 20 bytes a row and a second for a million rows."""

LONGEST_TEXT = 64
"""Mean characters beyond which a text column is not copied beside the JSON."""

MOST_BUILD_S = 900.0
"""Seconds after which building is given up; the version is then answered by its columns alone."""

CHUNK_ROWS = 20_000
_PAGE_BYTES = 8_192
_COMMON, _BOUNDS = 64, 65
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_log = logging.getLogger(__name__)

VALUES = {
    "text": "{0}",
    "number": "{0}",
    "calendar_date": "epoch_ms({0})",
    "fixed_timestamp": "epoch_ms({0})",
    "checkbox": "CAST({0} AS INTEGER)",
}
"""How a column's value is kept, as DuckDB text; columns of other types cannot be filtered here."""


@dataclass(frozen=True)
class Facts:
    """What the planner has to know of a filter column: how often values come, and whether there is an index.

    `common` are the most frequent values with their rows; `bounds` cut the sorted values into equal parts.
    """

    name: str
    type: str
    rows: int
    distinct: int
    nulls: int
    common: tuple[tuple[Any, int], ...]
    bounds: tuple[float, ...]
    indexed: bool = False


def kept_value(value: Any) -> Any:
    """A constant of a query as it compares with what is kept: instants as milliseconds, truth values as 0 and 1."""
    if isinstance(value, datetime):
        moment = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        span = moment - _EPOCH
        microseconds = (span.days * 86_400 + span.seconds) * 1_000_000 + span.microseconds
        return microseconds // 1000 if microseconds % 1000 == 0 else microseconds / 1000
    return int(value) if isinstance(value, bool) else value


def build_pages(serving: Path, columns: Sequence[ColumnInfo], *, row_id: str | None = None) -> Path | None:
    """Build the pages beside a version's serving file; None (and a line in the log) if that failed or took too long."""
    pages = serving.with_suffix(PAGES)
    temporary = pages.with_name(f".{pages.name}.{os.getpid()}.{os.urandom(4).hex()}")
    elapsed = clock.stopwatch()
    columns = columns_from_schema(column.to_json() for column in columns)  # as queries know them
    try:
        with duckdb.connect(str(serving), read_only=True, config={"threads": 1}) as source:
            _write(source, temporary, columns, row_id, elapsed)
        _settle(temporary)
        temporary.replace(pages)
    except (_TooSlow, sqlite3.Error, duckdb.Error, OSError) as problem:
        _log.warning("no pages for %s: %s", serving.name, type(problem).__name__, exc_info=problem)
        return None
    finally:
        temporary.unlink(missing_ok=True)
    return pages


class _TooSlow(Exception):
    """Building took longer than it may."""


def _settle(path: Path) -> None:
    with path.open("rb") as written:
        os.fsync(written.fileno())


def _write(source: Any, path: Path, columns: Sequence[ColumnInfo], row_id: str | None, elapsed: Any) -> None:
    rows = source.execute("SELECT count(*) FROM rows").fetchall()[0][0]
    facts = _with_indexes([fact for c in columns if (fact := _survey(source, c, rows)) is not None], row_id)
    with closing(sqlite3.connect(path, isolation_level=None)) as out:
        for pragma in (f"page_size={_PAGE_BYTES}", "journal_mode=OFF", "synchronous=OFF", "locking_mode=EXCLUSIVE"):
            out.execute(f"PRAGMA {pragma}")
        out.execute("CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
        names = "".join(f"{column_name(n)}, " for n in range(len(facts)))
        out.execute(f"CREATE TABLE rows ({ROW} INTEGER PRIMARY KEY, {names}json BLOB NOT NULL)")
        out.execute("BEGIN")
        insert = f"INSERT INTO rows VALUES ({', '.join('?' * (len(facts) + 2))})"
        for chunk in _chunks(source, columns, facts, rows):
            out.executemany(insert, chunk)
            if elapsed() > MOST_BUILD_S * 1000:
                raise _TooSlow
        for position, fact in enumerate(facts):
            if fact.indexed:
                out.execute(f"CREATE INDEX {index_name(position)} ON rows ({column_name(position)})")
        described = {"layout": LAYOUT, "rows": rows, "columns": [c.to_json() for c in columns]}
        described["facts"] = [vars(fact) for fact in facts]
        out.execute("INSERT INTO facts VALUES ('all', ?)", [orjson.dumps(described).decode()])
        out.execute("COMMIT")


def column_name(position: int) -> str:
    """What a filter column is called in the pages; the dataset's own names never reach the engine."""
    return f"f{position}"


def index_name(position: int) -> str:
    """What the index of a filter column is called."""
    return f"by_f{position}"


def _chunks(source: Any, columns: Sequence[ColumnInfo], facts: Sequence[Facts], rows: int) -> Iterator[Iterator[Any]]:
    """The rows in order, a few thousand at a time: number, filter values, JSON text."""
    values = ", ".join(VALUES[fact.type].format(_quoted(fact.name)) for fact in facts)
    kept = f"SELECT {values or '1'} FROM rows WHERE {ROW} >= $1 AND {ROW} < $2 ORDER BY {ROW}"
    for start in range(0, rows, CHUNK_ROWS):
        plan = resolve(Query(limit=CHUNK_ROWS, offset=start), columns)
        texts = _texts(source, plan)
        table = source.sql(kept, params=[start, start + CHUNK_ROWS]).to_arrow_table()
        filters = [column.to_pylist() for column in table.columns] if facts else []
        yield zip(range(start, start + len(texts)), *filters, texts, strict=True)


def _texts(source: Any, plan: Plan) -> list[bytes]:
    """The rows of a plan, each as the JSON text that stands in an answer."""
    sql, bound = plan.sql("rows", _EPOCH)
    table: pa.Table = source.sql(sql, params=bound).to_arrow_table()
    batches = table.rename_columns([field.name for field in plan.fields]).combine_chunks().to_batches()
    whole = b"".join(FORMATS["json"].write(plan.fields, iter(batches), PLAIN))
    return whole[1:-2].split(b"\n,") if table.num_rows else []


def _survey(source: Any, column: ColumnInfo, rows: int) -> Facts | None:
    """How a column's values come; None for one that cannot be filtered here."""
    if column.type not in VALUES or not rows:
        return None
    name, value = _quoted(column.name), VALUES[column.type].format(_quoted(column.name))
    if column.type == "number":
        odd = source.execute(f"SELECT count(*) FROM rows WHERE NOT isfinite({name}::DOUBLE)").fetchall()[0][0]
        if odd:
            return None  # SQLite has no NaN
    width = f"avg(length({name}))" if column.type == "text" else "0"
    distinct, nulls, mean = source.execute(
        f"SELECT approx_count_distinct({value}), count(*) - count({name}), {width} FROM rows"
    ).fetchall()[0]
    if (mean or 0) > LONGEST_TEXT:
        return None
    common: list[Any] = []
    if distinct <= rows // 20 or distinct <= _COMMON:
        common = source.execute(
            f"SELECT {value} AS v, count(*) AS n FROM rows WHERE {name} IS NOT NULL GROUP BY v ORDER BY n DESC, v"
            f" LIMIT {_COMMON}"
        ).fetchall()
    bounds: tuple[float, ...] = ()
    if column.type in ("number", "calendar_date", "fixed_timestamp") and nulls < rows:
        parts = [n / (_BOUNDS - 1) for n in range(_BOUNDS)]
        found = source.execute(f"SELECT quantile_disc(({value})::DOUBLE, $1) FROM rows USING SAMPLE 20000", [parts])
        bounds = tuple(found.fetchall()[0][0] or ())
    return Facts(column.name, column.type, rows, distinct, nulls, tuple(map(tuple, common)), bounds)


def _with_indexes(facts: Sequence[Facts], row_id: str | None) -> list[Facts]:
    """The same with the indexed ones marked: the row identifier, and the columns whose values select few rows."""
    worth = sorted((fact for fact in facts if _selects(fact) and fact.name != row_id), key=_rank)
    chosen = {fact.name for fact in worth[:MOST_INDEXES]} | {row_id}
    return [Facts(**{**vars(fact), "indexed": fact.name in chosen}) for fact in facts]


def _selects(fact: Facts) -> bool:
    """Whether a usual value selects so few rows that reading all in order would be slower; a few rows need no index."""
    return fact.rows >= 2_000 and fact.distinct >= 5 and fact.nulls < fact.rows


def _rank(fact: Facts) -> tuple[int, int]:
    """What is filtered most comes first: words, then dates, then numbers; among them those that repeat."""
    kind = {"text": 0, "calendar_date": 1, "fixed_timestamp": 1, "number": 2}.get(fact.type, 3)
    return kind + (2 if fact.distinct > fact.rows // 2 and fact.type != "text" else 0), fact.distinct


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
