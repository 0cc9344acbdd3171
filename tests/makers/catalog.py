"""Builders for datasets. Everything has a default; the caller commits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.orm import Session

from exchange.catalog.datasets import register_dataset
from exchange.catalog.models import Column, Dataset
from tests.makers.directory import make_agency

NOON = datetime(2026, 6, 15, 16, 0, tzinfo=UTC)


def make_dataset(
    session: Session,
    agency: str = "education",
    title: str = "Attendance",
    class_: str = "restricted",
    *,
    columns: Sequence[tuple[str, str]] = (),
    now: datetime = NOON,
    **more: Any,
) -> Dataset:
    """A draft dataset of an agency, with columns (name, type) if given, and no version."""
    make_agency(session, agency)
    dataset = register_dataset(session, None, agency_id=agency, title=title, class_=class_, now=now, **more)
    for position, (name, type_) in enumerate(columns):
        session.add(Column(dataset_id=dataset.id, name=name, label=name, type=type_, position=position))
    session.flush()
    return dataset
