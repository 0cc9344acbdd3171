"""Whole tables as files: what is in them, that they are whole, that they are sent as they are, and what else is had."""

from __future__ import annotations

import base64
import csv
import gzip
import hashlib
import io
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pytest
from flask.testing import FlaskClient
from lxml import etree

from exchange.db import db
from exchange.rows import downloads, store_open, whole
from exchange.rows.soql import parse_parameters
from exchange.rows.types import ColumnInfo
from tests.conftest import NOON, create_tables, make_settings
from tests.makers.rows import QUAKES, make_open_dataset, make_quakes
from wsgi import create_app

HERE, DOWNLOAD = "/resource/abcd-1234", "/api/views/abcd-1234/rows"
TABLE = make_quakes().to_pylist()


@pytest.fixture(scope="module")
def quakes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """A browser and the earthquakes; whoever takes a file away puts it back."""
    app = create_app(make_settings(tmp_path_factory.mktemp("downloads")))
    app.testing = True
    with app.app_context():
        create_tables(db.engine)
        dataset = make_open_dataset(db.session(), app.config["SETTINGS"].data_dir, NOON)
        dataset.title = 'Quakes; "near" us/\r\nañd far'
        make_open_dataset(db.session(), app.config["SETTINGS"].data_dir, NOON, id="drft-0001", state="draft")
        db.session.commit()
        yield app.test_client()
        app.extensions["ledger"].close()
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def parquet(quakes: FlaskClient) -> Path:
    """The version as stored."""
    root: Path = quakes.application.config["SETTINGS"].data_dir / "open"
    return next((root / "abcd-1234").glob("*.parquet"))


def test_the_manifest_says_what_is_there(quakes: FlaskClient) -> None:
    answer = quakes.get("/api/views/abcd-1234/manifest.json")
    body = answer.get_json()
    assert (body["dataset"], body["version"], body["rows"], len(body["files"])) == ("abcd-1234", 1, 2500, 3)
    for entry in body["files"]:
        for encoding, described in (("identity", entry), ("gzip", entry["gzip"])):
            sent = quakes.get(entry["address"], headers={"Accept-Encoding": encoding})
            assert sent.status_code == 200 and len(sent.data) == described["bytes"] == sent.content_length
            assert hashlib.sha256(sent.data).hexdigest() == described["sha256"]
            digest = base64.b64encode(hashlib.sha256(sent.data).digest()).decode()
            assert sent.headers["Repr-Digest"] == f"sha-256=:{digest}:"
            assert sent.headers.get("Content-Encoding") == ("gzip" if encoding == "gzip" else None)
            assert sent.headers["Content-Type"] == entry["content_type"]
            assert json.loads(sent.headers["X-SODA2-Fields"])[0] == "source"
    assert (
        quakes.get("/api/views/abcd-1234/manifest.json", headers={"If-None-Match": answer.headers["ETag"]}).status_code
        == 304
    )


@pytest.mark.parametrize("extension", ["csv", "json"])
def test_the_file_is_what_the_stream_would_be(quakes: FlaskClient, parquet: Path, extension: str) -> None:
    path = f"{HERE}.{extension}?$limit=2500"
    stored = quakes.get(path)
    assert "Repr-Digest" in stored.headers
    with taken_away(parquet):
        streamed = quakes.get(path)
    assert "Repr-Digest" not in streamed.headers and streamed.data == stored.data
    assert streamed.headers["X-SODA2-Types"] == stored.headers["X-SODA2-Types"]


class taken_away:  # noqa: N801 - reads as a sentence
    """The files are gone while this lasts."""

    def __init__(self, parquet: Path, ending: str = "manifest.json") -> None:
        self._path, self._aside = parquet.with_suffix(f".{ending}"), parquet.with_suffix(".aside")

    def __enter__(self) -> None:
        self._path.rename(self._aside)

    def __exit__(self, *_problem: object) -> None:
        self._aside.rename(self._path)


@pytest.mark.parametrize("ending", ["manifest.json", "download.csv"])
def test_a_missing_file_is_streamed_instead(quakes: FlaskClient, parquet: Path, ending: str) -> None:
    whole_file = quakes.get(f"{DOWNLOAD}.csv").data
    with taken_away(parquet, ending):
        streamed = quakes.get(f"{DOWNLOAD}.csv")
    assert "Repr-Digest" not in streamed.headers and streamed.data == whole_file


def test_a_file_that_was_cut_is_not_sent(quakes: FlaskClient, parquet: Path) -> None:
    file = parquet.with_suffix(".download.csv")
    kept = file.read_bytes()
    file.write_bytes(kept[:-1])
    answer = quakes.get(f"{DOWNLOAD}.csv")
    file.write_bytes(kept)
    assert "Repr-Digest" not in answer.headers and answer.data == kept


def test_parts_of_a_file(quakes: FlaskClient) -> None:
    path = f"{HERE}.csv?$limit=2500"
    stored = quakes.get(path)
    assert stored.headers["Accept-Ranges"] == "bytes"
    part = quakes.get(path, headers={"Range": "bytes=100-199"})
    assert part.status_code == 206 and part.data == stored.data[100:200]
    assert part.headers["Content-Range"] == f"bytes 100-199/{len(stored.data)}"
    rest = quakes.get(path, headers={"Range": "bytes=200-", "If-Range": stored.headers["ETag"]})
    assert rest.status_code == 206 and rest.data == stored.data[200:]
    changed = quakes.get(path, headers={"Range": "bytes=200-", "If-Range": '"another"'})
    assert changed.status_code == 200 and changed.data == stored.data
    beyond = quakes.get(path, headers={"Range": "bytes=99999999-"})
    assert beyond.status_code == 416 and beyond.get_json()["code"] == "req.range-not-satisfiable"
    assert quakes.get(path, headers={"If-None-Match": stored.headers["ETag"]}).status_code == 304
    assert quakes.get(path, headers={"If-Match": '"x"'}).status_code == 412
    head = quakes.head(path)
    assert (
        head.data == b"" and head.content_length == len(stored.data) and head.headers["ETag"] == stored.headers["ETag"]
    )


@pytest.mark.parametrize(
    "query",
    ["$limit=2499", "$limit=2500&$offset=1", "$limit=2500&$order=magnitude", "$limit=2500&felt=true",
     "$limit=2500&$select=source", "$limit=2500&$$bom=true", "$limit=2500&$q=islands", ""],
)  # fmt: skip
def test_only_the_whole_table_comes_from_a_file(quakes: FlaskClient, query: str) -> None:
    assert "Repr-Digest" not in quakes.get(f"{HERE}.csv?{query}").headers
    assert "Repr-Digest" in quakes.get(f"{HERE}.csv?$limit=9999&$order=:id").headers


def test_a_download_is_for_people(quakes: FlaskClient) -> None:
    answer = quakes.get(f"{DOWNLOAD}.csv?accessType=DOWNLOAD&api_foundry=true")
    rows = list(csv.reader(io.StringIO(answer.text, newline="")))
    assert rows[0] == [column.label for column in QUAKES] and len(rows) == 2501
    assert rows[1][4] == "09/01/2012 01:30:00 AM" and rows[4][4] == "09/02/2012 04:30:00 AM"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="Quakes_near_us_and_far.csv"'
    assert answer.headers["Last-Modified"] == "Mon, 15 Jun 2026 16:00:00 GMT"


def test_dates_of_a_column_are_written_alike(tmp_path: Path) -> None:
    """Midnight is written out as soon as one date of the column has a time of day."""
    midnight, later = datetime(2020, 1, 2), datetime(2020, 1, 2, 13)  # noqa: DTZ001
    table = pa.table({
        "day": pa.array([midnight, None], pa.timestamp("ms")),
        "moment": pa.array([midnight, later], pa.timestamp("ms")),
    })  # fmt: skip
    columns = [ColumnInfo(name, name, "calendar_date") for name in table.column_names]
    stored = store_open.write_version(tmp_path, "abcd-1234", 1, table, columns)
    text = (tmp_path / stored.path).with_suffix(".download.csv").read_text()
    assert text == "day,moment\n01/02/2020,01/02/2020 12:00:00 AM\n,01/02/2020 01:00:00 PM\n"


def test_a_download_for_a_spreadsheet(quakes: FlaskClient) -> None:
    marked = quakes.get(f"{DOWNLOAD}.csv?accessType=DOWNLOAD&bom=true&format=true&max_rows=3")
    assert marked.data.startswith(b"\xef\xbb\xbfSource,") and len(marked.text.splitlines()) == 4
    book = openpyxl.load_workbook(io.BytesIO(quakes.get(f"{DOWNLOAD}.xlsx?max_rows=2").data))
    assert [cell.value for cell in book.active[1]][1] == "Earthquake Id" and book.active.max_row == 3


def test_rows_json_is_the_form_of_soda_1(quakes: FlaskClient) -> None:
    body = quakes.get(f"{DOWNLOAD}.json?accessType=DOWNLOAD&max_rows=2").get_json()
    columns = body["meta"]["view"]["columns"]
    assert [column["fieldName"] for column in columns[:9]] == [
        ":sid", ":id", ":position", ":created_at", ":created_meta", ":updated_at", ":updated_meta", ":meta", "source",
    ]  # fmt: skip
    assert {column["dataTypeName"] for column in columns[:8]} == {"meta_data"}
    first = dict(zip((column["fieldName"] for column in columns), body["data"][1], strict=True))
    assert first[":sid"].startswith("row-") and first[":updated_at"] == int(NOON.timestamp())
    assert first["magnitude"] == str(TABLE[1]["magnitude"]) and body["data"][0][8 + 2] is None
    assert first["datetime"] == "2012-09-01T10:30:00" and first["felt"] is TABLE[1]["felt"]
    assert first["location"] == f"POINT ({TABLE[1]['location__lon']} {TABLE[1]['location__lat']})"


@pytest.mark.parametrize("extension", ["tsv", "xml", "rdf", "geojson", "parquet", "arrow"])
def test_other_formats_are_streamed_whole(quakes: FlaskClient, extension: str) -> None:
    answer = quakes.get(f"{DOWNLOAD}.{extension}")
    assert answer.headers["Content-Disposition"].endswith(f'.{extension}"')
    if extension == "xml":
        assert len(etree.fromstring(answer.data)[0]) == 2500
    if extension == "geojson":
        assert len(json.loads(answer.data)["features"]) == 2500


@pytest.mark.parametrize("path", ["rows.csv", "rows.json", "manifest.json"])
@pytest.mark.parametrize("id_", ["drft-0001", "zzzz-9999", "nonsense"])
def test_invariant_6_what_is_not_open_has_no_files(quakes: FlaskClient, id_: str, path: str) -> None:
    answer = quakes.get(f"/api/views/{id_}/{path}")
    assert answer.status_code == 404 and answer.get_json()["code"] == "soda.dataset.not-found"


def test_invariant_9_building_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    made = []
    for folder in ("a", "b"):
        stored = store_open.write_version(tmp_path / folder, "abcd-1234", 1, make_quakes(700), QUAKES)
        parquet = tmp_path / folder / stored.path
        made.append({p.name: p.read_bytes() for p in parquet.parent.glob(f"{parquet.stem}.*") if p.suffix != ".duckdb"})
        before = made[-1]
        downloads.build_downloads(parquet, 1, QUAKES)
        assert {name: (parquet.parent / name).read_bytes() for name in before} == before
    keep = [name for name in made[0] if "soda" in name or "download" in name or "manifest" in name]
    assert len(keep) == 7 and [made[0][name] for name in keep] == [made[1][name] for name in keep]
    packed, plain = (made[0][next(n for n in keep if n.endswith(e))] for e in ("soda.csv.gz", "soda.csv"))
    assert gzip.decompress(packed) == plain


def test_a_failed_build_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = store_open.write_version(tmp_path, "abcd-1234", 1, make_quakes(10), QUAKES)
    parquet = tmp_path / stored.path
    before = sorted(parquet.parent.iterdir())

    def broken(*_arguments: Any) -> Iterator[pa.RecordBatch]:
        raise OSError("the disk is full")
        yield

    monkeypatch.setattr(downloads, "_batches", broken)
    with pytest.raises(OSError, match="full"):
        downloads.build_downloads(parquet, 1, QUAKES)
    assert sorted(parquet.parent.iterdir()) == before


def test_long_runs_are_read_in_pages(quakes: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole, "PAGE_ROWS", 300)
    for query in ("$limit=2000&$offset=100", "$limit=2000&$offset=100&$order=:id", "$limit=9000&$offset=2450"):
        rows = list(csv.reader(io.StringIO(quakes.get(f"{HERE}.csv?{query}&$select=earthquake_id").text)))[1:]
        first = int(query.split("$offset=")[1].split("&")[0])
        assert [row[0] for row in rows] == [r["earthquake_id"] for r in TABLE[first : first + 2000]]


@pytest.mark.parametrize(
    ("parameters", "everything"),
    [
        ({"$limit": "10"}, True), ({}, True), ({"$limit": "9"}, False), ({"$order": ":id", "$limit": "10"}, True),
        ({"$order": ":id desc"}, False), ({"$offset": "1"}, False), ({"$q": "x"}, False), ({"$having": "a > 1"}, False),
        ({"$select": "*"}, False), ({"$query": "SELECT * |> SELECT *"}, False), ({"a": "1"}, False),
    ],
)  # fmt: skip
def test_what_asks_for_everything(parameters: dict[str, str], everything: bool) -> None:
    assert whole.is_everything(parse_parameters(parameters), 10) is everything
