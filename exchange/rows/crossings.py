"""How often lines cross, counted up to a bound, before anybody asks for what they have in common.

Making a shape valid, cutting and uniting shapes takes time that grows with their crossings, faster than in step: 501
vertices that cross one another 125,000 times took 12 s, in one call that no deadline interrupts (measured, GEOS 3.13).
Shapes that only share their borders have no crossings, however many vertices they have.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import shapely

MOST = 2_000
"""Crossings that the shapes of one row may have: hundredths of a second, since thousands of rows come in one call."""

MOST_NEAR = 5_000_000
"""Pairs of lines that are looked at; where more lie near one another, they count as too many crossings."""

_AT_ONCE = 256


def too_many(shapes: Iterable[Any]) -> bool:
    """Whether the edges of all these shapes together cross more than `MOST` times."""
    starts, ends = _edges(shapes)
    if len(starts) ** 2 <= 2 * MOST:
        return False
    tree = shapely.STRtree(shapely.linestrings(np.stack([starts, ends], axis=1)))
    crossed = near = 0
    for first in range(0, len(starts), _AT_ONCE):
        some, other = tree.query(tree.geometries[first : first + _AT_ONCE])
        some = some + first
        once = some < other
        near += int(once.sum())
        crossed += _crossing(starts, ends, some[once], other[once])
        if crossed > MOST or near > MOST_NEAR:
            return True
    return False


def _edges(shapes: Iterable[Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    parts = shapely.get_parts(shapely.boundary(shapely.get_parts(np.asarray(list(shapes), dtype=object))))
    places, of = shapely.get_coordinates(parts, return_index=True)
    joined = of[1:] == of[:-1]
    return places[:-1][joined], places[1:][joined]


def _crossing(starts: Any, ends: Any, some: Any, other: Any) -> int:
    """How many of these pairs cross: the ends of each lie on both sides of the other. Touching does not count."""

    def side(base: Any, place: Any) -> Any:
        along, to = ends[base] - starts[base], place - starts[base]
        return np.sign(along[:, 0] * to[:, 1] - along[:, 1] * to[:, 0])

    apart = side(some, starts[other]) * side(some, ends[other])
    parted = side(other, starts[some]) * side(other, ends[some])
    return int(((apart < 0) & (parted < 0)).sum())
