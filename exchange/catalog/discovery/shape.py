"""One result of the catalogue as JSON (soda.md §8), written once for each state of the catalogue."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import orjson

from exchange.catalog.discovery.assets import Asset
from exchange.catalog.discovery.matching import audience

_NO_VIEWS = {"page_views_last_week": 0, "page_views_last_month": 0, "page_views_total": 0}
_TYPES = {
    "text": "Text", "number": "Number", "checkbox": "Checkbox", "calendar_date": "Calendar date",
    "fixed_timestamp": "Fixed timestamp", "point": "Point", "url": "URL", "location": "Location",
}  # fmt: skip
"""The catalogue's words for types; others are written with a capital."""


def fragment(asset: Asset, origin: str) -> bytes:
    """The result without what only `show_visibility` adds, as JSON text."""
    return orjson.dumps(result(asset, origin))


def result(asset: Asset, origin: str, *, show_visibility: bool = False) -> dict[str, Any]:
    """The result as JSON members. `origin` is our public address without a path."""
    owner = {"id": asset.agency_id, "user_type": "interactive"} | dict.fromkeys(
        ("display_name", "displayName"), asset.agency
    )
    metadata: dict[str, Any] = {"domain": urlsplit(origin).netloc, "license": asset.licence}
    return {
        "resource": _resource(asset),
        "classification": {
            "categories": [],
            "tags": [],
            "domain_category": asset.category,
            "domain_tags": list(asset.tags),
            "domain_metadata": [{"key": key, "value": value} for key, value in asset.custom],
        },
        "metadata": metadata | (_visibility(asset) if show_visibility else {}),
        "permalink": f"{origin}/d/{asset.id}",
        "link": human_address(asset.category, asset.title, asset.id, origin),
        "owner": owner,
        "creator": owner,
    }


def human_address(category: str, title: str, dataset_id: str, origin: str = "") -> str:
    """The old portal's address of a dataset's page: `/Category/Name/4x4`."""
    return f"{origin}/{_readable(category)}/{_readable(title)}/{dataset_id}"


def moment(instant: datetime) -> str:
    """An instant as the catalogue writes it: UTC, milliseconds, `Z`."""
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _resource(asset: Asset) -> dict[str, Any]:
    columns = asset.columns
    return {
        "name": asset.title,
        "id": asset.id,
        "resource_name": None,
        "parent_fxf": [asset.parent] if asset.parent else [],
        "description": asset.description,
        "attribution": asset.attribution,
        "attribution_link": None,
        "contact_email": None,
        "type": "dataset",
        "updatedAt": moment(max(asset.updated_at, asset.published_at or asset.updated_at)),
        "createdAt": moment(asset.created_at),
        "metadata_updated_at": moment(asset.updated_at),
        "data_updated_at": moment(asset.published_at) if asset.published_at else None,
        "publication_date": moment(asset.published_at) if asset.published_at else None,
        "page_views": _NO_VIEWS,
        "columns_name": [column.label for column in columns],
        "columns_field_name": [column.name for column in columns],
        "columns_datatype": [_TYPES.get(column.type, column.type.capitalize()) for column in columns],
        "columns_description": [column.description for column in columns],
        "columns_format": [{} for _ in columns],
        "provenance": "official",
        "download_count": 0,
        "lens_view_type": "tabular",
        "lens_display_type": "table",
        "locked": False,
        "blob_mime_type": None,
        "hide_from_data_json": not asset.is_public,
    }


def _visibility(asset: Asset) -> dict[str, Any]:
    return {
        "is_public": asset.is_public,
        "is_published": asset.is_listed,
        "is_hidden": False,
        "audience": audience(asset),
        "approval_status": "approved" if asset.is_listed else "not_ready",
        "visible_to_anonymous": asset.is_public,
        "visible_to_site": asset.is_listed,
    }


def _readable(text: str) -> str:
    return quote(re.sub(r"[^\w]+", "-", text).strip("-") or "-")
