"""Retention through HTTP: an erasure with three persons, every refusal, legal holds, personal fields shown."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from audit import upkeep
from audit.actions import Action, Outcome
from audit.codes import Code
from audit.entry import Entry
from audit.ledger import append
from audit.personal import Sealer
from exchange.db import db
from exchange.directory.models import Person, RoleKind
from tests.makers.audit import make_mark, make_signer, now, sequence
from tests.makers.browser import Browser, make_browser
from tests.makers.directory import make_person, sign_in
from tests.makers.log import entries

OLD = datetime(2016, 3, 1, 16, 0, tzinfo=UTC)
FORM = {"number": "RC-108/2026-17", "day": "2026-05-04", "sha256": hashlib.sha256(b"the scanned form").hexdigest()}
ASKED = {
    "whose": "person", "first_year": "2016", "last_year": "2016", "schedule": "S1, item 42",
    "basis": "CGS 11-8a; the schedule's years have run out.", "records_ended": "Disposed of under RC-108/2024-03.",
}  # fmt: skip
WHY = {"because": "The matter has ended; see the file."}


@dataclass(frozen=True)
class Cast:
    """Everybody, each with a browser of their own."""

    cdo: Browser
    administrator: Browser
    counsel: Browser
    auditor: Browser
    other_auditor: Browser
    subject: str
    other: str
    entry: Entry
    other_entry: Entry


@pytest.fixture
def cast(app: Flask) -> Cast:
    """Persons of each role, and two persons' sign-ins of ten years ago in the log."""
    roles: dict[str, Any] = {
        "cdo": RoleKind.CDO, "administrator": RoleKind.ADMINISTRATOR, "counsel": RoleKind.COUNSEL,
        "auditor": RoleKind.AUDITOR, "other_auditor": RoleKind.AUDITOR,
    }  # fmt: skip
    people = {name: make_person(db.session, f"{name} person", roles=[role]) for name, role in roles.items()}
    names = ("Wilmot Achebe-Lowell", "Orla Finsbury")
    subject, other = (make_person(db.session, name).pseudonym for name in names)
    browsers = {name: _browser(app, person) for name, person in people.items()}
    made = [_sealed(app, who) for who in (subject, other)]
    sequence(db.engine, app.config["SETTINGS"].data_dir)
    return Cast(**browsers, subject=subject, other=other, entry=made[0], other_entry=made[1])


def _browser(app: Flask, person: Person) -> Browser:
    browser = make_browser(app)
    sign_in(browser, person)
    return browser


def _sealed(app: Flask, who: str) -> Entry:
    sealer: Sealer = app.extensions["sealer"]
    plain = Entry(Action.SESSION_SIGN_IN, Outcome.DONE, actor=who, at=OLD)
    with db.engine.begin() as connection:
        entry = sealer.seal(connection, plain, who, {"address": "198.51.100.23", "agent": "Lynx/2.8"})
        append(connection, entry)
    return entry


def submit(browser: Browser, path: str, data: dict[str, str] | None = None) -> Any:
    return browser.submit(f"/audit/retention{path}", data or {}, page="/audit/retention/requests/new")


def asked(cast: Cast, by: Browser | None = None, **changes: str) -> Any:
    return submit(by or cast.administrator, "/requests", {**ASKED, "subject": cast.subject, **changes})


def carry_to_the_end(cast: Cast) -> None:
    """Everything up to execution."""
    assert asked(cast).status_code == 303
    for browser, path, data in (
        (cast.cdo, "/requests/1/approve", None),
        (cast.counsel, "/requests/1/approve", None),
        (cast.administrator, "/requests/1/form", FORM),
    ):
        assert submit(browser, path, data).status_code == 303


def shown(cast: Cast, entry: Entry) -> str:
    path = f"/audit/personal/{entry.id}"
    answer = cast.auditor.submit(path, {"reason": "Audit step 12, sign-ins of 2016"})
    assert answer.status_code == 200
    return str(answer.text)


def test_an_erasure_takes_three_persons_and_a_form_and_leaves_the_log_whole(app: Flask, cast: Cast) -> None:
    assert "198.51.100.23" in shown(cast, cast.entry)
    carry_to_the_end(cast)
    assert "from an administrator or the Chief Data Officer" in cast.cdo.get("/audit/retention/requests/1").text
    assert submit(cast.cdo, "/requests/1/execute").status_code == 303
    page = shown(cast, cast.entry)
    assert "198.51.100.23" not in page
    assert "under request ER-0001" in page
    assert "198.51.100.23" in shown(cast, cast.other_entry)
    sequence(db.engine, app.config["SETTINGS"].data_dir)
    folder = app.config["SETTINGS"].data_dir
    checked = upkeep.check(
        upkeep.Installation(db.engine, folder, make_signer(folder), make_mark(folder)),
        make_signer(folder).verifier.vkey(),
        now,
    )
    assert checked.report.size == len(entries(db.session()))
    steps = [entry["action"] for entry in entries(db.session()) if entry["action"].startswith("log:erasure")]
    assert steps == [
        "log:erasure:request", "log:erasure:approve", "log:erasure:approve", "log:erasure:form", "log:erasure:execute",
    ]  # fmt: skip
    [destroyed] = entries(db.session(), Action.LOG_PERSONAL_DESTROY)
    assert (destroyed["details"]["request"], destroyed["details"]["count"]) == ("ER-0001", 1)
    assert "Keys destroyed" in cast.auditor.get("/audit/retention/requests/1").text
