"""Text to typed values, strictly: a text that would not come back the same is not that type."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

from exchange.hub import place_texts
from exchange.rows.types import SHAPES, SodaType

TYPES = (
    SodaType.TEXT,
    SodaType.NUMBER,
    SodaType.CALENDAR_DATE,
    SodaType.FIXED_TIMESTAMP,
    SodaType.CHECKBOX,
    SodaType.POINT,
    SodaType.URL,
    SodaType.DOUBLE,
    SodaType.MONEY,
    SodaType.LOCATION,
    SodaType.LINE,
    SodaType.POLYGON,
    SodaType.MULTIPOINT,
    SodaType.MULTILINE,
    SodaType.MULTIPOLYGON,
    SodaType.DOCUMENT,
    SodaType.PHOTO,
    SodaType.BLOB,
)
"""What a column of text can be published as."""

_NUMBER = re.compile(r"-?(0|[1-9]\d*|(?=\.))(\.\d+)?\Z")
_US_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?: (\d{1,2}):(\d{2})(?::(\d{2}))?(?: ?([AaPp])[Mm])?)?\Z")
_ISO_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?)?\Z")
_INSTANT = re.compile(r"(\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2})(?:\.(\d{1,6}))?(Z|[+-]\d{2}(?::?\d{2}(?::\d{2})?)?)\Z")
_POINT = re.compile(r"(?:.*?)\(\s*(-?\d{1,3}\.\d+),\s*(-?\d{1,3}\.\d+)\s*\)\s*\Z", re.DOTALL)
_WKT = re.compile(r"POINT ?\(\s*(-?\d{1,3}(?:\.\d+)?) (-?\d{1,3}(?:\.\d+)?)\s*\)\Z")
INT64_MAX = 2**63 - 1
EXACT_FLOAT = 2**53
NOON = 12


def number(text: str) -> int | float | None:
    """A whole number that fits 64 bits, or a decimal that a double holds exactly as written; else None.

    Refused, since they would not come back the same: leading zeros, plus signs, thousands marks, exponents, `-0`.
    """
    if not _NUMBER.match(text) or text in ("-0", "-", "."):
        return None
    if "." not in text:
        whole = int(text)
        return whole if abs(whole) <= INT64_MAX else None
    value = float(text)
    written = Decimal(text)
    return value if written == Decimal(repr(value)) or f"{value:.17g}" == text else None


def calendar_date(text: str) -> datetime | None:
    """A date, with its time of day if there is one: M/D/YYYY [H:MM[:SS] [AM|PM]], or ISO 8601 without a zone."""
    american, iso = _US_DATE.match(text), _ISO_DATE.match(text)
    try:
        if american:
            return _american(*american.groups())
        if iso:
            return _iso(*iso.groups())
    except ValueError:
        return None
    return None


def date_family(text: str) -> str:
    """Which form a date is in; a column holds one form only, since two forms mean two sources."""
    return "M/D/YYYY" if "/" in text else "ISO 8601"


def _american(
    month: str, day: str, year: str, hour: str | None, minute: str | None, second: str | None, half: str | None
) -> datetime:
    hours = int(hour or 0)
    if half:
        if not 1 <= hours <= NOON:
            raise ValueError("an hour of a half day is 1 to 12")
        hours = hours % NOON + (NOON if half in "Pp" else 0)
    return datetime(int(year), int(month), int(day), hours, int(minute or 0), int(second or 0))  # noqa: DTZ001


def _iso(
    year: str, month: str, day: str, hour: str | None, minute: str | None, second: str | None, part: str | None
) -> datetime:
    fraction = int((part or "0").ljust(6, "0"))
    clock = (int(hour or 0), int(minute or 0), int(second or 0))
    return datetime(int(year), int(month), int(day), *clock, fraction)  # noqa: DTZ001


def fixed_timestamp(text: str) -> datetime | None:
    """An instant in UTC, from ISO 8601 with a zone (`Z` or an offset). The file keeps it to the millisecond."""
    found = _INSTANT.match(text)
    if not found:
        return None
    moment, fraction, zone = found.groups()
    try:
        exact = f"{moment}.{(fraction or '0').ljust(6, '0')}{'+00:00' if zone == 'Z' else zone}"
        return datetime.fromisoformat(exact).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def point(text: str) -> tuple[float, float] | None:
    """Latitude and longitude in degrees (WGS 84), from a cell that ends in `(lat, lon)` or is WKT `POINT (lon lat)`."""
    wkt, pair = _WKT.match(text), _POINT.match(text)
    if wkt:
        longitude, latitude = float(wkt[1]), float(wkt[2])
    elif pair:
        latitude, longitude = float(pair[1]), float(pair[2])
    else:
        return None
    return (latitude, longitude) if abs(latitude) <= 90 and abs(longitude) <= 180 else None


def checkbox(text: str) -> bool | None:
    """true or false, spelt so; Y and N may be more than that and stay text."""
    return {"true": True, "false": False}.get(text.lower())


PARSERS: Mapping[str, Callable[[str], Any]] = {
    SodaType.TEXT: lambda text: text,
    SodaType.NUMBER: number,
    SodaType.CALENDAR_DATE: calendar_date,
    SodaType.FIXED_TIMESTAMP: fixed_timestamp,
    SodaType.CHECKBOX: checkbox,
    SodaType.POINT: point,
    SodaType.URL: place_texts.url,
    SodaType.DOUBLE: number,
    SodaType.MONEY: place_texts.money,
    SodaType.LOCATION: place_texts.location,
    **{type_: partial(place_texts.shape, type_=type_) for type_ in SHAPES},
    SodaType.DOCUMENT: place_texts.document,
    SodaType.PHOTO: place_texts.document,
    SodaType.BLOB: place_texts.document,
}
"""For each type, text to value or None. `number` gives int and float; the column decides which it is."""
