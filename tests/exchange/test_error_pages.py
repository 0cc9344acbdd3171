"""Every error is a page for people or JSON for programs, keeps its reason, and shows no stack."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from audit.ledger import LogUnavailable
from exchange.errors import CharterError, Conflict, Refused, TooMany, Unauthenticated
from exchange.values import slug
from tests.makers.browser import Browser, make_browser

SECRET = "the password of the database"


class ShapedError(CharterError):
    """An error with a shape of its own."""

    status = 400

    def to_json(self) -> dict[str, object]:
        return {"code": "query.soql.no-such-column", "message": self.message, "error": True, "data": {"column": "x"}}


def _raising(error: Exception) -> Callable[[], NoReturn]:
    def view() -> NoReturn:
        raise error

    return view


ERRORS = {
    "refused": Refused("Not for this purpose. Ask the agency.", because=("C09", "CGS 4-67aa")),
    "conflict": Conflict("Somebody else signed first. Reload the page."),
    "busy": TooMany("Wait a minute."),
    "unknown-asker": Unauthenticated("Sign in first."),
    "step-up": Refused("Prove it.", code="step_up_required"),
    "log": LogUnavailable("disk full at /secret/place"),
    "database": OperationalError(f"SELECT {SECRET}", {}, Exception("database is locked")),
    "mistake": RuntimeError(SECRET),
    "shaped": ShapedError("No such column x."),
}


@pytest.fixture
def browser(app: Flask) -> Browser:
    """A browser on a site that has, where everybody may enter, an address for each kind of error."""
    for prefix in ("/broken", "/api/broken"):
        for name, error in ERRORS.items():
            app.add_url_rule(f"{prefix}/{name}", f"portal.{slug(prefix)}-{name}", _raising(error))
    return make_browser(app)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("refused", 403),
        ("conflict", 409),
        ("busy", 429),
        ("log", 503),
        ("database", 503),
        ("mistake", 500),
        ("shaped", 400),
    ],
)
def test_a_page_says_what_happened_and_nothing_of_the_inside(browser: Browser, name: str, status: int) -> None:
    answer = browser.get(f"/broken/{name}")
    assert answer.status_code == status
    assert answer.mimetype == "text/html"
    assert "<h1>" in answer.text
    for inside in (SECRET, "Traceback", "/secret/place", "SELECT"):
        assert inside not in answer.text


def test_a_refusal_keeps_what_caused_it(browser: Browser) -> None:
    page = browser.get("/broken/refused").text
    assert "Ask the agency" in page and "C09" in page and "CGS 4-67aa" in page
    assert browser.get("/api/broken/refused").json == {
        "error": True,
        "code": "permission_denied",
        "errorCode": "permission_denied",
        "message": "Not for this purpose. Ask the agency.",
        "data": {},
        "because": ["C09", "CGS 4-67aa"],
    }


def test_programs_get_json_by_address_or_by_asking(browser: Browser) -> None:
    assert browser.get("/api/broken/conflict").is_json
    assert browser.get("/broken/conflict", headers={"Accept": "application/json"}).is_json
    assert browser.get("/api/broken/shaped").json["data"] == {"column": "x"}  # type: ignore[index]
    assert browser.get("/no/such/page", headers={"Accept": "application/json"}).json["code"] == "not-found"  # type: ignore[index]


def test_a_mistake_has_a_reference_that_the_operator_finds(browser: Browser, caplog: pytest.LogCaptureFixture) -> None:
    page = browser.get("/broken/mistake").text
    [record] = [record for record in caplog.records if "reference" in record.message]
    assert record.args is not None
    assert str(record.args[0]) in page  # type: ignore[index]


def test_unknown_askers_are_sent_to_sign_in_and_programs_are_challenged(browser: Browser) -> None:
    answer = browser.get("/broken/unknown-asker?x=1")
    assert (answer.status_code, answer.location) == (303, "/sign-in?next=/broken/unknown-asker?x%3D1")
    answer = browser.get("/api/broken/unknown-asker")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("DPoP")


def test_an_act_that_needs_a_fresh_proof_leads_there_and_back_to_the_page(browser: Browser) -> None:
    answer = browser.get("/broken/step-up")
    assert (answer.status_code, answer.location) == (303, "/sign-in/again?next=/broken/step-up")


def test_wrong_method_names_the_right_ones(browser: Browser) -> None:
    answer = browser.get("/sign-out")
    assert answer.status_code == 405
    assert "POST" in answer.headers["Allow"]
