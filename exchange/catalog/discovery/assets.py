"""What the catalogue says of each dataset, as frozen data cut loose from the database.

Read in three statements whatever the number of datasets, under the one rule of visibility.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from exchange.catalog.custom_fields import Fields, custom_fields
from exchange.catalog.models import Column, Dataset, DatasetClass, DatasetState, Version
from exchange.catalog.visibility import visible
from exchange.directory.identity import Identity
from exchange.directory.models import Agency, AgencyAlias


@dataclass(frozen=True)
class AssetColumn:
    """One column as the catalogue lists it."""

    label: str
    name: str
    type: str
    description: str


@dataclass(frozen=True)
class Asset:
    """One dataset. `parent` is what it was derived from, if the reader may know of that; `fields` its custom fields."""

    id: str
    title: str
    description: str
    category: str
    tags: tuple[str, ...]
    agency_id: str
    agency: str
    agency_words: tuple[str, ...]
    attribution: str
    licence: str
    class_: str
    state: str
    parent: str | None
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None
    fields: Fields
    columns: tuple[AssetColumn, ...]

    @property
    def is_public(self) -> bool:
        """Whether everybody may know of it (as `exchange.catalog.visibility` says of a dataset)."""
        return self.is_listed and self.class_ == DatasetClass.OPEN and self.published_at is not None

    @property
    def is_listed(self) -> bool:
        """Whether it is published."""
        return self.state == DatasetState.PUBLISHED

    @property
    def custom(self) -> tuple[tuple[str, str], ...]:
        """Custom fields under their parameter names: `Set-Name_Key-Name`."""
        return tuple(
            (f"{set_}_{key}".replace(" ", "-"), value) for set_, keys in self.fields for key, value in keys if value
        )


def read_assets(session: Session, identity: Identity | None) -> tuple[Asset, ...]:
    """Every dataset that this reader may know of, by title and id."""
    return _read(session, visible(identity))


def asset_of(session: Session, dataset: Dataset) -> Asset:
    """One dataset in hand as the catalogue describes it; whether the reader may know of it is the caller's matter."""
    (asset,) = _read(session, Dataset.id == dataset.id)
    return asset


def _read(session: Session, which: ColumnElement[bool]) -> tuple[Asset, ...]:
    rows = session.execute(
        select(Dataset, Agency.name, Agency.acronym, Version.published_at)
        .join(Agency, Agency.id == Dataset.agency_id)
        .outerjoin(Version, Version.id == Dataset.current_version_id)
        .where(which)
    ).all()
    columns, aliases = _columns(session, which), _aliases(session)
    known = {row[0].id for row in rows}
    assets = (
        _asset(dataset, name, (acronym, *aliases[dataset.agency_id]), published, columns[dataset.id], known)
        for dataset, name, acronym, published in rows
    )
    return tuple(sorted(assets, key=lambda asset: (asset.title.lower(), asset.id)))


def _asset(
    dataset: Dataset,
    agency: str,
    agency_words: tuple[str, ...],
    published_at: datetime | None,
    columns: list[AssetColumn],
    known: set[str],
) -> Asset:
    return Asset(
        id=dataset.id,
        title=dataset.title,
        description=dataset.description,
        category=dataset.category,
        tags=tuple(dataset.tags),
        agency_id=dataset.agency_id,
        agency=agency,
        agency_words=agency_words,
        attribution=dataset.attribution or agency,
        licence=dataset.licence,
        class_=dataset.class_,
        state=dataset.state,
        parent=dataset.cut_of_id if dataset.cut_of_id in known else None,
        created_at=dataset.created_at,
        updated_at=dataset.updated_at,
        published_at=published_at,
        fields=custom_fields(dataset, agency),
        columns=tuple(columns),
    )


def _columns(session: Session, which: ColumnElement[bool]) -> dict[str, list[AssetColumn]]:
    found: dict[str, list[AssetColumn]] = defaultdict(list)
    statement = (
        select(Column.dataset_id, Column.label, Column.name, Column.type, Column.description)
        .join(Dataset, Dataset.id == Column.dataset_id)
        .where(which)
        .order_by(Column.dataset_id, Column.position)
    )
    for dataset_id, *values in session.execute(statement):
        found[dataset_id].append(AssetColumn(*values))
    return found


def _aliases(session: Session) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    statement: Any = select(AgencyAlias.agency_id, AgencyAlias.alias).order_by(AgencyAlias.agency_id, AgencyAlias.alias)
    for agency_id, alias in session.execute(statement):
        found[agency_id].append(alias)
    return found
