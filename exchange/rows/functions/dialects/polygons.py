"""The edges of a polygon, for engines that have no shapes: a point is inside if a ray from it crosses an odd number."""

from __future__ import annotations

import struct
from itertools import pairwise

_POLYGON, _MULTIPOLYGON = 3, 6
Edge = list[float]


def edges(wkb: bytes) -> list[Edge]:
    """`[x1, y1, x2, y2]` of every edge of a polygon or multipolygon in well-known binary (OGC 06-103r4 §8).

    Raises `ValueError` for any other shape.
    """
    found: list[Edge] = []
    _shape(wkb, 0, found)
    return found


def _shape(wkb: bytes, at: int, found: list[Edge]) -> int:
    order = "<" if wkb[at] else ">"
    kind, parts = struct.unpack_from(f"{order}II", wkb, at + 1)
    at += 9
    if kind not in (_POLYGON, _MULTIPOLYGON):
        raise ValueError(f"a polygon is wanted here, not a shape of kind {kind}")
    for _ in range(parts):
        at = _shape(wkb, at, found) if kind == _MULTIPOLYGON else _ring(wkb, at, order, found)
    return at


def _ring(wkb: bytes, at: int, order: str, found: list[Edge]) -> int:
    count: int = struct.unpack_from(f"{order}I", wkb, at)[0]
    numbers = struct.unpack_from(f"{order}{2 * count}d", wkb, at + 4)
    corners = list(zip(numbers[::2], numbers[1::2], strict=True))
    found.extend([*a, *b] for a, b in pairwise(corners))
    return at + 4 + 16 * count
