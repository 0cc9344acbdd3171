"""Programs register, describe, list, withdraw and retire datasets; a column added to rows is a run."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from exchange.catalog.models import Dataset, DatasetState
from exchange.db import db
from exchange.hub import parsing
from exchange.hub.writing import rights
from exchange.settings import Settings
from tests.makers.access import recorded
from tests.makers.writing import Key, counts, make_writer, make_written, open_all, send


@pytest.fixture
def key(app: Flask) -> Key:
    made = make_writer(db.session())
    db.session.commit()
    return made


@pytest.fixture
def dataset(client: FlaskClient, key: Key, settings: Settings) -> str:
    made = make_written(db.session()).id
    db.session.commit()
    send(client, key, "POST", f"/resource/{made}", [{"case_id": "001"}])
    open_all(db.session(), settings, db.session.get_one(Dataset, made))
    db.session.commit()
    return made


def state(id: str) -> str:
    db.session.expire_all()
    return db.session.get_one(Dataset, id).state


def test_a_registered_dataset_is_a_draft_of_ones_agency(client: FlaskClient, key: Key) -> None:
    columns = [{"name": f"A {type_}", "dataTypeName": type_} for type_ in (*parsing.TYPES, "email", "percent")]
    made = send(client, key, "POST", "/api/views.json", {"name": " Cases  of  2026 ", "columns": columns})
    assert (made.status_code, made.json["name"], made.json["publicationStage"]) == (200, "Cases of 2026", "unpublished")
    assert made.json["owner"]["id"] == "education" and made.json["grants"] == []
    assert [c["dataTypeName"] for c in made.json["columns"]] == [*parsing.TYPES, "text", "number"]
    assert client.get(f"/api/views/{made.json['id']}.json").status_code == 404
    assert len(recorded(db.session(), "dataset:registration:add")) == 1


@pytest.mark.parametrize(
    ("view", "words"),
    [
        ({}, "needs a name"),
        ({"name": ""}, "title"),
        ({"name": "x", "columns": [{"name": "a", "dataTypeName": "hologram"}]}, "is not a type"),
        ({"name": "x", "columns": [{"name": "A"}, {"name": "a"}]}, "already"),
        ({"name": "x", "columns": ["a"]}, "object"),
        ({"name": "x", "columns": [{"name": "a"}], "metadata": {"rowIdentifier": "b"}}, "row identifier"),
        ({"name": "x", "category": "Fun"}, "is not a category"),
        ({"name": "x", "tags": "a"}, "list"),
        ({"name": "x", "class": "secret"}, "open or restricted"),
        ([], "one JSON object"),
    ],
)  # fmt: skip
def test_what_cannot_be_registered(client: FlaskClient, key: Key, view: Any, words: str) -> None:
    answer = send(client, key, "POST", "/api/views", view)
    assert answer.status_code == 400 and words in answer.json["message"]
    assert db.session.query(Dataset).count() == 0


def test_another_agency_is_refused(client: FlaskClient, key: Key) -> None:
    answer = send(client, key, "POST", "/api/views", {"name": "x", "agency": "public-health"})
    assert (answer.status_code, answer.json["code"]) == (403, "permission_denied")
    assert len(recorded(db.session(), "key:write:refuse")) == 1


def test_a_column_is_added_before_rows_and_after(client: FlaskClient, key: Key) -> None:
    made = make_written(db.session()).id
    db.session.commit()
    path = f"/api/views/{made}/columns"
    first = send(client, key, "POST", f"{path}.json", {"name": "More", "fieldName": "more", "dataTypeName": "number"})
    assert (first.status_code, first.json["fieldName"], first.json["dataTypeName"]) == (200, "more", "number")
    send(client, key, "POST", f"/resource/{made}", [{"case_id": "1", "more": 5}])
    second = send(client, key, "POST", path, {"name": "Late", "dataTypeName": "checkbox"})
    assert (second.status_code, second.json["fieldName"]) == (200, "late")
    assert send(client, key, "POST", f"/resource/{made}", [{"case_id": "1", "late": True}]).json == counts(
        updated=1, by_key=1
    )
    assert send(client, key, "POST", path, {"name": "late"}).status_code == 400


def test_a_column_that_nobody_classified_asks_first(client: FlaskClient, key: Key, dataset: str) -> None:
    answer = send(client, key, "POST", f"/api/views/{dataset}/columns", {"name": "Late", "dataTypeName": "checkbox"})
    assert answer.status_code == 409 and "Nobody has classified Late" in answer.json["message"]
    assert state(dataset) == DatasetState.PUBLISHED


def test_a_view_object_is_read_changed_and_sent_back(client: FlaskClient, key: Key, dataset: str) -> None:
    view = client.get(f"/api/views/{dataset}.json").json
    same = send(client, key, "PUT", f"/api/views/{dataset}.json", view)
    assert same.status_code == 200 and same.json["name"] == view["name"]
    view |= {"name": "Renamed", "category": "education", "tags": ["b", "a", "b"], "licenseId": "CC0_1.0"}
    view["license"] = {"name": "CC0 1.0"}
    view["metadata"]["custom_fields"] = {"Publication": {"Update Frequency": "Weekly"}}
    view["columns"][1]["description"] = "Where it happened."
    assert send(client, key, "PUT", f"/api/views/{dataset}", view).status_code == 200
    now = client.get(f"/api/views/{dataset}.json").json
    assert (now["name"], now["category"], now["tags"], now["license"]["name"]) == (
        "Renamed",
        "Education",
        ["b", "a"],
        "CC0 1.0",
    )
    assert now["metadata"]["custom_fields"]["Publication"]["Update Frequency"] == "Weekly"
    assert now["columns"][1]["description"] == "Where it happened."
    changed = recorded(db.session(), "dataset:registration:change")[-1]["details"]["changed"]
    assert {"title", "category", "tags", "licence", "columns.town"} <= set(changed)
    assert send(client, key, "PUT", f"/api/views/{dataset}", {"metadata": {"rowIdentifier": "town"}}).status_code == 409
    assert send(client, key, "PUT", f"/api/views/{dataset}?method=other", {}).status_code == 400


def test_flat_metadata_are_merged_strictly_or_only_looked_at(client: FlaskClient, key: Key, dataset: str) -> None:
    path = f"/api/views/metadata/v1/{dataset}"
    flat = client.get(path).json
    assert send(client, key, "PATCH", f"{path}?strict=true", {**flat, "name": "New"}).json["name"] == "New"
    assert client.get(path).json["name"] == "New"
    assert send(client, key, "PATCH", f"{path}?strict=true", {"owner": "me"}).status_code == 400
    assert send(client, key, "PATCH", f"{path}?strict=true", {"id": "zzzz-zzzz"}).status_code == 400
    assert send(client, key, "PATCH", path, {"owner": "me", "tags": ["x"]}).json["tags"] == ["x"]
    looked = send(client, key, "PATCH", f"{path}.json?validateOnly=true", {"name": "Never"})
    assert (looked.status_code, looked.json["name"]) == (200, "New")
    assert send(client, key, "PATCH", f"{path}?validateOnly=true", {"category": "Fun"}).status_code == 400
    fields = {"customFields": {"Publication": {"Row Label": "a case"}}}
    assert send(client, key, "PATCH", path, fields).json["customFields"]["Publication"]["Row Label"] == "a case"


def test_private_stays_private_whatever_is_written_or_agreed(
    client: FlaskClient, key: Key, dataset: str, settings: Settings
) -> None:
    path = f"/api/views/{dataset}.json?method=setPermission"
    assert send(client, key, "PUT", f"{path}&value=private").json["grants"] == []
    assert client.get(f"/resource/{dataset}.json").status_code == 404
    send(client, key, "POST", f"/resource/{dataset}", [{"case_id": "002"}])
    open_all(db.session(), settings, db.session.get_one(Dataset, dataset))
    db.session.commit()
    assert state(dataset) == DatasetState.DRAFT
    assert send(client, key, "PUT", f"{path}&value=public.read").status_code == 200
    assert len(client.get(f"/resource/{dataset}.json").json) == 2
    assert send(client, key, "PUT", f"{path}&value=shared").status_code == 400
    assert send(client, key, "POST", f"/api/views/{dataset}/publication.json").json["publicationStage"] == "published"
    for action in ("dataset:listing:withdraw", "dataset:listing:give"):
        assert len(recorded(db.session(), action)) == 1


def test_a_retired_dataset_is_gone_and_destroyed_nowhere(client: FlaskClient, key: Key, dataset: str) -> None:
    assert send(client, key, "DELETE", f"/api/views/{dataset}.json").status_code == 200
    assert client.get(f"/resource/{dataset}.json").status_code == 404
    assert state(dataset) == DatasetState.RETIRED
    assert db.session.get_one(Dataset, dataset).versions
    assert send(client, key, "DELETE", f"/api/views/{dataset}").status_code == 409
    assert len(recorded(db.session(), "dataset:registration:retire")) == 1


def test_the_table_of_rights_is_the_table_of_addresses(app: Flask) -> None:
    named = {(right.endpoint, method) for right in rights.TABLE for method in right.method.split(", ")}
    there = {
        (rule.endpoint, method)
        for rule in app.url_map.iter_rules()
        if rule.endpoint.split(".")[0] in ("writing", "describing")
        for method in rule.methods or ()
        if method not in ("OPTIONS", "HEAD")
    }
    assert named == there
