"""The view object of `/api/views/<4x4>.json`: what an open dataset is (reference: soda.md §7)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from exchange.catalog.attachments import attachments_of
from exchange.catalog.custom_fields import as_objects, custom_fields
from exchange.catalog.metadata import PUBLIC_DOMAIN
from exchange.catalog.models import Attachment, Dataset
from exchange.rows.contents import Contents
from exchange.rows.open_reading import OpenVersion
from exchange.rows.types import ColumnInfo

LICENCE_TERMS = {"Public Domain": PUBLIC_DOMAIN}
"""Where a licence's text is, for those that have an address."""


def view_object(
    session: Session, version: OpenVersion, contents: Mapping[str, Contents] | None = None
) -> dict[str, Any]:
    """The metadata and columns of an open, published dataset; times are seconds since 1970.

    `contents` (of `exchange.rows.contents`) adds `cachedContents` to the columns. Views and downloads are not counted,
    so their numbers are 0.
    """
    dataset = session.get_one(Dataset, version.dataset_id)
    return {
        **_described(dataset),
        **_dated(dataset, version),
        "assetType": "dataset",
        "viewType": "tabular",
        "displayType": "table",
        "provenance": "official",
        "publicationStage": "published",
        "hideFromCatalog": False,
        "hideFromDataJson": False,
        "newBackend": True,
        "oid": _number(f"{dataset.id}/{version.number}"),
        "tableId": _number(dataset.id),
        "viewCount": 0,
        "downloadCount": 0,
        "rights": ["read"],
        "grants": [{"inherited": False, "type": "viewer", "flags": ["public"]}],
        "flags": ["default"],
        "query": {},
        "approvals": [],
        "metadata": _metadata(dataset, version, attachments_of(session, dataset.id)),
        "columns": columns_of_view(dataset, version, contents),
    }


def columns_of_view(
    dataset: Dataset, version: OpenVersion, contents: Mapping[str, Contents] | None = None
) -> list[dict[str, Any]]:
    """The columns of a view object, in order."""
    described = {column.name: column.description for column in dataset.columns}
    held = contents or {}
    return [
        _column(column, position, described.get(column.name, ""), held.get(column.name))
        for position, column in enumerate(version.columns, start=1)
    ]


def _described(dataset: Dataset) -> dict[str, Any]:
    owner = {"id": dataset.agency_id, "displayName": dataset.agency.name, "type": "interactive", "flags": []}
    terms = LICENCE_TERMS.get(dataset.licence)
    return {
        "id": dataset.id,
        "name": dataset.title,
        "description": dataset.description,
        "category": dataset.category,
        "tags": list(dataset.tags),
        "attribution": dataset.attribution or dataset.agency.name,
        "attributionLink": None,
        "licenseId": dataset.licence.upper().replace(" ", "_"),
        "license": {"name": dataset.licence} | ({"termsLink": terms} if terms else {}),
        "owner": owner,
        "tableAuthor": owner,
    }


def _dated(dataset: Dataset, version: OpenVersion) -> dict[str, Any]:
    published = _seconds(version.published_at)
    return {
        "createdAt": _seconds(dataset.created_at),
        "publicationDate": published,
        "indexUpdatedAt": published,
        "viewLastModified": max(_seconds(dataset.updated_at), published),
        "rowsUpdatedAt": published,
        "rowsUpdatedBy": dataset.agency_id,
    }


def _metadata(dataset: Dataset, version: OpenVersion, attachments: Sequence[Attachment]) -> dict[str, Any]:
    return {
        "rowIdentifier": version.row_id,
        "rowLabel": dataset.row_label,
        "custom_fields": as_objects(custom_fields(dataset, dataset.agency.name)),
        "attachments": [{"filename": one.filename, "name": one.filename, "assetId": one.id} for one in attachments],
        "availableDisplayTypes": ["table"],
    }


def _column(column: ColumnInfo, position: int, description: str, contents: Contents | None) -> dict[str, Any]:
    members = {
        "id": position,
        "name": column.label,
        "fieldName": column.name,
        "dataTypeName": column.type,
        "renderTypeName": column.type,
        "description": description,
        "position": position,
        "tableColumnId": position,
        "width": 100,
        "format": {},
    }
    return members if contents is None else members | {"cachedContents": dict(contents)}


def _number(text: str) -> int:
    """A number that is a function of the text, for the members that the old portal numbered."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])


def _seconds(instant: datetime) -> int:
    return int(instant.timestamp())
