"""Text literals become what the other side wants, if they can be read as it (reference: soda.md §5)."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import available_timezones

MAX_VERTICES = 5_000
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?\Z")
_ISO = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9:]{2,5})?)?\Z"
)
_AMERICAN = ("%m/%d/%Y", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M %p")
_POINT = re.compile(r"\s*POINT\s*\(\s*(\S+)\s+(\S+?)\s*\)\s*\Z", re.IGNORECASE)
_POLYGON = re.compile(r"\s*(?:MULTI)?POLYGON\s*(\([-+0-9.eE,()\s]*\))\s*\Z", re.IGNORECASE)
_RING = re.compile(r"\(([^()]+)\)")
_DURATION = re.compile(
    r"P(?:(\d{1,5})Y)?(?:(\d{1,5})M)?(?:(\d{1,5})W)?(?:(\d{1,7})D)?(?:T(?:(\d{1,7})H)?(?:(\d{1,8})M)?(?:(\d{1,9})S)?)?\Z"
)
_ROW_ID = re.compile(r"row-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})-([0-9a-f]{4})\Z")
_BOOLEANS = {"true": True, "1": True, "t": True, "false": False, "0": False, "f": False}
_EXACT = 2**53


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


def row_identifier(row: int) -> str:
    """The opaque id of a row by its place in the version."""
    digits = f"{row:016x}"
    return "row-" + "-".join(digits[start : start + 4] for start in (0, 4, 8, 12))


def _row_number(text: str) -> int | None:
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


def _polygon(text: str) -> tuple[tuple[float, float, float, float], ...] | None:
    """The edges (x1, y1, x2, y2) of all rings; a point is inside if a ray from it crosses an odd number."""
    match = _POLYGON.match(text)
    if match is None:
        return None
    edges: list[tuple[float, float, float, float]] = []
    for ring in _RING.findall(match[1]):
        corners = [tuple(float(part) for part in corner.split()) for corner in ring.split(",")]
        if len(corners) < 4 or any(len(corner) != 2 for corner in corners) or corners[0] != corners[-1]:
            return None
        edges += [(*a, *b) for a, b in pairwise(corners)]  # type: ignore[misc]
    return tuple(edges) if 3 <= len(edges) <= MAX_VERTICES else None


def _duration(text: str) -> tuple[int, int, int] | None:
    """Months, days and seconds of an ISO 8601 duration."""
    match = _DURATION.match(text.strip())
    if match is None or not any(match.groups()):
        return None
    years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return years * 12 + months, weeks * 7 + days, hours * 3600 + minutes * 60 + seconds


def _zone(text: str) -> str | None:
    return text if text in available_timezones() else None


_READERS: dict[str, Callable[[str], Hashable]] = {
    "text": lambda text: text,
    "url": lambda text: text,
    "row_version": lambda text: text,
    "number": number,
    "double": number,
    "checkbox": lambda text: _BOOLEANS.get(text.strip().lower()),
    "calendar_date": _floating,
    "fixed_timestamp": _fixed,
    "point": _point,
    "polygon": _polygon,
    "interval": _duration,
    "zone": _zone,
    "row_identifier": _row_number,
}
