"""Which dataset is the open cut of which: one public dataset for each restricted one that has an open part."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from exchange.catalog.models import Dataset
from exchange.values import derived_four_by_four


def cut_id(dataset_id: str) -> str:
    """The 4x4 of a dataset's open cut, a function of the dataset's own."""
    return derived_four_by_four(dataset_id, "open cut")


def cut_of(session: Session, dataset: Dataset) -> Dataset | None:
    """The open cut of a dataset, retired or not; None if there never was one."""
    return session.scalars(select(Dataset).where(Dataset.cut_of_id == dataset.id)).one_or_none()
