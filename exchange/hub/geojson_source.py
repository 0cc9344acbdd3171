"""GeoJSON (RFC 7946): each feature a row, its properties cells, its geometry well-known text in a last column.

The file is read whole, so it is bounded. Heights are left out and said so; a coordinate system other than WGS 84 is
refused, since its numbers would be read as degrees.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import shapely

from exchange.errors import Invalid
from exchange.hub.source import Row, Rows

MAX_BYTES = 200 * 1024 * 1024
GEOMETRY = ("the_geom", "geometry", "shape")
"""What the column of the geometry is called: the first of these that no property is called."""

_DEGREES = ("CRS84", "4326", "WGS84", "WGS 84")


class _Written(float):
    """A number that remembers how it was written, so that its cell is character for character the file's."""

    text: str

    def __new__(cls, text: str) -> _Written:
        number = super().__new__(cls, text)
        number.text = text
        return number


def read_geojson(path: Path) -> Rows:
    """The properties and geometries of a FeatureCollection. Raises `Invalid` if the file is no such thing."""
    features = _features(path)
    labels: dict[str, None] = {}
    for feature in features:
        labels.update(dict.fromkeys(feature.get("properties") or {}))
    geometry = next((name for name in GEOMETRY if name not in labels), None)
    if geometry is None:
        raise Invalid(f"The properties already use every name for the geometry ({', '.join(GEOMETRY)}). Rename one.")
    flat, heights = _flattened(features)
    notes = ("Coordinates had heights, which shapes do not keep here.",) if heights else ()
    return Rows((*labels, geometry), _rows(features, flat, tuple(labels)), {geometry: "geometry"}, notes)


def _features(path: Path) -> list[Mapping[str, Any]]:
    if path.stat().st_size > MAX_BYTES:
        raise Invalid(f"A GeoJSON file may have {MAX_BYTES // 1024**2} MB; split it, or give CSV with WKT.")
    try:
        whole = json.loads(path.read_bytes(), parse_float=_Written)
    except (ValueError, RecursionError) as problem:
        raise Invalid("The file is not well-formed JSON in UTF-8. Export it again as GeoJSON.") from problem
    features = whole.get("features") if isinstance(whole, dict) else None
    if not isinstance(features, list) or whole.get("type") != "FeatureCollection" or not features:
        raise Invalid("The file is no GeoJSON FeatureCollection with features (RFC 7946).")
    name = json.dumps(whole.get("crs") or "CRS84")
    if not any(word in name for word in _DEGREES):
        raise Invalid("The coordinates are not in WGS 84 degrees (member `crs`). Export the file in WGS 84.")
    if not all(isinstance(feature, dict) and feature.get("type") == "Feature" for feature in features):
        raise Invalid("A member of `features` is not a Feature (RFC 7946 §3.2).")
    return features


def _flattened(features: list[Mapping[str, Any]]) -> tuple[list[str | None], bool]:
    """The geometries as well-known text, and whether one of them had heights."""
    read = []
    for place, feature in enumerate(features, start=1):
        given = feature.get("geometry")
        try:
            read.append(None if given is None else shapely.from_geojson(json.dumps(given)))
        except (shapely.errors.GEOSException, ValueError) as problem:
            raise Invalid(f"The geometry of feature {place:,} cannot be read.") from problem
    heights = any(shape is not None and shape.has_z for shape in read)
    texts = shapely.to_wkt(shapely.force_2d(read), rounding_precision=-1)
    return [
        None if shape is None or shape.is_empty else str(text) for shape, text in zip(read, texts, strict=True)
    ], heights


def _rows(features: list[Mapping[str, Any]], shapes: list[str | None], labels: tuple[str, ...]) -> Iterator[Row]:
    for feature, shape in zip(features, shapes, strict=True):
        properties = feature.get("properties") or {}
        yield [*(_text(properties.get(label)) for label in labels), shape]


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, _Written):
        return value.text
    return json.dumps(value, ensure_ascii=False)
