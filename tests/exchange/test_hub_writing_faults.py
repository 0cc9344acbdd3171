"""What is wrong with a body is said with its place, and nothing of the body is applied."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from exchange.catalog.models import Dataset, Version
from exchange.db import db
from exchange.hub.models import PublishingRun, RunState
from exchange.hub.writing import body as body_room
from exchange.settings import Settings
from tests.makers.access import recorded
from tests.makers.writing import Key, make_writer, make_written, send

ROWS = [{"case_id": "001", "town": "Avon"}, {"case_id": "002"}]


@pytest.fixture
def key(app: Flask) -> Key:
    made = make_writer(db.session())
    db.session.commit()
    return made


@pytest.fixture
def dataset(client: FlaskClient, key: Key) -> str:
    made = make_written(db.session()).id
    db.session.commit()
    assert send(client, key, "POST", f"/resource/{made}.json", ROWS).status_code == 200
    return made


BAD_JSON: tuple[tuple[Any, str, dict[str, Any]], ...] = (
        ([{"case_id": "003"}, {"case_id": "004", "count": "many"}], "soda.column.maltyped", {"row": 2, "column": "count"}),
        ([{"case_id": "003", "seen": "yesterday"}], "soda.column.maltyped", {"row": 1, "column": "seen"}),
        ([{"case_id": "003", "ok": "perhaps"}], "soda.column.maltyped", {"row": 1, "column": "ok"}),
        ([{"case_id": "003", "place": {"type": "Polygon"}}], "soda.column.maltyped", {"row": 1, "column": "place"}),
        ([{"case_id": "003", "count": [1]}], "soda.column.maltyped", {"row": 1, "column": "count"}),
        ([{"case_id": "003", "nothing": 1}], "soda.row.column-not-found", {"row": 1, "column": "nothing"}),
        ([{"town": "Avon"}], "soda.row.primary-key-nonexistent-or-null", {"row": 1, "column": "case_id"}),
        ([{"case_id": None}], "soda.row.primary-key-nonexistent-or-null", {"row": 1, "column": "case_id"}),
        ([{":id": "row-0000-0000-0000-0009"}], "soda.row.primary-key-nonexistent-or-null", {"row": 1, "column": ":id"}),
        ([{":id": "not an id"}], "soda.row.primary-key-nonexistent-or-null", {"row": 1, "column": ":id"}),
        ([{":id": 1, "case_id": "001"}], "soda.row.primary-key-nonexistent-or-null", {"column": "case_id"}),
        ([{"case_id": "003"}, 5], "soda.row.upsert-row-not-an-object", {"row": 2}),
        ([[1]], "soda.row.upsert-row-not-an-object", {"row": 1}),
        ("5", "soda.row.upsert-row-not-an-object", {"row": 1}),
        ('[{"case_id": "003"}', "req.body.malformed-json", {}),
        ('[{"case_id": "003"} {"case_id": "004"}]', "req.body.malformed-json", {}),
        ('[{"case_id": "003"}] and more', "req.body.malformed-json", {}),
        ('{"case_id": NaN}', "req.body.malformed-json", {}),
        ('[{"case_id": "003", "count": ' + "[" * 900 + "]" * 900 + "}]", "req.body.malformed-json", {}),
    ("[" * 100_000, "req.body.malformed-json", {}),
        (b'[{"case_id": "\xff"}]', "req.body.malformed-json", {}),
        (b'[{"case_id": "003"}, {"case_id": "004", "town": "\\ud800"}]', "req.body.malformed-json", {}),
        (b'[{"case_id": "\\u0000"}]', "req.body.malformed-json", {}),
        ("", "req.body.malformed-json", {}),
)  # fmt: skip
BAD_CSV = (
        ("case_id,town\n003\n", "req.body.malformed-csv"),
        ('case_id,town\n003,"Avon\n', "req.body.malformed-csv"),
        ("case_id,nothing\n003,1\n", "soda.row.column-not-found"),
        ("case_id,count\n003,1\n004,x\n", "soda.column.maltyped"),
        ("town\nAvon\n", "soda.row.primary-key-nonexistent-or-null"),
)  # fmt: skip


def test_a_bad_row_refuses_the_whole_with_its_place(client: FlaskClient, key: Key, dataset: str) -> None:
    for body, code, place in BAD_JSON:
        answer = send(client, key, "POST", f"/resource/{dataset}.json", body, **{"Content-Type": "application/json"})
        said = answer.json
        assert (answer.status_code, said["code"], said["errorCode"], said["error"]) == (400, code, code, True), body
        assert {name: said["data"].get(name) for name in place} == place, body
        assert said["data"]["dataset"] == dataset
    runs = db.session.query(PublishingRun).filter(PublishingRun.state != RunState.PUBLISHED.value).all()
    assert {run.state for run in runs} == {RunState.GIVEN_UP}
    assert said["message"] in {run.message for run in runs}
    for text, code in BAD_CSV:
        answer = send(client, key, "POST", f"/resource/{dataset}.csv", text, **{"Content-Type": "text/csv"})
        assert (answer.status_code, answer.json["code"]) == (400, code), text
    assert db.session.query(Version).count() == 1


def test_other_types_packings_and_sizes(
    client: FlaskClient, key: Key, dataset: str, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/resource/{dataset}"
    unread = send(client, key, "POST", path, "<x/>", **{"Content-Type": "application/xml"})
    assert (unread.status_code, unread.json["code"]) == (415, "req.content-type.unparsable")
    assert send(client, key, "POST", path, "x", **{"Content-Encoding": "br"}).status_code == 415
    packed = gzip.compress(b"[]" + b" " * 100_000)
    cut = send(client, key, "POST", path, packed[:60], **{"Content-Encoding": "gzip"})
    assert (cut.status_code, cut.json["code"]) == (400, "req.body.malformed-json")
    assert send(client, key, "POST", path, "no gzip", **{"Content-Encoding": "gzip"}).status_code == 400
    assert send(client, key, "POST", path, packed + b"more", **{"Content-Encoding": "gzip"}).status_code == 400
    monkeypatch.setattr(body_room, "MOST_BYTES", 50_000)
    large = send(client, key, "POST", path, packed, **{"Content-Encoding": "gzip"})
    assert (large.status_code, large.json["code"]) == (413, "req.body.too-large")
    assert not list(settings.data_dir.glob("write-*"))


def test_metadata_that_no_store_can_hold_or_of_another_kind_are_refused(client: FlaskClient, key: Key) -> None:
    bad: tuple[dict[str, Any], ...] = (
        {"name": "Half \ud800"}, {"name": "Nothing \0"}, {"name": "Cases", "tags": 5}, {"name": "Cases", "tags": {"a": 1}},
        {"name": "Cases", "description": "\udfff"}, {"name": "Cases", "columns": [{"name": "\ud800", "fieldName": "a"}]},
        {"name": "Cases", "metadata": {"custom_fields": {"Publication": {"Row Label": "\ud83d"}}}},
    )  # fmt: skip
    for view in bad:
        assert send(client, key, "POST", "/api/views", view).status_code == 400, view
    assert not db.session.query(Dataset).count()


def test_addresses_that_nobody_writes(client: FlaskClient, key: Key, dataset: str) -> None:
    for method, path in (
        ("POST", "/resource/zzzz-zzzz.json"), ("PUT", "/resource/zzzz-zzzz"), ("DELETE", "/resource/zzzz-zzzz"),
        ("DELETE", "/resource/zzzz-zzzz/1.json"), ("PUT", "/api/views/zzzz-zzzz.json"), ("POST", "/resource/no-id"),
        ("DELETE", "/api/views/zzzz-zzzz"), ("PATCH", "/api/views/metadata/v1/zzzz-zzzz"),
    ):  # fmt: skip
        answer = send(client, key, method, path, [] if method in ("POST", "PUT") else None)
        assert (answer.status_code, answer.json["code"]) == (404, "soda.dataset.not-found"), path
    missing = send(client, key, "DELETE", f"/resource/{dataset}/nobody.json")
    assert (missing.status_code, missing.json["code"]) == (404, "soda.row.not-found")
    assert (
        send(client, key, "DELETE", f"/resource/{dataset}/row-0000-0000-0000-0009").json["code"] == "soda.row.not-found"
    )


@pytest.mark.parametrize("is_cut", [True, False])
def test_what_nobody_writes_to_is_refused_on_record(client: FlaskClient, key: Key, dataset: str, is_cut: bool) -> None:
    row = db.session.get_one(Dataset, dataset)
    if is_cut:
        row.cut_of_id = make_written(db.session(), id="efgh-5678").id
    else:
        row.state = "retired"
    db.session.commit()
    for method, path in (
        ("POST", f"/resource/{dataset}"), ("DELETE", f"/resource/{dataset}/1"), ("DELETE", f"/resource/{dataset}"),
        ("DELETE", f"/api/views/{dataset}"), ("PUT", f"/api/views/{dataset}"),
        ("PATCH", f"/api/views/metadata/v1/{dataset}"), ("POST", f"/api/views/{dataset}/columns"),
    ):  # fmt: skip
        assert send(client, key, method, path, ROWS if "resource" in path else {}).status_code == 409, path
    entries = recorded(db.session(), "key:write:refuse")
    assert [(entry["dataset"], entry["client"]) for entry in entries] == [(dataset, key.id)] * 7
    assert all("Write to" in entry["reason"] or "Register a new one" in entry["reason"] for entry in entries)
    assert len(db.session.get_one(Dataset, dataset).versions) == 1
