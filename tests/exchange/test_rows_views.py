"""What datasets are, for programs: view objects with what columns hold, flat metadata, documents."""

from __future__ import annotations

import threading
from pathlib import Path

import pyarrow as pa
import pytest
from flask import Flask
from flask.testing import FlaskClient

from exchange.catalog.attachments import attach
from exchange.catalog.models import Dataset
from exchange.db import db
from exchange.directory.models import RoleKind
from exchange.errors import Invalid
from exchange.rows import contents
from exchange.rows.types import ColumnInfo
from tests.conftest import NOON
from tests.makers.catalogue import make_listed
from tests.makers.directory import make_person, sign_in
from tests.makers.rows import make_open_dataset, make_quakes


@pytest.fixture
def quakes(app: Flask) -> Dataset:
    """The earthquakes, 250 of them, and a restricted dataset."""
    session = db.session()
    dataset = make_open_dataset(session, app.config["SETTINGS"].data_dir, NOON, table=make_quakes(250))
    make_listed(session, "rrrr-0001", "Restricted", class_="restricted", agency="public-health")
    session.commit()
    return dataset


def test_a_view_object_is_whole(quakes: Dataset, client: FlaskClient) -> None:
    answer = client.get("/api/views/abcd-1234.json")
    view = answer.get_json()
    assert answer.content_type == "application/json;charset=utf-8"
    assert view["name"] == "Earthquakes" and view["assetType"] == "dataset" and view["newBackend"] is True
    assert view["createdAt"] == view["rowsUpdatedAt"] == int(NOON.timestamp())
    assert view["viewCount"] == view["downloadCount"] == 0
    assert view["license"]["name"] == "Public Domain" and view["license"]["termsLink"].startswith("https://")
    assert view["owner"] == view["tableAuthor"] and view["owner"]["displayName"] == "Department of Public Health"
    assert view["metadata"]["custom_fields"]["Publication"]["Update Frequency"] == "As needed"
    assert view["metadata"]["rowIdentifier"] == "earthquake_id" and view["metadata"]["attachments"] == []
    for key in ("query", "rights", "grants", "flags", "approvals", "oid", "tableId", "provenance", "attributionLink"):
        assert key in view
    assert client.get("/api/views/abcd-1234").data == answer.data
    assert client.get("/api/views/abcd-1234/columns.json").get_json() == view["columns"]


def test_what_columns_hold(quakes: Dataset, client: FlaskClient) -> None:
    columns = {c["fieldName"]: c for c in client.get("/api/views/abcd-1234.json").get_json()["columns"]}
    table = make_quakes(250).to_pydict()
    held = columns["magnitude"]["cachedContents"]
    magnitudes = [m for m in table["magnitude"] if m is not None]
    assert (held["non_null"], held["null"], held["count"]) == ("245", "5", "250")
    assert held["cardinality"] == str(len(set(magnitudes)))
    assert float(held["smallest"]) == min(magnitudes) and float(held["largest"]) == max(magnitudes)
    assert float(held["sum"]) == pytest.approx(sum(magnitudes))
    assert float(held["average"]) == pytest.approx(sum(magnitudes) / 245)
    assert len(held["top"]) == 20 and int(held["top"][0]["count"]) == max(map(magnitudes.count, magnitudes))
    felt = columns["felt"]["cachedContents"]
    assert {one["item"] for one in felt["top"]} == {"true", "false"} and "smallest" not in felt
    assert columns["location"]["cachedContents"] == {"non_null": "250", "null": "0", "count": "250"}
    assert columns["datetime"]["cachedContents"]["smallest"] == "2012-09-01T01:30:00.000"


def test_they_are_counted_once_for_a_version_and_made_again_when_lost(
    app: Flask, quakes: Dataset, client: FlaskClient
) -> None:
    folder: Path = app.config["SETTINGS"].data_dir / "open" / "abcd-1234"
    first = client.get("/api/views/abcd-1234.json").data
    (kept,) = folder.glob("*.contents-*.json")
    written = kept.stat().st_mtime_ns
    quakes.description = "Changed"
    db.session.commit()
    changed = client.get("/api/views/abcd-1234.json").get_json()
    assert changed["description"] == "Changed" and kept.stat().st_mtime_ns == written
    kept.write_text("{half")
    quakes.description = ""
    db.session.commit()
    assert client.get("/api/views/abcd-1234.json").data == first


def test_those_of_a_large_version_are_counted_beside(
    app: Flask, quakes: Dataset, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "COUNTED_AT_ONCE", 100)
    assert "cachedContents" not in client.get("/api/views/abcd-1234.json").get_json()["columns"][0]
    for thread in threading.enumerate():
        if thread.name == "contents of abcd-1234":
            thread.join(30)
    assert client.get("/api/views/abcd-1234.json").get_json()["columns"][0]["cachedContents"]["count"] == "250"


def test_columns_named_like_our_own_words(app: Flask, client: FlaskClient) -> None:
    names = ("x0", "x1", "xx2", "count", "select")
    columns = tuple(ColumnInfo(name, name, "text") for name in names)
    table = make_quakes(3).select(["source"]).to_pydict()["source"]
    rows = dict.fromkeys(names, table)
    make_open_dataset(
        db.session(), app.config["SETTINGS"].data_dir, NOON, table=pa.table(rows), columns=columns, row_id=None
    )
    db.session.commit()
    found = client.get("/api/views/abcd-1234/columns.json").get_json()
    assert all(one["cachedContents"]["count"] == "3" for one in found)


@pytest.mark.parametrize("rest", ["", ".json", "/columns.json", "/files/x"])
def test_the_restricted_answers_as_the_unknown(quakes: Dataset, client: FlaskClient, rest: str) -> None:
    hidden, unknown = (client.get(f"/api/views/{id_}{rest}") for id_ in ("rrrr-0001", "zzzz-0001"))
    assert hidden.status_code == unknown.status_code == 404
    assert hidden.data.replace(b"rrrr-0001", b"zzzz-0001") == unknown.data
    flat = [client.get(f"/api/views/metadata/v1/{id_}").data for id_ in ("rrrr-0001", "zzzz-0001")]
    assert flat[0].replace(b"rrrr-0001", b"zzzz-0001") == flat[1]


def test_who_may_know_of_it_is_shown_the_way(quakes: Dataset, client: FlaskClient) -> None:
    sign_in(client, make_person(db.session(), roles=[RoleKind.MEMBER]))
    answer = client.get("/api/views/rrrr-0001.json")
    assert answer.status_code == 403 and "/data/rrrr-0001" in answer.get_json()["message"]
    assert client.get("/api/views/metadata/v1/rrrr-0001").get_json()["name"] == "Restricted"
    assert len(client.get("/api/views/metadata/v1").get_json()) == 2


def test_flat_metadata_and_its_pages(quakes: Dataset, client: FlaskClient) -> None:
    one = client.get("/api/views/metadata/v1/abcd-1234").get_json()
    assert one["name"] == "Earthquakes" and one["createdAt"] == "2026-06-15T16:00:00+0000"
    assert one["dataUri"] == "http://127.0.0.1:8000/resource/abcd-1234"
    assert one["customFields"]["Ownership"] == {"Agency": "Department of Public Health"}
    for number in range(5):
        make_listed(db.session(), f"bbbb-000{number}", f"B {number}")
    db.session.commit()
    assert len(client.get("/api/views/metadata/v1").get_json()) == 6
    page = client.get("/api/views/metadata/v1?limit=4&page=2").get_json()
    assert [entry["name"] for entry in page] == ["B 4", "Earthquakes"]
    assert client.get("/api/views/metadata/v1?limit=0").status_code == 400
    assert [entry["id"] for entry in client.get("/api/views.json?limit=2&page=3").get_json()] == [
        "bbbb-0004",
        "abcd-1234",
    ]


def test_documents(app: Flask, quakes: Dataset, client: FlaskClient) -> None:
    store = app.config["SETTINGS"].data_dir / "open"
    one = attach(db.session(), store, quakes, "Lay out é.pdf", [b"%PDF", b"-1"], NOON)
    db.session.commit()
    assert client.get("/api/views/abcd-1234.json").get_json()["metadata"]["attachments"] == [
        {"filename": "Lay out é.pdf", "name": "Lay out é.pdf", "assetId": one.id}
    ]
    for address in (f"/api/views/abcd-1234/files/{one.id}?download=true&filename=x", f"/api/assets/{one.id}"):
        answer = client.get(address)
        assert answer.status_code == 200 and answer.data == b"%PDF-1"
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert client.get(address, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    assert client.get(f"/api/views/rrrr-0001/files/{one.id}").status_code == 404
    quakes.state = "retired"
    db.session.commit()
    assert client.get(f"/api/assets/{one.id}").data == client.get("/api/assets/nosuch").data
    restricted = db.session.get_one(Dataset, "rrrr-0001")
    with pytest.raises(Invalid, match="open"):
        attach(db.session(), store, restricted, "x.pdf", [b"x"], NOON)
    with pytest.raises(Invalid, match="file name"):
        attach(db.session(), store, quakes, "../x", [b"x"], NOON)


def test_a_change_is_seen_at_once(quakes: Dataset, client: FlaskClient) -> None:
    first = client.get("/api/views/abcd-1234.json")
    unchanged = client.get("/api/views/abcd-1234.json", headers={"If-None-Match": first.headers["ETag"]})
    assert unchanged.status_code == 304
    quakes.state = "retired"
    db.session.commit()
    gone = client.get("/api/views/abcd-1234.json", headers={"If-None-Match": first.headers["ETag"]})
    assert gone.status_code == 404
