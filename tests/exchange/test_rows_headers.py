"""Headers, conditions, choices and errors of row addresses (reference: soda.md §3, §6, §11)."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from flask.testing import FlaskClient
from lxml import etree

from exchange.db import db
from exchange.rows.formats import FORMATS
from exchange.rows.types import ColumnInfo
from tests.conftest import NOON, create_tables, make_settings
from tests.makers.rows import make_open_dataset, make_quakes
from wsgi import create_app

HERE = "/resource/abcd-1234"
PAGE = f"{HERE}.json?$limit=5&$where=magnitude > 1"
TABLE = make_quakes().to_pylist()


@pytest.fixture(scope="module")
def quakes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """A browser, the earthquakes, and a table without places; nothing here changes them."""
    app = create_app(make_settings(tmp_path_factory.mktemp("headers")))
    app.testing = True
    data = app.config["SETTINGS"].data_dir
    plain = pa.table({"a": ["x", "y"], "n": [1.0, 2.0]})
    columns = (ColumnInfo("a", "A", "text"), ColumnInfo("n", "N", "number"))
    with app.app_context():
        create_tables(db.engine)
        make_open_dataset(db.session(), data, NOON)
        make_open_dataset(db.session(), data, NOON, id="efgh-5678", table=plain, columns=columns, row_id=None)
        db.session.commit()
        yield app.test_client()
        app.extensions["ledger"].close()
        db.session.remove()
        db.engine.dispose()


def read(extension: str, body: bytes) -> int:
    """The rows that a reader of this format finds."""
    if extension == "json":
        return len(json.loads(body))
    if extension == "geojson":
        return len(json.loads(body)["features"])
    if extension in ("csv", "tsv"):
        return len(list(csv.reader(io.StringIO(body.decode(), newline="")))) - 1
    if extension in ("xml", "rdf"):
        root = etree.fromstring(body)
        return len(root[0]) if extension == "xml" else len(root)
    if extension == "arrow":
        return int(pa.ipc.open_stream(body).read_all().num_rows)
    if extension == "parquet":
        return int(pq.read_table(io.BytesIO(body)).num_rows)
    return int(openpyxl.load_workbook(io.BytesIO(body)).active.max_row) - 1


@pytest.mark.parametrize("extension", list(FORMATS))
def test_every_format_by_extension_and_by_accept(quakes: FlaskClient, extension: str) -> None:
    format_ = FORMATS[extension]
    by_name = quakes.get(f"{HERE}.{extension}?$limit=7&$where=magnitude > 1")
    assert by_name.status_code == 200 and by_name.headers["Content-Type"] == format_.content_type
    assert read(extension, by_name.data) == 7
    for media_type in format_.media_types:
        asked = quakes.get(f"{HERE}?$limit=7&$where=magnitude > 1", headers={"Accept": media_type})
        assert asked.headers["Content-Type"] == format_.content_type and asked.data == by_name.data
    for name in ("Last-Modified", "X-SODA2-Truth-Last-Modified"):
        assert by_name.headers[name] == "Mon, 15 Jun 2026 16:00:00 GMT"
    fields, types = (json.loads(by_name.headers[f"X-SODA2-{part}"]) for part in ("Fields", "Types"))
    assert fields[:2] == ["source", "earthquake_id"] and len(types) == len(fields) == 8
    assert by_name.headers["X-SODA2-Data-Out-Of-Date"] == "false" and by_name.headers["X-Socrata-RequestId"]
    assert {"Accept", "Accept-Encoding"} <= set(by_name.vary)
    assert "X-SODA2-Legacy-Types" not in by_name.headers
    assert by_name.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("extension", list(FORMATS))
def test_one_row_in_every_format_and_head_as_get(quakes: FlaskClient, extension: str) -> None:
    found = quakes.get(f"{HERE}/q0000007.{extension}")
    assert found.status_code == 200
    if extension == "json":
        assert found.get_json()["earthquake_id"] == "q0000007"
    elif extension == "geojson":
        assert found.get_json(force=True)["type"] == "Feature"
    else:
        assert read(extension, found.data) == 1
    for path in (f"{HERE}/q0000007.{extension}", f"{HERE}.{extension}?$limit=3&$where=felt"):
        got, head = quakes.get(path), quakes.head(path)
        own = {"X-Socrata-RequestId", "Date", "Transfer-Encoding"}
        assert head.data == b"" and {n: v for n, v in head.headers if n not in own} == {
            n: v for n, v in got.headers if n not in own
        }


@pytest.mark.parametrize(
    ("accept", "mimetype"),
    [
        ("text/csv;q=0.5, application/json;q=0.4", "text/csv"),
        ("text/csv;q=0.4, application/json;q=0.5", "application/json"),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "application/json"),
        ("*/*", "application/json"),
        ("text/xml", "application/xml"),
        ("application/geo+json", "application/vnd.geo+json"),
    ],
)
def test_accept_is_weighed(quakes: FlaskClient, accept: str, mimetype: str) -> None:
    assert quakes.get(HERE, headers={"Accept": accept}).mimetype == mimetype


@pytest.mark.parametrize("accept", ["image/png", "text/html", "application/json;q=0"])
def test_what_nobody_writes_is_406(quakes: FlaskClient, accept: str) -> None:
    answer = quakes.get(HERE, headers={"Accept": accept})
    assert answer.status_code == 406 and answer.get_json()["code"] == "soda.schema-invalid-for-mime-type"
    assert ".geojson" in answer.get_json()["message"]


@pytest.mark.parametrize("path", [f"{HERE}.geojson?$select=source", "/resource/efgh-5678.geojson"])
def test_geojson_without_a_place_is_406(quakes: FlaskClient, path: str) -> None:
    answer = quakes.get(path)
    assert answer.status_code == 406 and answer.get_json()["code"] == "soda.schema-invalid-for-mime-type"


def test_names_of_soda_2_0_are_given_when_asked_for(quakes: FlaskClient) -> None:
    answer = quakes.get(f"{PAGE}&$$version=2.0")
    assert answer.headers["X-SODA2-Legacy-Types"] == "true"
    assert {"calendar_date", "checkbox"} <= set(json.loads(answer.headers["X-SODA2-Types"]))


def test_headers_too_long_are_left_out_with_a_warning(quakes: FlaskClient) -> None:
    many = ", ".join(f"depth + {n} as a_rather_long_name_for_a_column_{n}" for n in range(120))
    answer = quakes.get(f"{HERE}.csv", query_string={"$select": many, "$limit": "1"})
    assert "X-SODA2-Fields" not in answer.headers and "X-SODA2-Warning" in answer.headers


def test_row_count_is_of_the_query_without_its_page(quakes: FlaskClient) -> None:
    def counted(**clauses: str) -> str:
        query = {"$$row_count": "approximate", "$limit": "1", **{f"${k}": v for k, v in clauses.items()}}
        return quakes.get(f"{HERE}.json", query_string=query).headers["X-SODA2-Row-Count"]

    assert counted() == "2500" and counted(offset="10") == "2500"
    assert counted(where="felt") == str(sum(row["felt"] for row in TABLE))
    assert counted(select="source, count(*)", group="source") == "4"
    assert "X-SODA2-Row-Count" not in quakes.get(PAGE).headers


def test_gzip_for_who_asks(quakes: FlaskClient) -> None:
    plain = quakes.get(PAGE)
    packed = quakes.get(PAGE, headers={"Accept-Encoding": "gzip, deflate"})
    assert packed.headers["Content-Encoding"] == "gzip" and gzip.decompress(packed.data) == plain.data
    assert packed.headers["ETag"] != plain.headers["ETag"] and "Content-Encoding" not in plain.headers
    again = {"Accept-Encoding": "gzip, deflate", "If-None-Match": packed.headers["ETag"]}
    assert quakes.get(PAGE, headers=again).status_code == 304
    refused = quakes.get(PAGE, headers={"Accept-Encoding": "gzip;q=0, identity"})
    assert "Content-Encoding" not in refused.headers
    parquet = quakes.get(f"{HERE}.parquet?$limit=2", headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in parquet.headers


def test_conditions(quakes: FlaskClient) -> None:
    first = quakes.get(PAGE)
    tag, modified = first.headers["ETag"], first.headers["Last-Modified"]
    for condition in ({"If-None-Match": tag}, {"If-None-Match": f'W/{tag}, "x"'}, {"If-Modified-Since": modified}):
        held = quakes.get(PAGE, headers=condition)
        assert held.status_code == 304 and held.data == b"" and held.headers["ETag"] == tag
        assert held.headers["Access-Control-Allow-Origin"] == "*"
    for condition in (
        {"If-None-Match": '"x"'},
        {"If-Match": tag},
        {"If-Modified-Since": "Mon, 15 Jun 2020 16:00:00 GMT"},
    ):
        assert quakes.get(PAGE, headers=condition).status_code == 200
    failed = quakes.get(PAGE, headers={"If-Match": '"x"'})
    assert failed.status_code == 412 and failed.get_json()["code"] == "soda.precondition-failed"
    one = quakes.get(f"{HERE}/q0000007.json")
    assert quakes.get(f"{HERE}/q0000007.json", headers={"If-None-Match": one.headers["ETag"]}).status_code == 304


def test_a_script_gets_its_rows(quakes: FlaskClient) -> None:
    script = quakes.get(f"{PAGE}&$jsonp=my.call_back$1")
    assert script.mimetype == "application/javascript" and script.headers["X-Content-Type-Options"] == "nosniff"
    inside = script.text.removeprefix("my.call_back$1(").removesuffix(");\n")
    assert json.loads(inside) == quakes.get(PAGE).get_json()
    assert quakes.get(f"{PAGE}&$jsonp=other").headers["ETag"] != script.headers["ETag"]
    with_token = quakes.get(f"{PAGE}&$jsonp=f", headers={"Authorization": "DPoP x"})
    assert with_token.status_code == 200


@pytest.mark.parametrize("name", ["1a", "a b", "alert(1)//", "a;b", "", "a" * 101, "é", "a\n"])
def test_a_script_needs_a_plain_name(quakes: FlaskClient, name: str) -> None:
    answer = quakes.get(f"{HERE}.json", query_string={"$jsonp": name})
    assert answer.status_code == 400 and answer.get_json()["code"] == "query.soql.bad-parse"


def test_only_json_can_be_a_script(quakes: FlaskClient) -> None:
    assert quakes.get(f"{HERE}.csv?$jsonp=f").status_code == 400


def test_marks_and_safe_cells_are_chosen(quakes: FlaskClient) -> None:
    marked = quakes.get(f"{HERE}.csv?$limit=1&$$BOM=true")
    assert marked.data.startswith(b"\xef\xbb\xbf")
    safe = quakes.get(f"{HERE}.csv", query_string={"$select": "'=1' as x", "$limit": "1", "$$formula_safe": "true"})
    exact = quakes.get(f"{HERE}.csv", query_string={"$select": "'=1' as x", "$limit": "1"})
    assert (safe.text, exact.text) == ('"x"\n"\'=1"\n', '"x"\n"=1"\n')
    assert safe.headers["ETag"] != exact.headers["ETag"]


def test_ids_of_rows_are_shown_only_where_asked_for(quakes: FlaskClient) -> None:
    hidden = etree.fromstring(quakes.get(f"{HERE}.xml?$limit=1").data)
    assert hidden.find("row/row").get("_id").startswith("row-") and hidden.find("row/row/_id") is None
    asked = quakes.get(f"{HERE}.xml?$limit=1&$$exclude_system_fields=false")
    assert etree.fromstring(asked.data).findtext("row/row/_id", "").startswith("row-")
    assert json.loads(asked.headers["X-SODA2-Fields"])[0] == ":id"
    grouped = etree.fromstring(quakes.get(f"{HERE}.xml?$select=source,count(*)&$group=source").data)
    assert len(grouped[0]) == 4 and grouped[0][0].attrib == {}
    one = quakes.get(f"{HERE}/{hidden.find('row/row').get('_id')}.json")
    assert one.get_json()["earthquake_id"] == "q0000000"  # the address that XML and RDF give for a row answers
    row_id = etree.fromstring(quakes.get("/resource/efgh-5678.xml?$limit=1").data).find("row/row").get("_id")
    assert quakes.get(f"/resource/efgh-5678/{row_id}.json").get_json() == {"a": "x", "n": "1"}


@pytest.mark.parametrize(
    "path", [f"{HERE}.json", f"{HERE}/q0000007", "/resource/zzzz-9999.json", "/api/views/abcd-1234/rows.csv"]
)
def test_browsers_may_ask_first(quakes: FlaskClient, path: str) -> None:
    headers = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "GET"}
    answer = quakes.options(path, headers=headers)
    assert answer.status_code == 200 and answer.data == b""
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "X-App-Token" in answer.headers["Access-Control-Allow-Headers"]
    assert "Authorization" not in answer.headers["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


def test_errors_may_be_read_by_pages_of_other_sites_unless_somebody_proved_who_they_are(quakes: FlaskClient) -> None:
    assert quakes.get(f"{HERE}.json?$select=nosuch").headers["Access-Control-Allow-Origin"] == "*"
    proved = quakes.get("/resource/zzzz-9999.json", headers={"Authorization": "DPoP x"})
    assert "Access-Control-Allow-Origin" not in proved.headers


def shape(answer: Any) -> tuple[int, str]:
    body = answer.get_json()
    assert answer.mimetype == "application/json" and body["error"] is True and body["code"] == body["errorCode"]
    assert body["message"] and "Traceback" not in answer.text and "<html" not in body["message"] and "data" in body
    return answer.status_code, body["code"]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", f"{HERE}.json?$select=nosuch", (400, "query.soql.no-such-column")),
        ("GET", f"{HERE}.json?$limit=1000001", (400, "req.row-limit-exceeded")),
        ("GET", "/resource/zzzz-9999.json", (404, "soda.dataset.not-found")),
        ("GET", f"{HERE}/nosuch.json", (404, "soda.row.not-found")),
        ("GET", f"{HERE}/a/b/c/d", (404, "soda.dataset.not-found")),
        ("GET", "/resource/", (404, "soda.dataset.not-found")),
        ("GET", "/resource", (404, "soda.dataset.not-found")),
        ("GET", "/api/views/abcd-1234/nosuch.json", (404, "soda.dataset.not-found")),
        ("GET", "/api/nosuch", (404, "soda.dataset.not-found")),
        ("PATCH", f"{HERE}.json", (405, "soda.method-not-allowed")),
        ("TRACE", f"{HERE}.json", (405, "soda.method-not-allowed")),
        ("PROPFIND", "/api/views/abcd-1234/rows.csv", (405, "soda.method-not-allowed")),
        ("GET", f"{HERE}.docx", (406, "soda.schema-invalid-for-mime-type")),
        ("GET", "/api/views/abcd-1234/rows.pdf", (406, "soda.schema-invalid-for-mime-type")),
        ("GET", "/api/views/abcd-1234/rows.csv?max_rows=x", (400, "query.soql.bad-parse")),
        ("GET", f"{HERE}.json?$where=" + "a" * 40_000, (414, "req.url.too-long")),
    ],
)
def test_errors_have_one_shape(quakes: FlaskClient, method: str, path: str, expected: tuple[int, str]) -> None:
    assert shape(quakes.open(path, method=method)) == expected


def test_a_mistake_of_ours_is_500_in_the_same_shape(quakes: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: Any) -> None:
        raise RuntimeError("SELECT secret FROM inside")

    monkeypatch.setitem(quakes.application.config, "PROPAGATE_EXCEPTIONS", False)
    monkeypatch.setattr(quakes.application.extensions["open_door"], "plan", broken)
    answer = quakes.get(f"{HERE}.json?$where=felt")
    assert shape(answer) == (500, "internal-error") and "secret" not in answer.text
