"""Security headers on every answer, and who may come near the demo at all."""

from __future__ import annotations

from dataclasses import replace

import pytest
from flask import Flask

from exchange.db import db
from exchange.portal.headers import ALWAYS
from tests.makers.browser import Browser, make_browser
from tests.makers.directory import make_person, sign_in


@pytest.fixture
def browser(app: Flask) -> Browser:
    """A browser that nobody has signed in."""
    app.add_url_rule("/breaks", "breaks", lambda: 1 / 0)
    return make_browser(app)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/sign-in", 200),
        ("/static/charter.css", 200),
        ("/no/such/page", 404),
        ("/desk", 303),
        ("/sign-out", 405),
        ("/resource/zzzz-zzzz.json", 404),
        ("/breaks", 403),
    ],
)
def test_every_answer_carries_them(browser: Browser, path: str, status: int) -> None:
    """ASVS V3.4.1–8: pages, files, redirects and errors."""
    answer = browser.get(path)
    assert answer.status_code == status
    assert {name for name in ALWAYS if name not in answer.headers} == set()
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" not in answer.headers


def test_over_tls_browsers_are_told_to_stay_there(app: Flask, browser: Browser) -> None:
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], demo=False, origin="https://data.example.ct.gov")
    assert "max-age=31536000" in browser.get("/sign-in").headers["Strict-Transport-Security"]


def test_pages_of_a_signed_in_person_stay_in_no_cache(browser: Browser) -> None:
    """ASVS V14.3.2."""
    person = make_person(db.session())
    db.session.commit()
    assert "no-store" not in browser.get("/sign-in").headers["Cache-Control"]
    sign_in(browser, person)
    for path in ("/desk", "/directory/", "/sign-in", "/no/such/page"):
        assert browser.get(path).headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "192.168.1.7", "[::2]", ""]
)
def test_the_demo_answers_to_no_other_name(browser: Browser, host: str) -> None:
    """DNS rebinding: the page of another name is not served to a browser on this machine."""
    answer = browser.get("/sign-in", headers={"Host": host})
    assert answer.status_code == 403
    assert answer.mimetype == "text/plain"


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "localhost:8000", "[::1]:8000"])
def test_the_demo_answers_to_this_machines_names(browser: Browser, host: str) -> None:
    assert browser.get("/sign-in", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Forwarded-Host", "Forwarded", "X-Real-IP", "Via"])
def test_the_demo_answers_nothing_that_was_forwarded(browser: Browser, name: str) -> None:
    assert browser.get("/sign-in", headers={name: "127.0.0.1"}).status_code == 403


@pytest.mark.parametrize("address", ["10.0.0.8", "192.168.1.7", "2001:db8::1", ""])
def test_the_demo_answers_no_other_machine(browser: Browser, address: str) -> None:
    assert browser.get("/static/charter.css", environ_base={"REMOTE_ADDR": address}).status_code == 403


def test_a_real_installation_stands_behind_a_proxy(app: Flask, browser: Browser) -> None:
    app.config["SETTINGS"] = replace(app.config["SETTINGS"], demo=False)
    headers = {"X-Forwarded-For": "192.0.2.7", "Host": "data.example.ct.gov"}
    assert browser.get("/sign-in", headers=headers, environ_base={"REMOTE_ADDR": "10.0.0.8"}).status_code == 200
