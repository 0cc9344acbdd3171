"""Builders for a catalogue: datasets that are listed, without rows in any store. The caller commits."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from exchange.catalog.models import Column, Dataset, Version
from tests.conftest import NOON
from tests.makers.directory import make_agency

COLUMNS = (("town", "Town", "text", "Name of the town"), ("rate", "Mill rate", "number", ""))


def make_listed(
    session: Session,
    id: str,
    title: str,
    *,
    agency: str = "education",
    class_: str = "open",
    state: str = "published",
    columns: tuple[tuple[str, str, str, str], ...] = COLUMNS,
    tags: tuple[str, ...] = (),
    now: datetime = NOON,
    **more: Any,
) -> Dataset:
    """A dataset with one version on paper; by default everybody may know of it."""
    make_agency(session, agency)
    dataset = Dataset(
        id=id, agency_id=agency, title=title, class_=class_, state=state, tags=list(tags), regimes=[],
        created_at=now - timedelta(days=30), updated_at=now, **more,
    )  # fmt: skip
    dataset.columns = [
        Column(name=name, label=label, type=type_, description=description, position=position)
        for position, (name, label, type_, description) in enumerate(columns, 1)
    ]
    session.add(dataset)
    session.flush()
    version = Version(
        dataset_id=id, number=1, class_=class_, path=f"{id}/1.parquet", sha256="0" * 64, rows=10, bytes=100,
        schema=[{"name": n, "label": label, "type": t, "has_meanings": False} for n, label, t, _ in columns],
        published_at=now,
    )  # fmt: skip
    session.add(version)
    session.flush()
    dataset.current_version_id = version.id
    session.flush()
    return dataset
