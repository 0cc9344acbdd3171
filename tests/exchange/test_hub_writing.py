"""Programs write rows: upsert, replace, delete, truncate, as soda.md §9 says, each a run of its own."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from exchange.catalog.models import Dataset
from exchange.db import db
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
    publish(settings, dataset)
    rows = read(client, dataset.id, "?$select=case_id,town,count,ok")
    assert rows == [
        {"case_id": "001", "count": "10", "ok": True},
        {"case_id": "005", "town": "New, Haven", "count": "3"},
        {"case_id": "006", "town": "Avon", "count": "4"},
    ]
