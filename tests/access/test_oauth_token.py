"""The token endpoint: what it gives, what it refuses, what it records."""

from __future__ import annotations

import json

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from access.models import Client, Grant, Token
from access.oauth.metadata import server_metadata
from agreements.models import AgreementVersion
from audit import tables
from exchange import clock
from exchange.db import db
from tests.makers.access import GRANTED, Holder, World, make_grant, new_key


def entries(action: str) -> list[dict[str, object]]:
    """What the log holds of this act."""
    bodies = [json.loads(body) for body in db.session.scalars(select(tables.queue.c.body).order_by(tables.queue.c.seq))]
    bodies += [json.loads(body) for body in db.session.scalars(select(tables.entries.c.body))]
    return [body for body in bodies if body["action"] == action]


@pytest.fixture
def world(app: object) -> World:
    made = make_grant(db.session())
    db.session.commit()
    return made


@pytest.fixture
def holder(world: World) -> Holder:
    return Holder(world.client_id, world.key)


def test_a_client_gets_a_token_for_one_grant(client: FlaskClient, world: World, holder: Holder) -> None:
    answer = client.post("/oauth/token", **holder.token_request(world.details()))
    assert answer.status_code == 200, answer.json
    assert answer.json is not None
    assert answer.json["token_type"] == "DPoP"
    assert answer.json["expires_in"] == 600
    assert answer.json["scope"] == "data.query"
    (details,) = answer.json["authorization_details"]
    assert details["grant_id"] == world.grant_id
    assert details["agreement_version"] == 1
    assert details["datasets"] == [{"id": world.dataset_id, "columns": list(GRANTED)}]
    assert answer.headers["Cache-Control"] == "no-store"
    (entry,) = entries("token:access:issue")
    assert (entry["grant"], entry["client"], entry["columns"]) == (world.grant_id, world.client_id, list(GRANTED))
    token = db.session.scalars(select(Token)).one()
    assert answer.json["access_token"] not in json.dumps(entry)
    assert token.hash != answer.json["access_token"]
