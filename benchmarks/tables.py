"""The benchmark's open tables on a running server, and the same rows for the floors and the peer."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
from sqlalchemy.orm import Session

from benchmarks.table import define, rows_sql
from demo.cast import SDE
from exchange import clock
from exchange.catalog.models import Column, Dataset, Version
from exchange.db import db
from exchange.rows import store_open
from exchange.rows.types import ColumnInfo
from exchange.settings import from_environment
from exchange.values import derived_four_by_four
from tests.makers.server import Server
from wsgi import create_app

TYPES = {
    "id": "text", "case_number": "text", "opened": "calendar_date", "town": "text", "category": "text",
    "amount": "number", "count": "number", "flag": "checkbox", "latitude": "number", "longitude": "number",
    "note": "text",
}  # fmt: skip
COLUMNS = tuple(ColumnInfo(name, name.replace("_", " ").title(), type_) for name, type_ in TYPES.items())
PLACES = (ColumnInfo("id", "Id", "text"), ColumnInfo("town", "Town", "text"), ColumnInfo("place", "Place", "point"))
CATALOGUE = 400
WORDS = ("water", "school", "road", "health", "tax", "park", "court", "energy", "housing", "farm")


def open_id(rows: int, kind: str = "rows") -> str:
    """The 4x4 of the open table of so many rows."""
    return derived_four_by_four("bench", kind, str(rows))


def publish(server: Server, rows: int, *, places: bool) -> None:
    """Put the open table of so many rows into the server's store and catalogue, by the store's own writer."""
    _with_session(server, lambda session, root, now: _table(session, root, now, rows, places))


def fill_catalogue(server: Server, rows: int) -> None:
    """List so many datasets that a search has something to do; they share the rows of one table."""
    _with_session(server, lambda session, _root, now: _listed(session, now, rows))


def _with_session(server: Server, work: object) -> None:
    app = create_app(from_environment(server.environment))
    with app.app_context():
        work(db.session(), app.config["SETTINGS"].data_dir / "open", clock.now())  # type: ignore[operator]
        db.session.commit()
        app.extensions["ledger"].close()
        db.session.remove()
        db.engine.dispose()


def _table(session: Session, root: Path, now: datetime, rows: int, places: bool) -> None:
    _version(
        session, root, now, open_id(rows), f"Benchmark of {rows:,} rows", COLUMNS, PLAIN.format(rows=rows_sql(rows))
    )
    if places:
        select = PLACED.format(rows=rows_sql(rows))
        _version(session, root, now, open_id(rows, "places"), f"Places of {rows:,} rows", PLACES, select)


PLAIN = """SELECT id, case_number, opened::TIMESTAMP_MS AS opened, town, category, amount::DOUBLE AS amount,
 count::BIGINT AS count, flag, latitude::DOUBLE AS latitude, longitude::DOUBLE AS longitude, note FROM ({rows})"""
PLACED = "SELECT id, town, latitude::DOUBLE AS place__lat, longitude::DOUBLE AS place__lon FROM ({rows})"


def _version(
    session: Session, root: Path, now: datetime, id: str, title: str, columns: tuple[ColumnInfo, ...], select: str
) -> None:
    if session.get(Dataset, id) is not None:
        return
    session.rollback()  # holds no lock while the rows are written
    with duckdb.connect(config={"threads": 2}) as connection:
        define(connection)
        stored = store_open.write_version(root, id, 1, _batches(connection, select), columns, row_id="id")
    dataset = _dataset(id, title, now)
    session.add(dataset)
    session.flush()
    session.add_all(
        Column(dataset_id=id, name=c.name, label=c.label, type=c.type, position=n) for n, c in enumerate(columns, 1)
    )
    version = Version(
        dataset_id=id, number=1, class_="open", path=stored.path, sha256=stored.sha256, rows=stored.rows,
        bytes=stored.bytes, schema=[c.to_json() for c in columns], published_at=now,
    )  # fmt: skip
    session.add(version)
    session.flush()
    dataset.current_version_id = version.id
    session.commit()


def _batches(connection: duckdb.DuckDBPyConnection, select: str) -> Iterator[pa.RecordBatch]:
    yield from connection.sql(select).to_arrow_reader(30_000)


def _dataset(id: str, title: str, now: datetime) -> Dataset:
    return Dataset(
        id=id, agency_id=SDE, title=title, description="Made for measuring.", class_="open", state="published",
        row_id="id", tags=["benchmark"], regimes=[], created_at=now, updated_at=now,
    )  # fmt: skip


def _listed(session: Session, now: datetime, rows: int) -> None:
    shared = session.get_one(Dataset, open_id(rows)).current_version_id
    for number in range(CATALOGUE):
        id = derived_four_by_four("bench", "listed", str(number))
        if session.get(Dataset, id) is None:
            words = [WORDS[(number * step) % len(WORDS)] for step in (1, 3, 7)]
            dataset = _dataset(id, f"{words[0].title()} and {words[1]} by town, series {number}", now)
            dataset.tags, dataset.current_version_id = words, shared
            session.add(dataset)
            session.flush()
            session.add_all(
                Column(dataset_id=id, name=f"{word}_{n}", label=word, type="text", position=n)
                for n, word in enumerate(words, 1)
            )


def write_floor_files(folder: Path, rows: int, *, only_columns: bool = False) -> None:
    """The same rows as SQLite (indexes on id, town and category; each row also as JSON text), DuckDB and CSV files."""
    complete = folder / ("columns" if only_columns else "complete")
    if complete.exists():
        return
    (folder / "files").mkdir(parents=True, exist_ok=True)
    select = PLAIN.format(rows=rows_sql(rows))
    with duckdb.connect(str(folder / "floor.duckdb"), config={"threads": 2}) as connection:
        define(connection)
        connection.execute(f"CREATE OR REPLACE TABLE rows AS {select}")
        connection.execute(f"COPY rows TO '{folder / 'files' / 'rows.csv'}' (HEADER)")
        connection.execute(f"COPY rows TO '{folder / 'files' / 'rows.json'}' (FORMAT json, ARRAY true)")
        if not only_columns:
            _write_sqlite(folder / "floor.sqlite", connection)
    complete.touch()


def _write_sqlite(path: Path, connection: duckdb.DuckDBPyConnection) -> None:
    path.unlink(missing_ok=True)
    names = ", ".join(TYPES)
    out = sqlite3.connect(path, isolation_level=None)
    out.execute("PRAGMA journal_mode=OFF")
    out.execute("PRAGMA synchronous=OFF")
    out.execute(f"CREATE TABLE rows ({names}, PRIMARY KEY (id))")
    out.execute("CREATE TABLE texts (id TEXT PRIMARY KEY, town TEXT, json TEXT)")
    read = connection.execute(
        f"SELECT {names.replace('opened', 'strftime(opened, $1)')} FROM rows", ["%Y-%m-%dT%H:%M:%S.000"]
    )
    out.execute("BEGIN")
    while chunk := read.fetchmany(20_000):
        out.executemany(f"INSERT INTO rows VALUES ({', '.join('?' * len(TYPES))})", chunk)
        out.executemany(
            "INSERT INTO texts VALUES (?, ?, ?)",
            [(row[0], row[3], json.dumps(dict(zip(TYPES, row, strict=True)))) for row in chunk],
        )
    out.execute("COMMIT")
    for table, column in (("rows", "town"), ("rows", "category"), ("texts", "town")):
        out.execute(f"CREATE INDEX {table}_by_{column} ON {table} ({column})")
    out.execute("ANALYZE")
    out.close()
