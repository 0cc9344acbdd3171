"""Programs write rows: upsert, replace, delete, truncate, as soda.md §9 says, each a run of its own."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from exchange.catalog.models import Dataset
from exchange.db import db
from exchange.hub import parsing
from exchange.hub.models import PublishingRun, RunState
from exchange.settings import Settings
from tests.makers.writing import Key, counts, make_writer, make_written, open_all, send

ROWS = [
    {"case_id": "001", "town": "Hartford", "count": "5", "seen": "2026-01-02T03:04:05.000", "ok": True,
     "place": {"type": "Point", "coordinates": [-72.6, 41.7]}, "site": {"url": "https://example.org/a"}},
    {"case_id": "002", "town": "Norwich", "count": 7.5},
    {"case_id": "003"},
]  # fmt: skip


@pytest.fixture
def key(app: Flask) -> Key:
    made = make_writer(db.session())
    db.session.commit()
    return made


@pytest.fixture
def dataset(app: Flask, key: Key) -> Dataset:
    made = make_written(db.session())
    db.session.commit()
    return made


def publish(settings: Settings, dataset: Dataset) -> None:
    open_all(db.session(), settings, db.session.get_one(Dataset, dataset.id))
    db.session.commit()


def read(client: FlaskClient, id: str, query: str = "") -> Any:
    answer = client.get(f"/resource/{id}.json{query}")
    assert answer.status_code == 200, answer.text
    return answer.json


def test_an_upsert_creates_updates_and_deletes(
    client: FlaskClient, settings: Settings, key: Key, dataset: Dataset
) -> None:
    path = f"/resource/{dataset.id}.json"
    first = send(client, key, "POST", path, ROWS)
    assert (first.status_code, first.json) == (200, counts(created=3))
    publish(settings, dataset)
    assert read(client, dataset.id) == [{**ROWS[0]}, {**ROWS[1], "count": "7.5"}, ROWS[2]]
    change = [{"case_id": "002", "town": "Avon"}, {"case_id": "003", ":deleted": True}, {"case_id": "004", "count": 1}]
    second = send(client, key, "POST", f"/resource/{dataset.id}", change)
    assert second.json == counts(created=1, updated=1, deleted=1, by_key=2)
    assert [(r["case_id"], r.get("town"), r.get("count")) for r in read(client, dataset.id)] == [
        ("001", "Hartford", "5"), ("002", "Avon", "7.5"), ("004", None, "1"),
    ]  # fmt: skip
    runs = db.session.query(PublishingRun).all()
    assert {run.state for run in runs} == {RunState.PUBLISHED}
    assert [(r.rows_added, r.rows_changed, r.rows_removed) for r in runs if r.rows_removed] == [(1, 1, 1)]


def test_one_object_csv_and_packed_bodies(client: FlaskClient, settings: Settings, key: Key, dataset: Dataset) -> None:
    path = f"/resource/{dataset.id}"
    assert send(client, key, "POST", path, ROWS[0]).json == counts(created=1)
    text = 'case_id,town,count\n001,,1e+01\n005,"New, Haven",3\n'
    assert send(client, key, "POST", f"{path}.csv", text, **{"Content-Type": "text/csv"}).json == counts(
        created=1, updated=1, by_key=1
    )
    assert send(client, key, "POST", path, "case_id\ttown\n006\tAvon\n").json == counts(created=1)
    packed = gzip.compress(b'[{"case_id":"006","count":4}]')
    assert send(client, key, "POST", path, packed, **{"Content-Encoding": "gzip"}).json == counts(updated=1, by_key=1)
    several = gzip.compress(b'[{"case_id":"006","count":4},') + gzip.compress(b'{"case_id":"006b"}]') + b"\0" * 512
    added = send(client, key, "POST", path, several, **{"Content-Encoding": "gzip"}).json
    assert added == counts(updated=1, created=1, by_key=1)
    publish(settings, dataset)
    rows = read(client, dataset.id, "?$select=case_id,town,count,ok")
    assert rows == [
        {"case_id": "001", "count": "10", "ok": True},
        {"case_id": "005", "town": "New, Haven", "count": "3"},
        {"case_id": "006", "town": "Avon", "count": "4"},
        {"case_id": "006b"},
    ]


EVERY_TYPE = {
    "text": "O'Hare \"x\"\n=1",
    "number": "-12.5",
    "calendar_date": "2026-01-02T03:04:05.000",
    "fixed_timestamp": "2020-10-15T03:00:00.000Z",
    "checkbox": False,
    "point": {"type": "Point", "coordinates": [-72.6, 41]},
    "url": {"url": "https://example.org/a"},
    "double": 4.25,
    "money": "1200.5",
    "location": {"latitude": "41.7", "longitude": "-72.6",
                 "human_address": '{"address": "1 Main St", "city": "Avon", "state": "CT", "zip": "06001"}'},
    "line": {"type": "LineString", "coordinates": [[-72.5, 41.5], [-72.25, 41.75]]},
    "polygon": {"type": "Polygon", "coordinates": [[[-72, 41], [-72.5, 41], [-72.5, 41.5], [-72, 41]]]},
    "multipoint": {"type": "MultiPoint", "coordinates": [[-72.5, 41.5], [-72.25, 41.75]]},
    "multiline": {"type": "MultiLineString", "coordinates": [[[-72.5, 41.5], [-72.25, 41.75]]]},
    "multipolygon": {"type": "MultiPolygon", "coordinates": [[[[-72, 41], [-72.5, 41], [-72.5, 41.5], [-72, 41]]]]},
    "document": "0c0f-doc",
    "photo": "0c0f-photo",
    "blob": "0c0f-blob",
}  # fmt: skip
"""One value of each type as soda.md §5 writes it in JSON."""


def test_what_is_read_can_be_written_back(client: FlaskClient, settings: Settings, key: Key) -> None:
    types = [type_ for type_ in parsing.TYPES if type_ in EVERY_TYPE]
    assert set(types) == set(parsing.TYPES)
    made = make_written(db.session(), [("key", "text"), *((f"a_{type_}", type_) for type_ in types)], row_id="key").id
    db.session.commit()
    path = f"/resource/{made}"
    row = {"key": "1", **{f"a_{type_}": EVERY_TYPE[type_] for type_ in types}}
    assert send(client, key, "POST", path, [row, {"key": "2"}]).json == counts(created=2)
    publish(settings, db.session.get_one(Dataset, made))
    first = client.get(f"{path}.json?$select=:*,*&$order=key").json
    assert set(first[0]) >= set(row)
    assert send(client, key, "POST", path, first).json == counts(updated=2, by_id=2)
    assert read(client, made, "?$order=key") == [{k: v for k, v in each.items() if k[0] != ":"} for each in first]
    text = client.get(f"{path}.csv?$order=key").text
    assert send(client, key, "PUT", f"{path}.csv", text, **{"Content-Type": "text/csv"}).json == counts(created=2)
    assert client.get(f"{path}.csv?$order=key").text == text
    assert client.get(f"{path}.json?$order=key").json == read(client, made, "?$order=key")


def test_without_a_row_identifier_rows_are_added_or_named_by_id(
    client: FlaskClient, settings: Settings, key: Key
) -> None:
    dataset = make_written(db.session(), row_id=None)
    db.session.commit()
    path = f"/resource/{dataset.id}"
    assert send(client, key, "POST", path, [{"case_id": "1"}, {"case_id": "1"}, {"case_id": "2"}]).json == counts(
        created=3
    )
    publish(settings, dataset)
    ids = [row[":id"] for row in read(client, dataset.id, "?$select=:id&$order=:id")]
    change = [{":id": ids[0], "town": "Avon"}, {":id": ids[1], ":deleted": "true"}, {":id": 2, "count": "1.50"}]
    assert send(client, key, "POST", path, change).json == counts(updated=2, deleted=1, by_id=3)
    assert read(client, dataset.id) == [{"case_id": "1", "town": "Avon"}, {"case_id": "2", "count": "1.5"}]
    ids = [row[":id"] for row in read(client, dataset.id, "?$select=:id&$order=:id")]
    assert send(client, key, "DELETE", f"{path}/{ids[1]}.json").json == [{"typ": "delete", "id": ids[1]}]
    assert read(client, dataset.id) == [{"case_id": "1", "town": "Avon"}]
    assert send(client, key, "POST", path, [{"case_id": "1", ":deleted": True}]).status_code == 400


def test_operations_on_one_row_follow_each_other(
    client: FlaskClient, settings: Settings, key: Key, dataset: Dataset
) -> None:
    send(client, key, "POST", f"/resource/{dataset.id}", ROWS)
    body = [
        {"case_id": "001", "town": "Avon"}, {"case_id": "001", "count": None}, {"case_id": "new", "town": "Bolton"},
        {"case_id": "002", ":deleted": True}, {"case_id": "002", "ok": False}, {"case_id": "new", "count": 3},
        {"case_id": "gone"}, {"case_id": "gone", ":deleted": True}, {"case_id": "nobody", ":deleted": True},
    ]  # fmt: skip
    assert send(client, key, "POST", f"/resource/{dataset.id}", body).json == counts(created=1, updated=2, by_key=2)
    publish(settings, dataset)
    rows = read(client, dataset.id, "?$select=case_id,town,count,ok")
    assert rows == [
        {"case_id": "001", "town": "Avon", "ok": True},
        {"case_id": "002", "ok": False},
        {"case_id": "003"},
        {"case_id": "new", "town": "Bolton", "count": "3"},
    ]


def test_replace_is_whole_and_an_empty_body_is_nothing(
    client: FlaskClient, settings: Settings, key: Key, dataset: Dataset
) -> None:
    path = f"/resource/{dataset.id}.json"
    assert send(client, key, "POST", path, []).json == counts()
    assert db.session.query(PublishingRun).count() == 0
    send(client, key, "POST", path, ROWS)
    publish(settings, dataset)
    assert send(client, key, "PUT", path, [{"case_id": "9"}, {"case_id": "8"}]).json == counts(created=2)
    assert read(client, dataset.id) == [{"case_id": "9"}, {"case_id": "8"}]
    assert send(client, key, "PUT", path, [{"case_id": "9", "count": "x"}]).status_code == 400
    assert len(read(client, dataset.id)) == 2
    assert send(client, key, "DELETE", f"/resource/{dataset.id}").json == counts(deleted=2)
    assert read(client, dataset.id) == []
    assert send(client, key, "POST", path, ROWS[0]).json == counts(created=1)
    assert [v.rows for v in sorted(db.session.get_one(Dataset, dataset.id).versions, key=lambda v: v.number)] == [
        3,
        2,
        0,
        1,
    ]


def test_what_served_earlier_versions_is_let_go_and_their_rows_stay(
    client: FlaskClient, settings: Settings, key: Key, dataset: Dataset
) -> None:
    for number in range(4):
        send(client, key, "POST", f"/resource/{dataset.id}", [{"case_id": str(number)}])
    files = sorted(path.name for path in (settings.data_dir / "open" / dataset.id).iterdir())
    beside = {number: [name for name in files if name.startswith(f"{number}-")] for number in range(1, 5)}
    assert [name.rpartition(".")[2] for number in (1, 2) for name in beside[number]] == ["parquet", "parquet"]
    assert all(len(beside[number]) > 1 for number in (3, 4))
