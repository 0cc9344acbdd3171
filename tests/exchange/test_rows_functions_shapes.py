"""Geometry over columns: what stands in Socrata's documentation of each function answers here as well."""

from __future__ import annotations

from typing import Any

import pytest
import shapely

from tests.makers.asking import Asked
from tests.makers.rows import QUAKES, make_quakes
from tests.makers.shapes import TOWNS, make_towns

AVON, BETHEL = "POLYGON ((-72.9 41.1, -72.8 41.1, -72.8 41.2, -72.9 41.1))", "POINT (-71.5 41.5)"


@pytest.fixture(scope="module")
def towns(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    return Asked(tmp_path_factory.mktemp("open"), make_towns(), TOWNS)


@pytest.fixture(scope="module")
def quakes(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    return Asked(tmp_path_factory.mktemp("open"), make_quakes(), QUAKES)


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (f"intersects(the_geom, '{AVON}')", ["Avon"]),
        (f"intersects(the_geom, '{BETHEL}')", ["Bethel"]),
        ("intersects(the_geom, 'POINT (-72 41.5)')", ["Avon", "Bethel"]),
        ("intersects(the_geom, 'LINESTRING (-72.5 40, -71.5 43)')", ["Avon", "Bethel"]),
        ("intersects(the_geom, road)", ["Avon", "Bethel", "Canton"]),
        (f"intersects('{BETHEL}', the_geom)", ["Bethel"]),
        ("within_polygon(seat, 'MULTIPOLYGON (((-73 41, -72 41, -72 42, -73 42, -73 41)))')", ["Avon"]),
        ("within_polygon(hall, 'MULTIPOLYGON (((-73 41, -72 41, -72 42, -73 42, -73 41)))')", ["Avon"]),
        ("within_polygon(seat, 'POLYGON ((-72.5 41, -72 41, -72 42, -72.5 42, -72.5 41))')", []),
        ("intersects(seat, 'POLYGON ((-72.5 41, -72 41, -72 42, -72.5 42, -72.5 41))')", ["Avon"]),
        ("within_polygon(road, 'POLYGON ((-73 41, -72 41, -72 42, -73 42, -73 41))')", ["Avon"]),
        ("within_polygon(road, the_geom)", ["Avon", "Bethel", "Canton"]),
        ("within_circle(seat, 41.5, -72.5, 1000)", ["Avon"]),
        ("within_circle(seat, -72.5, 41.5, 1000)", []),
        ("within_circle(the_geom, 41.5, -72.5, 100000)", ["Avon"]),
        ("within_circle(the_geom, 41.5, -72.5, 60000)", []),
        ("within_circle(hall, '41.5', '-71.5', '1')", ["Bethel"]),
        ("within_box(seat, 42, -73, 41, -72)", ["Avon"]),
        ("within_box(road, 42, -73, 41, -71)", ["Avon", "Bethel"]),
        ("within_box(hall, 42, -72, 41, -71)", ["Bethel"]),
        ("crosses(road, 'POLYGON ((-72.5 41, -72 41, -72 42, -72.5 42, -72.5 41))')", ["Avon"]),
        ("overlaps(the_geom, 'POLYGON ((-72.5 41.5, -71.5 41.5, -71.5 42.5, -72.5 42.5, -72.5 41.5))')", ["Avon", "Bethel"]),
        ("visible_at(the_geom, 0.5) and num_points(the_geom) = 5", ["Avon", "Bethel", "Canton"]),
        ("the_geom is not null and not is_empty(road)", ["Avon", "Bethel", "Canton"]),
        ("hall.latitude is null", ["Canton"]),
        ("website.description is not null", ["Avon"]),
        ("website = 'https://bethel.example'", ["Bethel"]),
        ("hall.human_address like '%Bethel%'", ["Bethel"]),
    ],
)  # fmt: skip
def test_conditions(towns: Asked, where: str, found: list[str]) -> None:
    assert [row["town"] for row in towns.rows(f"SELECT town WHERE {where} ORDER BY town")] == found


def shapes(rows: list[dict[str, Any]], name: str) -> list[Any]:
    return [shapely.from_wkb(row[name]) for row in rows]


def test_hulls_extents_and_unions_of_groups(towns: Asked) -> None:
    rows = towns.rows("SELECT county, count(*) AS n, convex_hull(seat) AS hull GROUP BY county ORDER BY county")
    assert [(row["county"], row["n"], row["hull"]) for row in rows] == [("Fairfield", 1, None), ("Hartford", 2, None)]
    around = (
        "SELECT count(*), extent(the_geom) AS e, convex_hull(spatial_union(the_geom)) AS h, spatial_union(road) AS u"
    )
    found = towns.rows(around)
    assert shapes(found, "e")[0].equals(shapely.box(-73, 41, -70, 42))
    assert shapes(found, "h")[0].equals(shapely.box(-73, 41, -70, 42))
    assert shapes(found, "u")[0].geom_type == "MultiLineString"
    by_county = towns.rows("SELECT county, extent(seat) AS e GROUP BY county ORDER BY county")
    assert shapes(by_county, "e")[1].bounds == (-72.5, 41.5, -70.5, 41.5)


def test_a_hull_of_each_row_where_nothing_is_grouped(towns: Asked) -> None:
    rows = towns.rows("SELECT town, convex_hull(the_geom) AS hull, convex_hull(road) AS line ORDER BY town")
    assert len(rows) == 3
    assert shapes(rows, "hull")[0].equals(shapely.box(-73, 41, -72, 42))


def test_what_is_made_keeps_its_type_and_halfway_goes_to_the_even_line(towns: Asked) -> None:
    square = "((1 1, 1.5 1, 2 1, 2 1.5, 2 2, 1.5 2, 1 2, 1 1.5, 1 1))"
    made = towns.rows(
        f"SELECT simplify('MULTIPOLYGON ({square})'::multipolygon, 0.5) AS a,"
        f" simplify_preserve_topology('MULTIPOLYGON ({square})'::multipolygon, 0.5) AS b,"
        f" snap_to_grid('POLYGON {square}'::polygon, 2) AS c, snap_to_grid('POINT (1 3)'::point, 2).latitude AS d LIMIT 1"
    )
    simple = shapely.multipolygons([shapely.box(1, 1, 2, 2)])
    for name, expected in (("a", simple), ("b", simple), ("c", shapely.box(0, 0, 2, 2))):
        found = shapes(made, name)[0]
        assert found.geom_type == expected.geom_type and found.equals(expected)
    assert made[0]["d"] == 4


def test_hulls_of_many_points(quakes: Asked) -> None:
    rows = quakes.rows("SELECT source, count(*), convex_hull(location) GROUP BY source")
    assert len(rows) == 4
    for row in rows:
        hull = shapely.from_wkb(row["convex_hull_location"])
        assert hull.geom_type == "MultiPolygon"
        assert shapely.box(-73.8, 40.9, -71.7, 42.1).covers(hull)
    whole = quakes.rows("SELECT count(*), convex_hull(spatial_union(location)), extent(location)")[0]
    assert set(whole) == {"count", "convex_hull_spatial_union_location", "extent_location"}


def test_counting_within_a_polygon_agrees_with_the_box(quakes: Asked) -> None:
    inside = "within_polygon(location, 'POLYGON ((-73 41, -72 41, -72 42, -73 42, -73 41))')"
    by_box = "within_box(location, 42, -73, 41, -72)"
    counts = quakes.rows(f"SELECT count(*) AS n WHERE {inside}"), quakes.rows(f"SELECT count(*) AS n WHERE {by_box}")
    assert counts[0] == counts[1] and counts[0][0]["n"] > 500
    many = quakes.rows(f"SELECT count(*) AS n WHERE {inside} AND intersects(location, 'POINT (0 0)')")
    assert many == [{"n": 0}]


def test_measures_and_made_shapes(towns: Asked) -> None:
    row = towns.rows(
        "SELECT distance_in_meters(seat, 'POINT (-72.5 41.6)') AS north, distance_in_meters(hall, seat) AS zero, "
        "distance_in_meters(the_geom, 'POINT (-74 41.5)') AS away, area(the_geom) AS area, num_points(road) AS n, "
        "simplify(road, 0.01) AS straight, simplify_preserve_topology(the_geom, 0.001) AS same, "
        "snap_to_grid(seat, 1) AS snapped, geo_multi(road) AS several, make_point(41.5, -72.5) = seat AS alike, "
        "polygon_intersection(the_geom, 'POLYGON ((-72.5 41, -72 41, -72 42, -72.5 42, -72.5 41))') AS half, "
        "hall::point AS there, the_geom::text AS words, location(seat, 'a', 'b', 'c', 'd').human_address AS address "
        "WHERE town = 'Avon'"
    )[0]
    assert row["north"] == pytest.approx(11_119.5, abs=1)
    assert row["zero"] == 0
    assert row["away"] == pytest.approx(83_280, rel=0.01)
    assert row["area"] == pytest.approx(9.26e9, rel=0.01), "square metres of a degree at 41.5 north"
    assert row["n"] == 3
    assert len(shapely.get_coordinates(shapely.from_wkb(row["straight"]))) == 2
    assert shapely.from_wkb(row["same"]).equals(shapely.box(-73, 41, -72, 42))
    assert row["snapped"] == {"lat": 42.0, "lon": -73.0} or row["snapped"] == {"lat": 42.0, "lon": -72.0}
    assert shapely.from_wkb(row["several"]).geom_type == "MultiLineString"
    assert row["alike"] is True
    assert shapely.from_wkb(row["half"]).area == pytest.approx(0.5)
    assert row["there"] == {"lat": 41.5, "lon": -72.5}
    assert row["words"].startswith("MULTIPOLYGON (((")
    assert row["address"] == '{"address":"a","city":"b","state":"c","zip":"d"}'


def test_names_stay_and_the_order_can_be_by_a_measure(towns: Asked) -> None:
    rows = towns.rows(
        "SELECT town, simplify(the_geom, 0.001) AS the_geom ORDER BY num_points(the_geom), town DESC LIMIT 2"
    )
    assert [row["town"] for row in rows] == ["Canton", "Bethel"]
    assert towns.rows("SELECT town ORDER BY distance_in_meters(seat, 'POINT (-70 41.5)') LIMIT 1") == [
        {"town": "Canton"}
    ]
    assert towns.rows("SELECT *")[0].keys() == {column.name for column in TOWNS}


def test_shapes_go_through_later_stages(towns: Asked) -> None:
    rows = towns.rows("SELECT town, the_geom, seat, hall |> SELECT town, seat.latitude AS lat, hall.longitude AS lon "
                      "WHERE intersects(the_geom, 'POINT (-72.5 41.5)') AND within_circle(seat, 41.5, -72.5, 10)")  # fmt: skip
    assert rows == [{"town": "Avon", "lat": 41.5, "lon": -72.5}]
    assert towns.rows("SELECT coalesce(seat, seat).latitude AS lat LIMIT 1") == [{"lat": 41.5}]


@pytest.mark.parametrize(
    "literal",
    ["POLYGON ((0 0, 1 1))", "POLYGON ((a b))", "POINT (1 2 3)", "GEOMETRYCOLLECTION EMPTY", "POLYGON EMPTY", "x" * 99],
)
def test_what_is_no_shape_is_a_type_mismatch(towns: Asked, literal: str) -> None:
    with pytest.raises(Exception, match="Type mismatch"):
        towns.rows(f"SELECT town WHERE intersects(the_geom, '{literal}')")
