"""Invariant 10: every page of every desk is plain: axe finds nothing serious, it fits 320 px, the keyboard is enough."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from werkzeug.routing import Map

from tests.conftest import make_settings
from tests.makers.desks import DESKS, PUBLIC, Desks
from tests.makers.walking import WIDE, Walk, problems_of
from wsgi import create_app

pytestmark = pytest.mark.browser

ROLES = (PUBLIC, *DESKS, "steward")
MOST = 120
"""Pages in all walks together; more would not tell more."""

SAME_FOR_EVERYBODY = frozenset(
    {
        "portal.home",
        "portal.developers",
        "app_tokens.page",
        "register.index",
        "register.show",
        "log.checkpoint",
        "sign_in.page",
    }
)
SAME_FOR_ALL_WHO_SIGNED_IN = frozenset({"sign_in.living", "directory.index", "classification.codes"})

PICTURES = Path(__file__).resolve().parents[2] / "build" / "screenshots"
MAIN_PAGES = frozenset(
    {
        "portal.home", "portal.catalogue", "portal.dataset", "portal.developers", "sign_in.page", "desks.desk",
        "register.index", "register.show", "agreements.index", "agreements.show", "agreements.new", "agreements.line",
        "agreements.clauses", "requests.index", "requests.new", "requests.show", "grants.index", "grants.show",
        "clients.index", "hub.index", "hub.new", "hub.run", "classification.index", "classification.show",
        "directory.index", "directory.person", "audit.index", "audit_desk.questions", "audit_desk.question", "audit.entry",
    }
)  # fmt: skip

FOCUSED = """() => {
  const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
  return {
    words: (e.textContent || e.value || "").trim(), id: e.id, tag: e.tagName,
    // a part that the browser itself draws (the calendar of a date field) has the browser's own ring
    seen: !e.matches(":focus") || (s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0) || s.boxShadow !== "none",
    inside: r.bottom > 0 && r.top < innerHeight,
  };
}"""


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> Map:
    """The address table of the application."""
    app: Flask = create_app(make_settings(tmp_path_factory.mktemp("routes")))
    app.extensions["ledger"].close()
    return app.url_map


@pytest.fixture(scope="module")
def visited() -> set[tuple[str, str]]:
    """What the walks of this module have seen: (who, endpoint)."""
    return set()


@pytest.mark.parametrize("who", ROLES)
def test_invariant_10_every_page_that_links_lead_to(
    desks: Desks, routes: Map, visited: set[tuple[str, str]], who: str
) -> None:
    page = desks.page(who, scripts=True)
    passed = {endpoint for other, endpoint in visited if endpoint in _shared(who, other)}
    walk = Walk(page, desks.origin, routes, seen=passed)
    problems: dict[str, list[str]] = {}
    for stop in walk.stops("/" if who == PUBLIC else "/desk"):
        if len(visited) >= MOST:
            break
        found = [f"answered {stop.answer.status}"] if stop.answer.status >= 400 else []
        if "text/html" in stop.answer.headers["content-type"]:
            _photograph(page, who, stop.endpoint, visited)
            found += problems_of(page)
        visited.add((who, stop.endpoint))
        found += walk.console
        if found:
            problems[f"{who} {stop.endpoint} {stop.path}"] = found
    page.context.close()
    assert problems == {}


def test_invariant_10_the_walks_saw_the_house(visited: set[tuple[str, str]]) -> None:
    if len({who for who, _ in visited}) < len(ROLES):
        pytest.skip("the walks did not all run")
    seen = {endpoint for _, endpoint in visited}
    assert seen >= MAIN_PAGES, f"no desk's links lead to {sorted(MAIN_PAGES - seen)}"


def test_invariant_10_error_pages_are_pages(desks: Desks) -> None:
    page = desks.page(scripts=True)
    page.goto(f"{desks.origin}/data/nope-nope")
    found = problems_of(page)
    page.goto(f"{desks.origin}/no/such/page")
    assert found + problems_of(page) == []
    expect(page.get_by_role("heading", level=1)).to_have_text("Not found")


def test_invariant_10_search_by_keyboard(desks: Desks) -> None:
    page = desks.page(scripts=True)
    page.goto(desks.origin)
    tab_to(page, "q")
    page.keyboard.type("housing")
    page.keyboard.press("Enter")
    page.wait_for_url("**/data?q=housing")
    tab_to(page, "Population and housing by town, 2010 Census")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Population and housing by town, 2010 Census")
    page.keyboard.press("Tab")
    tab_to(page, "All rows as CSV", most=12)


@pytest.mark.parametrize(
    ("who", "start", "action"),
    [
        ("drafter", "/agreements/new", "Start the data sharing agreement"),
        ("officer", "/publish/new", "Read it"),
        ("analyst", "/clients", "Register the client"),
        ("auditor", "/audit/questions/dataset", "Show the answer"),
        (PUBLIC, "/register", "Search"),
    ],
)
def test_invariant_10_the_main_action_is_reached_by_keyboard(desks: Desks, who: str, start: str, action: str) -> None:
    page = desks.page(who, scripts=True)
    page.goto(desks.origin + start)
    tab_to(page, action)


def test_invariant_10_enter_submits(desks: Desks) -> None:
    page = desks.page("auditor", scripts=True)
    page.goto(f"{desks.origin}/audit/questions/person")
    page.get_by_label("Person", exact=True).first.focus()
    page.keyboard.type("Jasper")
    page.keyboard.press("Enter")
    page.wait_for_url("**/audit/questions/person?**")
    expect(page.get_by_role("main")).to_contain_text("Jasper Lindqvist-Moore")


def test_the_browser_finds_nothing_that_our_own_policy_forbids(desks: Desks) -> None:
    page = desks.page("cdo", scripts=True, bypass_csp=False)
    said: list[str] = []
    page.on("console", lambda one: said.append(one.text))
    for path in ("/", "/data", "/desk", "/agreements", "/requests", "/publish/new", "/register"):
        page.goto(desks.origin + path)
    assert said == []


def tab_to(page: Page, wanted: str, most: int = 80) -> None:
    """Press Tab until this element (by its words or id) has the focus; every stop on the way must be seen."""
    passed = []
    for _ in range(most):
        page.keyboard.press("Tab")
        at = page.evaluate(FOCUSED)
        passed.append(at["words"][:40] or at["id"] or at["tag"])
        if at["tag"] != "BODY":
            assert at["seen"], f"the focus cannot be seen on {at}"
            assert at["inside"], f"the focus is outside the window on {at}"
        if wanted in (at["id"], at["words"]):
            return
    raise AssertionError(f"{most} stops did not reach {wanted!r}: {passed}")


def _shared(who: str, other: str) -> frozenset[str]:
    """Endpoints that need no second look after `other` saw them."""
    return SAME_FOR_EVERYBODY | (SAME_FOR_ALL_WHO_SIGNED_IN if PUBLIC not in (who, other) else frozenset())


def _photograph(page: Page, who: str, endpoint: str, visited: set[tuple[str, str]]) -> None:
    """One picture of each main page at both widths, and of every desk."""
    if endpoint not in MAIN_PAGES or (endpoint != "desks.desk" and endpoint in {seen for _, seen in visited}):
        return
    PICTURES.mkdir(parents=True, exist_ok=True)
    for width in (360, WIDE):
        page.set_viewport_size({"width": width, "height": 900})
        page.screenshot(path=PICTURES / f"{who}-{endpoint}-{width}.png", full_page=True)
