"""The account of one person's disclosures: who may ask, what is told, that the key is nowhere; page, CSV and letter."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from datetime import date, timedelta
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pypdf import PdfReader
from sqlalchemy import delete, insert, select, update

from access.accounting import asking, laws, letter, records
from access.accounting.laws import Form
from access.models import Client, Grant
from agreements.models import AgreementClause, AgreementVersion
from audit import tables
from audit.disclosures import checking, index
from audit.disclosures.manifest import Head, Kind
from audit.disclosures.tables import PREFIX, disclosures, manifests
from audit.ledger import LogUnavailable
from exchange import clock
from exchange.catalog.subjects import name_subject
from exchange.db import db
from exchange.directory.models import RoleKind
from exchange.settings import Settings
from tests.makers.access import GROUP, Holder, World, change, entries, make_dataset, make_grant, store_rows
from tests.makers.audit import sequence
from tests.makers.browser import make_browser
from tests.makers.directory import make_agency, make_person, sign_in
from tests.makers.disclosures import person, read, subject_hash, token_of

ASK = "/audit/disclosures"
BASIS = "34 CFR 99.31(a)(3): audit of a State-supported program."


@pytest.fixture
def world(app: Flask, settings: Settings) -> World:
    """Forty rows about persons 000 to 002 under an agreement with purpose, basis and a word on passing on."""
    dataset = make_dataset(db.session())
    store_rows(db.session(), settings, dataset)
    name_subject(db.session(), None, dataset, "ssn", namespace="person-id", record="education", now=clock.now())
    made = make_grant(db.session(), dataset=dataset)
    version = db.session.get_one(AgreementVersion, made.version_id)
    version.clauses = [
        AgreementClause(code="C03", clause_version=1, parameters={"purpose": "Do buses help?", "purposes": []}),
        AgreementClause(
            code="C04", clause_version=1, parameters={"basis": BASIS, "ferpa_exception": "audit-evaluation"}
        ),
        AgreementClause(code="C17", clause_version=1, parameters={"onward": "no"}),
    ]
    db.session.commit()
    return made


@pytest.fixture
def readings(client: FlaskClient, world: World) -> Sequence[str]:
    """Two readings with person 1 in, one without, and a refused one; the ids of the two."""
    holder = Holder(world.client_id, world.key)
    token = token_of(client, world, holder)
    ids = [
        read(client, holder, token, **{"$select": "town", "$where": where}).headers["Audit-Id"]
        for where in ("rate < 1", "rate = 1", "rate = 0.5")
    ]
    assert read(client, holder, token, **{"$select": "ssn"}).status_code == 403
    return [ids[0], ids[2]]


def desk(app: Flask, *roles: Any, agency: str = "policy-and-management") -> Any:
    """A browser in which somebody with these roles is signed in."""
    make_agency(db.session(), agency)
    somebody = make_person(
        db.session(),
        f"Perpetua {len(db.session.scalars(select(Client)).all())} {agency}",
        agency=agency,
        roles=list(roles),
    )
    browser = make_browser(app)
    sign_in(browser, somebody)
    return browser


def ask(browser: Any, key: str, namespace: str = "person-id") -> Any:
    return browser.submit(ASK, {"namespace": namespace, "key": key})


def page_of(browser: Any, address: str) -> str:
    answer = browser.get(address)
    assert answer.status_code == 200, answer.status
    return unescape(answer.get_data(as_text=True))


def test_from_the_key_to_the_account(app: Flask, settings: Settings, readings: Sequence[str]) -> None:
    browser = desk(app, RoleKind.AUDITOR)
    sequence(db.engine, settings.data_dir)
    answer = ask(browser, f"  {person(1)} ")
    assert answer.status_code == 303
    address = answer.headers["Location"]
    assert address.endswith(f"{ASK}/person-id/{subject_hash(settings, 'person-id', person(1)).hex()}")
    page = page_of(browser, address)
    assert "Disclosures</dt><dd>2" in page
    assert page.count("Manifest matches the log") == 2
    for said in (
        "Do buses help?",
        BASIS,
        "does not pass the data on",
        "audit and evaluation exception",
        "DSA-2026-0001",
    ):
        assert said in page
    assert "Ada Field" in page
    assert "A column that was not granted" in page


def test_somebody_who_was_not_in_the_rows_is_not_told_of(app: Flask, readings: Sequence[str]) -> None:
    browser = desk(app, RoleKind.AUDITOR)
    page = page_of(browser, ask(browser, "999-00-0000").headers["Location"])
    assert "No record about this person was disclosed" in page
    assert "Every disclosure" not in page


def test_the_key_is_in_no_entry_and_each_step_is_recorded_first(
    app: Flask, settings: Settings, readings: Sequence[str]
) -> None:
    browser = desk(app, RoleKind.AUDITOR)
    address = ask(browser, person(1)).headers["Location"]
    page = page_of(browser, address)
    browser.get(f"{address}/account.csv")
    letter_ = {"name": "Ines Marlow", "address": "1 Elm Street\nHartford", "form": "ferpa", "day": "2026-06-20"}
    assert browser.submit(f"{address}/letter", letter_, page=address).content_type == "application/pdf"
    token = subject_hash(settings, "person-id", person(1)).hex()
    steps = ("account:ask", "account:read", "account:export", "letter:write")
    recorded = [entries(f"disclosure:{step}")[0] for step in steps]
    assert all(each["details"]["subject"] == token for each in recorded)
    assert [each["details"].get("found") for each in recorded] == [None, 2, 2, 2]
    waiting = db.session.scalars(select(tables.queue.c.body)).all()
    everything = b"".join(waiting).decode() + page
    assert person(1) not in everything
    assert "Marlow" not in everything
    assert "Elm Street" not in everything


def _no_log(*_entry: object, **_more: object) -> None:
    raise LogUnavailable("the disk is full")


def test_what_cannot_be_recorded_is_not_shown(
    app: Flask, readings: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = desk(app, RoleKind.AUDITOR)
    address = ask(browser, person(1)).headers["Location"]
    monkeypatch.setattr(app.extensions["ledger"], "record", _no_log)
    for path in (address, f"{address}/account.csv"):
        answer = browser.get(path)
        assert answer.status_code == 503
        assert "DSA-2026-0001" not in answer.get_data(as_text=True)


def test_others_may_not_ask(app: Flask, world: World) -> None:
    roles = (RoleKind.STEWARD, (RoleKind.MEMBER, GROUP), RoleKind.DRAFTER, RoleKind.ADMINISTRATOR)
    browser = desk(app, *roles, agency="education")
    assert browser.get(ASK).status_code == 403
    assert browser.get(f"{ASK}/person-id/{'0' * 64}").status_code == 403


def test_the_public_is_asked_to_sign_in(client: FlaskClient, app: Flask) -> None:
    assert client.get(ASK).status_code in (302, 303, 401)


def test_a_data_officer_sees_what_the_own_agency_disclosed(app: Flask, readings: Sequence[str]) -> None:
    address = ask(desk(app, RoleKind.AUDITOR), person(1)).headers["Location"]
    own, other = desk(app, RoleKind.DATA_OFFICER, agency="education"), desk(app, RoleKind.DATA_OFFICER, agency="labor")
    assert "Disclosures</dt><dd>2" in page_of(own, address)
    page = page_of(other, address)
    assert "Disclosures</dt><dd>0" in page
    assert "Absence by student" not in page
    assert "person-id" not in page_of(other, ASK)
    assert "Absence by student" in page_of(own, ASK)
    assert ask(other, person(1)).status_code == 400


def test_csv_says_the_same_and_runs_in_no_spreadsheet(app: Flask, world: World, readings: Sequence[str]) -> None:
    change(Client, world.client_id, name="=1+1")
    browser = desk(app, RoleKind.CDO)
    answer = browser.get(ask(browser, person(1)).headers["Location"] + "/account.csv")
    rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))
    assert [row["entry"] for row in rows] == list(readings)
    assert {row["program"] for row in rows} == {"'=1+1"}
    assert {row["legal_basis"] for row in rows} == {BASIS}
    assert [(row["rows_in_all"], row["kind"], row["columns"]) for row in rows] == [
        ("2", "records", "rate town"), ("1", "records", "rate town"),
    ]  # fmt: skip
    assert answer.headers["Cache-Control"] == "no-store"


def test_other_addresses_are_not_found(app: Flask, world: World) -> None:
    auditor = desk(app, RoleKind.AUDITOR)
    for address in ("person-id/0", f"person-id/{'g' * 64}", f"Person/{'0' * 64}", f"person-id/{'0' * 63}"):
        assert auditor.get(f"{ASK}/{address}").status_code == 404


def test_an_empty_key_is_asked_for_again(app: Flask, world: World) -> None:
    assert ask(desk(app, RoleKind.AUDITOR), "").status_code == 400
    assert entries("disclosure:account:ask") == []


def test_sequenced_or_waiting_or_indexed_the_account_is_the_same(
    app: Flask, settings: Settings, readings: Sequence[str]
) -> None:
    def told() -> list[tuple[str, str, int | None]]:
        found = records.account(
            db.session(),
            asking.store_of(settings),
            "person-id",
            (subject_hash(settings, "person-id", person(1)),),
            None,
        )
        db.session.rollback()
        return [(each.intent, each.evidence, each.rows) for each in found.disclosures]

    first = told()
    assert [intent for intent, _, _ in first] == list(readings)
    assert {evidence for _, evidence, _ in first} == {records.PROVEN}
    assert index.catch_up(db.engine, asking.store_of(settings)) == 3
    assert told() == first
    sequence(db.engine, settings.data_dir)
    assert told() == first
    assert index.rebuild(db.engine, asking.store_of(settings)) == 3
    assert told() == first


def test_a_changed_manifest_is_said_to_be_no_evidence(app: Flask, settings: Settings, readings: Sequence[str]) -> None:
    store = asking.store_of(settings)
    index.catch_up(db.engine, store)
    found = entries("access:rows:outcome")[0]["manifest"]
    path = settings.data_dir / "disclosures" / "manifests" / found[:2] / found
    body = bytearray(path.read_bytes())
    body[-2] ^= 1
    path.write_bytes(body)
    browser = desk(app, RoleKind.AUDITOR)
    page = page_of(browser, ask(browser, person(1)).headers["Location"])
    assert page.count(records.UNPROVEN) == 1
    assert page.count(records.PROVEN) == 1


def test_a_reading_that_broke_off_is_shown_as_such(app: Flask, settings: Settings, readings: Sequence[str]) -> None:
    """A process died: its draft is there, its lock is not, and no outcome names it."""
    intent = entries("access:rows:intent")[0]
    store = asking.store_of(settings)
    secret = asking.person_of(settings, "person-id", person(2))
    draft = store.begin(
        Head("019ecc3e-b802-7000-8000-000000000002", "aaaa-2222", 1, "person-id", "0" * 16, Kind.RECORDS)
    )
    draft.add(b"".join(secret.subjects))
    browser = desk(app, RoleKind.AUDITOR)
    page = page_of(browser, ask(browser, person(2)).headers["Location"])
    assert page.count(records.PROVEN) == 1
    assert records.UNLOGGED in page
    assert intent["id"] not in page


def test_question_3_of_the_desk(app: Flask, readings: Sequence[str], settings: Settings) -> None:
    browser = desk(app, RoleKind.AUDITOR)
    sequence(db.engine, settings.data_dir)
    answer = browser.submit("/audit/questions/resident", {"resident": f"person-id:{person(1)}"})
    assert answer.status_code in (302, 303), answer.get_data(as_text=True)[:2000]
    address = answer.headers["Location"]
    assert "00-0000" not in address
    page = page_of(browser, address)
    assert page.count("records; Manifest matches the log") == 2
    assert BASIS in page
    for typed in (f"nothing:{person(1)}", "person-id: "):
        again = unescape(browser.submit("/audit/questions/resident", {"resident": typed}).get_data(as_text=True))
        assert "Write the " in again
        assert person(1) not in again


def text_of(content: bytes) -> str:
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in PdfReader(io.BytesIO(content)).pages))


def written(settings: Settings, form: Form, day: date, **changes: Any) -> letter.Letter:
    account = records.account(
        db.session(), asking.store_of(settings), "person-id", (subject_hash(settings, "person-id", person(1)),), None
    )
    to = ("Ines Marlow", "1 Elm Street <b>", "Hartford CT")
    return letter.Letter(to, "Department of Education", "Ada Field, Data officer", day, form, account, **changes)


def test_the_letter_says_who_when_what_and_why(app: Flask, settings: Settings, readings: Sequence[str]) -> None:
    sequence(db.engine, settings.data_dir)
    for form in Form:
        check_letter(settings, readings, form)


def check_letter(settings: Settings, readings: Sequence[str], form: Form) -> None:
    today = clock.legal_day(clock.now())
    letter_ = written(settings, form, today)
    content = letter.render(letter_)
    assert letter.render(written(settings, form, today)) == content
    text = text_of(content)
    law = laws.LAWS[form]
    for said in (law.title, "Ines Marlow", "<b>", "Department of Education", BASIS, "Do buses help?", "DSA-2026-0001",
                 "disclosed twice", "Absence by student", readings[0]):  # fmt: skip
        assert re.sub(r"\s+", " ", said) in text
    assert ("Requests that were refused" in text) == (form == Form.FERPA)
    assert ("2 in all" in text) == (form == Form.HIPAA)
    assert person(1) not in text


def test_the_letter_of_an_earlier_day_and_of_six_years(app: Flask, settings: Settings, readings: Sequence[str]) -> None:
    today = clock.legal_day(clock.now())
    assert written(settings, Form.PERSONAL_DATA, today - timedelta(days=1)).disclosures == ()
    assert len(written(settings, Form.HIPAA, today + timedelta(days=6 * 365)).disclosures) == 2
    assert written(settings, Form.HIPAA, today + timedelta(days=6 * 365 + 3)).disclosures == ()
    assert len(written(settings, Form.FERPA, today + timedelta(days=9999)).disclosures) == 2
    leap = laws.LAWS[Form.HIPAA].since(date(2028, 2, 29))
    assert leap is not None
    assert clock.legal_day(leap) == date(2022, 2, 28)


def test_a_letter_about_nothing_says_so(app: Flask, settings: Settings, world: World) -> None:
    text = text_of(letter.render(written(settings, Form.PERSONAL_DATA, date(2026, 6, 20))))
    assert "disclosed not once" in text


def test_a_grant_that_is_gone_leaves_the_account(
    app: Flask, settings: Settings, world: World, readings: Sequence[str]
) -> None:
    change(Grant, world.grant_id, state="revoked")
    browser = desk(app, RoleKind.AUDITOR)
    assert "Disclosures</dt><dd>2" in page_of(browser, ask(browser, person(1)).headers["Location"])


def _checked(settings: Settings) -> checking.Checked:
    with db.engine.connect() as connection:
        return checking.check(connection, asking.store_of(settings))


def test_a_disclosure_that_was_taken_out_of_the_index_or_the_files_is_found(
    app: Flask, settings: Settings, readings: Sequence[str]
) -> None:
    sequence(db.engine, settings.data_dir)
    assert _checked(settings).faults == ()  # what has just arrived is looked through as files
    store = asking.store_of(settings)
    assert index.catch_up(db.engine, store) == 3
    held = _checked(settings)
    assert (held.readings, held.manifests, held.faults) == (3, 3, ())
    somebody = subject_hash(settings, "person-id", person(1))[:PREFIX]
    for tampering in (
        delete(disclosures).where(disclosures.c.subject == somebody),
        update(disclosures).where(disclosures.c.subject == somebody).values(subject=bytes(PREFIX)),
        insert(disclosures).values(subject=somebody, manifest=99),
        delete(manifests).where(manifests.c.intent == readings[0]),
        update(manifests).where(manifests.c.intent == readings[0]).values(sha256="0" * 64),
        update(manifests)
        .where(manifests.c.intent == readings[0])
        .values(intent="019ecc3e-b802-7000-8000-000000000002"),
        update(manifests).where(manifests.c.intent == readings[0]).values(dataset="bbbb-3333"),
    ):
        with db.engine.begin() as connection:
            assert connection.execute(tampering).rowcount
        faults = _checked(settings).faults
        assert faults and all("rebuild" in fault for fault in faults), tampering
        index.rebuild(db.engine, store)
        assert _checked(settings).faults == ()


def test_a_manifest_that_the_log_names_and_nobody_has_is_found(
    app: Flask, settings: Settings, readings: Sequence[str]
) -> None:
    sequence(db.engine, settings.data_dir)
    store = asking.store_of(settings)
    index.catch_up(db.engine, store)
    lost = entries("access:rows:outcome")[0]["manifest"]
    (settings.data_dir / "disclosures" / "manifests" / lost[:2] / lost).unlink()
    runner = app.test_cli_runner()
    answer = runner.invoke(args=["disclosures", "verify"])
    assert answer.exit_code == 1
    assert f"the manifest of the reading {readings[0]} is missing" in answer.output
    with db.engine.begin() as connection:  # and its rows too: nobody who asks would see that it was there
        number = connection.scalar(select(manifests.c.number).where(manifests.c.sha256 == lost))
        connection.execute(delete(disclosures).where(disclosures.c.manifest == number))
        connection.execute(delete(manifests).where(manifests.c.number == number))
    answer = runner.invoke(args=["disclosures", "verify"])
    assert answer.exit_code == 1
    assert "2 faults" in answer.output
