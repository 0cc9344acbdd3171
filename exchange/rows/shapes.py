"""The functions of shapes that DuckDB lacks here, as vectorised Python functions over shapely (engine.md §1.6).

They take and give well-known binary in degrees, longitude first. Each is called with a column of up to 2,048 values;
a constant comes as that many equal ones and is read once. What cannot be computed is null, never an error. They read
nothing but their arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import shapely

from exchange.rows import crossings, geometry, measures
from exchange.rows.total_functions import TooMuch, total

MAX_JOINED = 500_000
"""Vertices of one union: a step that the deadline cannot interrupt has to be short."""

_POINT, _PLACE = "STRUCT(lat DOUBLE, lon DOUBLE)", "STRUCT(lat DOUBLE, lon DOUBLE, address VARCHAR)"


def install(connection: Any) -> None:
    """Make the functions known to a DuckDB instance. Call it before the configuration is locked."""
    for name, (function, parameters, result) in FUNCTIONS.items():
        made = total(function, result)
        connection.create_function(name, made, parameters, result, type="arrow", null_handling="special")


def _read(column: Any, made: Callable[[Any], Any] = np.asarray) -> np.ndarray[Any, Any]:
    """The geometries of a column of well-known binary; a value that recurs is read, and made into another, once."""
    encoded = _whole(column).dictionary_encode()
    distinct = np.array([*encoded.dictionary.to_pylist(), None], dtype=object)
    read = shapely.from_wkb(distinct, on_invalid="ignore")
    places = encoded.indices.fill_null(len(distinct) - 1).to_numpy(zero_copy_only=False)
    shapes: np.ndarray[Any, Any] = np.asarray(made(read))[places]
    return shapes


def _whole(column: Any) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column


def _numbers(column: Any) -> np.ndarray[Any, Any]:
    return np.asarray(_whole(column).cast(pa.float64()).to_numpy(zero_copy_only=False), dtype=float)


def _binary(shapes: Any) -> pa.Array:
    written = shapely.to_wkb(shapes)
    return pa.array([None if value is None else value for value in np.atleast_1d(written)], pa.binary())


def _known(values: Any, present: np.ndarray[Any, Any], type_: pa.DataType) -> pa.Array:
    """The values with null wherever an argument is missing."""
    return pa.array(values, type_, mask=~present)


def _points(lat: Any, lon: Any) -> pa.Array:
    y, x = _numbers(lat), _numbers(lon)
    present = np.isfinite(x) & np.isfinite(y)
    shapes = np.full(len(x), None, dtype=object)
    shapes[present] = shapely.points(x[present], y[present])
    return _binary(shapes)


def _points_of(places: Any) -> pa.Array:
    whole = _whole(places)
    given = [place or {"lat": None, "lon": None} for place in whole.to_pylist()]
    return _points(*(pa.array([place[side] for place in given], pa.float64()) for side in ("lat", "lon")))


def _bound(shapes: Any, side: Any) -> pa.Array:
    place = ("west", "south", "east", "north").index(_whole(side)[0].as_py())
    edges = shapely.bounds(_read(shapes))[:, place]
    return _known(edges, np.isfinite(edges), pa.float64())


def _holds(shapes: Any, lat: Any, lon: Any, edge: Any) -> pa.Array:
    held, y, x = _read(shapes), _numbers(lat), _numbers(lon)
    present = np.isfinite(x) & np.isfinite(y) & ~shapely.is_missing(held)
    test = shapely.intersects_xy if _whole(edge)[0].as_py() else shapely.contains_xy
    shapely.prepare(held)
    return _known(test(held, x, y), present, pa.bool_())


def _test(name: Any, first: Any, second: Any) -> pa.Array:
    a, b = _read(first), _read(second)
    present = ~(shapely.is_missing(a) | shapely.is_missing(b))
    shapely.prepare(a)
    return _known(getattr(shapely, _TESTS[_whole(name)[0].as_py()])(a, b), present, pa.bool_())


_TESTS = {"within": "within", "intersects": "intersects", "crosses": "crosses", "overlaps": "overlaps"}


def _in_circle(shapes: Any, lat: Any, lon: Any, metres: Any) -> pa.Array:
    """Whether every vertex is within the distance: a circle is convex, so then all between them is as well."""
    read, y, x, most = _read(shapes), _numbers(lat), _numbers(lon), _numbers(metres)
    found = np.zeros(len(read), dtype=bool)
    corners, of = shapely.get_coordinates(read, return_index=True)
    far = measures.great_circle(corners[:, 1], corners[:, 0], y[of], x[of]) > most[of]
    found[np.unique(of)] = True
    found[of[far]] = False
    return _known(found, ~shapely.is_missing(read), pa.bool_())


def _distance(first: Any, second: Any) -> pa.Array:
    a, b = _read(first), _read(second)
    present = ~(shapely.is_missing(a) | shapely.is_missing(b))
    metres = np.zeros(len(a))
    for place in np.flatnonzero(present):
        metres[place] = measures.between(a[place], b[place])
    return _known(metres, present, pa.float64())


def _area(shapes: Any) -> pa.Array:
    read = _read(shapes)
    areas = [measures.area(shape) if shape is not None else 0.0 for shape in read]
    return _known(areas, ~shapely.is_missing(read), pa.float64())


def _vertices(shapes: Any) -> pa.Array:
    read = _read(shapes)
    return _known(shapely.get_num_coordinates(read), ~shapely.is_missing(read), pa.int64())


def _is_empty(shapes: Any) -> pa.Array:
    read = _read(shapes)
    return _known(shapely.is_empty(read), ~shapely.is_missing(read), pa.bool_())


def _simplify(shapes: Any, tolerance: Any, keep: Any) -> pa.Array:
    read, by = _read(shapes), np.nan_to_num(_numbers(tolerance))
    made = shapely.simplify(read, np.maximum(by, 0.0), preserve_topology=_whole(keep)[0].as_py())
    of_type = [None if one is None else _fitted(one, was.geom_type) for one, was in zip(made, read, strict=True)]
    return _binary(np.array(of_type, dtype=object))


def _snap(shapes: Any, size: Any) -> pa.Array:
    read, by = _read(shapes), np.nan_to_num(_numbers(size))
    made = [None if one is None else _snapped(one, max(0.0, float(step))) for one, step in zip(read, by, strict=True)]
    return _binary(np.array(made, dtype=object))


def _snapped(shape: Any, size: float) -> Any:
    """Vertices on the grid, each once in a row; null where too few are left. Halfway goes to the even line."""
    if not shapely.is_valid(shape) and crossings.too_many((shape,)):
        return None
    try:
        near = shapely.transform(shape, lambda places: np.rint(places / size) * size) if size else shape
        made = shapely.set_precision(near, size, mode="valid_output") if size else shape
    except shapely.errors.GEOSException:
        return None
    return made if not made.is_empty and made.geom_type == shape.geom_type else _fitted(made, shape.geom_type)


def _fitted(shape: Any, name: str) -> Any:
    type_ = geometry.TYPE_OF.get(name, "")
    fitting = geometry.as_shape(shape, type_) if not shape.is_empty else None
    return shapely.from_wkb(fitting[0]) if fitting else None


def _as(type_: Any, shapes: Any) -> pa.Array:
    wanted = _whole(type_)[0].as_py()
    made = [None if one is None or one.is_empty else geometry.as_shape(one, wanted) for one in _read(shapes)]
    return pa.array([None if one is None else one[0] for one in made], pa.binary())


def _valid(shapes: Any) -> pa.Array:
    return _binary(_read(shapes, _sound))


def _common(first: Any, second: Any) -> pa.Array:
    a, b = _read(first, _sound), _read(second, _sound)
    meet = np.flatnonzero(shapely.intersects(a, b))
    a[[place for place in meet if crossings.too_many((a[place], b[place]))]] = None
    return _binary(shapely.intersection(a, b))


def _sound(shapes: Any) -> Any:
    """The shapes made valid; null for one that crosses itself too often."""
    made = np.array(shapes, dtype=object)
    for place in np.flatnonzero(~(shapely.is_valid(made) | shapely.is_missing(made))):
        made[place] = None if crossings.too_many((made[place],)) else made[place]
    return shapely.make_valid(made, method="structure", keep_collapsed=False)


def _hull(shapes: Any, ratio: Any) -> pa.Array:
    by = float(np.clip(np.nan_to_num(_numbers(ratio), nan=1.0), 0.0, 1.0)[0])
    read = _read(shapes)
    return _as_multi(shapely.convex_hull(read) if by == 1.0 else shapely.concave_hull(read, ratio=by))


def _hull_of(groups: Any) -> pa.Array:
    return _as_multi(np.array([_around(group) for group in _whole(groups).to_pylist()], dtype=object))


def _around(group: Sequence[bytes | None] | None) -> Any:
    shapes = [shape for shape in shapely.from_wkb(_present(group)) if shape is not None]
    return shapely.convex_hull(shapely.geometrycollections(shapes)) if shapes else None


def _present(group: Sequence[bytes | None] | None) -> list[bytes]:
    return [value for value in group or () if value is not None]


def _as_multi(hulls: Any) -> pa.Array:
    """Hulls as multipolygons; the hull of one point or a line has no inside and is null."""
    made = [None if hull is None or hull.geom_type != "Polygon" else shapely.multipolygons([hull]) for hull in hulls]
    return _binary(np.array(made, dtype=object))


def _union(type_: Any, groups: Any) -> pa.Array:
    wanted = _whole(type_)[0].as_py()
    return pa.array([_together(wanted, group) for group in _whole(groups).to_pylist()], pa.binary())


def _together(wanted: str, group: Sequence[bytes | None] | None) -> bytes | None:
    shapes = shapely.from_wkb(list(dict.fromkeys(_present(group))))
    if not len(shapes):
        return None
    if shapely.get_num_coordinates(shapes).sum() > MAX_JOINED:
        raise TooMuch("too many vertices to unite; simplify them first")
    if wanted == "multiline":  # cutting lines where they cross takes time that grows with their square
        made = shapely.multilinestrings(shapely.get_parts(shapes))
    else:
        made = _united(_sound(np.asarray(shapes))) if wanted == "multipolygon" else shapely.union_all(shapes)
    found = None if made is None else geometry.as_shape(made, wanted)
    return found[0] if found else None


def _united(shapes: Any) -> Any:
    """The union of polygons; None where they cross too often."""
    present = shapes[~shapely.is_missing(shapes)]
    return None if crossings.too_many(present) else shapely.union_all(present)


def _box(west: Any, south: Any, east: Any, north: Any) -> pa.Array:
    edges = np.column_stack([_numbers(side) for side in (west, south, east, north)])
    made = [shapely.multipolygons([shapely.box(*row)]) if np.isfinite(row).all() else None for row in edges]
    return _binary(np.array(made, dtype=object))


def _text(shapes: Any) -> pa.Array:
    return pa.array(shapely.to_wkt(_read(shapes), rounding_precision=-1, trim=True).tolist(), pa.string())


def _from_text(type_: Any, texts: Any) -> pa.Array:
    wanted = _whole(type_)[0].as_py()
    found = [None if text is None else geometry.shape(text, wanted) for text in _whole(texts).to_pylist()]
    return pa.array([None if one is None else one[0] for one in found], pa.binary())


def _place(texts: Any) -> pa.Array:
    read = [None if text is None else geometry.geometry(text) for text in _whole(texts).to_pylist()]
    points = [{"lat": one.y, "lon": one.x} if one is not None and one.geom_type == "Point" else None for one in read]
    return pa.array(points, pa.struct([("lat", pa.float64()), ("lon", pa.float64())]))


def _degrees(numbers: Any) -> pa.Array:
    """Numbers as short as they can be without a change, and without an exponent."""
    written = [
        None if value is None else np.format_float_positional(value, trim="-") for value in _whole(numbers).to_pylist()
    ]
    return pa.array(written, pa.string())


FUNCTIONS: dict[str, tuple[Callable[..., pa.Array], list[str], str]] = {
    "shape_point": (_points, ["DOUBLE", "DOUBLE"], "BLOB"),
    "shape_of_point": (_points_of, [_POINT], "BLOB"),
    "shape_of_place": (_points_of, [_PLACE], "BLOB"),
    "shape_bound": (_bound, ["BLOB", "VARCHAR"], "DOUBLE"),
    "shape_holds": (_holds, ["BLOB", "DOUBLE", "DOUBLE", "BOOLEAN"], "BOOLEAN"),
    "shape_test": (_test, ["VARCHAR", "BLOB", "BLOB"], "BOOLEAN"),
    "shape_in_circle": (_in_circle, ["BLOB", "DOUBLE", "DOUBLE", "DOUBLE"], "BOOLEAN"),
    "shape_distance": (_distance, ["BLOB", "BLOB"], "DOUBLE"),
    "shape_area": (_area, ["BLOB"], "DOUBLE"),
    "shape_points": (_vertices, ["BLOB"], "BIGINT"),
    "shape_is_empty": (_is_empty, ["BLOB"], "BOOLEAN"),
    "shape_simplify": (_simplify, ["BLOB", "DOUBLE", "BOOLEAN"], "BLOB"),
    "shape_snap": (_snap, ["BLOB", "DOUBLE"], "BLOB"),
    "shape_as": (_as, ["VARCHAR", "BLOB"], "BLOB"),
    "shape_valid": (_valid, ["BLOB"], "BLOB"),
    "shape_common": (_common, ["BLOB", "BLOB"], "BLOB"),
    "shape_hull": (_hull, ["BLOB", "DOUBLE"], "BLOB"),
    "shape_hull_of": (_hull_of, ["BLOB[]"], "BLOB"),
    "shape_union": (_union, ["VARCHAR", "BLOB[]"], "BLOB"),
    "shape_box": (_box, ["DOUBLE", "DOUBLE", "DOUBLE", "DOUBLE"], "BLOB"),
    "shape_text": (_text, ["BLOB"], "VARCHAR"),
    "shape_read": (_from_text, ["VARCHAR", "VARCHAR"], "BLOB"),
    "shape_place": (_place, ["VARCHAR"], _POINT),
    "shape_number": (_degrees, ["DOUBLE"], "VARCHAR"),
}
