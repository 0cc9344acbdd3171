"""Arrow columns to the texts of cells, a whole batch at a time (reference: soda.md §5 and §6)."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from exchange.rows.types import SHAPES

_WHOLE_BELOW = 1e15
_CONTROL = r"[\x00-\x1f]"
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:\S")


def plain_text(column: pa.Array, type_: str) -> pa.Array:
    """Each cell as CSV shows it; null stays null. `type_` is a header name."""
    if type_ in ("number", "double"):
        return _numbers(column)
    if type_ == "floating_timestamp":
        return pc.strftime(column.cast(pa.timestamp("ms"), safe=False), "%Y-%m-%dT%H:%M:%S")
    if type_ == "fixed_timestamp":
        utc = column.cast(pa.timestamp("ms", tz="UTC"), safe=False)
        return _joined(pc.strftime(utc, "%Y-%m-%dT%H:%M:%S"), "Z")
    if type_ == "point":
        return _joined("POINT (", _numbers(column.field("lon")), " ", _numbers(column.field("lat")), ")", where=column)
    if type_ == "boolean":
        return pc.if_else(column, "true", "false")
    if type_ in SHAPES:
        return _each_shape(column, lambda shapes: shapely.to_wkt(shapes, rounding_precision=-1))
    if type_ == "url":
        return _links(column)
    if type_ == "location":
        return pa.array([_address_lines(place) for place in column.to_pylist()], pa.string())
    return column.cast(pa.string())


def json_value(column: pa.Array, type_: str) -> pa.Array:
    """Each cell as JSON; null stays null."""
    if type_ == "point":
        lon, lat = _numbers(column.field("lon")), _numbers(column.field("lat"))
        return _joined('{"type":"Point","coordinates":[', lon, ",", lat, "]}", where=column)
    if type_ in SHAPES:
        return _each_shape(column, shapely.to_geojson)
    if type_ == "url":
        return _link_objects(column)
    if type_ == "location":
        return pa.array([_location_object(place) for place in column.to_pylist()], pa.string())
    text = plain_text(column, type_)
    if type_ in ("double", "boolean"):
        return text
    return _escaped(text) if type_ not in _UNQUOTED else _joined('"', text, '"')


_UNQUOTED = ("number", "floating_timestamp", "fixed_timestamp")
"""What is written between quotation marks without a character to escape."""


def location_parts(place: dict[str, Any]) -> tuple[str | None, str | None, str | None]:
    """The latitude, the longitude and the address of a location, as texts."""
    lat, lon = (_numbers(pa.array([place[side]], pa.float64()))[0].as_py() for side in ("lat", "lon"))
    return lat, lon, place["address"]


def address_fields(address: str | None) -> dict[str, str]:
    """Street, city, state and zip of a `human_address`; whatever is missing or not an object is left out."""
    try:
        given = orjson.loads(address or "{}")
    except orjson.JSONDecodeError:
        return {"address": address or ""}
    return {name: str(text) for name, text in given.items() if text} if isinstance(given, dict) else {}


def _location_object(place: dict[str, Any] | None) -> str | None:
    if place is None:
        return None
    lat, lon, address = location_parts(place)
    parts = {"latitude": lat, "longitude": lon, "human_address": address}
    return orjson.dumps({name: text for name, text in parts.items() if text is not None}).decode()


def _address_lines(place: dict[str, Any] | None) -> str | None:
    """`street⏎city, ST zip⏎(lat, lon)`, as Socrata exports a location."""
    if place is None:
        return None
    lat, lon, address = location_parts(place)
    given = address_fields(address)
    town = ", ".join(part for part in (given.get("city"), _joined_words(given, "state", "zip")) if part)
    where = f"({lat}, {lon})" if lat is not None and lon is not None else ""
    return "\n".join(line for line in (given.get("address", ""), town, where) if line)


def _joined_words(given: dict[str, str], *names: str) -> str:
    return " ".join(given[name] for name in names if name in given)


def _each_shape(column: pa.Array, write: Any) -> pa.Array:
    shapes = shapely.from_wkb(column.to_numpy(zero_copy_only=False))
    return pa.array(write(shapes).tolist(), pa.string()) if len(shapes) else pa.array([], pa.string())


def _links(column: pa.Array) -> pa.Array:
    """`description (address)`, or the address alone."""
    parts = link_parts(column)
    if parts is None:
        return column.cast(pa.string())
    address, description = parts
    both = pc.binary_join_element_wise(description, " (", address, ")", "", null_handling="emit_null")
    return pc.if_else(pc.is_valid(description), both, address)


def _link_objects(column: pa.Array) -> pa.Array:
    parts = link_parts(column)
    address = _escaped(column if parts is None else parts[0])
    if parts is None:
        return _joined('{"url":', address, "}")
    words = pc.coalesce(_joined(',"description":', _escaped(parts[1])), pa.scalar(""))
    return _joined('{"url":', address, words, "}")


def link_parts(column: pa.Array) -> tuple[pa.Array, pa.Array] | None:
    """The addresses and the descriptions of urls, or None where no url has a description."""
    texts = column.cast(pa.string())
    blanks = pc.find_substring(texts, " ")
    if not pc.any(pc.greater(blanks, -1)).as_py():
        return None
    pairs = [_halved(text) for text in texts.to_pylist()]
    return tuple(pa.array(half, pa.string()) for half in zip(*pairs, strict=True))


def _halved(text: str | None) -> tuple[str | None, str | None]:
    address, _, description = (text or "").partition(" ")
    return (address, description) if description and _ADDRESS.match(address) else (text, None)


def _joined(*pieces: Any, where: pa.Array | None = None) -> pa.Array:
    joined = pc.binary_join_element_wise(*pieces, "", null_handling="emit_null")
    return joined if where is None else pc.if_else(pc.is_valid(where), joined, pa.scalar(None, pa.string()))


def _numbers(column: pa.Array) -> pa.Array:
    if not pa.types.is_floating(column.type):
        return column.cast(pa.string())
    finite = pc.if_else(pc.is_finite(column), column, None)
    whole = pc.and_(pc.equal(finite, pc.floor(finite)), pc.less(pc.abs(finite), _WHOLE_BELOW))
    digits = pc.if_else(whole, finite, None).cast(pa.int64()).cast(pa.string())
    return pc.coalesce(digits, _plain(finite.cast(pa.string())))


def _plain(texts: pa.Array) -> pa.Array:
    """Numbers without an exponent."""
    with_exponent = pc.match_substring(texts, "e")
    if not pc.any(with_exponent).as_py():
        return texts
    written = [format(Decimal(text), "f") if text is not None and "e" in text else text for text in texts.to_pylist()]
    return pa.array(written, pa.string())


def _escaped(texts: pa.Array) -> pa.Array:
    if pc.any(pc.match_substring_regex(texts, _CONTROL)).as_py():
        return pa.array(
            [None if text is None else orjson.dumps(text).decode() for text in texts.to_pylist()], pa.string()
        )
    slashes = pc.replace_substring(texts, "\\", "\\\\")
    return _joined('"', pc.replace_substring(slashes, '"', '\\"'), '"')
