"""Publishing shapes and places: GeoJSON files, well-known text in cells, locations, links with words, money."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from exchange.errors import Invalid
from exchange.hub.conforming import CONFORMED, conform
from exchange.hub.extracting import extract
from exchange.hub.geojson_source import read_geojson
from exchange.hub.parsing import PARSERS, TYPES
from exchange.hub.proposing import ProposedColumn, propose
from exchange.hub.source import FileGiven
from exchange.hub.staging import Staging
from exchange.rows.types import ARROW_TYPES, SHAPES, SodaType, columns_from_schema
from tests.makers.asking import Asked

TOWNS = Path(__file__).resolve().parents[3] / "shared" / "data" / "ct_towns.geojson"


def publish(folder: Path, path: Path, **types: str) -> tuple[Asked, dict[str, ProposedColumn], dict[str, Any]]:
    staging = Staging.of(folder, "run")
    extracted = extract(staging, FileGiven(path, path.name), None)
    columns = [ProposedColumn.from_json(kept) for kept in extracted["proposal"]]
    columns = [column.changed(type_=types.get(column.name)) for column in columns]
    conformed = conform(staging, columns)
    asked = Asked(folder, pq.read_table(staging.path(CONFORMED)), columns_from_schema(conformed["columns"]))
    return asked, {column.name: column for column in columns}, conformed


@pytest.mark.skipif(not TOWNS.exists(), reason="the real data folder is not beside this clone")
def test_the_towns_of_connecticut(tmp_path: Path) -> None:
    asked, columns, conformed = publish(tmp_path, TOWNS)
    assert (columns["town"].type, columns["the_geom"].type) == ("text", "multipolygon")
    assert (conformed["rows"], conformed["refused"]) == (169, 0)
    hartford = "intersects(the_geom, 'POINT (-72.6734 41.7658)')"
    assert asked.rows(f"SELECT town WHERE {hartford}") == [{"town": "Hartford"}]
    neighbours = asked.rows(
        f"SELECT town WHERE within_circle(the_geom, 41.7658, -72.6734, 20000) AND NOT {hartford} ORDER BY town"
    )
    assert {"town": "West Hartford"} in neighbours and {"town": "Stamford"} not in neighbours
    state = asked.rows("SELECT count(*) AS n, sum(area(the_geom)) AS area, extent(the_geom) AS box")[0]
    assert state["n"] == 169
    assert state["area"] == pytest.approx(12_900e6, rel=0.03), "square metres of land"


def geojson(path: Path, *features: dict[str, Any], **members: Any) -> Path:
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features, **members}), encoding="utf-8")
    return path


def feature(geometry: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


POINT = {"type": "Point", "coordinates": [-72.6, 41.7]}


def test_properties_are_cells_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "a.geojson"
    path.write_text(
        '{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"code":"007","rate":1.50,"n":3,'
        '"open":true,"tags":["a"],"none":null},"geometry":{"type":"Point","coordinates":[-72.60,41.7]}},'
        '{"type":"Feature","properties":{"extra":"x"},"geometry":null}]}',
        encoding="utf-8",
    )
    rows = read_geojson(path)
    assert rows.labels == ("code", "rate", "n", "open", "tags", "none", "extra", "the_geom")
    assert list(rows.rows) == [
        ["007", "1.50", "3", "true", '["a"]', None, None, "POINT (-72.6 41.7)"],
        [None, None, None, None, None, None, "x", None],
    ]


def test_heights_are_left_out_and_a_name_in_use_gives_way(tmp_path: Path) -> None:
    high = {"type": "Point", "coordinates": [-72.6, 41.7, 12.5]}
    rows = read_geojson(geojson(tmp_path / "a.geojson", feature(high, the_geom="mine")))
    assert rows.labels == ("the_geom", "geometry")
    assert list(rows.rows) == [["mine", "POINT (-72.6 41.7)"]]
    assert "heights" in rows.notes[0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not well-formed"),
        ("[" * 100_000, "not well-formed"),
        ('{"type":"FeatureCollection","features":[]}', "no GeoJSON FeatureCollection"),
        ('{"type":"Feature"}', "no GeoJSON FeatureCollection"),
        ('{"type":"FeatureCollection","features":[{"type":"Point"}]}', "not a Feature"),
        ('{"type":"FeatureCollection","features":[{"type":"Feature","geometry":{"type":"Blob"}}]}', "cannot be read"),
        ('{"type":"FeatureCollection","features":[{"type":"Feature"}],"crs":{"name":"EPSG:2234"}}', "not in WGS 84"),
    ],
)
def test_what_is_no_geojson_is_refused_with_what_to_do(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "a.geojson"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(Invalid, match=words):
        read_geojson(path)


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        (["POLYGON ((0 0, 1 0, 1 1, 0 0))"], "polygon"),
        (["POLYGON ((0 0, 1 0, 1 1, 0 0))", "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)))"], "multipolygon"),
        (["LINESTRING (0 0, 1 1)"], "line"),
        (["MULTIPOINT (0 0, 1 1)", "POINT (0 0)"], "multipoint"),
        (["POINT (0 0)", "POINT (1.5 2)"], "point"),
        (["POLYGON ((0 0, 1 0, 1 1, 0 0))", "LINESTRING (0 0, 1 1)"], "text"),
        (["POLYGON ((0 0, 1 0, 1 1, 0 0))", "unknown"], "text"),
        (["POLYGON ((0 0, 1000 0, 1 1, 0 0))"], "text"),
        (["https://ct.gov", "https://ct.gov/a"], "text"),
        (["$1,200", "$3"], "text"),
    ],
)
def test_shapes_are_proposed_only_where_every_value_is_one(values: list[str], type_: str) -> None:
    assert propose("shape", "Shape", dict.fromkeys(values, 1), 0).type == type_


@pytest.mark.parametrize(
    ("type_", "text", "value"),
    [
        ("money", "$1,234.50", 1234.5), ("money", "-$3", -3), ("money", "1,2", None), ("money", "EUR 3", None),
        ("location", "1 Main St\nAvon, CT 06001\n(41.8, -72.8)",
         (41.8, -72.8, '{"address":"1 Main St","city":"Avon","state":"CT","zip":"06001"}')),
        ("location", "(41.8, -72.8)", (41.8, -72.8, None)), ("location", "Avon", None), ("location", "(91, 0)", None),
        ("location", '{"latitude":"41.8","longitude":"-72.8","human_address":"{}"}', (41.8, -72.8, "{}")),
        ("location", '{"latitude":"41.8"}', None), ("location", "{", None),
        ("url", "https://ct.gov The State", "https://ct.gov The State"), ("url", "The State (https://ct.gov)",
         "https://ct.gov The State"), ("url", '{"url":"https://ct.gov"}', "https://ct.gov"), ("url", "ct.gov", None),
        ("point", "POINT (-72.6 41.7)", (41.7, -72.6)), ("polygon", "POINT (-72.6 41.7)", None),
        ("polygon", "POLYGON ((0 0, 1 0, 1 1, 0 0), (0", None), ("double", "1.5", 1.5), ("photo", "a-b", "a-b"),
    ],
)  # fmt: skip
def test_cells(type_: str, text: str, value: Any) -> None:
    assert PARSERS[type_](text) == value


def test_a_geojson_geometry_is_read_as_well() -> None:
    found = PARSERS["multipolygon"]('{"type":"Polygon","coordinates":[[[0,0],[1,0],[1,1],[0,0]]]}')
    assert found[1:] == (0.0, 0.0, 1.0, 1.0)


def test_every_type_can_be_chosen_and_lies_as_its_table_says() -> None:
    assert set(TYPES) == set(SodaType) == set(PARSERS)
    assert set(ARROW_TYPES) | SHAPES | {"point", "location"} == set(SodaType)


def test_a_steward_chooses_types_that_are_never_guessed(tmp_path: Path) -> None:
    path = tmp_path / "places.csv"
    path.write_text(
        "Name,Cost,Site,Place\n"
        'A,"$1,000",Home (https://a.example),"1 Main St\nAvon, CT 06001\n(41.8, -72.8)"\n'
        'B,$2.50,https://b.example,"(41.7, -72.7)"\n',
        encoding="utf-8",
    )
    asked, _, conformed = publish(tmp_path, path, cost="money", site="url", place="location")
    assert conformed["refused"] == 0
    rows = asked.rows("SELECT name, cost, site.description AS words, place.human_address AS a, place.latitude AS lat")
    assert [(row["name"], row["cost"], row["words"], row["lat"]) for row in rows] == [
        ("A", 1000.0, "Home", 41.8),
        ("B", 2.5, None, 41.7),
    ]
    assert json.loads(rows[0]["a"])["city"] == "Avon" and rows[1]["a"] is None
