"""Builders for datasets, their versions and their classification. Everything has a default; the caller commits.

dataset = make_restricted(session, settings)
make_agreed(session, settings, dataset, {"student_name": "FERPA"})
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
from sqlalchemy.orm import Session

from exchange.catalog.models import Column, Dataset, DatasetClass, DatasetState, Version
from exchange.classification import deciding
from exchange.classification.models import Classification
from exchange.directory.identity import Identity
from exchange.directory.models import RoleKind
from exchange.rows import store_open, store_restricted
from exchange.rows.types import ROW, ColumnInfo, narrow_numbers, physical_schema
from exchange.settings import Settings
from exchange.values import mint_four_by_four
from tests.conftest import NOON
from tests.makers.directory import make_agency, make_identity

COLUMNS = (
    ColumnInfo("district", "District", "text"),
    ColumnInfo("year", "Year", "text"),
    ColumnInfo("student_name", "Student name", "text"),
    ColumnInfo("absent", "Absent", "number"),
    ColumnInfo("rate", "Rate", "number"),
)
ROWS = (
    {"district": "Hartford", "year": "2015", "student_name": "Ada Invented", "absent": 3, "rate": 0.1},
    {"district": "Hartford", "year": "2015", "student_name": "Bo Invented", "absent": 12, "rate": 0.4},
    {"district": "Hartford", "year": "2015", "student_name": "Cy Invented", "absent": 40, "rate": 0.5},
    {"district": "Bolton", "year": "2015", "student_name": "Di Invented", "absent": 0, "rate": 0.0},
    {"district": "Bolton", "year": "2016", "student_name": "Ed Invented", "absent": 77, "rate": 0.7},
)


def make_table(columns: Sequence[ColumnInfo] = COLUMNS, rows: Sequence[Mapping[str, Any]] = ROWS) -> pa.Table:
    """Rows as a table in the physical layout; members that a row lacks are null."""
    schema = physical_schema(columns)
    return narrow_numbers(pa.Table.from_pylist([dict(row) for row in rows], schema=schema), columns)


def make_dataset(
    session: Session,
    *,
    class_: str = DatasetClass.RESTRICTED.value,
    state: str = DatasetState.DRAFT.value,
    agency: str = "education",
    title: str = "Attendance of pupils",
    id: str | None = None,
    columns: Sequence[ColumnInfo] = COLUMNS,
    now: datetime = NOON,
    **more: Any,
) -> Dataset:
    """A dataset with columns and without a version."""
    make_agency(session, agency)
    dataset = Dataset(
        id=id or mint_four_by_four(), agency_id=agency, title=title, class_=class_, state=state,
        tags=more.pop("tags", []), regimes=[], created_at=now, updated_at=now, **more,
    )  # fmt: skip
    session.add(dataset)
    session.flush()
    for position, info in enumerate(columns):
        dataset.columns.append(
            Column(name=info.name, label=info.label, type=info.type, has_meanings=info.has_meanings, position=position)
        )
    session.flush()
    return dataset


def make_version(
    session: Session, settings: Settings, dataset: Dataset, table: pa.Table | None = None,
    columns: Sequence[ColumnInfo] = COLUMNS, now: datetime = NOON,
) -> Version:  # fmt: skip
    """The dataset's next version, written into the store of its class, and made the current one."""
    rows = make_table(columns) if table is None else table
    number = max((version.number for version in dataset.versions), default=0) + 1
    if dataset.class_ == DatasetClass.OPEN:
        stored = store_open.write_version(settings.data_dir / "open", dataset.id, number, rows, columns)
    else:
        stored = store_restricted.write_version(
            settings.data_dir / "restricted", dataset.id, number, rows, columns, key_file=settings.store_key_file
        )
    version = Version(
        dataset_id=dataset.id, number=number, class_=dataset.class_, path=stored.path, sha256=stored.sha256,
        rows=stored.rows, bytes=stored.bytes, schema=[column.to_json() for column in columns],
        sealed_key=stored.sealed_key, published_at=now,
    )  # fmt: skip
    dataset.versions.append(version)
    session.flush()
    dataset.current_version_id = version.id
    session.flush()
    return version


def make_restricted(session: Session, settings: Settings, **more: Any) -> Dataset:
    """A restricted dataset with a version and no classification."""
    dataset = make_dataset(session, **more)
    make_version(session, settings, dataset, columns=more.get("columns", COLUMNS))
    return dataset


def make_steward(session: Session, agency: str = "education", name: str = "Stella Sample") -> Identity:
    """The steward of an agency."""
    return make_identity(session, (RoleKind.STEWARD, agency), name=name, agency=agency, now=NOON)


def make_cdo(session: Session, name: str = "Carla Chief") -> Identity:
    """The Chief Data Officer."""
    return make_identity(session, RoleKind.CDO, name=name, now=NOON)


def make_proposed(
    session: Session, dataset: Dataset, restricted: Mapping[str, str], suppression: Mapping[str, Any] | None = None,
    steward: Identity | None = None, now: datetime = NOON,
) -> Classification:  # fmt: skip
    """A proposed classification: these columns restricted on these codes, all others open."""
    by = steward or make_steward(session, dataset.agency_id)
    classification = deciding.start(session, by, dataset, now)
    choices = [
        deciding.Choice(column.name, "restricted", restricted[column.name])
        if column.name in restricted
        else deciding.Choice(column.name, "open")
        for column in dataset.columns
    ]
    deciding.decide(session, by, classification, choices, now)
    deciding.set_suppression(session, by, classification, suppression, now)
    deciding.propose(session, by, classification, now)
    return classification


def make_agreed(
    session: Session, settings: Settings, dataset: Dataset, restricted: Mapping[str, str],
    suppression: Mapping[str, Any] | None = None, now: datetime = NOON,
) -> Classification:  # fmt: skip
    """The same, agreed by the CDO, so that it is in force and the open cut is built."""
    classification = make_proposed(session, dataset, restricted, suppression, now=now)
    deciding.agree(session, make_cdo(session), classification, now, settings=settings)
    return classification


def stored_rows(settings: Settings, version: Version) -> list[dict[str, Any]]:
    """The rows of a version of the open store, without the row number."""
    table = store_open.read_table(settings.data_dir / "open", version.path).drop_columns([ROW])
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows
