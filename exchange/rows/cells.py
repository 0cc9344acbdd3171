"""Arrow columns to the texts of cells, a whole batch at a time (reference: soda.md §5 and §6)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

_WHOLE_BELOW = 1e15
_QUOTED = ("text", "row_identifier", "row_version")
_CONTROL = r"[\x00-\x1f]"


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
    return column.cast(pa.string())


def json_value(column: pa.Array, type_: str) -> pa.Array:
    """Each cell as JSON; null stays null."""
    if type_ == "point":
        lon, lat = _numbers(column.field("lon")), _numbers(column.field("lat"))
        return _joined('{"type":"Point","coordinates":[', lon, ",", lat, "]}", where=column)
    text = plain_text(column, type_)
    if type_ in ("double", "boolean"):
        return text
    if type_ == "url":
        return _joined('{"url":', _escaped(text), "}")
    return _escaped(text) if type_ in _QUOTED else _joined('"', text, '"')


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
