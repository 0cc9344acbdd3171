"""Where requests came from is in the log, sealed; nowhere in it in clear. Sign-in, tokens, restricted reading."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pyotp
import pytest
from flask import Flask

from access import accounts, traces
from audit.actions import Action, Outcome
from audit.entry import Entry
from audit.master_key import MasterKeys
from audit.personal import Sealer, Traces
from exchange import clock
from exchange.db import db
from exchange.directory.models import Person, RoleKind
from exchange.rows import limits
from tests.makers.access import Holder, make_dataset, make_grant, store_rows
from tests.makers.browser import Browser, make_browser
from tests.makers.directory import make_person
from tests.makers.log import entries

PASSWORD, SECRET = "acorns fall near the oak", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXQ"
FROM: dict[str, Any] = {"environ_base": {"REMOTE_ADDR": "127.0.0.77"}, "headers": {"User-Agent": "Acorn/9.1 (test)"}}


@pytest.fixture
def person(app: Flask) -> Person:
    """Somebody with an account."""
    someone = make_person(db.session(), "Ines Calloway", email="ines@example.ct.gov", roles=[RoleKind.CDO])
    accounts.create_account(db.session(), someone, PASSWORD, SECRET)
    db.session.commit()
    return someone


def enter(app: Flask, **changes: str) -> Browser:
    browser = make_browser(app)
    code = pyotp.TOTP(SECRET).at(clock.now())
    data = {"email": "ines@example.ct.gov", "password": PASSWORD, "code": code, "next": "/desk", **changes}
    browser.post("/sign-in", data={**data, "csrf_token": browser.token("/sign-in")}, **FROM)
    return browser


def opened(app: Flask, entry: dict[str, Any]) -> dict[str, str | None]:
    sealer: Sealer = app.extensions["sealer"]
    db.session.rollback()
    with db.engine.connect() as connection:
        return {one.field: one.text for one in sealer.open(connection, entry["id"], entry["sealed"])}


def test_a_sign_in_keeps_where_it_came_from_sealed(app: Flask, person: Person) -> None:
    enter(app)
    [entry] = entries(db.session(), Action.SESSION_SIGN_IN)
    assert opened(app, entry) == {"address": "127.0.0.77", "agent": "Acorn/9.1 (test)"}


def test_an_unknown_address_is_kept_sealed_a_known_one_is_not_kept_at_all(app: Flask, person: Person) -> None:
    enter(app, email="nobody@example.ct.gov")
    enter(app, password="not the right password")
    unknown, known = entries(db.session(), Action.SESSION_REFUSE)
    assert opened(app, unknown)["email"] == "nobody@example.ct.gov"
    assert "actor" not in unknown
    assert sorted(opened(app, known)) == ["address", "agent"]


def test_the_log_names_nobody_in_clear(app: Flask, person: Person) -> None:
    browser = enter(app)
    enter(app, email="nobody@example.ct.gov")
    browser.submit("/sign-out/everywhere", page="/desk")
    every = entries(db.session())
    assert len(every) >= 3
    for told in ("127.0.0", "Acorn", "nobody@", "ines@", "Ines"):
        assert told not in json.dumps(every)


def test_without_its_key_file_nobody_signs_in_and_nothing_is_written(app: Flask, person: Person) -> None:
    app.extensions["sealer"] = Sealer(MasterKeys(app.config["SETTINGS"].data_dir / "nowhere.key"))
    browser = enter(app)
    assert browser.get("/desk").status_code == 303
    assert entries(db.session(), Action.SESSION_SIGN_IN) == []


def test_an_entry_recorded_by_itself_has_a_key_that_is_durable_first(app: Flask) -> None:
    told = Traces(app.extensions["sealer"], {"address": "203.0.113.9"})
    entry = Entry(Action.ACCESS_ROWS_INTENT, Outcome.INTENDED, actor="somebody", at=clock.now())
    first, second = (traces.into(db.engine, told, replace(entry, id=id)) for id in ("a", "b"))
    assert first.sealed["address"].split(".")[1] == second.sealed["address"].split(".")[1]
    assert opened(app, {"id": "a", "sealed": first.sealed}) == {"address": "203.0.113.9"}


@pytest.mark.parametrize(
    ("proxies", "environ", "wanted"),
    [
        ((), {"REMOTE_ADDR": "203.0.113.1", "HTTP_X_FORWARDED_FOR": "198.51.100.1"}, "203.0.113.1"),
        (("10.0.0.0/8",), {"REMOTE_ADDR": "10.1.1.1", "HTTP_X_FORWARDED_FOR": "6.6.6.6, 198.51.100.1"}, "198.51.100.1"),
        (("10.0.0.0/8",), {"REMOTE_ADDR": "10.1.1.1"}, "10.1.1.1"),
        (("10.0.0.0/8",), {"REMOTE_ADDR": "10.1.1.1", "HTTP_X_FORWARDED_FOR": "2001:db8::7, 10.2.2.2"}, "2001:db8::7"),
    ],
)
def test_the_address_is_the_last_hop_before_our_own_proxies(
    app: Flask, proxies: tuple[str, ...], environ: dict[str, str], wanted: str
) -> None:
    settings = replace(app.config["SETTINGS"], proxies=proxies)
    assert limits.Limits(settings, db.session, None).peer_of(environ) == wanted  # type: ignore[arg-type]


def test_a_token_and_a_restricted_reading_keep_where_they_came_from_sealed(app: Flask) -> None:
    dataset = make_dataset(db.session())
    store_rows(db.session(), app.config["SETTINGS"], dataset)
    world = make_grant(db.session(), dataset=dataset)
    db.session.commit()
    holder, client, path = Holder(world.client_id, world.key), app.test_client(), "/resource/aaaa-2222.json"
    answer = client.post("/oauth/token", **holder.token_request(world.details()), environ_base=FROM["environ_base"])
    token = answer.get_json()["access_token"]
    for query in ({}, {"$select": "no_such_column"}):
        headers = holder.headers(token, path) | FROM["headers"]
        client.get(path, headers=headers, query_string=query, environ_base=FROM["environ_base"], buffered=True)
    acts = (Action.TOKEN_ACCESS_ISSUE, Action.ACCESS_ROWS_INTENT, Action.ACCESS_ROWS_REFUSE)
    found = entries(db.session(), *acts)
    assert [entry["action"] for entry in found] == list(acts)
    for entry in found:
        assert opened(app, entry)["address"] == "127.0.0.77"
    assert sorted(opened(app, found[0])) == ["address", "agent"]
    assert sorted(opened(app, found[1])) == ["address"]
    assert "127.0.0.77" not in json.dumps(entries(db.session()))
