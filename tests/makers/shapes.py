"""Builders for shapes: three towns that are squares of a degree, roads, places and links."""

from __future__ import annotations

import pyarrow as pa
import shapely

from exchange.rows.geometry import as_shape
from exchange.rows.types import ColumnInfo

TOWNS = tuple(
    ColumnInfo(name, name.replace("_", " ").title(), type_)
    for name, type_ in {
        "town": "text", "county": "text", "the_geom": "multipolygon", "road": "line", "hall": "location",
        "seat": "point", "website": "url", "budget": "money", "rate": "double", "people": "number",
    }.items()
)  # fmt: skip

_ADDRESS = '{"address":"1 Main St","city":"%s","state":"CT","zip":"06103"}'


def make_towns() -> pa.Table:
    """Avon, Bethel and Canton side by side from 73 to 70 degrees west; the last has no website and no budget."""
    squares = [shapely.MultiPolygon([shapely.box(-73 + n, 41, -72 + n, 42)]) for n in range(3)]
    roads = [shapely.LineString([(-72.9 + n, 41.1), (-72.5 + n, 41.5), (-72.1 + n, 41.9)]) for n in range(3)]
    names = ["Avon", "Bethel", "Canton"]
    return pa.table({
        "town": names,
        "county": ["Hartford", "Fairfield", "Hartford"],
        **_shape("the_geom", squares, "multipolygon"),
        **_shape("road", roads, "line"),
        "hall__lat": pa.array([41.5, 41.5, None], pa.float64()),
        "hall__lon": pa.array([-72.5, -71.5, None], pa.float64()),
        "hall__address": [_ADDRESS % name for name in names],
        "seat__lat": [41.5, 41.5, 41.5],
        "seat__lon": [-72.5, -71.5, -70.5],
        "website": ["https://avon.example Town of Avon", "https://bethel.example", None],
        "budget": pa.array([1234.5, 99.0, None], pa.float64()),
        "rate": [0.1, 0.25, 1e21],
        "people": pa.array([9_007_199_254_740_993, 2, 3], pa.int64()),
    })  # fmt: skip


def _shape(name: str, shapes: list[shapely.Geometry], type_: str) -> dict[str, pa.Array]:
    found = [as_shape(shape, type_) for shape in shapes]
    sides = zip(*(one[1] for one in found if one), strict=True)
    return {
        name: pa.array([one[0] for one in found if one], pa.binary()),
        **{
            f"{name}__{side}": list(edges)
            for side, edges in zip(("west", "south", "east", "north"), sides, strict=True)
        },
    }
