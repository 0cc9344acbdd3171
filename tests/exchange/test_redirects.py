"""Old addresses lead to where the thing is now, and to nothing that the reader may not know of."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from exchange.db import db
from exchange.directory.models import RoleKind
from tests.makers.catalogue import make_listed
from tests.makers.directory import make_person, sign_in

ADDRESSES = (
    "/d/{}", "/d/{}/data", "/d/{}/about_data", "/dataset/School-Directory/{}", "/Education/School-Directory/{}",
    "/Education/School-Directory/{}/data", "/Education/School-Directory/{}/about_data", "/en/any%20thing/{}/explore",
)  # fmt: skip


@pytest.fixture
def catalogue(app: Flask) -> None:
    """One open dataset, one restricted, one draft."""
    make_listed(db.session(), "aaaa-0001", "School Directory")
    make_listed(db.session(), "rrrr-0001", "Restricted", class_="restricted")
    make_listed(db.session(), "dddd-0001", "Draft", state="draft")
    db.session.commit()


def test_readable_addresses_lead_to_the_page(catalogue: None, client: FlaskClient) -> None:
    for address in ADDRESSES:
        answer = client.get(address.format("aaaa-0001"))
        assert (answer.status_code, answer.location) == (302, "/data/aaaa-0001"), address


def test_what_may_not_be_known_answers_as_what_never_was(catalogue: None, client: FlaskClient) -> None:
    for address in (*ADDRESSES, "/api/geospatial/{}?method=export&format=GeoJSON"):
        unknown = client.get(address.format("zzzz-0001"))
        assert unknown.status_code == 404
        for hidden in ("rrrr-0001", "dddd-0001"):
            answer = client.get(address.format(hidden))
            assert answer.status_code == 404, address
            assert answer.data.replace(hidden.encode(), b"zzzz-0001") == unknown.data
    assert client.get("/Education/School-Directory/not-a-4x4").status_code == 404
    sign_in(client, make_person(db.session(), roles=[RoleKind.MEMBER]))
    assert client.get("/d/rrrr-0001").location == "/data/rrrr-0001"
    assert client.get("/d/dddd-0001").status_code == 404


def test_shapes_lead_to_geojson(catalogue: None, client: FlaskClient) -> None:
    answer = client.get("/api/geospatial/aaaa-0001?method=export&format=GeoJSON")
    assert (answer.status_code, answer.location) == (302, "/resource/aaaa-0001.geojson?$limit=10")
    refused = client.get("/api/geospatial/aaaa-0001?method=export&format=Shapefile")
    assert refused.status_code == 406 and "GeoJSON" in refused.get_json()["message"]


def test_who_is_signed_in(app: Flask, client: FlaskClient) -> None:
    refused = client.get("/api/users/current.json")
    assert refused.status_code == 403 and refused.get_json()["code"] == "authentication_required"
    sign_in(client, make_person(db.session(), "Marian Oakes", roles=[RoleKind.MEMBER]))
    answer = client.get("/api/users/current.json")
    assert answer.get_json()["displayName"] == "Marian Oakes" and answer.get_json()["rights"] == ["member"]
    assert answer.headers["Cache-Control"] == "no-store"
