"""The directory's pages: who sees which form, and what the forms do."""

from __future__ import annotations

import pytest
from flask import Flask

from audit.actions import Action
from exchange import clock
from exchange.db import db
from exchange.directory.agencies import load_agencies
from exchange.directory.models import Person, RoleKind
from tests.makers.browser import Browser, make_browser
from tests.makers.directory import make_person, sign_in
from tests.makers.log import entries


@pytest.fixture
def browser(app: Flask) -> Browser:
    """A browser on a site with Connecticut's agencies."""
    load_agencies(db.session())
    db.session.commit()
    return make_browser(app)


def person(name: str, *roles: RoleKind, agency: str = "education") -> Person:
    someone = make_person(db.session(), name, agency=agency, roles=roles)
    db.session.commit()
    return someone


def test_the_index_shows_who_takes_part(browser: Browser) -> None:
    sign_in(browser, person("Noor Ashby", RoleKind.STEWARD))
    page = browser.get("/directory/").text
    assert "Noor Ashby" in page and "Data steward, State Department of Education" in page
    assert "Division of Scientific Services" in page and "shared by two agencies" in page


def test_search_narrows_and_says_when_nothing_is_found(browser: Browser) -> None:
    sign_in(browser, person("Noor Ashby"))
    person("Lee Quarry", agency="labor")
    assert "Lee Quarry" not in browser.get("/directory/?q=ashby").text.replace("Members today", "")
    assert "Nobody here matches" in browser.get("/directory/?q=%25%3Cscript%3E").text
    assert "<script>" not in browser.get("/directory/?q=%25%3Cscript%3E").text


def test_the_cdo_gives_and_ends_a_role(browser: Browser) -> None:
    sign_in(browser, person("Bea Stone", RoleKind.CDO))
    noor = person("Noor Ashby")
    page = f"/directory/{noor.id}"
    today = clock.legal_day(clock.now()).isoformat()
    form = {"kind": "steward", "agency_id": "education", "working_group_id": "", "begins": today, "ends": ""}
    assert browser.submit(f"{page}/roles", form, page=page).status_code == 303
    assert "Data steward, State Department of Education" in browser.get(page).text
    role = db.session.get_one(Person, noor.id).roles[0]
    assert browser.submit(f"{page}/roles/{role.id}/end", {"ends": today}, page=page).status_code == 303
    assert [entry["action"] for entry in entries(db.session())] == [Action.PERSON_ROLE_GIVE, Action.PERSON_ROLE_END]


def test_a_form_with_a_mistake_comes_back_with_a_sentence(browser: Browser) -> None:
    sign_in(browser, person("Bea Stone", RoleKind.CDO))
    noor = person("Noor Ashby")
    page = f"/directory/{noor.id}"
    answer = browser.submit(f"{page}/roles", {"kind": "steward", "begins": "", "agency_id": ""}, page=page)
    assert answer.status_code == 400
    assert "Enter the first day." in answer.text
    answer = browser.submit(f"{page}/departure", {}, page=page)
    assert answer.status_code == 400
    assert "say that you mean it" in answer.text


def test_a_data_officer_records_a_departure_of_the_own_agency_only(browser: Browser) -> None:
    sign_in(browser, person("Ada Officer", RoleKind.DATA_OFFICER))
    own, other = person("Noor Ashby", RoleKind.STEWARD), person("Lee Quarry", RoleKind.STEWARD, agency="labor")
    assert "Record departure" not in browser.get(f"/directory/{other.id}").text
    refused = browser.submit(f"/directory/{other.id}/departure", {"sure": "y"}, page=f"/directory/{own.id}")
    assert refused.status_code == 403
    done = browser.submit(f"/directory/{own.id}/departure", {"sure": "y"}, page=f"/directory/{own.id}")
    assert done.status_code == 303
    assert "has left: every role has ended" in browser.get(f"/directory/{own.id}").text
    assert len(entries(db.session(), Action.PERSON_DEPARTURE_RECORD)) == 1


def test_a_member_sees_no_forms_and_is_refused(browser: Browser) -> None:
    sign_in(browser, person("Mo Member", RoleKind.MEMBER))
    noor = person("Noor Ashby", RoleKind.STEWARD)
    page = browser.get(f"/directory/{noor.id}").text
    assert "Give a role" not in page and ">Record departure<" not in page
    form = {"kind": "cdo", "begins": "2026-01-01"}
    assert browser.submit(f"/directory/{noor.id}/roles", form, page="/desk").status_code in (400, 403)
    assert entries(db.session()) == []


def test_an_unknown_person_is_not_found(browser: Browser) -> None:
    sign_in(browser, person("Noor Ashby"))
    assert browser.get("/directory/nobody").status_code == 404
