"""Quotas by app token and by address: what is counted, for whom, and what a client is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select
from werkzeug.test import TestResponse

from exchange.db import db
from exchange.rows import app_tokens
from exchange.rows.limits import MAX_TARGET, Limits, narrowed
from exchange.rows.models import AppToken, RequestCount
from exchange.rows.quota import Counters, SharedCounts
from exchange.settings import SettingsError, from_environment
from tests.conftest import NOON
from tests.makers.rows import make_open_dataset

PAGE = "/resource/abcd-1234.json"
MINUTE = 60 * 29_000_000.0


@pytest.fixture
def quakes(app: Flask, client: FlaskClient) -> FlaskClient:
    """A browser, and the earthquakes published; three requests a minute by address, five by token."""
    limit(app, quota_by_address=3, quota_by_token=5)
    make_open_dataset(db.session(), app.config["SETTINGS"].data_dir, NOON)
    db.session.commit()
    return client


@pytest.fixture
def token(quakes: FlaskClient) -> str:
    """An app token that somebody made."""
    wanted = app_tokens.Wanted("a script", "tests", None, "203.0.113.5")
    value = app_tokens.make(db.session(), wanted, "a secret", NOON)
    db.session.commit()
    return value


@pytest.fixture
def counted(engine: Engine) -> Iterator[tuple[Counters, Counters]]:
    """The counters of two processes on one database."""
    yield Counters(SharedCounts(engine, "a secret")), Counters(SharedCounts(engine, "a secret"))


def limit(app: Flask, **settings: Any) -> None:
    app.extensions["limits"] = Limits(replace(app.config["SETTINGS"], **settings), db.session, Counters())


def ask(client: FlaskClient, **how: Any) -> TestResponse:
    return client.get(how.pop("path", PAGE), query_string={"$limit": 1, **how.pop("query", {})}, **how)


def test_each_answer_says_what_is_left_and_the_one_past_the_quota_when_to_come_back(quakes: FlaskClient) -> None:
    answers = [ask(quakes) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[0].headers["RateLimit-Policy"] == '"address";q=3;w=60'
    assert [answer.headers["RateLimit"].split(";")[1] for answer in answers] == ["r=2", "r=1", "r=0", "r=0"]
    body = answers[3].get_json()
    assert body["code"] == body["errorCode"] == "soda.too-many-requests" and body["error"] is True
    assert 1 <= int(answers[3].headers["Retry-After"]) <= 121
    assert "/developers/tokens" in body["message"]


@pytest.mark.parametrize(
    "how",
    [
        {"headers": {"X-App-Token": "T"}},
        {"headers": {"X-App-token": "T"}},
        {"query": {"$$app_token": "T"}},
        {"query": {"$$APP_TOKEN": "T"}},
        {"path": PAGE + "?%24%24app_token=T"},
    ],
)
def test_a_token_has_a_quota_of_its_own_however_it_is_sent(
    quakes: FlaskClient, token: str, how: dict[str, Any]
) -> None:
    sent = {
        part: value.replace("=T", f"={token}")
        if isinstance(value, str)
        else dict.fromkeys(value, token)
        for part, value in how.items()
    }  # fmt: skip
    answer = quakes.get(sent["path"]) if "path" in sent else ask(quakes, **sent)
    assert answer.status_code == 200, answer.text
    assert answer.headers["RateLimit-Policy"] == '"token";q=5;w=60'


def test_a_spent_token_does_not_spend_the_address(quakes: FlaskClient, token: str) -> None:
    answers = [ask(quakes, headers={"X-App-Token": token}).status_code for _ in range(6)]
    assert answers == [200] * 5 + [429]
    assert ask(quakes).status_code == 200


def test_an_unknown_or_ended_token_is_refused_with_a_way_on(quakes: FlaskClient, token: str) -> None:
    answer = ask(quakes, headers={"X-App-Token": "no such token"})
    assert answer.status_code == 403 and answer.get_json()["code"] == "permission_denied"
    assert "/developers/tokens" in answer.get_json()["message"]
    app_tokens.end(db.session(), token, NOON)
    db.session.commit()
    assert ask(quakes, headers={"X-App-Token": token}).status_code == 403
    assert [ask(quakes, headers={"X-App-Token": "guess"}).status_code for _ in range(2)] == [403, 429]


def test_a_token_is_no_identity(quakes: FlaskClient, token: str, app: Flask) -> None:
    make_open_dataset(db.session(), app.config["SETTINGS"].data_dir, NOON, id="hidd-en23", state="draft")
    db.session.commit()
    assert ask(quakes, path="/resource/hidd-en23.json", headers={"X-App-Token": token}).status_code == 404


def test_a_very_long_address_is_refused_in_json(quakes: FlaskClient) -> None:
    answer = ask(quakes, query={"$where": "source = '" + "x" * MAX_TARGET + "'"})
    assert answer.status_code == 414 and answer.get_json()["error"] is True
    assert ask(quakes, query={"$where": "source = '" + "x" * 8_000 + "'"}).status_code == 200


def test_without_quotas_nothing_is_counted(quakes: FlaskClient, app: Flask) -> None:
    limit(app, quota_by_address=0, quota_by_token=0)
    answers = [ask(quakes) for _ in range(5)]
    assert {answer.status_code for answer in answers} == {200}
    assert "RateLimit" not in answers[0].headers


def test_only_a_configured_proxy_may_say_who_asks(app: Flask) -> None:
    def seen(remote: str, forwarded: str, **settings: Any) -> str | None:
        limits = Limits(replace(app.config["SETTINGS"], **settings), db.session, Counters())
        with app.test_request_context(
            environ_base={"REMOTE_ADDR": remote}, headers={"X-Forwarded-For": forwarded}
        ) as c:
            return limits.address_of(c.request.environ)

    assert seen("203.0.113.9", "198.51.100.1") == "203.0.113.9"
    behind = {"proxies": ("10.0.0.0/8",)}
    assert seen("10.0.0.1", "198.51.100.1, 203.0.113.7, 10.0.0.2", **behind) == "203.0.113.7"
    assert seen("203.0.113.9", "198.51.100.1", **behind) == "203.0.113.9"
    assert seen("127.0.0.1", "203.0.113.7", origin="https://data.example.gov") is None


def test_ipv6_counts_by_its_network() -> None:
    assert narrowed("2001:db8:1:2:aaaa::1") == narrowed("2001:db8:1:2:bbbb::9") == "2001:db8:1:2::/64"
    assert narrowed("::ffff:203.0.113.9") == "203.0.113.9"
    assert narrowed("2001:db8:1:3::1") != narrowed("2001:db8:1:2::1")


def test_the_minute_rolls() -> None:
    counters = Counters()
    assert [counters.spend("a", 10, MINUTE + 50).allowed for _ in range(12)] == [True] * 10 + [False] * 2
    early = counters.spend("a", 10, MINUTE + 60)
    assert not early.allowed
    assert counters.spend("a", 10, MINUTE + 60 + early.wait_s).allowed
    assert sum(counters.spend("a", 10, MINUTE + 90).allowed for _ in range(10)) <= 5
    assert counters.spend("a", 10, MINUTE + 600).left == 9


def test_the_wait_that_is_told_is_long_enough() -> None:
    for used_at in (0.0, 20.0, 59.0):
        counters = Counters()
        for _ in range(8):
            counters.spend("a", 8, MINUTE + used_at)
        refused = counters.spend("a", 8, MINUTE + used_at)
        assert counters.spend("a", 8, MINUTE + used_at + refused.wait_s).allowed


def test_two_processes_count_together(counted: tuple[Counters, Counters], engine: Engine) -> None:
    one, two = counted
    for counters in (one, two):
        assert all(counters.spend("token x", 10, MINUTE).allowed for _ in range(5))
    one.share()
    two.share()
    one.share()
    assert not one.spend("token x", 10, MINUTE).allowed and not two.spend("token x", 10, MINUTE).allowed
    assert one.spend("token y", 10, MINUTE).allowed
    with engine.connect() as connection:
        assert {len(key) for key in connection.scalars(select(RequestCount.key))} == {32}


def test_whoever_asks_little_costs_no_query(engine: Engine) -> None:
    before = threading.active_count()
    counters = Counters(SharedCounts(engine, "a secret"))
    for number in range(50):
        counters.spend(f"address {number}", 1000, MINUTE)
    counters.share()
    assert threading.active_count() <= before
    with engine.connect() as connection:
        assert connection.scalars(select(RequestCount.key)).all() == []


def test_wrong_settings_are_listed(tmp_path: Any) -> None:
    environment = {
        "EXCHANGE_DEMO": "1", "EXCHANGE_DATA_DIR": str(tmp_path), "EXCHANGE_QUOTA_BY_TOKEN": "many",
        "EXCHANGE_PROXIES": "10.0.0.0/8, my-proxy",
    }  # fmt: skip
    with pytest.raises(SettingsError) as refused:
        from_environment(environment)
    assert "EXCHANGE_QUOTA_BY_TOKEN" in refused.value.message and "my-proxy" in refused.value.message


def test_only_the_hash_of_a_token_is_kept(quakes: FlaskClient, token: str) -> None:
    row = db.session().scalars(select(AppToken)).one()
    assert row.hash == app_tokens.hash_of(token) and token not in repr(vars(row))
    assert "203.0.113.5" not in repr(vars(row))
