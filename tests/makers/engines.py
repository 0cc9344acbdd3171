"""What the differential tests compare: one answer of one engine as lines of JSON, and PostgreSQL as one such engine."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.csv
from sqlalchemy import create_engine, make_url, text

from exchange.rows import store_open
from exchange.rows.cells import json_value
from exchange.rows.engine import Engine
from exchange.rows.functions.dialects import translate
from exchange.rows.functions.dialects.postgres import PRELUDE
from exchange.rows.plan import Plan, Relation, resolve
from exchange.rows.soql import parse_parameters
from exchange.rows.source import Source
from exchange.rows.types import ColumnInfo
from tests.conftest import NOON
from tests.makers import soql_corpus
from tests.makers.postgres import fresh_database

LAST_DIGIT, STATISTICS = 2e-14, 1e-9
"""How far numbers may be apart, as a share of them: ordinary ones, and regressions, which cancel most of their digits."""

NO_SOURCES: Mapping[str, Source] = {}
_ARROW = {
    "text": pa.string(), "url": pa.string(), "row_identifier": pa.string(), "row_version": pa.string(),
    "boolean": pa.bool_(), "floating_timestamp": pa.timestamp("us"), "fixed_timestamp": pa.timestamp("us", tz="UTC"),
    "point": pa.struct({"lat": pa.float64(), "lon": pa.float64()}),
}  # fmt: skip
_POSTGRES = {
    pa.int64(): "bigint", pa.float64(): "double precision", pa.string(): "text", pa.bool_(): "boolean",
    pa.timestamp("ms"): "timestamp", pa.timestamp("ms", tz="UTC"): "timestamptz",
}  # fmt: skip


def lines(engine: Engine, plan: Plan, source: Source, others: Mapping[str, Source] = NO_SOURCES) -> list[str]:
    """The answer, a line for each row, cells as the JSON format writes them."""
    batches = engine.run(plan, source, others=others, deadline_s=120, max_rows=None, cancel=threading.Event())
    return [line for batch in batches for line in lines_of(plan, batch)]


def differences(ours: list[str], theirs: list[str], *, places: float = LAST_DIGIT) -> list[tuple[str, str]]:
    """The rows that differ. Numbers may differ in the last of their 15 digits: each engine has its own logarithm, and
    adds up binary fractions in its own order."""
    if len(ours) != len(theirs):
        return [(f"{len(ours)} rows", f"{len(theirs)} rows")]
    return [(a, b) for a, b in zip(ours, theirs, strict=True) if a != b and not _close(a, b, places)]


def _close(ours: str, theirs: str, places: float) -> bool:
    cells = list(zip(ours.split("\t"), theirs.split("\t"), strict=True))
    return all(a == b or _near(a, b, places) for a, b in cells)


def _near(ours: str, theirs: str, places: float) -> bool:
    try:
        return math.isclose(float(ours.strip('"')), float(theirs.strip('"')), rel_tol=places)
    except ValueError:
        return False


def lines_of(plan: Plan, batch: pa.RecordBatch) -> list[str]:
    """The rows of one batch."""
    columns = [
        json_value(column, field.type).to_pylist() for field, column in zip(plan.fields, batch.columns, strict=True)
    ]
    return ["\t".join("null" if cell is None else cell for cell in row) for row in zip(*columns, strict=True)]


class Postgres:
    """A PostgreSQL database with the tables of the corpus, asked by the transpiled statements."""

    def __init__(self) -> None:
        self._url = make_url(_database())
        plain = self._url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._connection = psycopg.connect(plain, autocommit=True)
        self._connection.execute("SET TimeZone = 'UTC'")
        self._connection.execute(PRELUDE)

    def load(self, name: str, table: pa.Table) -> None:
        """Make the table, its rows by COPY."""
        columns = ", ".join(f'"{field.name}" {_POSTGRES[field.type]}' for field in table.schema)
        self._connection.execute(f'CREATE TABLE "{name}" ({columns})')
        with self._connection.cursor().copy(f'COPY "{name}" FROM STDIN') as copy:
            for row in table.to_pylist():
                copy.write_row(list(row.values()))

    def lines(self, plan: Plan, name: str, source: Source, others: Mapping[str, Source] = NO_SOURCES) -> list[str]:
        """As `lines` of an engine."""
        relations = {key: Relation(f'"{key}"', one.published_at, one.row_version) for key, one in others.items()}
        sql, values = plan.sql(f'"{name}"', source.published_at, source.row_version, relations)
        statement = translate(sql, values, "postgres")
        rows = self._connection.execute(statement.sql, statement.values).fetchall()
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(plan.fields)
        arrays = [_array(cells, field.type) for cells, field in zip(columns, plan.fields, strict=True)]
        return lines_of(plan, pa.RecordBatch.from_arrays(arrays, names=[field.name for field in plan.fields]))

    def close(self) -> None:
        """Leave."""
        self._connection.close()


def _array(cells: Any, type_: str) -> pa.Array:
    if type_ in ("number", "double"):
        whole = all(cell is None or isinstance(cell, int) for cell in cells)
        values = [None if cell is None else cell if whole else float(cell) for cell in cells]
        return pa.array(values, pa.int64() if whole else pa.float64())
    if type_ == "point":
        cells = [None if cell is None else {"lat": cell[0], "lon": cell[1]} for cell in cells]
    return pa.array(cells, _ARROW[type_])


def _database() -> str:
    """A database that sorts texts by their bytes and still knows the case of every letter."""
    url = make_url(fresh_database())
    name = f"{url.database}_c"
    admin = create_engine(url, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(
            text(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'")
        )
    admin.dispose()
    return url.set(database=name).render_as_string(hide_password=False)


def planned(text: str) -> Plan:
    """A query of the corpus, planned."""
    columns = {soql_corpus.OTHER: soql_corpus.OTHER_COLUMNS}
    return resolve(parse_parameters({"$query": text}), soql_corpus.COLUMNS, tables=lambda key: columns[key])


def digits(text: str) -> float:
    """How near the numbers of a query's answers have to be."""
    return STATISTICS if "regr" in text else LAST_DIGIT


def stored(root: Path, table: pa.Table, columns: tuple[ColumnInfo, ...], dataset_id: str) -> Source:
    """The table as a version in the open store."""
    written = store_open.write_version(root, dataset_id, 1, table, columns)
    return store_open.open_version(
        root,
        written.path,
        dataset_id=dataset_id,
        number=1,
        rows=written.rows,
        published_at=NOON,
        content=written.sha256,
    )
