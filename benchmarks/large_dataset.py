"""100 million rows, answered by Spark at the ordinary address: `python -m benchmarks.large_dataset [ROWS]`.

Writes one Parquet file (about 6 bytes a row) into a temporary folder, starts a local Spark with two workers, and asks
through the whole application. Prints what it saw; nothing is kept.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import duckdb
from sqlalchemy.orm import Session

from exchange import clock
from exchange.catalog.models import Column, Dataset, Version
from exchange.db import db
from exchange.directory.models import Agency
from exchange.rows.types import ColumnInfo
from tests.conftest import create_tables, make_settings
from tests.makers.spark import spark_remote
from wsgi import create_app

COLUMNS = tuple(
    ColumnInfo(name, name.title(), type_)
    for name, type_ in {"id": "number", "town": "number", "amount": "number", "day": "calendar_date"}.items()
)
QUERIES = (
    "$limit=100",
    "$select=count(*) as n",
    "$select=town,count(*) as n,sum(amount) as s&$group=town&$order=s desc&$limit=5",
    "$where=id=77777777",
    "$select=date_trunc_ym(day) as m,avg(amount) as a&$where=town=64&$group=m&$order=m&$limit=5",
    "$order=amount desc,id&$limit=10",
)


def write(path: Path, rows: int) -> None:
    """The rows, by DuckDB: a number, one of 169 towns, an amount in cents, a minute of some years."""
    path.parent.mkdir(parents=True)
    sql = (
        "COPY (SELECT range AS _row, range AS id, CAST(hash(range) % 169 AS BIGINT) AS town,"
        " CAST(hash(range + 1) % 1000000 AS DOUBLE) / 100 AS amount,"
        " TIMESTAMP_MS '2015-01-01' + to_minutes(range // 20) AS day FROM range($1))"
        f" TO '{path}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 1000000)"
    )
    with duckdb.connect() as connection:
        connection.execute(sql, [rows])


def register(session: Session, path: str, rows: int, size: int) -> None:
    """The dataset and its version, as publishing would have recorded them."""
    now = clock.now()
    session.add(Agency(id="public-health", name="Department of Public Health", acronym="DPH"))
    dataset = Dataset(id="huge-0001", agency_id="public-health", title="Large", class_="open", state="published",
                      created_at=now, updated_at=now, tags=[], regimes=[])  # fmt: skip
    dataset.columns = [Column(name=c.name, label=c.label, type=c.type, position=n) for n, c in enumerate(COLUMNS, 1)]
    session.add(dataset)
    session.flush()
    version = Version(dataset_id=dataset.id, number=1, class_="open", path=path, sha256="", rows=rows, bytes=size,
                      schema=[c.to_json() for c in COLUMNS], published_at=now)  # fmt: skip
    session.add(version)
    session.flush()
    dataset.current_version_id = version.id
    session.commit()


def main(rows: int) -> None:
    """Write, ask, tell."""
    with tempfile.TemporaryDirectory(prefix="charter-oak-large-") as folder:
        settings = replace(make_settings(Path(folder)), spark_remote=spark_remote())
        file, began = settings.data_dir / "open" / "huge-0001" / "1-large.parquet", time.monotonic()
        write(file, rows)
        print(f"{rows:,} rows, {file.stat().st_size / 2**20:,.0f} MiB of Parquet in {time.monotonic() - began:.0f} s")
        app = create_app(settings)
        with app.app_context():
            create_tables(db.engine)
            register(db.session(), "huge-0001/1-large.parquet", rows, file.stat().st_size)
            client = app.test_client()
            for query in (*QUERIES, QUERIES[0]):
                began = time.monotonic()
                answer = client.get(f"/resource/huge-0001.json?{query}")
                print(f"{time.monotonic() - began:6.1f} s  {answer.status_code}  {query}  {answer.data[:90]!r}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000_000)
