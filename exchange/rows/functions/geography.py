"""Geometry. Arguments give the latitude first; WKT and GeoJSON give the longitude first (reference: soda.md §5).

Points are computed in SQL alone. Other shapes go through the functions that `exchange.rows.shapes` installs, named
`shape_…`; wherever rows are chosen the bounds are compared first, so that few rows get that far (engine.md §1.6).
"""

from exchange.rows.functions.table import GEO, SHAPES, Function, aggregate, signature

_EARTH_RADIUS = "6371008.8"
"""Mean radius of the Earth, metres (IUGG)."""

_METRES_PER_DEGREE = "110000.0"
"""A little less than the least there is, so that the box holds the whole circle."""

_HARTFORD, _STAMFORD = "'POINT (-72.6734 41.7658)'::point", "'POINT (-73.5387 41.0534)'::point"
_SQUARE = "'POLYGON ((-73 41, -72 41, -72 42, -73 42, -73 41))'::polygon"
_OTHER = "'POLYGON ((-72.5 41.5, -71.5 41.5, -71.5 42.5, -72.5 42.5, -72.5 41.5))'::polygon"
_ROAD = "'LINESTRING (-73 41, -72.4 41.4, -72 42)'::line"
_PLACE = "location(make_point(41.7658, -72.6734), '450 Columbus Blvd', 'Hartford', 'CT', '06103')"


def _distance(lat_a: str, lon_a: str, lat_b: str, lon_b: str) -> str:
    half_lat = f"pow(sin(radians(({lat_b}) - ({lat_a})) / 2), 2)"
    half_lon = f"cos(radians({lat_a})) * cos(radians({lat_b})) * pow(sin(radians(({lon_b}) - ({lon_a})) / 2), 2)"
    return f"(2 * {_EARTH_RADIUS} * asin(sqrt(least(1.0, {half_lat} + {half_lon}))))"


_IN_CIRCLE = (
    f"({{0.lat}} BETWEEN {{1}} - {{3}} / {_METRES_PER_DEGREE} AND {{1}} + {{3}} / {_METRES_PER_DEGREE}"
    f" AND {_distance('{0.lat}', '{0.lon}', '{1}', '{2}')} <= {{3}})"
)
_SHAPE_IN_CIRCLE = (
    f"({{0.south}} >= {{1}} - {{3}} / {_METRES_PER_DEGREE} AND {{0.north}} <= {{1}} + {{3}} / {_METRES_PER_DEGREE}"
    " AND shape_in_circle({0.wkb}, CAST({1} AS DOUBLE), CAST({2} AS DOUBLE), CAST({3} AS DOUBLE)))"
)
_SOUTH, _NORTH, _WEST, _EAST = "least({1}, {3})", "greatest({1}, {3})", "least({2}, {4})", "greatest({2}, {4})"
_IN_BOX = f"({{0.lat}} BETWEEN {_SOUTH} AND {_NORTH} AND {{0.lon}} BETWEEN {_WEST} AND {_EAST})"
_SHAPE_IN_BOX = (
    f"({{0.south}} >= {_SOUTH} AND {{0.north}} <= {_NORTH} AND {{0.west}} >= {_WEST} AND {{0.east}} <= {_EAST})"
)
_INSIDE = (
    "({0.lat} BETWEEN {1.south} AND {1.north} AND {0.lon} BETWEEN {1.west} AND {1.east}"
    " AND shape_holds({1.wkb}, {0.lat}, {0.lon}, BOUNDARY))"
)
_BOUNDS_MEET = "{0.west} <= {1.east} AND {0.east} >= {1.west} AND {0.south} <= {1.north} AND {0.north} >= {1.south}"


def _both(test: str) -> str:
    return f"({_BOUNDS_MEET} AND shape_test('{test}', {{0.wkb}}, {{1.wkb}}))"


def _for_places(*functions: Function) -> tuple[Function, ...]:
    """The same for a location, which is a point with an address."""
    return tuple(
        Function(f.name, ("location", *f.parameters[1:]), f.result, f.sql, f.doc, rounded=f.rounded,
                 example=f.example.replace(_HARTFORD, _PLACE))
        for f in functions
    )  # fmt: skip


_OF_POINTS: tuple[Function, ...] = (
    signature(
        "within_circle", "point real real real", "checkbox", _IN_CIRCLE,
        "Within so many metres of a latitude and longitude.", f"within_circle({_HARTFORD}, 41.76, -72.67, 2000)",
    ),
    signature(
        "within_box", "point real real real real", "checkbox", _IN_BOX,
        "In the box between two opposite corners, each latitude, longitude; usually north-west and south-east.",
        f"within_box({_HARTFORD}, 42, -73, 41, -72)",
    ),
    signature(
        "within_polygon", "point polygons", "checkbox", _INSIDE.replace("BOUNDARY", "false"),
        "Inside a polygon or multipolygon.",
        f"within_polygon({_HARTFORD}, {_SQUARE})",
    ),
    signature(
        "distance_in_meters", "point point", "number", _distance("{0.lat}", "{0.lon}", "{1.lat}", "{1.lon}"),
        "Metres over a sphere of the Earth's mean radius; within 0.6 % of the ellipsoid.",
        f"distance_in_meters({_HARTFORD}, {_STAMFORD})", rounded=True,
    ),
)  # fmt: skip

_TESTS: tuple[Function, ...] = (
    signature(
        "within_circle", "geo real real real", "checkbox", _SHAPE_IN_CIRCLE,
        "The whole shape within so many metres of a latitude and longitude.",
        f"within_circle({_ROAD}, 41.5, -72.5, 90000)",
    ),
    signature(
        "within_box", "geo real real real real", "checkbox", _SHAPE_IN_BOX, "The whole shape in the box.",
        f"within_box({_ROAD}, 42, -73, 41, -72)",
    ),
    signature(
        "within_polygon", "geo geo", "checkbox", _both("within"), "The whole shape inside another.",
        f"within_polygon({_ROAD}, 'MULTIPOLYGON (((-74 40, -71 40, -71 43, -74 43, -74 40)))')",
    ),
    signature(
        "intersects", "point polygons", "checkbox", _INSIDE.replace("BOUNDARY", "true"), "Inside or on the edge.",
        f"intersects({_HARTFORD}, {_SQUARE})",
    ),
    signature(
        "intersects", "geo geo", "checkbox", _both("intersects"), "The two have a point in common.",
        f"intersects({_SQUARE}, {_ROAD})",
    ),
    signature(
        "crosses", "geo geo", "checkbox", _both("crosses"), "They share inner points, but not all of them.",
        f"crosses({_ROAD}, {_OTHER})",
    ),
    signature(
        "overlaps", "geo geo", "checkbox", _both("overlaps"), "Of one dimension, sharing part of it.",
        f"overlaps({_SQUARE}, {_OTHER})",
    ),
    signature(
        "distance_in_meters", "geo geo", "number", "shape_distance({0.wkb}, {1.wkb})",
        "Metres between the nearest points of two shapes, over a sphere; within 1 % up to some hundred kilometres.",
        f"distance_in_meters({_ROAD}, 'POINT (-72.6734 41.7658)')", rounded=True,
    ),
    signature(
        "is_empty", "geo", "checkbox", "shape_is_empty({0.wkb})", "A shape without a point.", f"is_empty({_ROAD})"
    ),
    signature(
        "visible_at", "geo real", "checkbox", "({0.east} - {0.west} >= {1} OR {0.north} - {0.south} >= {1}"
        " OR ({0.east} = {0.west} AND {0.north} = {0.south}))",
        "A point, or a shape at least so many degrees wide or high.", f"visible_at({_SQUARE}, 0.5)",
    ),
)  # fmt: skip

_MEASURES: tuple[Function, ...] = (
    signature(
        "num_points", "geo", "number", "shape_points({0.wkb})", "How many vertices the shape has.",
        f"num_points({_SQUARE})",
    ),
    signature(
        "area", "polygons", "number", "shape_area({0.wkb})",
        "Square metres, over a sphere; within 1 % of the ellipsoid.", f"area({_SQUARE})", rounded=True,
    ),
    signature(".latitude", "point", "number", "{0.lat}", "Degrees north.", f"{_HARTFORD}.latitude"),
    signature(".longitude", "point", "number", "{0.lon}", "Degrees east.", f"{_HARTFORD}.longitude"),
    signature("point_latitude", "point", "number", "{0.lat}", "Degrees north.", f"point_latitude({_HARTFORD})"),
    signature("point_longitude", "point", "number", "{0.lon}", "Degrees east.", f"point_longitude({_HARTFORD})"),
)  # fmt: skip


def _same_shape(name: str, parameters: str, sql: str, doc: str, example: str) -> tuple[Function, ...]:
    """A function that gives a shape of the type it took, one row per type since each is its own result."""
    return tuple(signature(name, f"{type_}{parameters}", type_, sql, doc, example) for type_ in SHAPES[:1]) + tuple(
        signature(name, f"{type_}{parameters}", type_, sql, doc, _of_type(example, type_)) for type_ in SHAPES[1:]
    )


_SAMPLES = {
    "polygon": _SQUARE,
    "multipolygon": "'MULTIPOLYGON (((-73 41, -72 41, -72 42, -73 42, -73 41)))'::multipolygon",
    "line": _ROAD,
    "multiline": "'MULTILINESTRING ((-73 41, -72.4 41.4, -72 42))'::multiline",
    "multipoint": "'MULTIPOINT (-73 41, -72.4 41.4)'::multipoint",
}


def _of_type(example: str, type_: str) -> str:
    return example.replace(_SQUARE, _SAMPLES[type_])


_POINT_ON_GRID = (
    "(CASE WHEN {0.lat} IS NOT NULL AND {0.lon} IS NOT NULL THEN struct_pack("
    "lat := CAST(printf('%.15g', round_even({0.lat} / nullif({1}, 0), 0) * {1}) AS DOUBLE),"
    " lon := CAST(printf('%.15g', round_even({0.lon} / nullif({1}, 0), 0) * {1}) AS DOUBLE)) END)"
)

_SHAPES_MADE: tuple[Function, ...] = (
    signature(
        "make_point", "real real", "point", "(CASE WHEN {0} IS NOT NULL AND {1} IS NOT NULL THEN"
        " struct_pack(lat := CAST({0} AS DOUBLE), lon := CAST({1} AS DOUBLE)) END)",
        "The point at a latitude and longitude.", "make_point(41.7658, -72.6734)",
    ),
    signature("simplify", "point real", "point", "{0}", "A point stays.", f"simplify({_HARTFORD}, 0.01)"),
    *_same_shape(
        "simplify", " real", "shape_simplify({0.wkb}, CAST({1} AS DOUBLE), false)",
        "Fewer vertices, within so many degrees.", f"simplify({_SQUARE}, 0.01)",
    ),
    signature(
        "simplify_preserve_topology", "point real", "point", "{0}", "A point stays.",
        f"simplify_preserve_topology({_HARTFORD}, 0.01)",
    ),
    *_same_shape(
        "simplify_preserve_topology", " real", "shape_simplify({0.wkb}, CAST({1} AS DOUBLE), true)",
        "Fewer vertices, never crossing itself.", f"simplify_preserve_topology({_SQUARE}, 0.01)",
    ),
    signature(
        "snap_to_grid", "point real", "point", _POINT_ON_GRID, "The nearest corner of a grid of so many degrees.",
        f"snap_to_grid({_HARTFORD}, 0.1)",
    ),
    *_same_shape(
        "snap_to_grid", " real", "shape_snap({0.wkb}, CAST({1} AS DOUBLE))",
        "Every vertex to the nearest corner of a grid of so many degrees.", f"snap_to_grid({_SQUARE}, 0.1)",
    ),
    signature(
        "reduce_precision", "point real", "point", _POINT_ON_GRID, "As snap_to_grid.",
        f"reduce_precision({_HARTFORD}, 0.1)",
    ),
    *(
        signature(
            "reduce_precision", f"{type_} real", "multipolygon" if type_ == "polygon" else type_,
            f"shape_as('{'multipolygon' if type_ == 'polygon' else type_}',"
            " shape_snap({0.wkb}, CAST({1} AS DOUBLE)))",
            "As snap_to_grid.", f"reduce_precision({_SAMPLES[type_]}, 0.1)",
        )
        for type_ in SHAPES
    ),
    signature("geo_make_valid", "point", "point", "{0}", "A point stays.", f"geo_make_valid({_HARTFORD})"),
    *(
        signature(
            "geo_make_valid", type_, type_, f"shape_as('{type_}', shape_valid({{0.wkb}}))",
            "A shape that crosses itself made valid; null where that is of another type.",
            f"geo_make_valid({_SAMPLES[type_]})",
        )
        for type_ in SHAPES
    ),
    *(
        signature(
            "geo_multi", type_, multi, f"shape_as('{multi}', {{0.wkb}})", "The same as a shape of several parts.",
            f"geo_multi({_HARTFORD if type_ == 'point' else _SAMPLES[type_]})",
        )
        for type_, multi in (
            ("polygon", "multipolygon"), ("multipolygon", "multipolygon"), ("line", "multiline"),
            ("multiline", "multiline"), ("point", "multipoint"), ("multipoint", "multipoint"),
        )
    ),
    *(
        signature(
            "geo_collection_extract", type_, type_, "{0}", "Unchanged: no column holds a mixed collection.",
            f"geo_collection_extract({_SAMPLES[type_]})",
        )
        for type_ in ("multipolygon", "multiline", "multipoint")
    ),
    signature(
        "polygon_intersection", "polygons polygons", "multipolygon",
        "shape_as('multipolygon', shape_common({0.wkb}, {1.wkb}))", "What two polygons have in common.",
        f"polygon_intersection({_SQUARE}, {_OTHER})",
    ),
    signature(
        "concave_hull", "geo real", "multipolygon", "shape_hull({0.wkb}, CAST({1} AS DOUBLE))",
        "A hull that follows the points; 1 is the convex hull, 0 the closest.", f"concave_hull({_ROAD}, 0.5)",
    ),
    signature(
        "convex_hull", "geo", "multipolygon", "shape_hull({0.wkb}, 1.0)",
        "The smallest convex shape around it; in a grouped query, around all of the group.",
        f"convex_hull({_ROAD})",
    ),
)  # fmt: skip

_UNIONS = (("points", "multipoint", _HARTFORD), ("lines", "multiline", _ROAD), ("polygons", "multipolygon", _SQUARE))

GEOGRAPHY: tuple[Function, ...] = (
    *_OF_POINTS,
    *_for_places(*_OF_POINTS),
    *_TESTS,
    *_MEASURES,
    *_SHAPES_MADE,
    *(
        signature(
            "spatial_union", f"{class_} {class_}", multi, f"shape_union('{multi}', [{{0.wkb}}, {{1.wkb}}])",
            "The two together.", f"spatial_union({sample}, {sample})",
        )
        for class_, multi, sample in _UNIONS
    ),
)  # fmt: skip

GEOGRAPHY_OF_GROUPS: tuple[Function, ...] = (
    aggregate(
        "extent", GEO, "multipolygon",
        "shape_box(min({0.west}){over}, min({0.south}){over}, max({0.east}){over}, max({0.north}){over})",
        "The box around all shapes of the group.", f"extent({_HARTFORD})",
    ),
    *(
        aggregate(
            "spatial_union", class_, multi, f"shape_union('{multi}', list({{0.wkb}}){{over}})",
            "All shapes of the group together.", f"spatial_union({sample})",
        )
        for class_, multi, sample in _UNIONS
    ),
)  # fmt: skip

HULL_OF_GROUP = aggregate(
    "convex_hull", GEO, "multipolygon", "shape_hull_of(list({0.wkb}){over})",
    "The smallest convex shape around all of the group.", f"convex_hull({_HARTFORD})",
)  # fmt: skip
"""What `convex_hull` is in a grouped query over something that is no key (socrata dev documentation)."""
