"""sodapy, unchanged, writes: what a script that published to data.ct.gov does."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from exchange.catalog.models import Dataset, DatasetState, Version
from exchange.db import db
from exchange.settings import Settings
from tests.makers.tls import over_tls
from tests.makers.writing import counts, make_writer, open_all

sodapy = pytest.importorskip("sodapy")
requests = pytest.importorskip("requests")

COLUMNS = [
    {"fieldName": "delegation", "name": "Delegation", "dataTypeName": "text"},
    {"fieldName": "members", "name": "Members", "dataTypeName": "number"},
]


@pytest.fixture
def script(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[sodapy.Socrata]:
    """A script's client, with a steward's key."""
    key = make_writer(db.session())
    db.session.commit()
    with over_tls(app, tmp_path) as (domain, certificate):
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        with sodapy.Socrata(domain, None, username=key.id, password=key.secret, timeout=60) as client:
            yield client


def state(id: str) -> tuple[str, int]:
    """The dataset's state and how many versions it has; the test's own transaction ends, since SQLite has one writer."""
    db.session.expire_all()
    found = db.session.get_one(Dataset, id).state, db.session.query(Version).filter_by(dataset_id=id).count()
    db.session.rollback()
    return found


def test_from_nothing_to_public_and_away_again(script: sodapy.Socrata, settings: Settings) -> None:
    made = script.create(
        "Delegates", description="List of delegates", columns=COLUMNS, row_identifier="delegation",
        tags=["politics", "geography"], category="Government", new_backend=True,
    )  # fmt: skip
    id = made["id"]
    assert (made["name"], made["publicationStage"]) == ("Delegates", "unpublished")
    assert made["metadata"]["rowIdentifier"] == "delegation"
    assert [(c["fieldName"], c["dataTypeName"]) for c in made["columns"]] == [
        ("delegation", "text"),
        ("members", "number"),
    ]
    assert script.upsert(id, [{"delegation": "AJU", "members": 5}, {"delegation": "HAR", "members": "6"}]) == counts(
        created=2
    )
    file = io.StringIO("delegation,members\nHAR,7\nNOR,8\n")
    assert script.upsert(id, file) == counts(created=1, updated=1, by_key=1)
    assert script.publish(id)["publicationStage"] == "published"
    with pytest.raises(requests.HTTPError, match="403 .*(?s:.)*decides every column"):
        script.set_permission(id, "public")
    open_all(db.session(), settings, db.session.get_one(Dataset, id))
    db.session.commit()
    assert script.set_permission(id, "public")["id"] == id
    assert script.get(id, order="delegation") == [
        {"delegation": "AJU", "members": "5"}, {"delegation": "HAR", "members": "7"}, {"delegation": "NOR", "members": "8"},
    ]  # fmt: skip
    assert script.delete(id, row_id="AJU") == [{"typ": "delete", "id": "AJU"}]
    assert script.replace(id, [{"delegation": "ONE"}]) == counts(created=1)
    assert script.get(id) == [{"delegation": "ONE"}]
    changed = script.update_metadata(id, {"name": "Delegates of the towns", "tags": ["towns"], "attribution": "OPM"})
    assert (changed["name"], changed["tags"], changed["attribution"]) == ("Delegates of the towns", ["towns"], "OPM")
    assert script.get_metadata(id)["name"] == "Delegates of the towns"
    script.set_permission(id, "private")
    assert state(id) == (DatasetState.DRAFT, 4)
    script.upsert(id, [{"delegation": "TWO"}])
    assert state(id) == (DatasetState.DRAFT, 5)
    script.delete(id)
    assert state(id) == (DatasetState.RETIRED, 5)


def test_what_is_wrong_is_said(script: sodapy.Socrata) -> None:
    id = script.create("Delegates", columns=COLUMNS, row_identifier="delegation")["id"]
    with pytest.raises(requests.HTTPError, match="Row 2: members does not read as number"):
        script.upsert(id, [{"delegation": "A", "members": 5}, {"delegation": "B", "members": "many"}])
    assert state(id) == (DatasetState.DRAFT, 0)
    script.session.auth = ("somebody", "else")
    with pytest.raises(requests.HTTPError, match="401"):
        script.upsert(id, [{"delegation": "A"}])
