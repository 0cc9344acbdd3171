"""Restricted rows in the other formats: the same look at every slice, nothing packed, nothing for the open web."""

from __future__ import annotations

import io
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from flask import Flask
from flask.testing import FlaskClient
from lxml import etree

from exchange.db import db
from exchange.settings import Settings
from tests.makers.access import Holder, entries, make_dataset, make_grant, store_rows


@pytest.fixture
def asked(app: Flask, client: FlaskClient, settings: Settings) -> Any:
    """Ask for restricted rows in a format."""
    dataset = make_dataset(db.session())
    store_rows(db.session(), settings, dataset)
    world = make_grant(db.session(), dataset=dataset)
    db.session.commit()
    holder = Holder(world.client_id, world.key)
    answer = client.post("/oauth/token", **holder.token_request(world.details()))
    token = answer.get_json()["access_token"]

    def ask(extension: str, query: str = "") -> Any:
        path = f"/resource/aaaa-2222.{extension}"
        headers = holder.headers(token, path) | {"Accept-Encoding": "gzip"}
        return client.get(f"{path}?$limit=5{query}", headers=headers, buffered=True)

    return ask


def test_every_format_that_is_not_of_the_open_web(asked: Any) -> None:
    rows = {
        "csv": lambda body: len(body.splitlines()) - 1,
        "tsv": lambda body: len(body.splitlines()) - 1,
        "xml": lambda body: len(etree.fromstring(body)[0]),
        "arrow": lambda body: pa.ipc.open_stream(body).read_all().num_rows,
        "parquet": lambda body: pq.read_table(io.BytesIO(body)).num_rows,
        "xlsx": lambda body: openpyxl.load_workbook(io.BytesIO(body)).active.max_row - 1,
    }
    for number, (extension, count) in enumerate(rows.items(), start=1):
        answer = asked(extension)
        assert answer.status_code == 200 and count(answer.data) == 5, extension
        assert answer.headers["Cache-Control"] == "no-store" and "ETag" not in answer.headers
        assert "Content-Encoding" not in answer.headers and "Access-Control-Allow-Origin" not in answer.headers
        outcome = entries("access:rows:outcome")[-1]
        assert len(entries("access:rows:outcome")) == number
        assert (outcome["outcome"], outcome["rows"], outcome["bytes"]) == ("done", 5, len(answer.data))


def test_formats_of_the_open_web_are_refused_before_anything_is_read(asked: Any) -> None:
    refused = asked("rdf")
    assert refused.status_code == 406 and "open web" in refused.get_json()["message"]
    assert asked("json", "&$jsonp=f").status_code == 404
    assert entries("access:rows:intent") == []


def test_what_cannot_be_written_is_an_outcome(asked: Any) -> None:
    """There is no place among the granted columns: the intent stands, and nothing left."""
    refused = asked("geojson")
    assert refused.status_code == 406 and "Audit-Id" in refused.headers
    (outcome,) = entries("access:rows:outcome")
    assert (outcome["outcome"], outcome["rows"], outcome["bytes"]) == ("failed", 0, 0)


def test_restricted_rows_are_in_no_file_of_a_whole_table(asked: Any, settings: Settings) -> None:
    assert asked("csv", "000").status_code == 200
    names = [path.name for path in settings.data_dir.rglob("*") if path.is_file()]
    assert [name for name in names if ".soda." in name or ".download." in name or name.endswith("manifest.json")] == []
