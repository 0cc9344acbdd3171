"""A cell as JSON says it to the text that a file would have: what the reading side prints is read back the same.

Numbers arrive as strings or numbers, points as GeoJSON or with latitude and longitude, addresses of the web as objects
(soda.md §5). Whether the text then fits its column is `exchange.hub.parsing`'s matter.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from exchange.rows.types import SodaType

NUMBERS = (SodaType.NUMBER, "money", "double", "percent")
CHECKED = {"1": "true", "0": "false", "t": "true", "f": "false"}
MAX_EXPONENT = 30


class Digits(str):
    """A JSON number as it was sent, so that none is rounded before its column's type has looked at it."""

    __slots__ = ()


def as_json(value: Any) -> str:
    """A value that was read with `Digits` as JSON again, its numbers as they were."""
    if isinstance(value, Digits):
        return str(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(key)}:{as_json(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return f"[{','.join(map(as_json, value))}]"
    return json.dumps(value, ensure_ascii=False)


def cell_text(value: Any, type_: str) -> str | None:
    """The text of a cell; None for null and for the empty string, as in files."""
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if type_ == SodaType.POINT and isinstance(value, Mapping):
        return _point(value)
    if type_ == SodaType.URL and isinstance(value, Mapping):
        return _address(value)
    if not isinstance(value, str):
        return as_json(value)
    return plain_text(value, type_)


def plain_text(text: str, type_: str) -> str:
    """A cell of text, of JSON or CSV: numbers without exponent or trailing zeros, 1 and 0 as true and false."""
    if type_ in NUMBERS:
        return _number(text)
    if type_ == SodaType.CHECKBOX:
        return CHECKED.get(text.lower(), text)
    return text


def _number(text: str) -> str:
    """`1e+05` and `5.10` are what other programs write for 100000 and 5.1. What is no number stays as it came."""
    try:
        value = Decimal(text.strip())
    except InvalidOperation:
        return text
    if not value.is_finite() or abs(value.adjusted()) > MAX_EXPONENT:
        return text
    if not value:
        return "0"
    written = format(value, "f")
    return written.rstrip("0").rstrip(".") if "." in written else written


def _point(value: Mapping[str, Any]) -> str:
    if "coordinates" in value:
        coordinates = value["coordinates"]
        if value.get("type") == "Point" and isinstance(coordinates, list) and len(coordinates) == 2:
            return f"POINT ({_number(str(coordinates[0]))} {_number(str(coordinates[1]))})"
    elif value.get("latitude") is not None and value.get("longitude") is not None:
        return f"POINT ({_number(str(value['longitude']))} {_number(str(value['latitude']))})"
    return as_json(value)


def _address(value: Mapping[str, Any]) -> str | None:
    """The address and, after a blank, its description."""
    address, description = value.get("url"), value.get("description")
    if not isinstance(address, str):
        return as_json(value) if address is not None or description is not None else None
    return f"{address} {description}" if isinstance(description, str) and description else address
