"""Every format read back by somebody else's reader: what goes in comes out, cell by cell."""

from __future__ import annotations

import csv
import gzip
import io
import json
import struct
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from exchange.rows.door import Field
from exchange.rows.formats import FORMATS, PLAIN, Options
from exchange.rows.formats import workbook as xlsx
from exchange.rows.formats.packing import packed
from exchange.rows.formats.soda1 import rows_json

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "../shared/data"
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
SOCRATA = "{http://www.socrata.com/rdf/terms#}"
WGS = "{http://www.w3.org/2003/01/geo/wgs84_pos#}"
HERE = Options(origin="https://data.example", dataset_id="2bcd-1234")
POINT = pa.struct([("lat", pa.float64()), ("lon", pa.float64())])
FIELDS = (
    Field(":id", "row_identifier"), Field("name", "text"), Field("amount", "number"),
    Field("seen", "floating_timestamp"), Field("place", "point"), Field("open", "boolean"),
)  # fmt: skip
COLUMNS: list[pa.Array] = [
    pa.array(["row-0000-0000-0000-0000", "row-0000-0000-0000-0001", "row-0000-0000-0000-0002"]),
    pa.array(["=1+1", 'a,"b"\n<&\x01\té', None]),
    pa.array([1.5, None, 2e15]),
    pa.array([datetime(2020, 1, 2), datetime(1899, 1, 1, 15, 4), None], pa.timestamp("us")),  # noqa: DTZ001
    pa.array([{"lat": 1.0, "lon": 2.5}, None, {"lat": 3.0, "lon": 4.0}], POINT),
    pa.array([True, None, False]),
]


def batch(*columns: int) -> pa.RecordBatch:
    chosen = columns or range(len(FIELDS))
    return pa.RecordBatch.from_arrays([COLUMNS[n] for n in chosen], names=[FIELDS[n].name for n in chosen])


def written(extension: str, options: Options = HERE, batches: list[pa.RecordBatch] | None = None) -> bytes:
    given_batches = [batch()] if batches is None else batches
    return b"".join(FORMATS[extension].write(FIELDS, iter(given_batches), options))


@pytest.mark.parametrize(("extension", "separator"), [("csv", ","), ("tsv", "\t")])
def test_tables_of_texts_are_exact(extension: str, separator: str) -> None:
    rows = list(csv.reader(io.StringIO(written(extension).decode(), newline=""), delimiter=separator, strict=True))
    assert rows[0] == [field.name for field in FIELDS]
    assert rows[1][1:] == ["=1+1", "1.5", "2020-01-02T00:00:00.000", "POINT (2.5 1)", "true"]
    assert rows[2][1:] == ['a,"b"\n<&\x01\té', "", "1899-01-01T15:04:00.000", "", ""]
    assert len(rows) == 4


def test_a_download_is_for_people() -> None:
    people = HERE.changed(for_people=True, labels=(("amount", "Amount, $"),), formula_safe=True, byte_order_mark=True)
    text = written("csv", people).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert text.startswith(':id,name,"Amount, $",seen') and written("csv", people).startswith(b"\xef\xbb\xbf")
    assert rows[1][1:4] == ["'=1+1", "1.5", "01/02/2020"] and rows[2][3] == "01/01/1899"
    timed = written("csv", people.changed(timed=frozenset({"seen"}))).decode("utf-8-sig")
    assert "01/02/2020 12:00:00 AM" in timed and "01/01/1899 03:04:00 PM" in timed
    assert '"' not in text.split("\n")[1]


@pytest.mark.parametrize("text", ["=1", "+1", "-1", "@x", "\tx", "\rx"])
def test_formula_safe_touches_texts_that_a_spreadsheet_computes_and_nothing_else(text: str) -> None:
    field, column = (Field("x", "text"),), pa.array([text, "1=1"])
    rows = pa.RecordBatch.from_arrays([column], names=["x"])
    safe = b"".join(FORMATS["csv"].write(field, iter([rows]), PLAIN.changed(formula_safe=True))).decode()
    assert [row[0] for row in csv.reader(io.StringIO(safe, newline=""))] == ["x", f"'{text}", "1=1"]
    numbers = pa.RecordBatch.from_arrays([pa.array([-1.0])], names=["x"])
    safe = b"".join(FORMATS["csv"].write((Field("x", "number"),), iter([numbers]), PLAIN.changed(formula_safe=True)))
    assert safe == b'"x"\n"-1"\n'


def test_geojson_has_its_geometry_and_keeps_nulls() -> None:
    found = json.loads(written("geojson"))
    first, second = found["features"][:2]
    assert found["crs"]["properties"]["name"] == "urn:ogc:def:crs:OGC:1.3:CRS84"
    assert first["geometry"] == {"type": "Point", "coordinates": [2.5, 1]} and second["geometry"] is None
    assert first["properties"]["amount"] == "1.5" and second["properties"]["amount"] is None
    assert "place" not in first["properties"] and second["properties"]["name"] == 'a,"b"\n<&\x01\té'
    assert json.loads(written("geojson", batches=[]))["features"] == []


def test_xml_is_the_old_form_and_well_formed() -> None:
    rows = etree.fromstring(written("xml", HERE.changed(ids_asked=False)))
    found = rows.findall("row/row")
    assert rows.tag == "response" and len(found) == 3
    assert found[0].get("_id") == "row-0000-0000-0000-0000" and [row.get("_position") for row in found] == list("012")
    assert found[0].get("_address") == "https://data.example/resource/2bcd-1234/row-0000-0000-0000-0000"
    assert found[0].findtext("amount") == "1.5" and dict(found[0].find("place").attrib) == {
        "latitude": "1", "longitude": "2.5"
    }  # fmt: skip
    assert found[1].findtext("name") == 'a,"b"\n<&\ufffd\té' and found[1].find("place") is None
    assert etree.fromstring(written("xml", batches=[])).findall("row/row") == []


def test_rdf_has_the_parts_of_the_vendors_samples() -> None:
    rows = etree.fromstring(written("rdf", HERE.changed(ids_asked=False)))
    first = rows[0]
    assert first.tag == "{https://data.example/resource/}_2bcd-1234"
    assert first.get(f"{RDF}about") == "https://data.example/resource/2bcd-1234/row-0000-0000-0000-0000"
    place = first.find("{https://data.example/resource/2bcd-1234/}place")
    assert [part.tag for part in place.iter()][1:] == [f"{WGS}SpatialThing", f"{WGS}lat", f"{WGS}long"]
    for sample in ("police_departments.socrata.rdf", "population_and_housing_by_town_2010.socrata.rdf"):
        if not (SAMPLES / sample).exists():
            pytest.skip("the samples of data.ct.gov are not beside this checkout")
        theirs = etree.parse(str(SAMPLES / sample)).getroot()
        ours = {prefix: name for prefix, name in rows.nsmap.items() if prefix not in ("ds", "dsbase")}
        assert (
            ours.items() <= theirs.nsmap.items()
            and [part.tag for part in theirs[0]][:2] == [part.tag for part in first][:2]
        )


def test_rows_without_ids_are_rdf_without_names() -> None:
    fields, rows = FIELDS[1:3], batch(1, 2)
    found = etree.fromstring(b"".join(FORMATS["rdf"].write(fields, iter([rows]), HERE)))
    assert found[0].get(f"{RDF}about") is None and found.find(f".//{SOCRATA}rowID") is None


@pytest.mark.parametrize("name", ["2nd place", "a$b", ":updated_at", "é", "-x", "xml"])
def test_every_column_name_makes_an_element(name: str) -> None:
    rows = pa.RecordBatch.from_arrays([pa.array(["v"])], names=["x"])
    for extension in ("xml", "rdf"):
        etree.fromstring(b"".join(FORMATS[extension].write((Field(name, "text"),), iter([rows]), HERE)))


def test_arrow_and_parquet_are_typed_with_points_as_binary() -> None:
    wkb = struct.pack("<BIdd", 1, 1, 2.5, 1.0)
    for table in (
        pa.ipc.open_stream(written("arrow")).read_all(),
        pq.read_table(io.BytesIO(written("parquet"))),
    ):
        first, second, third = table.to_pylist()
        assert first["amount"] == 1.5 and third["amount"] == 2e15 and second["amount"] is None
        assert first["seen"] == datetime(2020, 1, 2) and first["place"] == wkb and second["place"] is None  # noqa: DTZ001
        assert second["name"] == 'a,"b"\n<&\x01\té' and first["open"] is True
        assert json.loads(table.schema.metadata[b"geo"])["columns"]["place"]["encoding"] == "WKB"
        assert table.schema.field("open").metadata == {b"soda.type": b"boolean"}
    assert pa.ipc.open_stream(written("arrow", batches=[])).read_all().num_rows == 0
    assert pq.read_table(io.BytesIO(written("parquet", batches=[]))).column_names == [f.name for f in FIELDS]


@pytest.mark.parametrize("extension", ["arrow", "parquet", "xlsx"])
def test_a_cut_file_cannot_be_read(extension: str) -> None:
    """The end comes last, so half a file is seen to be half."""
    whole = written(extension, batches=[batch()] * 400)
    half = whole[: len(whole) // 2]
    with pytest.raises(Exception):  # noqa: B017 - each reader has an error of its own
        if extension == "arrow":
            pa.ipc.open_stream(half).read_all()
        elif extension == "parquet":
            pq.read_table(io.BytesIO(half))
        else:
            openpyxl.load_workbook(io.BytesIO(half))


def sheet_rows(body: bytes) -> list[tuple[Any, ...]]:
    book = openpyxl.load_workbook(io.BytesIO(body))
    return [row for sheet in book for row in sheet.iter_rows(values_only=True)]


def test_a_workbook_has_numbers_dates_and_never_a_formula() -> None:
    names, first, second, third = sheet_rows(written("xlsx"))
    assert names == tuple(field.name for field in FIELDS)
    assert first[1:] == ("=1+1", 1.5, datetime(2020, 1, 2), "POINT (2.5 1)", True)  # noqa: DTZ001
    assert second[1:4] == ('a,"b"\n<&\ufffd\té', None, "1899-01-01T15:04:00.000")
    assert third[1:4] == (None, "2000000000000000", None)
    cells = openpyxl.load_workbook(io.BytesIO(written("xlsx"))).active
    assert {cell.data_type for row in cells.iter_rows() for cell in row} <= {"s", "n", "d", "b", "inlineStr"}


def test_a_workbook_goes_on_to_a_further_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "MAX_ROWS", 5)
    body = written("xlsx", batches=[batch()] * 4)
    book = openpyxl.load_workbook(io.BytesIO(body))
    assert book.sheetnames == ["Rows", "Rows 2", "Rows 3", "Rows 4"]
    assert len([row for row in sheet_rows(body) if row[0] != ":id"]) == 12


def test_a_text_too_long_for_a_cell_ends_in_an_ellipsis() -> None:
    rows = pa.RecordBatch.from_arrays([pa.array(["x" * 40_000, "_x0041_"])], names=["t"])
    found = sheet_rows(b"".join(FORMATS["xlsx"].write((Field("t", "text"),), iter([rows]), PLAIN)))
    assert len(found[1][0]) == xlsx.MAX_TEXT and found[1][0].endswith("x…")


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.none(), TEXT), min_size=1, max_size=12))
def test_every_text_survives_every_format(values: list[str | None]) -> None:
    fields = (Field("x", "text"), Field("p", "point"))
    points = pa.array([None] * len(values), POINT)
    rows = pa.RecordBatch.from_arrays([pa.array(values, pa.string()), points], names=["x", "p"])

    def through(extension: str) -> bytes:
        return b"".join(FORMATS[extension].write(fields, iter([rows]), HERE))

    assert [f["properties"]["x"] for f in json.loads(through("geojson"))["features"]] == values
    assert pa.ipc.open_stream(through("arrow")).read_all()["x"].to_pylist() == values
    in_xml = [row.findtext("x") for row in etree.fromstring(through("xml")).findall("row/row")]
    assert in_xml == [None if value is None else as_xml(value) for value in values]


def as_xml(value: str) -> str:
    """What XML 1.0 can hold of a text."""
    return "".join(c if c in "\t\n\r" or (c >= " " and c not in "\ufffe\uffff") else "\ufffd" for c in value)


SQUARE = "POLYGON ((-73 41, -72 41, -72 42, -73 41))"
HUMAN = '{"address":"50 Union Ave","city":"New Haven","state":"CT","zip":"06519"}'
RICH_FIELDS = (Field("link", "url"), Field("site", "location"), Field("area", "polygon"))


def rich() -> pa.RecordBatch:
    """Links with and without words, a location with and without its point, a polygon; and a row of nulls."""
    links = pa.array(["https://a.example/?x=1&y=2 The <site>", "https://b.example/", None])
    place = pa.struct([("lat", pa.float64()), ("lon", pa.float64()), ("address", pa.string())])
    sites = pa.array(
        [{"lat": 41.3, "lon": -72.9, "address": HUMAN}, {"lat": None, "lon": None, "address": HUMAN}, None], place
    )
    areas = pa.array([shapely.to_wkb(shapely.from_wkt(SQUARE)), None, None])
    return pa.RecordBatch.from_arrays([links, sites, areas], names=[field.name for field in RICH_FIELDS])


def test_links_locations_and_shapes() -> None:
    def through(extension: str, options: Options = HERE) -> bytes:
        return b"".join(FORMATS[extension].write(RICH_FIELDS, iter([rich()]), options))

    first, second, third = json.loads(through("json"))
    assert first["link"] == {"url": "https://a.example/?x=1&y=2", "description": "The <site>"} and third == {}
    assert first["site"]["human_address"] == HUMAN and "latitude" not in second["site"]
    shaped = json.loads(through("geojson"))["features"]
    assert shaped[0]["geometry"]["type"] == "Polygon" and shaped[1]["geometry"] is None
    xml = etree.fromstring(through("xml")).findall("row/row")
    assert dict(xml[0].find("link").attrib) == {"url": "https://a.example/?x=1&y=2", "description": "The <site>"}
    assert xml[0].find("site").get("human_address") == HUMAN and xml[0].find("site").get("latitude") == "41.3"
    assert set(xml[1].find("site").attrib) == {"human_address"} and len(xml[2]) == 0
    assert SQUARE in xml[0].findtext("area", "") and len(etree.fromstring(through("rdf"))) == 3
    table = pq.read_table(io.BytesIO(through("parquet")))
    assert shapely.from_wkb(table["area"][0].as_py()).equals(shapely.from_wkt(SQUARE))
    assert json.loads(table.schema.metadata[b"geo"])["primary_column"] == "area"
    assert sheet_rows(through("xlsx"))[1][1].startswith("50 Union Ave\nNew Haven, CT 06519")
    assert pa.ipc.open_stream(through("arrow")).read_all().num_rows == 3


def test_a_location_is_the_geometry_where_nothing_else_is() -> None:
    fields, rows = RICH_FIELDS[:2], rich().select([0, 1])
    found = json.loads(b"".join(FORMATS["geojson"].write(fields, iter([rows]), HERE)))["features"]
    assert [feature["geometry"] for feature in found] == [{"type": "Point", "coordinates": [-72.9, 41.3]}, None, None]


def test_rows_json_has_lists_for_links_and_locations() -> None:
    ids = pa.array([f"row-0000-0000-0000-000{n}" for n in range(3)])
    rows = pa.RecordBatch.from_arrays([*rich().columns, ids], names=[*rich().schema.names, ":id"])
    fields = (*RICH_FIELDS, Field(":id", "row_identifier"))
    body = json.loads(b"".join(rows_json({"columns": []}, 5).write(fields, iter([rows]), HERE)))
    assert body["data"][0][8:10] == [
        ["https://a.example/?x=1&y=2", "The <site>"],
        [HUMAN, "41.3", "-72.9", None, False],
    ]
    assert body["data"][1][8] == ["https://b.example/", None] and body["data"][2][8:] == [None, None, None]


def test_gzip_is_the_same_bytes_and_the_same_each_time() -> None:
    parts = [written("json") for _ in range(3)]
    once, again = (b"".join(packed(iter(parts))) for _ in range(2))
    assert gzip.decompress(once) == b"".join(parts) and once == again


GROWTH = """
import gc
from pathlib import Path
import pyarrow as pa
from exchange.rows.door import Field
from exchange.rows.formats import FORMATS, Options
from exchange.rows.formats.packing import packed

types = ("text", "number", "floating_timestamp", "boolean", "point")
fields = tuple(Field(f"c{n}", type_) for n, type_ in enumerate(types))
point = pa.StructArray.from_arrays([pa.array([41.5] * 16384), pa.array([-72.5] * 16384)], ["lat", "lon"])
columns = [pa.array([f"row {n} " + "x" * 200 for n in range(16384)]), pa.array([n / 7 for n in range(16384)]),
           pa.array(range(16384), pa.timestamp("ms")), pa.array([True] * 16384), point]
batch = pa.RecordBatch.from_arrays(columns, names=[field.name for field in fields])
pages = Path("/proc/self/statm")

def resident():
    return int(pages.read_text().split()[1]) * 4096 // 1_000_000

def most(name, batches):
    parts = FORMATS[name].write(fields, iter([batch] * batches), Options())
    gc.collect()
    return max(resident() for part in (packed(parts) if name == "csv" else parts))

for name in FORMATS:
    print(name, -most(name, 3) + most(name, 15))
"""


def test_no_format_grows_with_the_number_of_rows() -> None:
    """Twelve batches more are 50 to 100 MB of texts; the process grows by less than three of them."""
    done = subprocess.run([sys.executable, "-c", GROWTH], cwd=ROOT, capture_output=True, text=True, check=True)
    grown = {line.split()[0]: int(line.split()[1]) for line in done.stdout.splitlines()}
    assert set(grown) == set(FORMATS)
    assert {name: megabytes for name, megabytes in grown.items() if megabytes > 20} == {}


def test_a_format_reads_a_batch_only_when_its_bytes_are_wanted() -> None:
    for name, format_ in FORMATS.items():
        read: list[int] = []

        def batches(read: list[int] = read) -> Iterator[pa.RecordBatch]:
            for number in range(60):
                read.append(number)
                yield pa.RecordBatch.from_arrays(
                    [column.take(pa.array([0] * 1000)) for column in COLUMNS], names=[f.name for f in FIELDS]
                )

        parts = format_.write(FIELDS, batches(), HERE)
        next(parts)
        assert len(read) <= 31, name
