"""A grant gives nothing once the law leaves one of its columns out of the sharing program (invariant 2)."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from access.barred import BARS
from exchange import clock
from exchange.catalog.models import Dataset, DatasetState
from exchange.classification.models import Classification, ColumnDecision
from exchange.db import db
from exchange.settings import Settings
from tests.makers.access import Holder, World, entries, make_dataset, make_grant, store_rows

PATH = "/resource/aaaa-2222.json"


@pytest.fixture
def world(app: Flask, settings: Settings) -> World:
    dataset = make_dataset(db.session())
    store_rows(db.session(), settings, dataset)
    made = make_grant(db.session(), dataset=dataset)
    db.session.commit()
    return made


def _agree(dataset_id: str, column: str, code: str) -> None:
    proposal = Classification(dataset_id=dataset_id, number=99, state="agreed", proposed_at=clock.now())
    proposal.columns = [ColumnDecision(column=column, position=0, decision="restricted", code=code)]
    db.session.add(proposal)
    db.session.commit()


def test_state_tax_is_known_as_a_law_that_no_agreement_lifts() -> None:
    assert "STATE-TAX" in BARS


@pytest.mark.parametrize(("code", "status"), [("STATE-TAX", 403), ("FERPA", 200)])
def test_invariant_2_a_later_classification_narrows_a_grant(
    client: FlaskClient, world: World, code: str, status: int
) -> None:
    holder = Holder(world.client_id, world.key)
    token = client.post("/oauth/token", **holder.token_request(world.details())).json["access_token"]
    _agree("aaaa-2222", "town", code)
    answer = client.get(PATH, headers=holder.headers(token, PATH), buffered=True)
    assert answer.status_code == status
    again = client.post("/oauth/token", **holder.token_request(world.details()))
    assert again.status_code == (200 if status == 200 else 400)
    if status == 403:
        assert "CGS 12-15" in answer.json["message"]
        assert entries("access:rows:refuse")[-1]["because"] == ["STATE-TAX"]


def test_invariant_3_a_retired_dataset_is_read_by_nobody(client: FlaskClient, world: World) -> None:
    holder = Holder(world.client_id, world.key)
    token = client.post("/oauth/token", **holder.token_request(world.details())).json["access_token"]
    assert client.get(PATH, headers=holder.headers(token, PATH), buffered=True).status_code == 200
    db.session.get_one(Dataset, "aaaa-2222").state = DatasetState.RETIRED.value
    db.session.commit()
    answer = client.get(PATH, headers=holder.headers(token, PATH), buffered=True)
    assert answer.status_code == 403 and "retired the dataset" in answer.json["message"]
    assert client.post("/oauth/token", **holder.token_request(world.details())).status_code == 400
