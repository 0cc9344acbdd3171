"""A dataset's metadata as one flat object: `/api/views/metadata/v1` (reference: soda.md §7)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from exchange.catalog.custom_fields import as_objects
from exchange.catalog.discovery.assets import Asset


def flat_metadata(asset: Asset, origin: str) -> dict[str, Any]:
    """The members of one asset; times are ISO 8601 in UTC. `origin` is our public address without a path."""
    updated = max(asset.updated_at, asset.published_at or asset.updated_at)
    return {
        "id": asset.id,
        "name": asset.title,
        "attribution": asset.attribution,
        "attributionLink": None,
        "category": asset.category,
        "createdAt": _moment(asset.created_at),
        "dataUpdatedAt": _moment(asset.published_at) if asset.published_at else None,
        "dataUri": f"{origin}/resource/{asset.id}",
        "description": asset.description,
        "domain": urlsplit(origin).netloc,
        "externalId": None,
        "hideFromCatalog": False,
        "hideFromDataJson": not asset.is_public,
        "license": asset.licence,
        "metadataUpdatedAt": _moment(asset.updated_at),
        "provenance": "official",
        "updatedAt": _moment(updated),
        "webUri": f"{origin}/d/{asset.id}",
        "approvals": [],
        "tags": list(asset.tags),
        "customFields": as_objects(asset.fields),
    }


def _moment(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")
