"""Server-side sessions: they begin with a new id, end when they should, and a dead cookie stays dead."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from access import accounts, sessions, signing_in
from access.models import SignInSession
from exchange import clock
from exchange.db import db
from exchange.directory.models import Person, RoleKind
from tests.makers.browser import Browser, make_browser
from tests.makers.directory import make_person, sign_in


@pytest.fixture
def browser(app: Flask) -> Browser:
    """A browser that nobody has signed in."""
    return make_browser(app)


@pytest.fixture
def person(app: Flask) -> Person:
    """Somebody of OPM."""
    someone = make_person(db.session(), roles=[RoleKind.CDO])
    db.session.commit()
    return someone


def is_in(browser: Browser) -> bool:
    return browser.get("/desk").status_code == 200


def test_a_cookie_stolen_before_sign_out_is_dead_after_it(app: Flask, browser: Browser, person: Person) -> None:
    """ASVS V7.4.1."""
    stolen = sign_in(browser, person)
    thief = make_browser(app)
    thief.set_cookie("charter-oak", stolen)
    assert is_in(thief)
    assert browser.submit("/sign-out", page="/desk").status_code == 303
    assert not is_in(browser)
    assert not is_in(thief)


def test_signing_in_again_kills_the_session_sent_along(person: Person) -> None:
    """Session fixation: a value that was in the browser before is never the one that is signed in after."""
    planted = sessions.begin(db.session(), person.id, "planted", clock.now())
    fresh = signing_in.sign_in_to_demo_desk(db.session(), person.id, clock.now(), old=planted)
    assert fresh != planted
    assert sessions.find(db.session(), planted, clock.now()) is None
    assert sessions.find(db.session(), fresh, clock.now()) is not None


def test_an_unknown_cookie_value_is_never_adopted(browser: Browser, person: Person) -> None:
    browser.set_cookie("charter-oak", "planted-by-somebody")
    assert not is_in(browser)
    assert db.session.scalars(db.select(SignInSession)).all() == []


def test_idle_and_absolute_ends(person: Person) -> None:
    begun = clock.now()
    value = sessions.begin(db.session(), person.id, "password+totp", begun)
    assert sessions.find(db.session(), value, begun + timedelta(minutes=29)) is not None
    assert sessions.find(db.session(), value, begun + timedelta(minutes=30)) is None
    row = db.session.scalars(db.select(SignInSession)).one()
    row.seen_at = begun + timedelta(hours=11, minutes=59)
    db.session.flush()
    assert sessions.find(db.session(), value, begun + timedelta(hours=11, minutes=59, seconds=30)) is not None
    assert sessions.find(db.session(), value, begun + timedelta(hours=12)) is None


def test_a_step_up_does_not_lengthen_a_session(person: Person) -> None:
    begun = clock.now()
    value = sessions.begin(db.session(), person.id, "password+totp", begun)
    fresh = sessions.renew(db.session(), value, "password+totp", begun + timedelta(minutes=20))
    row = sessions.find(db.session(), fresh or "", begun + timedelta(minutes=21))
    assert row is not None
    assert row.created_at == begun
    assert row.authenticated_at == begun + timedelta(minutes=20)


def test_use_is_remembered_at_most_once_a_minute(browser: Browser, person: Person) -> None:
    sign_in(browser, person, at=clock.now() - timedelta(minutes=10))
    assert is_in(browser)
    first = db.session.scalars(db.select(SignInSession.seen_at)).one()
    assert clock.now() - first < timedelta(seconds=30)
    assert is_in(browser)
    assert db.session.scalars(db.select(SignInSession.seen_at)).one() == first


def test_ending_all_ends_every_browser(app: Flask, browser: Browser, person: Person) -> None:
    other = make_browser(app)
    sign_in(browser, person)
    sign_in(other, person)
    assert b"this browser" in browser.get("/sign-in/sessions").data
    assert browser.submit("/sign-out/everywhere", page="/sign-in/sessions").status_code == 303
    assert not is_in(browser)
    assert not is_in(other)


def test_a_disabled_account_is_out_everywhere_at_once(browser: Browser, person: Person) -> None:
    """ASVS V7.4.2."""
    accounts.create_account(db.session(), person, "acorns fall near the oak", "JBSWY3DPEHPK3PXP")
    sign_in(browser, person)
    assert is_in(browser)
    accounts.disable_account(db.session(), person.id, clock.now())
    db.session.commit()
    assert not is_in(browser)


def test_roles_are_todays(browser: Browser, person: Person) -> None:
    """A role that ended yesterday is not held in the next request of an old session."""
    sign_in(browser, person)
    assert b"Publish" in browser.get("/desk").data or b"Chief Data Officer" in browser.get("/desk").data
    role = db.session.get_one(Person, person.id).roles[0]
    role.ends = clock.legal_day(clock.now()) - timedelta(days=1)
    db.session.commit()
    assert b"ask an administrator for the role" in browser.get("/desk").data
