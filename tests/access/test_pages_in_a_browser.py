"""Sign-in, desk and directory in a real browser: no scripts, by keyboard, narrow, and axe finds nothing serious."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page
from werkzeug.serving import make_server

from exchange.db import db
from exchange.directory.agencies import load_agencies, load_working_groups
from exchange.directory.models import RoleKind
from tests.makers.directory import make_person

pytestmark = pytest.mark.browser

WIDTHS = (1280, 320)


@pytest.fixture
def origin(app: Flask) -> Iterator[str]:
    """The address of a site with one demo desk, the CDO's, and a member in its directory."""
    load_agencies(db.session())
    load_working_groups(db.session())
    cdo = make_person(db.session(), "Bea Stone", title="Chief Data Officer", roles=[RoleKind.CDO])
    member = make_person(db.session(), "Noor Ashby", agency="education", roles=[RoleKind.MEMBER])
    db.session.commit()
    accounts = {
        key: {"name": p.name, "person_id": p.id, "title": p.title, "desk": desk}
        for key, p, desk in (("cdo", cdo, "Chief Data Officer"), ("member", member, ""))
    }
    db.session.rollback()  # or this test would hold the write lock for as long as it runs
    path = app.config["SETTINGS"].demo_credentials
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"accounts": accounts}))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def open_page(chromium: Browser, width: int, **choices: Any) -> Page:
    return chromium.new_context(viewport={"width": width, "height": 900}, **choices).new_page()


def serious(page: Page) -> list[str]:
    page.evaluate(files("axe_core_python").joinpath("axe.min.js").read_text())
    found = page.evaluate("axe.run(document)")["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html']}" for one in found if one["impact"] in ("serious", "critical")]


@pytest.mark.parametrize("width", WIDTHS)
def test_invariant_10_pages_have_no_serious_finding_and_fit_the_screen(
    chromium: Browser, origin: str, width: int
) -> None:
    page = open_page(chromium, width, bypass_csp=True)
    page.goto(f"{origin}/sign-in")
    page.click("summary")
    findings = {"sign-in": serious(page)}
    page.click("button:has-text('Chief Data Officer')")
    for path in ("/desk", "/directory/", "/sign-in/again", "/sign-in/sessions", "/no/such/page"):
        page.goto(origin + path)
        findings[path] = serious(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.locator("h1").count() == 1, path
    page.goto(f"{origin}/directory/")
    page.click("th >> text=Noor Ashby")
    page.click("summary")
    findings["person"] = serious(page)
    assert {path: found for path, found in findings.items() if found} == {}


def test_invariant_10_the_whole_way_works_without_scripts(chromium: Browser, origin: str) -> None:
    page = open_page(chromium, 1280, java_script_enabled=False)
    page.goto(f"{origin}/directory/")
    assert "/sign-in?next=" in page.url
    page.click("button:has-text('Chief Data Officer')")
    assert page.url == f"{origin}/directory/"
    page.click("th >> text=Noor Ashby")
    page.click("summary")
    page.check("text=This person has left")
    page.click("input[value='Record departure']")
    assert "has left: every role has ended" in page.inner_text("[role=status]")
    page.click("text=Sign out")
    assert page.url == f"{origin}/sign-in"


def test_invariant_10_the_desk_opens_by_keyboard(chromium: Browser, origin: str) -> None:
    page = open_page(chromium, 1280)
    page.goto(f"{origin}/sign-in")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    for _ in range(3):
        page.keyboard.press("Tab")
        if "Chief Data Officer" in page.evaluate("document.activeElement.textContent"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url(f"{origin}/desk")
