"""The audit desk through HTTP: answers, names, paging, exports, and that reading the log is recorded in it."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import UTC, datetime

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select

from audit import tables
from audit.actions import Action, Outcome
from audit.entry import Entry
from audit.merkle import leaf_hash
from exchange.db import db
from exchange.directory.models import RoleKind
from tests.makers.audit import make_intent, make_outcome, make_refusal, sequence, write
from tests.makers.directory import make_person, sign_in

JUNE = datetime(2026, 6, 15, 16, 0, tzinfo=UTC)


@pytest.fixture
def reader(app: Flask) -> str:
    """A person who read rows; the pseudonym."""
    pseudonym = make_person(db.session, "Hollis Quimby").pseudonym
    db.session.commit()
    return pseudonym


@pytest.fixture
def auditor(app: Flask, client: FlaskClient) -> FlaskClient:
    """A browser in which a state auditor is signed in."""
    person = make_person(db.session, "Perpetua Lund", roles=[RoleKind.AUDITOR])
    sign_in(client, person)
    return client


@pytest.fixture
def log(app: Flask, reader: str) -> Engine:
    """A log with one read, one refusal and one read of another dataset, sequenced."""
    read = make_intent(actor=reader, at=JUNE)
    other = make_intent(actor=reader, dataset="zzzz-9999", at=JUNE)
    refusal = make_refusal(actor=reader, at=JUNE, reason="=cmd|' /C calc'!A0 is a formula")
    write(db.engine, [read, make_outcome(read, rows=1234, sent=56789), refusal, other])
    sequence(db.engine, app.config["SETTINGS"].data_dir)
    return db.engine


def recorded(app: Flask) -> list[dict[str, object]]:
    """What the queue and the log hold, newest last."""
    sequence(db.engine, app.config["SETTINGS"].data_dir)
    with db.engine.connect() as connection:
        bodies = connection.execute(select(tables.entries.c.body).order_by(tables.entries.c.idx)).scalars().all()
    return [json.loads(body) for body in bodies]


def test_only_auditors_enter(app: Flask, client: FlaskClient, log: Engine) -> None:
    person = make_person(db.session, "Ivo Tarn", roles=[RoleKind.CDO])
    sign_in(client, person)
    for address in (
        "/audit",
        "/audit/questions/dataset?dataset=abcd-2345",
        "/audit/entries",
        "/audit/log/tile/entries/000.p/4",
    ):
        assert client.get(address).status_code == 403


def test_the_desk_shows_how_the_log_stands(auditor: FlaskClient, log: Engine) -> None:
    page = auditor.get("/audit")
    assert page.status_code == 200
    assert "127.0.0.1:8000/audit/log" in page.text


def test_the_whole_log_is_checked_from_a_page(auditor: FlaskClient, log: Engine) -> None:
    assert "The log holds" in auditor.get("/audit/check").text


def test_who_read_names_person_agreement_version_purpose_rows_and_refusals(
    app: Flask, auditor: FlaskClient, log: Engine
) -> None:
    page = auditor.get("/audit/questions/dataset?dataset=abcd-2345&since=2026-06-15&until=2026-06-15").text
    for words in ("Hollis Quimby", "DSA-2026-01", "version 1", "evaluation", "1,234", "56,789", "is a formula"):
        assert words in page
    assert "zzzz-9999" not in page
    assert "Nobody read it" in auditor.get("/audit/questions/dataset?dataset=abcd-2345&since=2026-06-16").text


def test_a_day_is_connecticuts_day(app: Flask, auditor: FlaskClient) -> None:
    late = make_intent(dataset="aaaa-2222", at=datetime(2026, 6, 16, 3, 59, 59, tzinfo=UTC))
    write(db.engine, [late])
    sequence(db.engine, app.config["SETTINGS"].data_dir)
    assert "Rows read" in auditor.get("/audit/questions/dataset?since=&dataset=aaaa-2222&until=2026-06-15").text
    assert "Nobody read it" in auditor.get("/audit/questions/dataset?dataset=aaaa-2222&since=2026-06-16").text


def test_reading_and_exporting_the_log_are_recorded(app: Flask, auditor: FlaskClient, log: Engine) -> None:
    auditor.get("/audit/questions/dataset?dataset=abcd-2345")
    auditor.get("/audit/questions/dataset.csv?dataset=abcd-2345")
    read, exported = (e for e in recorded(app) if str(e["action"]).startswith("log:"))
    assert (read["action"], exported["action"]) == (Action.LOG_ENTRIES_READ, Action.LOG_ENTRIES_EXPORT)
    assert read["dataset"] == "abcd-2345"
    assert exported["details"] == {
        "dataset": "abcd-2345",
        "format": "csv",
        "question": "dataset",
        "since": exported["details"]["since"],  # type: ignore[index]
        "through": exported["details"]["through"],  # type: ignore[index]
    }


def test_a_name_leads_to_an_address_with_the_pseudonym(
    app: Flask, auditor: FlaskClient, log: Engine, reader: str
) -> None:
    app.extensions["find_pseudonyms"] = lambda _session, text: [reader] if text == "hollis" else []
    answer = auditor.get("/audit/questions/person?person=hollis&what=reads&since=")
    assert answer.status_code == 303
    assert answer.location.endswith(f"person={reader}&what=reads&since=")
    page = auditor.get(answer.location).text
    assert "Hollis Quimby" in page
    assert "zzzz-9999" in page
    assert "is a formula" in page
    assert "hollis" not in json.dumps(recorded(app))


def test_several_persons_are_a_choice(app: Flask, auditor: FlaskClient, log: Engine, reader: str) -> None:
    second = make_person(db.session, "Hollis Quist").pseudonym
    db.session.commit()
    app.extensions["find_pseudonyms"] = lambda _session, _text: [reader, second]
    page = auditor.get("/audit/questions/person?person=hollis").text
    assert "Which one?" in page
    assert "Hollis Quist" in page


def test_csv_is_safe_for_a_spreadsheet(auditor: FlaskClient, log: Engine) -> None:
    answer = auditor.get("/audit/questions/dataset.csv?dataset=abcd-2345")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["Act"] for row in rows] == ["Rows refused", "Rows read"]
    assert rows[1]["Person"].startswith("Hollis Quimby (")
    assert (rows[1]["Rows"], rows[1]["Bytes"], rows[1]["Outcome"]) == ("1234", "56789", "done")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="dataset.csv"'
    whole = auditor.get("/audit/entries.csv?filter=dataset:abcd-2345").text
    found = {row["action"]: row for row in csv.DictReader(io.StringIO(whole))}
    assert found["access:rows:refuse"]["reason"].startswith("'=cmd")
    assert found["access:rows:intent"]["name"] == "Hollis Quimby"


def test_json_lines_are_the_exact_bytes_that_were_hashed(app: Flask, auditor: FlaskClient, log: Engine) -> None:
    read = auditor.get("/audit/who-read.jsonl?dataset=abcd-2345", follow_redirects=True).data.splitlines()
    lines = auditor.get("/audit/entries.jsonl?filter=dataset:abcd-2345").data.splitlines()
    assert read == lines
    assert len(lines) == 3
    leaves = client_tile(auditor)
    assert all(leaf_hash(line) in leaves for line in lines)


def client_tile(client: FlaskClient) -> list[bytes]:
    """The leaf hashes as the public sees them."""
    data = client.get("/audit/log/tile/0/000.p/4").data
    return [data[i : i + hashlib.sha256().digest_size] for i in range(0, len(data), 32)]


def test_pages_by_key_show_every_entry_once(app: Flask, auditor: FlaskClient) -> None:
    write(db.engine, [make_intent(dataset="pppp-2222", columns=(f"c{i}",)) for i in range(120)])
    sequence(db.engine, app.config["SETTINGS"].data_dir)
    seen: list[str] = []
    address: str | None = "/audit/questions/dataset?dataset=pppp-2222"
    while address:
        page = auditor.get(address).text
        seen += [part.split('"')[0] for part in page.split("/audit/entries/")[1:]]
        following = [part.split('"')[0] for part in page.split('rel="next" href="')[1:]]
        address = following[0].replace("&amp;", "&") if following else None
    assert len(seen) == len(set(seen)) == 120


def test_one_entry_has_its_page_bytes_and_proof(app: Flask, auditor: FlaskClient, log: Engine) -> None:
    with log.connect() as connection:
        row = connection.execute(select(tables.entries.c.id, tables.entries.c.body).limit(1)).one()
    page = auditor.get(f"/audit/entries/{row.id}").text
    assert "Entries that belong to it" in page
    assert f"/audit/proof/{row.id}.tlog-proof" in page
    assert auditor.get(f"/audit/entries/{row.id}.json").data == bytes(row.body)
    assert auditor.get("/audit/entries/00000000-0000-7000-8000-000000000000").status_code == 404


def test_an_intent_shows_its_own_state_and_how_it_ended(app: Flask, auditor: FlaskClient, log: Engine) -> None:
    open_end = make_intent(dataset="pppp-2222")
    write(db.engine, [open_end])
    recorded(app)
    with log.connect() as connection:
        first = connection.execute(select(tables.entries.c.id).where(tables.entries.c.idx == 0)).scalar_one()
    assert "Intended; ended: done" in auditor.get(f"/audit/entries/{first}").text
    assert "Intended; no outcome recorded" in auditor.get(f"/audit/entries/{open_end.id}").text


def test_an_act_of_the_command_line_is_the_operators(app: Flask, auditor: FlaskClient, log: Engine) -> None:
    published = Entry(Action.DATASET_VERSION_PUBLISH, Outcome.DONE, dataset="pppp-2222")
    refused = Entry(Action.SESSION_REFUSE, Outcome.REFUSED)
    write(db.engine, [published, refused])
    recorded(app)
    assert "the operator" in auditor.get(f"/audit/entries/{published.id}").text
    assert "nobody signed in" in auditor.get(f"/audit/entries/{refused.id}").text
    assert "the operator" in auditor.get("/audit/entries?action=dataset:version:publish").text


def test_entries_are_filtered(auditor: FlaskClient, log: Engine) -> None:
    refused = auditor.get("/audit/entries?outcome=refused").text
    assert "<td>Rows refused</td>" in refused
    assert "<td>Rows read</td>" not in refused
    assert "No entry is like that" in auditor.get("/audit/entries?agreement=none").text
    assert "is no action that the log knows" in auditor.get("/audit/entries?action=no:such:act").text
    assert "No entry is like that" in auditor.get("/audit/entries?since=2026-06-16&until=2026-06-15").text


def test_an_export_without_a_question_is_refused(auditor: FlaskClient, log: Engine) -> None:
    assert auditor.get("/audit/questions/dataset.csv").status_code == 400


def test_no_page_leaves_when_the_log_cannot_record(app: Flask, auditor: FlaskClient, log: Engine) -> None:
    with db.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE audit_queue RENAME TO audit_queue_away")
    answer = auditor.get("/audit/questions/dataset?dataset=abcd-2345")
    assert answer.status_code == 503
    assert "Hollis" not in answer.text
