"""Types: how each lies in a file, what its cells say in JSON and CSV, and which literals become it."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from exchange.errors import Invalid
from exchange.rows.cells import json_value, plain_text
from exchange.rows.plan import resolve
from exchange.rows.plan.coercion import coerce
from exchange.rows.soql import parse_statement
from exchange.rows.types import (
    SHAPES,
    ColumnInfo,
    SodaType,
    check_schema,
    columns_from_schema,
    header_name,
    narrow_numbers,
    physical_schema,
)
from tests.makers.asking import Asked
from tests.makers.shapes import TOWNS, make_towns


@pytest.fixture(scope="module")
def towns(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    return Asked(tmp_path_factory.mktemp("open"), make_towns(), TOWNS)


def cells(asked: Asked, expression: str, where: str = "true") -> list[tuple[Any, Any]]:
    """Each cell of an expression as JSON reads it and as CSV has it."""
    statement = f"SELECT {expression} AS answer WHERE {where} ORDER BY town"
    field = resolve(parse_statement(statement), asked.columns).fields[0]
    columns = [batch.column(0) for batch in asked.batches(statement)]
    written = [text for column in columns for text in json_value(column, field.type).to_pylist()]
    plain = [text for column in columns for text in plain_text(column, field.type).to_pylist()]
    return [(None if a is None else json.loads(a), b) for a, b in zip(written, plain, strict=True)]


def test_shapes_are_geojson_and_well_known_text(towns: Asked) -> None:
    square = [[[[-72.0, 41.0], [-72.0, 42.0], [-73.0, 42.0], [-73.0, 41.0], [-72.0, 41.0]]]]
    assert cells(towns, "the_geom", "town = 'Avon'") == [
        ({"type": "MultiPolygon", "coordinates": square}, "MULTIPOLYGON (((-72 41, -72 42, -73 42, -73 41, -72 41)))")
    ]
    assert cells(towns, "road", "town = 'Avon'")[0][1] == "LINESTRING (-72.9 41.1, -72.5 41.5, -72.1 41.9)"
    assert cells(towns, "seat", "town = 'Avon'") == [
        ({"type": "Point", "coordinates": [-72.5, 41.5]}, "POINT (-72.5 41.5)")
    ]
    assert cells(towns, "case(town = 'Avon', road)")[1] == (None, None)


def test_a_location_has_texts_for_values(towns: Asked) -> None:
    address = '{"address":"1 Main St","city":"Avon","state":"CT","zip":"06103"}'
    first, _, last = cells(towns, "hall")
    assert first == (
        {"latitude": "41.5", "longitude": "-72.5", "human_address": address},
        "1 Main St\nAvon, CT 06103\n(41.5, -72.5)",
    )
    assert last == ({"human_address": address.replace("Avon", "Canton")}, "1 Main St\nCanton, CT 06103")


def test_a_link_has_its_words(towns: Asked) -> None:
    assert cells(towns, "website") == [
        ({"url": "https://avon.example", "description": "Town of Avon"}, "Town of Avon (https://avon.example)"),
        ({"url": "https://bethel.example"}, "https://bethel.example"),
        (None, None),
    ]
    assert cells(towns, "website.description")[0] == ("Town of Avon", "Town of Avon")


def test_numbers(towns: Asked) -> None:
    assert cells(towns, "people")[0] == ("9007199254740993", "9007199254740993"), "exact past 2 ** 53"
    assert cells(towns, "people::text")[0][0] == "9007199254740993"
    assert cells(towns, "town", "people = 9007199254740993") == [("Avon", "Avon")]
    assert cells(towns, "town", "people = 9007199254740992") == []
    assert cells(towns, "rate") == [(0.1, "0.1"), (0.25, "0.25"), (1e21, "1" + "0" * 21)]
    assert cells(towns, "budget") == [("1234.5", "1234.5"), ("99", "99"), (None, None)]
    assert cells(towns, "0.1 + 0.2")[0] == ("0.3", "0.3")
    assert cells(towns, "rate + 0.2::double")[0][0] == pytest.approx(0.3)


def test_what_headers_call_each_type(towns: Asked) -> None:
    fields = resolve(parse_statement("SELECT *"), columns_from_schema([c.to_json() for c in TOWNS])).fields
    assert [field.type for field in fields] == [
        "text", "text", "multipolygon", "line", "location", "point", "url", "number", "double", "number",
    ]  # fmt: skip
    assert {header_name(type_) for type_ in SodaType} >= {"boolean", "floating_timestamp", "photo", *SHAPES}


def test_each_type_lies_in_a_file_and_nothing_else_fits() -> None:
    columns = tuple(ColumnInfo(type_.value, type_.value, type_.value) for type_ in SodaType)
    schema = physical_schema(columns)
    check_schema(schema, columns)
    assert {"polygon", "polygon__west", "polygon__south", "polygon__east", "polygon__north"} <= set(schema.names)
    assert {"location__lat", "location__lon", "location__address"} <= set(schema.names)
    without = schema.remove(schema.get_field_index("polygon__west"))
    with pytest.raises(Invalid, match="polygon__west"):
        check_schema(without, columns)
    wrong = schema.set(schema.get_field_index("polygon"), pa.field("polygon", pa.string()))
    with pytest.raises(Invalid, match="polygon is string"):
        check_schema(wrong, columns)


def test_whole_amounts_of_money_lie_as_whole_numbers() -> None:
    columns = (ColumnInfo("m", "M", "money"), ColumnInfo("d", "D", "double"))
    table = narrow_numbers(pa.table({"m": [1.0, 2.0], "d": [1.0, 2.0]}), columns)
    assert table.schema.field("m").type == pa.int64()
    assert table.schema.field("d").type == pa.float64()


@pytest.mark.parametrize(
    ("text", "type_", "value"),
    [
        ("4.2", "number", 4.2), ("42", "number", 42), ("1e3", "number", 1000), ("x", "number", None),
        ("4.2", "double", 4.2), ("1", "checkbox", True), ("FALSE", "checkbox", False), ("yes", "checkbox", None),
        ("2015-01-10T12:00:00Z", "calendar_date", None), ("2015-13-10", "calendar_date", None),
        ("POINT (-72.6 41.7)", "point", (41.7, -72.6)), ("point(-72.6 41.7)", "point", (41.7, -72.6)),
        ("POINT (1 2)", "polygon", None), ("P1Y2M3DT4H", "interval", (14, 3, 14400)), ("P", "interval", None),
        ("US/Eastern", "zone", "US/Eastern"), ("/etc/passwd", "zone", None),
        ("row-0000-0000-0000-000a", "row_identifier", 10), ("https://ct.gov", "url", "https://ct.gov"),
        ('{"url":"https://ct.gov","description":"The State"}', "url", "https://ct.gov The State"),
        ('<a href="https://ct.gov">The State</a>', "url", "https://ct.gov The State"),
        ('{"latitude":"41.7","longitude":"-72.6"}', "location", (41.7, -72.6, None)),
        ('{"latitude":41.7}', "location", (41.7, None, None)), ("[1]", "location", None), ("{1", "location", None),
        ("{ latitude: 41.7, longitude: -72.6 }", "location", (41.7, -72.6, None)),
        ("{human_address: '{\"zip\": \"06103\"}'}", "location", (None, None, '{"zip": "06103"}')),
        ('{ url: "https://ct.gov", description : "It\'s: here" }', "url", "https://ct.gov It's: here"),
        ("{" * 5000, "location", None), ("{bad", "url", None),
        ("a", "no_such_type", None),
    ],
)  # fmt: skip
def test_what_a_text_literal_becomes(text: str, type_: str, value: Any) -> None:
    assert coerce(text, type_) == value


def test_shapes_of_one_part_become_shapes_of_several() -> None:
    one, several = (
        coerce("POLYGON ((0 0, 1 0, 1 1, 0 0))", "polygon"),
        coerce("POLYGON ((0 0, 1 0, 1 1, 0 0))", "multipolygon"),
    )
    assert isinstance(one, tuple) and isinstance(several, tuple)
    assert one[1] == several[1] == (0.0, 0.0, 1.0, 1.0)
    assert one[0] != several[0]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("people > '3'", True), ("rate < '0.2'", True), ("town = 1", None), ("seat = 'POINT (-72.5 41.5)'", True),
        ("hall::point = seat", True), ("'4'::number + 1", 5.0), ("'true'::boolean", True), ("true::text", "true"),
        ("'2024-01-02'::floating_timestamp::text", "2024-01-02T00:00:00.000"), ("website::text", "https://avon.example"),
        ("rate::text::double", 0.1), ("people::double > 1", True), ("'2024-01-02T00:00:00Z'::fixed_timestamp::text",
        "2024-01-02T00:00:00.000Z"), ("'POLYGON ((0 0, 1 0, 1 1, 0 0))'::multipolygon::text",
        "MULTIPOLYGON (((0 0, 1 0, 1 1, 0 0)))"),
    ],
)  # fmt: skip
def test_coercions_and_casts_in_a_query(towns: Asked, expression: str, value: Any) -> None:
    if value is None:
        with pytest.raises(Exception, match="Type mismatch"):
            towns.value(expression)
    else:
        assert towns.rows(f"SELECT {expression} AS answer WHERE town = 'Avon'")[0]["answer"] == value
