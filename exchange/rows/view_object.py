"""The view object of `/api/views/<4x4>.json`: what an open dataset is (reference: soda.md §7)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from exchange.catalog.models import Dataset
from exchange.rows.open_reading import OpenVersion
from exchange.rows.types import ColumnInfo


def view_object(session: Session, version: OpenVersion) -> dict[str, Any]:
    """The metadata and columns of an open, published dataset; times are seconds since 1970."""
    dataset = session.get_one(Dataset, version.dataset_id)
    owner = {"id": dataset.agency_id, "displayName": dataset.agency.name, "type": "interactive", "flags": []}
    published = _seconds(version.published_at)
    described = {column.name: column.description for column in dataset.columns}
    return {
        "id": dataset.id,
        "name": dataset.title,
        "description": dataset.description,
        "assetType": "dataset",
        "viewType": "tabular",
        "displayType": "table",
        "category": dataset.category,
        "tags": list(dataset.tags),
        "attribution": dataset.attribution or dataset.agency.name,
        "createdAt": _seconds(dataset.created_at),
        "publicationDate": published,
        "viewLastModified": _seconds(dataset.updated_at),
        "rowsUpdatedAt": published,
        "publicationStage": "published",
        "provenance": "official",
        "licenseId": dataset.licence.upper().replace(" ", "_"),
        "license": {"name": dataset.licence},
        "hideFromCatalog": False,
        "hideFromDataJson": False,
        "newBackend": True,
        "rights": ["read"],
        "grants": [{"inherited": False, "type": "viewer", "flags": ["public"]}],
        "flags": [],
        "query": {},
        "approvals": [],
        "owner": owner,
        "tableAuthor": owner,
        "metadata": {
            "rowIdentifier": version.row_id,
            "rowLabel": dataset.row_label,
            "custom_fields": {"Publication": {"Update Frequency": dataset.update_frequency}},
            "attachments": [],
            "availableDisplayTypes": ["table"],
        },
        "columns": [_column(c, n, described.get(c.name, "")) for n, c in enumerate(version.columns, start=1)],
    }


def _column(column: ColumnInfo, position: int, description: str) -> dict[str, Any]:
    return {
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


def _seconds(instant: datetime) -> int:
    return int(instant.timestamp())
