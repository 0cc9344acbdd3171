"""Lengths and areas of shapes over a sphere of the Earth's mean radius, in metres; degrees in, longitude first."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

RADIUS = 6_371_008.8
"""Mean radius of the Earth, metres (IUGG); the same as in exchange.rows.functions.geography."""


def great_circle(lat_a: Any, lon_a: Any, lat_b: Any, lon_b: Any) -> Any:
    """Metres between places, by the haversine formula; numbers or arrays."""
    half_lat = np.sin(np.radians(lat_b - lat_a) / 2) ** 2
    half_lon = np.cos(np.radians(lat_a)) * np.cos(np.radians(lat_b)) * np.sin(np.radians(lon_b - lon_a) / 2) ** 2
    return 2 * RADIUS * np.arcsin(np.sqrt(np.minimum(1.0, half_lat + half_lon)))


def between(a: Any, b: Any) -> float:
    """Metres between the nearest points, sought on a plane in which both degrees are as long as at their latitude."""
    middle = np.radians((shapely.bounds(a)[[1, 3]].mean() + shapely.bounds(b)[[1, 3]].mean()) / 2)
    scale = max(0.01, float(np.cos(middle)))
    line = shapely.shortest_line(*(shapely.transform(shape, lambda xy: xy * [scale, 1.0]) for shape in (a, b)))
    (x1, y1), (x2, y2) = shapely.get_coordinates(line)
    return float(great_circle(y1, x1 / scale, y2, x2 / scale))


def area(shape: Any) -> float:
    """Square metres: outer rings less inner ones (Chamberlain and Duquette, JPL 07-03, 2007)."""
    polygons = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon"]
    return float(sum(_ring(part.exterior) - sum(_ring(hole) for hole in part.interiors) for part in polygons))


def _ring(ring: Any) -> float:
    lon, lat = np.radians(shapely.get_coordinates(ring)).T
    return abs(float(np.sum(np.diff(lon) * (2 + np.sin(lat[:-1]) + np.sin(lat[1:]))))) * RADIUS**2 / 2
