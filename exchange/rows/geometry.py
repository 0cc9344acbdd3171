"""Well-known text (OGC 06-103r4 §7) to well-known binary with its bounds, checked and bounded in size."""

from __future__ import annotations

import re
from collections.abc import Mapping

import shapely

from exchange.rows.types import SodaType

MAX_VERTICES = 5_000
"""Vertices of one literal; a query may hold several."""

TYPE_OF: Mapping[str, SodaType] = {
    "Point": SodaType.POINT,
    "LineString": SodaType.LINE,
    "Polygon": SodaType.POLYGON,
    "MultiPoint": SodaType.MULTIPOINT,
    "MultiLineString": SodaType.MULTILINE,
    "MultiPolygon": SodaType.MULTIPOLYGON,
}
"""What WKT and GeoJSON call the types, and what SODA does."""

_WKT = re.compile(r"\s*(?:MULTI)?(?:POINT|LINESTRING|POLYGON)\s*\([-+0-9.eE,()\s]*\)\s*\Z", re.IGNORECASE)
_SEVERAL = {
    SodaType.MULTIPOINT: ("Point", shapely.multipoints),
    SodaType.MULTILINE: ("LineString", shapely.multilinestrings),
    SodaType.MULTIPOLYGON: ("Polygon", shapely.multipolygons),
}

Shape = tuple[bytes, tuple[float, float, float, float]]
"""Well-known binary, and west, south, east, north in degrees."""


def geometry(text: str) -> shapely.Geometry | None:
    """The geometry that a well-known text says, or None. Nothing with heights, and nothing empty."""
    if not _WKT.match(text):
        return None
    try:
        read = shapely.from_wkt(text.strip())
    except (shapely.errors.GEOSException, ValueError):
        return None
    return None if read is None or read.is_empty or read.has_z else read


def shape(text: str, type_: str) -> Shape | None:
    """The shape of this type that a literal says; None if it says none, or has too many vertices."""
    read = geometry(text)
    if read is None or shapely.get_num_coordinates(read) > MAX_VERTICES:
        return None
    return as_shape(read, type_)


def as_shape(read: shapely.Geometry, type_: str) -> Shape | None:
    """A geometry as this type; one part is taken for several where several are wanted. None for any other type."""
    one, made_several = _SEVERAL.get(type_, ("", None))  # type: ignore[call-overload]
    if made_several is not None and read.geom_type == one:
        read = made_several([read])
    if TYPE_OF.get(read.geom_type) != type_:
        return None
    west, south, east, north = (float(edge) for edge in shapely.bounds(read))
    return shapely.to_wkb(read), (west, south, east, north)


def on_earth(bounds: tuple[float, float, float, float]) -> bool:
    """Whether bounds are degrees of longitude and latitude (WGS 84)."""
    west, south, east, north = bounds
    return -180 <= west <= east <= 180 and -90 <= south <= north <= 90
