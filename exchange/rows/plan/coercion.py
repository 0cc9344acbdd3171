"""Text literals become what the other side wants, if they can be read as it (reference: soda.md §5)."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any
from zoneinfo import available_timezones

from exchange.rows.functions import SHAPES
from exchange.rows.geometry import shape

_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?\Z")
_ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9:]{2,5})?)?\Z"
)
_AMERICAN = ("%m/%d/%Y", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M %p")
_POINT = re.compile(r"\s*POINT\s*\(\s*(\S+)\s+(\S+?)\s*\)\s*\Z", re.IGNORECASE)
_DURATION = re.compile(
    r"P(?:(\d{1,5})Y)?(?:(\d{1,5})M)?(?:(\d{1,5})W)?(?:(\d{1,7})D)?(?:T(?:(\d{1,7})H)?(?:(\d{1,8})M)?(?:(\d{1,9})S)?)?\Z"
)
_ANCHOR = re.compile(r"<a\s[^>]*?href=[\"']([^\"'\s]+)[\"'][^>]*>([^<]*)</a>\Z", re.IGNORECASE)
_LOOSE = re.compile(r"""'([^'\\]*)'|"(?:[^"\\]|\\.)*"|([A-Za-z_]\w*)(?=\s*:)""")
"""In an object: a text in single quotes, one in double quotes (which stays), a bare name."""

_ROW_ID = re.compile(r"row-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})\Z")
_BOOLEANS = {"true": True, "1": True, "t": True, "false": False, "0": False, "f": False}
_EXACT = 2**53
_ABBREVIATED = {
    "EDT": "Etc/GMT+4", "CST": "Etc/GMT+6", "CDT": "Etc/GMT+5", "MDT": "Etc/GMT+6", "PST": "Etc/GMT+8",
    "PDT": "Etc/GMT+7", "AKST": "Etc/GMT+9", "AKDT": "Etc/GMT+8", "AST": "Etc/GMT+4", "ADT": "Etc/GMT+3",
}  # fmt: skip
"""Zones that PostgreSQL, and so the vendor, knows by their letters, and the system's database of zones does not."""


def coerce(text: str, type_: str) -> Hashable:
    """The value of this type that the text says, or None when it says none."""
    reader = _READERS.get(type_)
    try:
        return reader(text) if reader else None
    except (ValueError, OverflowError):
        return None


def number(text: str) -> int | float | None:
    """A finite number; whole ones stay exact."""
    stripped = text.strip()
    if not _NUMBER.match(stripped):
        return None
    value = float(stripped)
    if value in (float("inf"), float("-inf")):
        return None
    if stripped.lstrip("+-").isdigit() and abs(value) < 2**62:
        return int(stripped)
    return int(value) if value.is_integer() and abs(value) < _EXACT else value


def row_number(text: str) -> int | None:
    """The place in the version that an opaque row id says; None for any other text."""
    match = _ROW_ID.match(text.strip())
    value = int("".join(match.groups()), 16) if match else None
    return value if value is not None and value < 2**62 else None


def _instant(text: str) -> datetime | None:
    stripped = text.strip()
    if _ISO.match(stripped):
        return datetime.fromisoformat(stripped)
    for pattern in _AMERICAN:
        try:
            return datetime.strptime(stripped, pattern)  # noqa: DTZ007 - a calendar date has no zone
        except ValueError:
            continue
    return None


def _floating(text: str) -> datetime | None:
    value = _instant(text)
    return value if value is not None and value.tzinfo is None else None


def _fixed(text: str) -> datetime | None:
    value = _instant(text)
    if value is None:
        return None
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)


def _point(text: str) -> tuple[float, float] | None:
    match = _POINT.match(text)
    longitude, latitude = (number(match[1]), number(match[2])) if match else (None, None)
    return None if latitude is None or longitude is None else (float(latitude), float(longitude))


def _location(text: str) -> tuple[float | None, float | None, str | None] | None:
    """A location object as JSON writes it: latitude, longitude and human_address, each of them optional."""
    given = _loose_object(text)
    if given is None or not {*given} <= {"latitude", "longitude", "human_address", "needs_recoding"}:
        return None
    latitude, longitude = (_degrees(given.get(side)) for side in ("latitude", "longitude"))
    address = given.get("human_address")
    return latitude, longitude, address if address is None or isinstance(address, str) else json.dumps(address)


def _loose_object(text: str) -> dict[str, Any] | None:
    """A JSON object, or one with bare names and texts in single quotes, which the vendor's reader takes as well."""
    if not text.lstrip().startswith("{"):
        return None
    for written in (text, _LOOSE.sub(_strict, text)):
        try:
            given = json.loads(written)
        except (ValueError, RecursionError):
            continue
        return given if isinstance(given, dict) else None
    return None


def _strict(found: re.Match[str]) -> str:
    single, name = found.groups()
    return found[0] if single is None and name is None else json.dumps(name if single is None else single)


def _degrees(given: object) -> float | None:
    read = None if given is None else number(str(given))
    return None if read is None else float(read)


def _url(text: str) -> str | None:
    """An address, or an object or an `<a href>` with address and description, as one text (exchange.rows.types)."""
    stripped = text.strip()
    anchor = _ANCHOR.match(stripped)
    if anchor:
        return _link(html.unescape(anchor[1]), html.unescape(anchor[2]))
    if not stripped.startswith("{"):
        return text
    given = _loose_object(stripped) or {}
    address, description = given.get("url"), given.get("description")
    return _link(str(address), "" if description is None else str(description)) if address else None


def _web(text: str) -> str | None:
    """The address of a link that says no description."""
    read = _url(text)
    return None if read is None or " " in read else read


def _link(address: str, description: str) -> str:
    return address.strip().replace(" ", "%20") + (f" {description}" if description else "")


def _duration(text: str) -> tuple[int, int, int] | None:
    """Months, days and seconds of an ISO 8601 duration."""
    match = _DURATION.match(text.strip())
    if match is None or not any(match.groups()):
        return None
    years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return years * 12 + months, weeks * 7 + days, hours * 3600 + minutes * 60 + seconds


def _zone(text: str) -> str | None:
    return _ABBREVIATED.get(text) or (text if text in _zones() else None)


@cache
def _zones() -> frozenset[str]:
    """The zone names of the system, looked up once: that reads a folder of some six hundred files."""
    return frozenset(available_timezones())


_READERS: dict[str, Callable[[str], Hashable]] = {
    "text": lambda text: text,
    "url": _url,
    "row_version": lambda text: text,
    "number": number,
    "double": number,
    "checkbox": lambda text: _BOOLEANS.get(text.strip().lower()),
    "calendar_date": _floating,
    "fixed_timestamp": _fixed,
    "point": _point,
    "location": _location,
    **{type_: partial(shape, type_=type_) for type_ in SHAPES},
    "document": lambda text: text,
    "photo": lambda text: text,
    "blob": lambda text: text,
    "interval": _duration,
    "zone": _zone,
    "web": _web,
    "row_identifier": row_number,
}
