"""Queries as Socrata's documentation writes them, over HTTP, against datasets of the same shape as there."""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient

from exchange.db import db
from exchange.settings import Settings
from tests.conftest import NOON
from tests.makers.rows import make_open_dataset
from tests.makers.shapes import TOWNS, make_towns

QUAKES_ASKED = [
    "$select=avg(magnitude)", "$select=source,avg(magnitude)&$group=source", "$where=magnitude between '2' and '3'",
    "$select=date_trunc_ym(datetime) as month, count(*)&$group=month",
    "$select=date_extract_dow(datetime) as day_of_week, source, count(*)&$group=day_of_week, source",
    "$select=greatest(datetime, datetime)", "$select=least(magnitude, depth)", "$where=starts_with(source, 'p')",
    "$where=datetime between '2015-01-10T12:00:00' and '2015-01-10T14:00:00'", "$where=felt",
    "$select=count(*)&$where=felt=true", "$select=ln(magnitude)",
    "$select=source, count(*), convex_hull(location)&$group=source", "$select=count(*),extent(location)&source=pr",
    "$select=count(*),convex_hull(spatial_union(location))", "$where=within_circle(location, 41.76, -72.67, 500)",
    "$where=within_box(location, 42.0, -73.0, 41.0, -72.0)",
    "$where=within_polygon(location, 'MULTIPOLYGON (((-73 41, -72 41, -72 42, -73 42, -73 41)))')",
    "$where=intersects(location, 'POLYGON ((-73 41, -72 41, -72 42, -73 42, -73 41))')",
    "$order=distance_in_meters(location, 'POINT(-72.6 41.7)')&$limit=5"
    "&$select=*, distance_in_meters(location, 'POINT(-72.6 41.7)') AS range",
    "$select=DISTANCE_IN_METERS(location, 'POINT(-72.6 41.7)') * 3.28084 AS range_in_feet",
    "$where=:created_at < '2099-10-15T03:00:00.000Z'", "$select=:id,:created_at,:updated_at,:version",
    "$select=CASE(source = 'pr', region, source = 'ak', source || ' ' || region) AS name",
    "$select=source, sum(case(felt='false', 1, true, 0)) as no_count&$group=source", "$select=stddev_samp(magnitude)",
    "$select=regr_slope(magnitude, depth), regr_intercept(magnitude, depth), regr_r2(magnitude, depth)",
    "$where=unaccent(region) = 'Quebec'", "$select=distinct source", "$where=upper(source) in ('PR', 'AK')",
    "$where=date_extract_hh(datetime) not between 1 and 3", "$where=region not like 'Central%25'",
    "$select=round(magnitude, 0) as m, count(*)&$group=m&$having=count(*) > 5",
]  # fmt: skip
TOWNS_ASKED = [
    "$select=website.description", "$select=website.url", "$query=SELECT website", "$query=SELECT website.description",
    "$where=intersects(the_geom, 'POLYGON((-72.5 41.2, -72.4 41.2, -72.4 41.3, -72.5 41.2))')",
    "$where=intersects(the_geom, 'POINT (-72.5 41.5)')", "$select=simplify(the_geom, 0.001) AS the_geom",
    "$select=town, simplify_preserve_topology(the_geom, 0.001)", "$select=town, num_points(the_geom) as n&$order=n DESC",
    "$order=num_points(the_geom) DESC", "$select=distance_in_meters(hall, 'POINT(-72.6 41.7)')",
    "$where=within_circle(hall, 41.5, -72.5, 500)", "$where=within_box(hall, 42, -73, 41, -72)",
    "$select=hall.latitude, hall.longitude, hall.human_address", "$select=location_latitude(hall)",
    "$select=county,count(*),convex_hull(the_geom)&$group=county", "$select=count(*),extent(the_geom)",
    "$where=hall is not null&$order=town",
]  # fmt: skip


def refused(client: FlaskClient, dataset_id: str, queries: list[str], extension: str) -> list[tuple[str, int, str]]:
    """What did not answer 200."""
    answers = [(query, client.get(f"/resource/{dataset_id}.{extension}?{query}")) for query in queries]
    return [
        (query, found.status_code, found.get_data(as_text=True)[:300])
        for query, found in answers
        if found.status_code != 200
    ]


def test_over_earthquakes(app: Flask, client: FlaskClient, settings: Settings) -> None:
    make_open_dataset(db.session(), settings.data_dir, NOON)
    db.session().commit()
    for extension in ("json", "csv"):
        assert refused(client, "abcd-1234", QUAKES_ASKED, extension) == []


def test_over_towns(app: Flask, client: FlaskClient, settings: Settings) -> None:
    make_open_dataset(
        db.session(), settings.data_dir, NOON, id="town-0001", table=make_towns(), columns=TOWNS, row_id=None
    )
    db.session().commit()
    for extension in ("json", "csv"):
        assert refused(client, "town-0001", TOWNS_ASKED, extension) == []
    with_shapes = [
        "",
        "$select=simplify(the_geom,0.01) AS the_geom,town",
        "$select=county,convex_hull(the_geom)&$group=county",
    ]
    assert refused(client, "town-0001", with_shapes, "geojson") == []
    rows = client.get("/resource/town-0001.json").get_json()
    assert rows[0]["the_geom"]["type"] == "MultiPolygon"
    assert rows[0]["hall"]["latitude"] == "41.5" and rows[0]["website"]["description"] == "Town of Avon"
    found = client.get("/resource/town-0001.geojson").get_json()["features"][0]
    assert found["geometry"]["type"] == "MultiPolygon" and found["properties"]["town"] == "Avon"
    page = client.get("/data/town-0001")
    assert page.status_code == 200 and "MULTIPOLYGON" in page.get_data(as_text=True)
    view = client.get("/api/views/town-0001.json")
    assert view.status_code == 200
    types = {column["fieldName"]: column["dataTypeName"] for column in view.get_json()["columns"]}
    assert (types["the_geom"], types["hall"], types["website"]) == ("multipolygon", "location", "url")
