"""The page for app tokens: anybody makes one, sees it once, and ends it with itself."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from exchange import clock
from exchange.db import db
from exchange.directory.models import Person
from exchange.rows import app_tokens
from exchange.rows.app_tokens import MADE_A_DAY
from exchange.rows.models import AppToken

PAGE = "/developers/tokens/"
FORM = {"name": "Bus times", "purpose": "A page of bus times for Hartford"}


@pytest.fixture(autouse=True)
def without_form_secrets(app: Flask) -> None:
    """That forms carry a secret is tested where forms are; here they are filled in by hand."""
    app.config["WTF_CSRF_ENABLED"] = False


def shown_token(text: str) -> str:
    found = re.search(r'aria-label="Your app token"><code>([\w-]{32})</code>', text)
    assert found is not None, text
    return found[1]


def post(client: FlaskClient, path: str = PAGE, **fields: Any) -> Any:
    return client.post(path, data=fields, follow_redirects=True)


def test_the_public_page_says_the_quotas_and_offers_both_forms(client: FlaskClient) -> None:
    text = client.get(PAGE).text
    assert text.count("<h1") == 1 and "Requests for rows in a minute" in text
    assert 'action="/developers/tokens/"' in text and 'action="/developers/tokens/end"' in text


def test_a_token_is_shown_once_and_kept_as_its_hash(client: FlaskClient) -> None:
    made = post(client, **FORM)
    value = shown_token(made.text)
    assert made.status_code == 200 and app_tokens.is_live(db.session(), app_tokens.hash_of(value))
    row = db.session().scalars(select(AppToken)).one()
    assert (row.name, row.person_id) == ("Bus times", None) and value not in repr(vars(row))
    assert value not in client.get(PAGE).text


def test_whoever_has_a_token_ends_it(client: FlaskClient) -> None:
    value = shown_token(post(client, **FORM).text)
    assert "has ended" in post(client, PAGE + "end", token=f" {value} ").text
    assert not app_tokens.is_live(db.session(), app_tokens.hash_of(value))
    again = post(client, PAGE + "end", token=value)
    assert again.status_code == 404 and "ended before" in again.text


def test_what_is_missing_is_said_and_nothing_is_made(client: FlaskClient) -> None:
    assert post(client, name="", purpose="x").status_code == 400
    assert post(client, name="n" * 81, purpose="x").status_code == 400
    assert post(client, **FORM, person_id="somebody").status_code == 400
    assert db.session().scalars(select(AppToken)).all() == []


def test_one_address_makes_few_tokens_a_day(client: FlaskClient) -> None:
    assert [post(client, **FORM).status_code for _ in range(MADE_A_DAY + 1)] == [200] * MADE_A_DAY + [429]
    other = client.post(PAGE, data=FORM, environ_base={"REMOTE_ADDR": "127.0.0.2"})
    assert other.status_code == 200


def test_signed_in_persons_see_and_end_their_own_and_nobody_elses(app: Flask) -> None:
    session = db.session()
    session.add_all(Person(id=who, name=who, email=f"{who}@example.org") for who in ("ada", "ben"))
    session.flush()
    wanted = app_tokens.Wanted("Ada's page", "tests", "ada", "203.0.113.1")
    value = app_tokens.make(session, wanted, "a secret", clock.now())
    hash_ = app_tokens.hash_of(value)
    assert [token.hash for token in app_tokens.of_person(session, "ada")] == [hash_]
    assert not app_tokens.of_person(session, "ben")
    with pytest.raises(app_tokens.NotFound):
        app_tokens.end_own(session, hash_, "ben", clock.now())
    assert app_tokens.end_own(session, hash_, "ada", clock.now()).ended_at is not None
    assert not app_tokens.of_person(session, "ada")


def test_ending_ones_own_without_having_it_needs_a_sign_in(client: FlaskClient) -> None:
    answer = client.post(PAGE + "end-own", data={"which": "x" * 64})
    assert answer.status_code in (302, 303, 401)


def test_without_the_forms_secret_nothing_is_made(app: Flask, client: FlaskClient) -> None:
    app.config["WTF_CSRF_ENABLED"] = True
    assert client.post(PAGE, data=FORM).status_code in (400, 403)
    assert db.session().scalars(select(AppToken)).all() == []
