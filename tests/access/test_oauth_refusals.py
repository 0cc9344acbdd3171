"""Refusals of clients that did not prove themselves: recorded one by one within a budget, beyond it counted."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from access.oauth.api import BUDGET
from access.oauth.entries import refused_beyond
from access.oauth.refusals import A_MINUTE, RefusalBudget
from audit.ledger import Ledger
from exchange.db import db
from tests.conftest import NOON
from tests.makers.access import Holder, World, entries, make_grant, new_key

PERIOD_S = 1.5


@pytest.fixture
def world(app: Flask) -> World:
    made = make_grant(db.session())
    db.session.commit()
    return made


@pytest.fixture
def small(app: Flask) -> Iterator[RefusalBudget]:
    budget = RefusalBudget(app.extensions["ledger"], refused_beyond, most=3, period_s=PERIOD_S)
    app.extensions[BUDGET] = budget
    yield budget
    budget.sum_up()


def recorded() -> int:
    return len(entries("token:access:refuse"))


def test_strangers_fill_the_log_no_faster_than_the_budget(
    client: FlaskClient, world: World, small: RefusalBudget
) -> None:
    stranger = Holder(world.client_id, new_key())
    answers = [client.post("/oauth/token", **stranger.token_request(world.details())) for _ in range(8)]
    assert [answer.status_code for answer in answers] == [400, 400, 400, 429, 429, 429, 429, 429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 2
    assert answers[-1].json is not None and answers[-1].json["error"] == "temporarily_unavailable"
    assert recorded() == 3
    time.sleep(PERIOD_S + 0.5)
    (summary,) = [entry for entry in entries("token:access:refuse") if "count" in entry["details"]]
    assert summary["details"]["count"] == 5
    assert client.post("/oauth/token", **stranger.token_request(world.details())).status_code == 400


def test_a_client_that_proves_itself_is_answered_and_recorded_whatever_strangers_do(
    client: FlaskClient, world: World, small: RefusalBudget
) -> None:
    for _ in range(5):
        client.post("/oauth/token", data={"grant_type": "client_credentials"})
    assert recorded() == 3
    holder = Holder(world.client_id, world.key)
    for number in range(5):
        refused = client.post("/oauth/token", **holder.token_request(world.details(columns=["ssn"])))
        assert (refused.status_code, recorded()) == (400, 4 + number)
    assert client.post("/oauth/token", **holder.token_request(world.details())).status_code == 200


def test_the_budget_comes_back_after_its_period(ledger: Ledger) -> None:
    budget = RefusalBudget(ledger, refused_beyond)
    assert [budget.wait_s(NOON) for _ in range(A_MINUTE)] == [0] * A_MINUTE
    assert budget.wait_s(NOON + timedelta(seconds=20)) == 40
    assert budget.wait_s(NOON + timedelta(seconds=60)) == 0
