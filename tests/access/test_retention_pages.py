"""Retention through HTTP: an erasure with three persons, every refusal, legal holds, personal fields shown."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

import audit.retention.tables as kept
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


def test_each_step_is_on_the_page_of_whoever_can_take_it(app: Flask, cast: Cast) -> None:
    asked(cast)
    page = "/audit/retention/requests/1"
    assert "Approve the erasure" in cast.cdo.get(page).text
    assert "Approve the erasure" not in cast.administrator.get(page).text
    ids = re.findall(r' id="([^"]+)"', cast.cdo.get(page).text)
    assert len(ids) == len(set(ids))
    assert "Approve the erasure" not in cast.auditor.get(page).text
    assert "ER-0001" in cast.cdo.get("/desk").text
    assert "ER-0001" not in cast.auditor.get("/desk").text


def test_the_requester_takes_no_step_that_is_for_others(app: Flask, cast: Cast) -> None:
    asked(cast, by=cast.cdo)
    assert submit(cast.cdo, "/requests/1/approve").status_code == 403
    assert submit(cast.cdo, "/requests/1/refuse", WHY).status_code == 403
    submit(cast.administrator, "/requests/1/approve")
    submit(cast.counsel, "/requests/1/approve")
    submit(cast.cdo, "/requests/1/form", FORM)
    refusal = submit(cast.cdo, "/requests/1/execute")
    assert refusal.status_code == 403
    assert "are for others" in refusal.text
    last = entries(db.session(), Action.LOG_ERASURE_EXECUTE)[-1]
    assert (last["outcome"], last["code"]) == ("refused", Code.ERASURE_DUTY)
    assert last["details"] == {"request": "ER-0001"}
    assert "198.51.100.23" in shown(cast, cast.entry)


def test_the_same_person_does_not_approve_twice(app: Flask, cast: Cast) -> None:
    asked(cast)
    assert submit(cast.counsel, "/requests/1/approve").status_code == 303
    again = submit(cast.counsel, "/requests/1/approve")
    assert again.status_code == 403
    assert "another person" in again.text


def test_one_of_the_two_approvals_is_counsels(app: Flask, cast: Cast) -> None:
    asked(cast)
    second = _browser(app, make_person(db.session, "Second Administrator", roles=[RoleKind.ADMINISTRATOR]))
    submit(cast.cdo, "/requests/1/approve")
    refusal = submit(second, "/requests/1/approve")
    assert refusal.status_code == 403
    assert "counsel" in refusal.text
    agency = make_person(db.session, "Agency Counsel", agency="education", roles=[RoleKind.COUNSEL])
    assert submit(_browser(app, agency), "/requests/1/approve").status_code == 403
    assert submit(cast.counsel, "/requests/1/approve").status_code == 303


def test_no_step_is_left_out(app: Flask, cast: Cast) -> None:
    asked(cast)
    for path in ("form", "execute"):
        refusal = submit(cast.cdo, f"/requests/1/{path}", FORM)
        assert refusal.status_code == 409
        assert "waits for the first approval" in refusal.text
        assert entries(db.session())[-1]["code"] == Code.ERASURE_STEP
    submit(cast.cdo, "/requests/1/approve")
    submit(cast.counsel, "/requests/1/approve")
    assert submit(cast.cdo, "/requests/1/execute").status_code == 409


def test_a_form_that_is_not_whole_is_not_recorded(app: Flask, cast: Cast) -> None:
    asked(cast)
    submit(cast.cdo, "/requests/1/approve")
    submit(cast.counsel, "/requests/1/approve")
    wrong = {
        "sha256": ("abc", "64 hexadecimal digits"),
        "number": (" ", "Give the number"),
        "day": ("2999-01-01", "future"),
    }
    for field, (value, words) in wrong.items():
        answer = submit(cast.administrator, "/requests/1/form", FORM | {field: value})
        assert (answer.status_code, words in answer.text) == (400, True), field
    assert entries(db.session(), Action.LOG_ERASURE_FORM) == []


def test_a_request_that_is_not_whole_says_what_is_missing(app: Flask, cast: Cast) -> None:
    for changes, words in (
        ({"records_ended": ""}, "CGS 4-193"),
        ({"subject": "Wilmot"}, "pseudonym"),
        ({"whose": "persons"}, "Leave the pseudonym empty"),
        ({"first_year": "2017"}, "not after the last"),
        ({"first_year": "2012", "last_year": "2012"}, "nothing is left to erase"),
        ({"basis": ""}, "needed"),
    ):
        answer = asked(cast, **changes)
        assert (answer.status_code, words in answer.text) == (400, True), changes
    assert entries(db.session(), Action.LOG_ERASURE_REQUEST) == []


def test_nothing_is_erased_before_its_retention_has_run_out(app: Flask, cast: Cast) -> None:
    year = str(app.extensions["now"]().year)
    answer = asked(cast, first_year="2016", last_year=year)
    assert answer.status_code == 409
    assert "IRS Publication 1075" in answer.text
    assert entries(db.session())[-1]["code"] == Code.ERASURE_KEPT


def test_a_hold_stops_an_erasure_until_another_person_lifts_it(app: Flask, cast: Cast) -> None:
    carry_to_the_end(cast)
    new = {"over": "subject", "value": cast.subject, "matter": "Docket HHD-CV-26-0001", "reason": "Litigation began."}
    assert submit(cast.auditor, "/holds", new).status_code == 303
    refusal = submit(cast.cdo, "/requests/1/execute")
    assert refusal.status_code == 409
    assert "LH-0001" in refusal.text
    assert entries(db.session())[-1]["code"] == Code.ERASURE_HELD
    assert "LH-0001" in cast.cdo.get("/audit/retention/requests/1").text
    assert submit(cast.auditor, "/holds/1/lift", WHY).status_code == 403
    assert submit(cast.other_auditor, "/holds/1/lift", WHY).status_code == 303
    assert submit(cast.other_auditor, "/holds/1/lift", WHY).status_code == 409
    assert submit(cast.cdo, "/requests/1/execute").status_code == 303


def test_a_hold_over_somebody_else_stops_nothing(app: Flask, cast: Cast) -> None:
    new = {"over": "subject", "value": cast.other, "matter": "Docket", "reason": "Litigation began."}
    submit(cast.counsel, "/holds", new)
    carry_to_the_end(cast)
    assert submit(cast.cdo, "/requests/1/execute").status_code == 303


def test_the_log_holds_neither_matter_nor_reason_of_a_hold(app: Flask, cast: Cast) -> None:
    new = {"over": "all", "matter": "Rumpelstiltskin v. State", "reason": "A claim of Rumpelstiltskin."}
    submit(cast.counsel, "/holds", new)
    [entry] = entries(db.session(), Action.LOG_HOLD_PLACE)
    assert "Rumpelstiltskin" not in str(entry)
    assert len(entry["details"]["words_commit"]) == 64
    assert "Rumpelstiltskin v. State" in cast.cdo.get("/audit/retention").text


def test_a_hold_that_is_not_whole_says_what_is_missing(app: Flask, cast: Cast) -> None:
    for changes, words in (
        ({"over": "dataset", "value": "nothing"}, "abcd-1234"),
        ({"over": "all", "value": "abcd-1234"}, "takes no name"),
        ({"over": "period", "first_day": "2020-01-02", "last_day": "2020-01-01"}, "in this order"),
        ({"over": "all", "matter": ""}, "needed"),
    ):
        answer = submit(cast.counsel, "/holds", {"matter": "m", "reason": "r", **changes})
        assert (answer.status_code, words in answer.text) == (400, True), changes


def test_only_auditors_and_counsel_place_holds(app: Flask, cast: Cast) -> None:
    new = {"over": "all", "matter": "m", "reason": "r"}
    assert submit(cast.cdo, "/holds", new).status_code == 403
    assert entries(db.session(), Action.LOG_HOLD_PLACE)[-1]["outcome"] == "refused"


@pytest.mark.parametrize(("who", "how"), [("counsel", "refuse"), ("administrator", "withdraw")])
def test_a_request_that_was_refused_or_withdrawn_goes_no_further(app: Flask, cast: Cast, who: str, how: str) -> None:
    asked(cast)
    browser = getattr(cast, who)
    assert submit(browser, f"/requests/1/{how}", {"because": ""}).status_code == 400
    assert submit(browser, f"/requests/1/{how}", WHY).status_code == 303
    assert submit(cast.cdo, "/requests/1/approve").status_code == 409
    assert "The matter has ended" in cast.cdo.get("/audit/retention/requests/1").text


def test_showing_personal_fields_is_recorded_first_with_the_reason(app: Flask, cast: Cast) -> None:
    shown(cast, cast.entry)
    [entry] = entries(db.session(), Action.LOG_PERSONAL_OPEN)
    assert entry["reason"] == "Audit step 12, sign-ins of 2016"
    assert entry["details"] == {"entry": cast.entry.id, "fields": ["address", "agent"], "opened": ["address", "agent"]}
    assert "198.51.100.23" not in str(entry)


def test_without_a_reason_or_with_the_sealed_fact_in_it_nothing_is_shown(app: Flask, cast: Cast) -> None:
    path = f"/audit/personal/{cast.entry.id}"
    for reason in ("", "short", "who is 198.51.100.23 really"):
        answer = cast.auditor.submit(path, {"reason": reason})
        assert answer.status_code == 400
        assert "Lynx/2.8" not in answer.text
    assert entries(db.session(), Action.LOG_PERSONAL_OPEN) == []


def test_only_auditors_see_personal_fields(app: Flask, cast: Cast) -> None:
    path = f"/audit/personal/{cast.entry.id}"
    for browser in (cast.cdo, cast.administrator, cast.counsel):
        assert browser.get(path).status_code == 403
    assert cast.auditor.get("/audit/personal/019ecc3e-b802-7000-8000-000000000002").status_code == 404
    assert path in cast.auditor.get(f"/audit/entries/{cast.entry.id}").text


def test_the_desk_shows_what_is_due_and_gives_files(app: Flask, cast: Cast) -> None:
    page = cast.administrator.get("/audit/retention").text
    assert "2024-01-01" in page
    assert "to be confirmed by counsel" in page
    asked(cast)
    for name in ("requests", "holds", "kept", "rules"):
        answer = cast.auditor.get(f"/audit/retention/{name}.csv")
        assert answer.status_code == 200
        assert answer.text.count("\r\n") >= 1
    assert "ER-0001,requested,person" in cast.auditor.get("/audit/retention/requests.csv").text


def test_others_do_not_enter(app: Flask, cast: Cast) -> None:
    browser = _browser(app, make_person(db.session, "Ivo Tarn", roles=[RoleKind.DATA_OFFICER, RoleKind.STEWARD]))
    assert browser.get("/audit/retention").status_code == 403


def test_an_old_proof_of_identity_is_asked_for_again(app: Flask, cast: Cast) -> None:
    asked(cast)
    late = make_browser(app)
    person = make_person(db.session, "Late Officer", roles=[RoleKind.CDO])
    sign_in(late, person, at=app.extensions["now"]() - timedelta(minutes=6))
    answer = submit(late, "/requests/1/approve")
    assert answer.status_code == 303
    assert "/sign-in/again" in answer.location


def test_the_command_prints_what_is_due_and_what_came_back(app: Flask, cast: Cast) -> None:
    carry_to_the_end(cast)
    with db.engine.connect() as connection:
        backup = connection.execute(select(kept.subject_keys).where(kept.subject_keys.c.subject == cast.subject)).one()
    run = app.test_cli_runner().invoke
    told = run(args=["audit", "retention"])
    assert told.exit_code == 0
    assert "2016  due: every person" in told.output
    assert "ER-0001  waits to be executed" in told.output
    submit(cast.cdo, "/requests/1/execute")
    with db.engine.begin() as connection:
        connection.execute(
            update(kept.subject_keys).where(kept.subject_keys.c.id == backup.id).values(**backup._asdict())
        )
    alarm = run(args=["audit", "retention"])
    assert (alarm.exit_code, "backup was restored" in alarm.output) == (1, True)
    assert "came back" in cast.auditor.get("/audit/retention").text
    assert run(args=["audit", "retention", "--destroy-again"]).exit_code == 0


def test_after_a_rotation_old_keys_open_and_the_old_master_opens_none(app: Flask, cast: Cast) -> None:
    sealer: Sealer = app.extensions["sealer"]
    former = sealer.master.present()
    with db.engine.connect() as connection:
        before = connection.execute(select(kept.subject_keys)).all()
    told = app.test_cli_runner().invoke(args=["audit", "rotate-personal-key"])
    assert told.exit_code == 0, told.output
    assert "198.51.100.23" in shown(cast, cast.entry)
    assert sealer.master.by_id(former.id) is None
    with db.engine.begin() as connection:
        for row in before:
            connection.execute(
                update(kept.subject_keys).where(kept.subject_keys.c.id == row.id).values(**row._asdict())
            )
    assert "198.51.100.23" not in shown(cast, cast.entry)
