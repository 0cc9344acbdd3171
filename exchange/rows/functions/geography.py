"""Points. Arguments give the latitude first; WKT and GeoJSON give the longitude first (reference: soda.md §5)."""

from exchange.rows.functions.table import Function, signature

_EARTH_RADIUS = "6371008.8"
"""Mean radius of the Earth, metres (IUGG)."""

_METRES_PER_DEGREE = "110000.0"
"""A little less than the least there is, so that the box holds the whole circle."""


def _distance(lat_a: str, lon_a: str, lat_b: str, lon_b: str) -> str:
    half_lat = f"pow(sin(radians(({lat_b}) - ({lat_a})) / 2), 2)"
    half_lon = f"cos(radians({lat_a})) * cos(radians({lat_b})) * pow(sin(radians(({lon_b}) - ({lon_a})) / 2), 2)"
    return f"(2 * {_EARTH_RADIUS} * asin(sqrt(least(1.0, {half_lat} + {half_lon}))))"


_IN_CIRCLE = (
    f"({{0.lat}} BETWEEN {{1}} - {{3}} / {_METRES_PER_DEGREE} AND {{1}} + {{3}} / {_METRES_PER_DEGREE}"
    f" AND {_distance('{0.lat}', '{0.lon}', '{1}', '{2}')} <= {{3}})"
)
_IN_BOX = "({0.lat} BETWEEN {3} AND {1} AND {0.lon} BETWEEN {2} AND {4})"
_IN_POLYGON = (
    "({0.lat} BETWEEN {1.south} AND {1.north} AND {0.lon} BETWEEN {1.west} AND {1.east} AND"
    " len(list_filter({1.edges}, lambda e: (e[2] > {0.lat}) <> (e[4] > {0.lat}) AND"
    " {0.lon} < (e[3] - e[1]) * ({0.lat} - e[2]) / (e[4] - e[2]) + e[1])) % 2 = 1)"
)

GEOGRAPHY: tuple[Function, ...] = (
    signature(
        "within_circle", "point number number number", "checkbox", _IN_CIRCLE,
        "Within so many metres of a latitude and longitude.",
    ),
    signature(
        "within_box", "point number number number number", "checkbox", _IN_BOX,
        "In the box between a north-west and a south-east corner, each latitude, longitude.",
    ),
    signature("within_polygon", "point polygon", "checkbox", _IN_POLYGON, "Inside a WKT POLYGON or MULTIPOLYGON."),
    signature("intersects", "point polygon", "checkbox", _IN_POLYGON, "Inside a WKT POLYGON or MULTIPOLYGON."),
    signature(
        "distance_in_meters", "point point", "number", _distance("{0.lat}", "{0.lon}", "{1.lat}", "{1.lon}"),
        "Metres over a sphere of the Earth's mean radius; within 0.6 % of the ellipsoid.", rounded=True,
    ),
    signature("make_point", "number number", "point", "{0}, {1}", "The point at a latitude and longitude."),
    signature(".latitude", "point", "number", "{0.lat}", "Degrees north."),
    signature(".longitude", "point", "number", "{0.lon}", "Degrees east."),
    signature("point_latitude", "point", "number", "{0.lat}", "Degrees north."),
    signature("point_longitude", "point", "number", "{0.lon}", "Degrees east."),
    signature("location_latitude", "point", "number", "{0.lat}", "Degrees north."),
    signature("location_longitude", "point", "number", "{0.lon}", "Degrees east."),
)  # fmt: skip
