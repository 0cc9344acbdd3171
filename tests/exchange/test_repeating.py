"""The same question again is answered before Flask, by the same rules: all that decides is asked each time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from exchange.db import db
from exchange.portal import repeating
from exchange.rows import app_tokens
from exchange.rows.doors import ready_answers
from exchange.rows.limits import Limits
from exchange.rows.quota import Counters
from tests.conftest import NOON, make_settings
from tests.makers.rows import make_open_dataset
from wsgi import create_app

PAGE = "/resource/abcd-1234.json?$limit=5"


@pytest.fixture
def whole_way(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The addresses that Flask itself answered."""
    seen: list[str] = []
    inner = app.wsgi_app._inner  # type: ignore[attr-defined]

    def counted(environ: Any, start_response: Any) -> Any:
        seen.append(environ["PATH_INFO"])
        return inner(environ, start_response)

    monkeypatch.setattr(app.wsgi_app, "_inner", counted)
    yield seen


@pytest.fixture
def asked(app: Flask, client: FlaskClient, whole_way: list[str]) -> FlaskClient:
    """A browser; the page was asked for twice."""
    make_open_dataset(db.session(), app.config["SETTINGS"].data_dir, NOON)
    db.session.commit()
    for _ in range(2):
        assert client.get(PAGE).status_code == 200
    whole_way.clear()
    return client


def quota(app: Flask, **settings: int) -> None:
    app.extensions["limits"] = Limits(replace(app.config["SETTINGS"], **settings), db.session, Counters())


def test_what_is_repeated_is_what_flask_answers(asked: FlaskClient, whole_way: list[str]) -> None:
    again = asked.get(PAGE)
    assert whole_way == []
    whole = asked.get(PAGE, headers={"X-Unheard-Of": "1"})
    assert len(whole_way) == 1
    assert again.data == whole.data and again.status == whole.status
    own = ("X-Socrata-RequestId", "RateLimit")
    first, second = ({n: v for n, v in one.headers if n not in own} for one in (again, whole))
    assert first == second
    ids = {again.headers["X-Socrata-RequestId"], asked.get(PAGE).headers["X-Socrata-RequestId"]}
    assert len(ids) == 2


@pytest.mark.parametrize(
    "brought", ["Authorization", "DPoP", "If-None-Match", "If-Modified-Since", "If-Match", "Range"]
)
def test_whoever_brings_more_takes_the_whole_way(asked: FlaskClient, whole_way: list[str], brought: str) -> None:
    asked.get(PAGE, headers={brought: '"x"'})
    asked.head(PAGE)
    asked.get(PAGE, headers={"Accept": "text/csv"})
    asked.get(PAGE, headers={"Accept-Encoding": "gzip"})
    asked.set_cookie("form", "x")
    asked.get(PAGE)
    assert len(whole_way) == 5


def test_repeated_answers_are_counted_and_refused_like_others(
    app: Flask, asked: FlaskClient, whole_way: list[str]
) -> None:
    quota(app, quota_by_address=3, quota_by_token=5)
    answers = [asked.get(PAGE) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert [answer.headers["RateLimit"].split(";")[1] for answer in answers[:3]] == ["r=2", "r=1", "r=0"]
    assert len(whole_way) == 2
    token = app_tokens.make(db.session(), app_tokens.Wanted("a script", "tests", None, "203.0.113.5"), "secret", NOON)
    db.session.commit()
    answers = [asked.get(PAGE, headers={"X-App-Token": token}) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert len(whole_way) == 4, "the first to look the token up, the last to be refused"


def test_a_token_that_nobody_has_is_refused_however_often_the_page_was_repeated(app: Flask, asked: FlaskClient) -> None:
    assert asked.get(PAGE, headers={"X-App-Token": "nobodys"}).status_code == 403
    token = app_tokens.make(db.session(), app_tokens.Wanted("a script", "tests", None, "203.0.113.5"), "secret", NOON)
    db.session.commit()
    both = f"{PAGE}&$$app_token=nobodys"
    assert [asked.get(both, headers={"X-App-Token": token}).status_code for _ in range(3)] == [200] * 3
    assert asked.get(both).status_code == 403


def test_what_is_withdrawn_or_forgotten_is_not_repeated(app: Flask, asked: FlaskClient, whole_way: list[str]) -> None:
    with app.app_context():
        ready_answers().kept.clear()
    assert asked.get(PAGE).status_code == 200 and len(whole_way) == 1
    assert asked.get(PAGE).status_code == 200 and len(whole_way) == 1
    db.session.execute(text("UPDATE dataset SET state = 'retired'"))
    db.session.commit()
    assert asked.get(PAGE).status_code == 404


def test_the_demo_repeats_nothing_to_strangers(app: Flask) -> None:
    demo = create_app(replace(make_settings(app.config["SETTINGS"].data_dir), demo=True))
    with demo.app_context():
        make_open_dataset(db.session(), demo.config["SETTINGS"].data_dir, NOON)
        db.session.commit()
    client = demo.test_client()
    assert [client.get(PAGE).status_code for _ in range(3)] == [200] * 3
    assert client.get(PAGE, environ_base={"REMOTE_ADDR": "203.0.113.9"}).status_code == 403
    assert client.get(PAGE, headers={"X-Forwarded-For": "127.0.0.1"}).status_code == 403
    demo.extensions["ledger"].close()


def test_what_a_worker_can_repeat_is_bounded(asked: FlaskClient, monkeypatch: pytest.MonkeyPatch, app: Flask) -> None:
    monkeypatch.setattr(repeating, "MOST", 3)
    for _ in range(2):
        for limit in range(1, 7):
            asked.get(f"/resource/abcd-1234.json?$limit={limit}")
    assert len(app.wsgi_app._known) == 3  # type: ignore[attr-defined]
