"""Texts of shapes, locations and links to values, strictly (reference: soda.md §5)."""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

import shapely

from exchange.rows import geometry
from exchange.rows.types import SodaType

_PAIR = re.compile(r"\(\s*(-?\d{1,3}(?:\.\d+)?),\s*(-?\d{1,3}(?:\.\d+)?)\s*\)\Z")
_TOWN = re.compile(r"(?P<city>[^,\n]*?)(?:, *(?P<state>[A-Z]{2}))?(?: +(?P<zip>\d{5}(?:-\d{4})?))?\Z")
_LINK = re.compile(r"(https?://[^\s<>\"]+)(?: (\S.*))?\Z", re.DOTALL)
_DESCRIBED = re.compile(r"(.*\S) \((https?://[^\s<>\"()]+)\)\Z", re.DOTALL)
_MONEY = re.compile(r"-?\$?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?\Z")

MAX_VERTICES = 500_000
"""Vertices of one cell; a coast line may have many."""


def shape(text: str, type_: str) -> tuple[Any, ...] | None:
    """Well-known binary and its bounds, from WKT or a GeoJSON geometry; None for another type or off the Earth."""
    read = _geojson(text) if text.lstrip().startswith("{") else geometry.geometry(text)
    if read is None or shapely.get_num_coordinates(read) > MAX_VERTICES:
        return None
    found = geometry.as_shape(read, type_)
    return (found[0], *found[1]) if found is not None and geometry.on_earth(found[1]) else None


def shape_type(text: str) -> str | None:
    """Which type of shape a text is, or None."""
    read = geometry.geometry(text)
    return None if read is None else geometry.TYPE_OF.get(read.geom_type)


def _geojson(text: str) -> shapely.Geometry | None:
    try:
        read = shapely.from_geojson(text)
    except (shapely.errors.GEOSException, ValueError):
        return None
    return None if read is None or read.is_empty or read.has_z else read


def location(text: str) -> tuple[float | None, float | None, str | None] | None:
    """Latitude, longitude and address of a location: a JSON object, or lines that end in `(lat, lon)`."""
    return _object(text) if text.lstrip().startswith("{") else _lines(text)


def _object(text: str) -> tuple[float | None, float | None, str | None] | None:
    try:
        given = json.loads(text)
        latitude, longitude = (_degrees(given.get(side)) for side in ("latitude", "longitude"))
    except (ValueError, AttributeError, InvalidOperation):
        return None
    address = given.get("human_address")
    words = json.dumps(address, ensure_ascii=False) if isinstance(address, dict) else address
    placed = latitude is not None and longitude is not None
    if (latitude is None) != (longitude is None) or not (placed or words) or not isinstance(words, str | None):
        return None
    return (latitude, longitude, words or None) if not placed or _on_earth(latitude, longitude) else None


def _degrees(given: Any) -> float | None:
    return None if given is None or given == "" else float(Decimal(str(given)))


def _on_earth(latitude: float | None, longitude: float | None) -> bool:
    return latitude is not None and longitude is not None and abs(latitude) <= 90 and abs(longitude) <= 180


def _lines(text: str) -> tuple[float | None, float | None, str | None] | None:
    """`street⏎city, ST zip⏎(lat, lon)`, with fewer lines before the last as well."""
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    pair = _PAIR.match(lines[-1]) if lines else None
    if pair is None or len(lines) > 3:
        return None
    latitude, longitude = float(pair[1]), float(pair[2])
    return (latitude, longitude, _address(lines[:-1])) if _on_earth(latitude, longitude) else None


def _address(lines: list[str]) -> str | None:
    if not lines:
        return None
    town = _TOWN.match(lines[-1])
    parts = {name: found or "" for name, found in town.groupdict().items()} if town else {"city": lines[-1]}
    street = lines[0] if len(lines) > 1 else ""
    whole = {
        "address": street,
        "city": parts.get("city", ""),
        "state": parts.get("state", ""),
        "zip": parts.get("zip", ""),
    }
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"))


def url(text: str) -> str | None:
    """An http or https address, alone or with a description: `address words`, `words (address)` or a JSON object."""
    if text.lstrip().startswith("{"):
        try:
            given = json.loads(text)
        except ValueError:
            return None
        text = " ".join(str(given[part]) for part in ("url", "description") if given.get(part))
    described = _DESCRIBED.match(text)
    if described:
        return f"{described[2]} {described[1]}"
    return text if _LINK.match(text) else None


def money(text: str) -> int | float | None:
    """An amount, with or without a dollar sign and thousands marks; whole amounts of dollars stay whole."""
    if not _MONEY.match(text):
        return None
    digits = text.replace("$", "").replace(",", "")
    return float(digits) if "." in digits else int(digits)


def document(text: str) -> str:
    """The id of a file, or a JSON object with its name and id; kept as it is."""
    return text


SHAPE_NAMES = {
    SodaType.LINE: "lines", SodaType.POLYGON: "polygons", SodaType.MULTIPOINT: "points in groups",
    SodaType.MULTILINE: "lines of several parts", SodaType.MULTIPOLYGON: "polygons of several parts",
    SodaType.POINT: "points",
}  # fmt: skip
"""How evidence names a type of shape."""
