"""The desk: what waits for whom, since when, and where each role usually goes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask

from access import desks
from exchange import clock
from exchange.catalog.models import Dataset
from exchange.db import db
from exchange.directory.models import Person, RoleKind
from exchange.hub.models import PublishingRun, RunState
from tests.makers.browser import Browser, make_browser
from tests.makers.directory import RoleWanted, make_identity, make_person, sign_in


@pytest.fixture
def browser(app: Flask) -> Browser:
    """A browser that nobody has signed in."""
    return make_browser(app)


def person(*roles: RoleWanted, agency: str = "education") -> Person:
    someone = make_person(db.session(), "Noor Ashby", agency=agency, roles=roles)
    db.session.commit()
    return someone


def stopped_run(state: RunState = RunState.STOPPED) -> PublishingRun:
    now = clock.now()
    dataset = Dataset(id="abcd-2345", agency_id="education", title="Attendance", class_="open")
    dataset.created_at = dataset.updated_at = now
    run = PublishingRun(state=state.value, source={}, started_at=now - timedelta(days=2))
    run.dataset = dataset
    db.session.add(run)
    db.session.commit()
    return run


@pytest.mark.parametrize("kind", list(RoleKind))
def test_every_role_has_a_desk_with_the_places_it_needs(browser: Browser, kind: RoleKind) -> None:
    sign_in(browser, person(kind))
    answer = browser.get("/desk")
    assert answer.status_code == 200
    assert "Nothing waits for you" in answer.text
    identity = make_identity(db.session(), kind)
    assert desks.usual_places(identity)


def test_somebody_without_a_role_is_told_whom_to_ask(browser: Browser) -> None:
    sign_in(browser, person())
    assert "ask an administrator for the role" in browser.get("/desk").text


def test_a_stopped_run_waits_for_the_steward_and_leads_there(browser: Browser) -> None:
    steward = person(RoleKind.STEWARD)
    run = stopped_run()
    sign_in(browser, steward)
    page = browser.get("/desk").text
    assert "Publishing Attendance" in page and "Look at what was found" in page
    assert f"/publish/{run.id}" in page


@pytest.mark.parametrize("kind", [RoleKind.CDO, RoleKind.AUDITOR, RoleKind.MEMBER])
def test_a_stopped_run_does_not_wait_for_others(browser: Browser, kind: RoleKind) -> None:
    someone = person(kind)
    stopped_run()
    sign_in(browser, someone)
    assert "Publishing Attendance" not in browser.get("/desk").text


def test_a_stopped_run_of_another_agency_does_not_wait(browser: Browser) -> None:
    person()
    someone = person(RoleKind.STEWARD, agency="labor")
    stopped_run()
    sign_in(browser, someone)
    assert "Publishing Attendance" not in browser.get("/desk").text


def test_what_waits_longest_stands_first(app: Flask) -> None:
    steward = person(RoleKind.STEWARD)
    stopped_run(RunState.FAILED)
    identity = make_identity(db.session(), person=steward)
    waiting = desks.waiting_for(db.session(), identity, clock.now())
    assert waiting == sorted(waiting, key=lambda thing: thing.since)
    assert waiting[0].next_step == "Try again"


def test_every_place_of_the_table_is_a_page(app: Flask) -> None:
    assert {place.endpoint for place in desks.PLACES} <= set(app.view_functions)
