"""Builders for rows: the table of earthquakes of the reference's sample, and its dataset."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from pathlib import Path

import pyarrow as pa
from sqlalchemy.orm import Session

from exchange.catalog.models import Column, Dataset, Version
from exchange.directory.models import Agency
from exchange.rows import store_open
from exchange.rows.types import ColumnInfo

QUAKES = tuple(
    ColumnInfo(name, name.replace("_", " ").title(), type_)
    for name, type_ in {
        "source": "text", "earthquake_id": "text", "magnitude": "number", "depth": "number",
        "datetime": "calendar_date", "region": "text", "location": "point", "felt": "checkbox",
    }.items()
)  # fmt: skip
"""The columns of soda.md §13."""

REGIONS = ("Puerto Rico", "Andreanof Islands, Aleutian Islands", "Québec", "Central California", None)


def make_quakes(rows: int = 2500, seed: int = 7) -> pa.Table:
    """The table: every 50th magnitude and some regions are null; times run from 1 September 2012, 9 hours apart."""
    chance = random.Random(seed)
    start = datetime(2012, 9, 1, 1, 30)  # noqa: DTZ001 - a calendar date has no zone
    return pa.table({
        "source": [chance.choice(("pr", "ak", "ci", "nn")) for _ in range(rows)],
        "earthquake_id": [f"q{number:07}" for number in range(rows)],
        "magnitude": [None if number % 50 == 0 else round(chance.uniform(0.1, 6.0), 1) for number in range(rows)],
        "depth": [round(chance.uniform(0.5, 90.0), 2) for _ in range(rows)],
        "datetime": pa.array([start + timedelta(hours=9 * n) for n in range(rows)], pa.timestamp("ms")),
        "region": [chance.choice(REGIONS) for _ in range(rows)],
        "location__lat": [round(chance.uniform(40.9, 42.1), 5) for _ in range(rows)],
        "location__lon": [round(chance.uniform(-73.8, -71.7), 5) for _ in range(rows)],
        "felt": [chance.random() < 0.3 for _ in range(rows)],
    })  # fmt: skip


def make_open_dataset(
    session: Session,
    data_dir: Path,
    now: datetime,
    *,
    id: str = "abcd-1234",
    table: pa.Table | None = None,
    columns: tuple[ColumnInfo, ...] = QUAKES,
    row_id: str | None = "earthquake_id",
    state: str = "published",
) -> Dataset:
    """An open dataset with one version in the store. The caller commits."""
    if session.get(Agency, "public-health") is None:
        session.add(Agency(id="public-health", name="Department of Public Health", acronym="DPH"))
    stored = store_open.write_version(
        data_dir / "open", id, 1, make_quakes() if table is None else table, columns, row_id=row_id
    )
    dataset = Dataset(
        id=id, agency_id="public-health", title="Earthquakes", class_="open", state=state, row_id=row_id,
        created_at=now, updated_at=now, tags=[], regimes=[],
    )  # fmt: skip
    dataset.columns = [
        Column(name=c.name, label=c.label, type=c.type, position=n, has_meanings=c.has_meanings)
        for n, c in enumerate(columns, start=1)
    ]
    session.add(dataset)
    session.flush()
    version = Version(
        dataset_id=id, number=1, class_="open", path=stored.path, sha256=stored.sha256, rows=stored.rows,
        bytes=stored.bytes, schema=[c.to_json() for c in columns], published_at=now,
    )  # fmt: skip
    session.add(version)
    session.flush()
    dataset.current_version_id = version.id
    session.flush()
    return dataset
