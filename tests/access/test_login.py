"""Signing in through the pages: what works, what is refused, and that both are recorded."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pyotp
import pytest
from argon2 import extract_parameters
from flask import Flask
from sqlalchemy import text

from access import accounts, signing_in
from access.models import Account, SignInSession
from audit.actions import Action
from exchange import clock
from exchange.db import db
from exchange.directory.models import Person, RoleKind
from exchange.directory.persons import record_departure
from exchange.errors import Invalid, Refused
from tests.makers.browser import Browser, make_browser
from tests.makers.directory import make_person
from tests.makers.log import entries

PASSWORD = "acorns fall near the oak"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXQ"


@pytest.fixture
def browser(app: Flask) -> Browser:
    """A browser that nobody has signed in."""
    return make_browser(app)


@pytest.fixture
def person(app: Flask) -> Person:
    """Somebody with an account."""
    someone = make_person(db.session(), "Ines Calloway", email="ines@example.ct.gov", roles=[RoleKind.CDO])
    accounts.create_account(db.session(), someone, PASSWORD, SECRET)
    db.session.commit()
    return someone


def code(offset: int = 0) -> str:
    return pyotp.TOTP(SECRET).at(clock.now() + timedelta(seconds=30 * offset))


def enter(browser: Browser, **changes: str) -> Any:
    data = {"email": "ines@example.ct.gov", "password": PASSWORD, "code": code(), "next": "/desk"} | changes
    return browser.submit("/sign-in", data)


def cookie_of(browser: Browser) -> str | None:
    found = browser.get_cookie("charter-oak")
    return found.value if found else None


def test_password_and_code_open_the_desk_and_are_recorded(browser: Browser, person: Person) -> None:
    answer = enter(browser)
    assert (answer.status_code, answer.location) == (303, "/desk")
    assert b"Ines Calloway" in browser.get("/desk").data
    [entry] = entries(db.session(), Action.SESSION_SIGN_IN)
    assert entry["actor"] == person.pseudonym
    assert entry["details"]["method"] == "password+totp"


def test_the_log_holds_no_name_no_address_no_secret(browser: Browser, person: Person) -> None:
    enter(browser)
    enter(browser, email="nobody@example.ct.gov")
    written = json.dumps(entries(db.session()))
    for secret in ("Ines", "ines@", "nobody@", PASSWORD, SECRET, cookie_of(browser) or "?"):
        assert secret not in written


def test_cookie_is_httponly_lax_and_stored_only_as_a_hash(browser: Browser, person: Person) -> None:
    header = next(value for value in enter(browser).headers.getlist("Set-Cookie") if value.startswith("charter-oak="))
    assert "HttpOnly" in header and "SameSite=Lax" in header and "Path=/" in header
    stored = db.session.scalars(db.select(SignInSession.id_hash)).all()
    assert len(cookie_of(browser) or "") >= 43
    assert cookie_of(browser) not in stored


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"password": "not the right password"}, "wrong password"),
        ({"code": "000000"}, "wrong code"),
        ({"code": ""}, None),
        ({"email": "nobody@example.ct.gov"}, "unknown account"),
    ],
)
def test_a_wrong_part_is_refused_with_one_sentence_and_recorded(
    browser: Browser, person: Person, changes: dict[str, str], why: str | None
) -> None:
    answer = enter(browser, **changes)
    assert answer.status_code == (403 if why else 400)
    assert cookie_of(browser) is None
    assert [entry["reason"] for entry in entries(db.session(), Action.SESSION_REFUSE)] == ([why] if why else [])
    if why:
        assert signing_in.SAME_ANSWER in answer.text


def test_unknown_address_does_the_work_of_a_known_one(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """ASVS V6.3.8. The path is compared, not the clock: every refusal hashes once, with the same parameters."""
    hashed: list[str] = []
    real = accounts._verify

    def counting(password_hash: str, password: str) -> bool:
        hashed.append(password_hash)
        return real(password_hash, password)

    monkeypatch.setattr(accounts, "_verify", counting)
    for email, password in (("ines@example.ct.gov", "wrong password here"), ("no@example.ct.gov", PASSWORD)):
        with pytest.raises(Refused, match="did not work"):
            signing_in.sign_in(db.session(), email, password, code(), clock.now())
    assert len(hashed) == 2
    assert extract_parameters(hashed[0]) == extract_parameters(hashed[1])


def test_password_hash_has_the_chosen_parameters(person: Person) -> None:
    """ASVS V11.4.2: read back from the hash."""
    found = extract_parameters(db.session.get_one(Account, person.id).password_hash)
    assert (found.type.name, found.memory_cost, found.time_cost, found.parallelism) == ("ID", 46 * 1024, 1, 1)


def test_short_passwords_are_not_taken(person: Person) -> None:
    with pytest.raises(Invalid, match="15 characters"):
        accounts.create_account(db.session(), person, "fourteen chars", SECRET)


def test_a_code_works_once(browser: Browser, app: Flask, person: Person) -> None:
    """ASVS V6.5.1."""
    used = code()
    assert enter(browser, code=used).status_code == 303
    again = enter(make_browser(app), code=used)
    assert again.status_code == 403
    assert entries(db.session(), Action.SESSION_REFUSE)[-1]["reason"] == "code used before"


def test_an_earlier_code_does_not_work_after_a_later_one(browser: Browser, app: Flask, person: Person) -> None:
    assert enter(browser, code=code(1)).status_code == 303
    assert enter(make_browser(app), code=code()).status_code == 403


@pytest.mark.parametrize(("offset", "works"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_codes_of_one_step_around_now_are_accepted(offset: int, works: bool) -> None:
    now = clock.now()
    typed = pyotp.TOTP(SECRET).at(now + timedelta(seconds=30 * offset))
    assert (accounts.matching_step(SECRET, typed, now) is not None) is works


def test_two_uses_of_one_code_at_once_give_one_session(person: Person) -> None:
    """The step is used up in the same statement that checks it."""
    assert accounts.use_code(db.session(), person.id, 1000) is True
    assert accounts.use_code(db.session(), person.id, 1000) is False


def test_waiting_begins_at_the_fifth_failure_and_never_locks() -> None:
    now = clock.now()
    waits = [accounts.wait_after(failures, now) for failures in range(1, 40)]
    assert waits[:4] == [None] * 4
    lengths = [wait - now for wait in waits[4:] if wait is not None]
    assert lengths[:4] == [timedelta(seconds=seconds) for seconds in (1, 2, 4, 8)]
    assert lengths == sorted(lengths) and lengths[-1] == accounts.LONGEST_WAIT


def test_after_five_failures_even_the_right_password_waits(person: Person) -> None:
    now = clock.now()
    for _ in range(5):
        with pytest.raises(Refused):
            signing_in.sign_in(db.session(), person.email, "wrong password here", code(), now)
    with pytest.raises(Refused):
        signing_in.sign_in(db.session(), person.email, PASSWORD, pyotp.TOTP(SECRET).at(now), now)
    assert entries(db.session(), Action.SESSION_REFUSE)[-1]["reason"] == "too soon after failures"
    later = now + timedelta(seconds=31)
    assert signing_in.sign_in(db.session(), person.email, PASSWORD, pyotp.TOTP(SECRET).at(later), later)
    assert db.session.get_one(Account, person.id, populate_existing=True).failures == 0


def test_invariant_1_without_the_log_nobody_signs_in(browser: Browser, person: Person) -> None:
    db.session.execute(text("DROP TABLE audit_queue"))
    db.session.commit()
    answer = enter(browser)
    assert answer.status_code == 503
    assert cookie_of(browser) is None
    assert db.session.scalars(db.select(SignInSession)).all() == []
    assert "record" in answer.text


def test_csrf_a_form_without_its_token_is_refused_and_says_what_to_do(browser: Browser, person: Person) -> None:
    answer = browser.post("/sign-in", data={"email": person.email, "password": PASSWORD, "code": code()})
    assert answer.status_code == 400
    assert "reload the page" in answer.text
    assert cookie_of(browser) is None


def test_a_field_that_the_form_does_not_have_is_refused(browser: Browser, person: Person) -> None:
    assert enter(browser, person_id="1").status_code == 400
    assert cookie_of(browser) is None


@pytest.mark.parametrize("origin", [{"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}])
def test_a_form_sent_by_another_site_is_refused(browser: Browser, person: Person, origin: dict[str, str]) -> None:
    data = {"email": person.email, "password": PASSWORD, "code": code(), "csrf_token": browser.token()}
    assert browser.post("/sign-in", data=data, headers=origin).status_code == 403
    assert cookie_of(browser) is None


@pytest.mark.parametrize(
    "outside",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/%09/evil.example\t",
        "/\n/evil.example",
        "javascript:alert(1)",
        "http:evil.example",
        "evil.example",
        "",
        "/sign-in",
        "/sign-out",
    ],
)
def test_next_never_leads_outside(outside: str) -> None:
    assert signing_in.safe_next(outside) == "/desk"


@pytest.mark.parametrize("inside", ["/desk", "/data/abcd-2345?x=1#y", "/agreements/AG-1/2"])
def test_next_leads_back_to_a_page_of_ours(inside: str) -> None:
    assert signing_in.safe_next(inside) == inside


def test_open_redirect_is_refused_through_the_page(browser: Browser, person: Person) -> None:
    assert enter(browser, next="//evil.example/x").location == "/desk"


def test_who_has_left_cannot_sign_in_and_is_out_at_once(browser: Browser, app: Flask, person: Person) -> None:
    """Invariant 3 for people: departure closes the desk at the next request."""
    enter(browser)
    assert browser.get("/desk").status_code == 200
    record_departure(db.session(), None, db.session.get_one(Person, person.id), clock.now())
    db.session.commit()
    assert browser.get("/desk").status_code == 303
    assert enter(make_browser(app), code=code(1)).status_code == 403


def test_step_up_gives_a_fresh_proof_and_a_new_session_id(browser: Browser, person: Person) -> None:
    enter(browser, code=code(-1))
    before = cookie_of(browser)
    data = {"password": PASSWORD, "code": code(), "next": "/directory/"}
    answer = browser.submit("/sign-in/again", data)
    assert (answer.status_code, answer.location) == (303, "/directory/")
    assert cookie_of(browser) != before
    assert len(entries(db.session(), Action.SESSION_STEP_UP)) == 1
    browser.set_cookie("charter-oak", before or "")
    assert browser.get("/desk").status_code == 303


def test_step_up_with_a_wrong_password_changes_nothing(browser: Browser, person: Person) -> None:
    enter(browser, code=code(-1))
    before = cookie_of(browser)
    answer = browser.submit("/sign-in/again", {"password": "wrong password here", "code": code()})
    assert answer.status_code == 403
    assert cookie_of(browser) == before


@pytest.fixture
def demo_desk(app: Flask, person: Person) -> str:
    """The key of a desk that the demo offers."""
    path = app.config["SETTINGS"].demo_credentials
    path.parent.mkdir(parents=True, exist_ok=True)
    account = {"name": person.name, "email": person.email, "password": PASSWORD, "totp_secret": SECRET}
    account |= {"desk": "Chief Data Officer", "person_id": person.id, "title": person.title}
    path.write_text(json.dumps({"accounts": {"cdo": account}}))
    return "cdo"


def test_demo_desk_opens_by_one_click_and_is_recorded_as_that(browser: Browser, demo_desk: str) -> None:
    assert b"Chief Data Officer" in browser.get("/sign-in").data
    answer = browser.submit(f"/sign-in/demo/{demo_desk}", {"next": "/directory/"}, page="/sign-in")
    assert (answer.status_code, answer.location) == (303, "/directory/")
    [entry] = entries(db.session(), Action.SESSION_SIGN_IN)
    assert entry["details"]["method"] == "demo desk"
    assert browser.submit("/sign-in/again/demo", page="/sign-in/again").status_code == 303


def test_demo_desk_needs_a_post_and_its_token(browser: Browser, demo_desk: str) -> None:
    assert browser.get(f"/sign-in/demo/{demo_desk}").status_code == 405
    assert browser.post(f"/sign-in/demo/{demo_desk}").status_code == 400
    assert browser.submit("/sign-in/demo/nobody", page="/sign-in").status_code == 404


def test_outside_the_demo_there_are_no_desks(
    app: Flask, browser: Browser, demo_desk: str, real_installation: Callable[[Flask], None]
) -> None:
    token = browser.token()
    real_installation(app)
    assert b"Choose a desk" not in browser.get("/sign-in").data
    assert browser.post(f"/sign-in/demo/{demo_desk}", data={"csrf_token": token}).status_code == 404
    assert cookie_of(browser) is None
