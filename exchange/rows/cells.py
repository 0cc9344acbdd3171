"""Arrow columns to the texts of cells, a whole batch at a time (reference: soda.md §5 and §6)."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
import shapely

from exchange.rows.types import SHAPES

_WHOLE_BELOW = 1e15
_FIRST_PRINTED = 0x20
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:\S")


def plain_text(column: pa.Array, type_: str) -> pa.Array:
    """Each cell as CSV shows it; null stays null. `type_` is a header name."""
    if type_ in ("number", "double"):
        return _numbers(column)
    if type_ == "floating_timestamp":
        return _moments(column.cast(pa.timestamp("ms"), safe=False))
    if type_ == "fixed_timestamp":
        utc = column.cast(pa.timestamp("ms", tz="UTC"), safe=False)
        return _joined(_moments(utc.cast(pa.int64()).cast(pa.timestamp("ms"))), "Z")
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
    if type_ in ("double", "boolean"):
        return plain_text(column, type_)
    return _joined('"', json_inside(column, type_), '"')


def json_inside(column: pa.Array, type_: str) -> pa.Array:
    """What JSON has between the quotation marks of each cell, for a type that `is_json_text`; null stays null."""
    text = plain_text(column, type_)
    return text if type_ in _NOTHING_TO_ESCAPE else _escaped(text)


def is_json_text(type_: str) -> bool:
    """Whether JSON has cells of this type between quotation marks."""
    return type_ not in _NO_JSON_TEXT


_NO_JSON_TEXT = frozenset({"point", "url", "location", "double", "boolean", *SHAPES})
_NOTHING_TO_ESCAPE = ("number", "floating_timestamp", "fixed_timestamp")


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
    address = _escaped(column.cast(pa.string()) if parts is None else parts[0])
    if parts is None:
        return _joined('{"url":"', address, '"}')
    words = pc.coalesce(_joined(',"description":"', _escaped(parts[1]), '"'), pa.scalar(""))
    return _joined('{"url":"', address, '"', words, "}")


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


def _moments(milliseconds: pa.Array) -> pa.Array:
    """Instants with milliseconds. Writing them by a pattern takes ten times as long, and has every year."""
    span = pc.min_max(milliseconds.cast(pa.int64())).as_py()
    if span["min"] is not None and (span["min"] < _YEAR_1 or span["max"] >= _YEAR_10000):
        return pc.strftime(milliseconds, "%Y-%m-%dT%H:%M:%S")
    return pc.replace_substring(milliseconds.cast(pa.string()), " ", "T")


_YEAR_1, _YEAR_10000 = -62_135_596_800_000, 253_402_300_800_000
"""Milliseconds since 1970."""


def _escaped(texts: pa.Array) -> pa.Array:
    """The texts as JSON has them between quotation marks. Most columns have nothing to escape, and a look shows it."""
    data = texts.buffers()[2]
    if data is None or not data.size:
        return texts
    written = data.to_pybytes()
    if np.frombuffer(written, np.uint8).min() < _FIRST_PRINTED:
        whole = [None if text is None else orjson.dumps(text).decode()[1:-1] for text in texts.to_pylist()]
        return pa.array(whole, pa.string())
    if b"\\" in written:
        texts = pc.replace_substring(texts, "\\", "\\\\")
    return pc.replace_substring(texts, '"', '\\"') if b'"' in written else texts
