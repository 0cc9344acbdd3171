"""The standing questions that the log answers alone: one page, one address, one CSV each; each asking recorded."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from audit.actions import Action, Outcome
from audit.codes import Code
from audit.desk import outside, standing
from audit.desk.question import Answer, Asked, Cell, DeskQuestion, Field
from audit.entry import Entry
from exchange.db import db
from tests.makers.audit import make_intent, make_outcome, make_refusal, sequence, write
from tests.makers.directory import make_person

MONDAY = datetime(2026, 6, 15, 16, 0, tzinfo=UTC)
"""Noon in Connecticut."""


@pytest.fixture
def reader(app: Flask) -> str:
    """A person who read rows; the pseudonym."""
    pseudonym = make_person(db.session, "Hollis Quimby").pseudonym
    db.session.commit()
    return pseudonym


@pytest.fixture
def log(app: Flask, reader: str) -> None:
    """Reads at noon, at night, on a Saturday and on Juneteenth; refusals; a large export; a classification agreed."""
    times = {"noon": 0, "night": 11, "saturday": 5 * 24, "holiday": 4 * 24}
    reads = [
        make_intent(actor=reader, purpose=name, at=MONDAY + timedelta(hours=h), request={"format": "csv"})
        for name, h in times.items()
    ]
    ends = [make_outcome(read, rows=rows) for read, rows in zip(reads, (90_000, 7, 8, 9), strict=True)]
    open_end = make_intent(actor=reader, purpose="unended", at=MONDAY - timedelta(days=3))
    refusals = [
        make_refusal(actor=reader, code=code, at=MONDAY + timedelta(minutes=n), working_group="hhs")
        for n, code in enumerate([Code.ROSTER, Code.ROSTER, Code.COLUMN_WITHHELD, Code.TOKEN])
    ]
    agreed = Entry(Action.CLASSIFICATION_COLUMNS_AGREE, Outcome.DONE, dataset="abcd-2345", at=MONDAY)
    write(db.engine, [*reads, *ends, open_end, *refusals, agreed])
    sequence(db.engine, app.config["SETTINGS"].data_dir)


def rows_of(auditor: FlaskClient, asked: str) -> list[dict[str, str]]:
    """The CSV of a question, after its page was seen to answer."""
    key, _, query = asked.partition("?")
    page = auditor.get(f"/audit/questions/{key}?{query}")
    assert page.status_code == 200
    assert f"/audit/questions/{key}.csv?" in page.text
    return list(csv.DictReader(io.StringIO(auditor.get(f"/audit/questions/{key}.csv?{query}").text)))


def test_there_are_seventeen_each_with_a_page_and_its_law(auditor: FlaskClient, log: None) -> None:
    page = auditor.get("/audit/questions").text
    with auditor.application.app_context():
        found = standing.questions()
    assert [each.number for each in found] == list(range(1, 18))
    for each in found:
        assert f'href="/audit/questions/{each.key}"' in page
        assert each.law
        assert auditor.get(f"/audit/questions/{each.key}").status_code == 200
    assert auditor.get("/audit/questions/nothing").status_code == 404


def test_everything_a_person_did_and_what_of_it_after_leaving(
    app: Flask, auditor: FlaskClient, log: None, reader: str
) -> None:
    app.extensions["ends_of"] = lambda _session, _persons: {reader: MONDAY + timedelta(hours=1)}
    found = rows_of(auditor, f"person?person={reader}&since=")
    assert sum("after leaving" in row["Act"] for row in found) == 3 + 4  # the reads, and their ends of today
    assert "Acts after leaving" in auditor.get(f"/audit/questions/person?person={reader}&since=").text
    app.extensions["ends_of"] = lambda _session, _persons: {}
    assert "no departure is recorded" in auditor.get(f"/audit/questions/person?person={reader}").text


def test_what_went_outside_an_agreement_or_office_hours(auditor: FlaskClient, log: None) -> None:
    found = rows_of(auditor, "outside?since=2026-06-01")
    acts = [row["Act"] for row in found]
    assert len(acts) == 3 + 3
    assert sum("outside the roster" in act for act in acts) == 2
    assert sum("outside the scope" in act for act in acts) == 1
    assert {row["Purpose"] for row in found} >= {"night", "saturday", "holiday"}
    assert any("Juneteenth" in act for act in acts)
    assert [row["When (Connecticut)"] for row in found] == sorted(
        (r["When (Connecticut)"] for r in found), reverse=True
    )
    assert len(rows_of(auditor, "outside?which=hours&since=2026-06-01")) == 3
    assert len(rows_of(auditor, "outside?which=roster&since=2026-06-01")) == 2
    assert "Nobody went outside" in auditor.get("/audit/questions/outside?which=purpose&since=2026-06-01").text


def test_outside_goes_on_where_a_screen_stopped(
    auditor: FlaskClient, log: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = rows_of(auditor, "outside?since=2026-06-01")
    monkeypatch.setattr("audit.desk.views.CHUNK", 2)
    assert rows_of(auditor, "outside?since=2026-06-01") == whole
    monkeypatch.setattr(outside, "MOST_SPANS", 3)
    assert rows_of(auditor, "outside?since=2026-06-01") == whole


def test_suppression_cannot_be_overridden_and_what_can_lower_a_floor(auditor: FlaskClient, log: None) -> None:
    assert [row["Act"] for row in rows_of(auditor, "suppression?since=")] == ["Classification columns: agree"]
    assert "there is no way to override" in auditor.get("/audit/questions/suppression").text


def test_denials_are_counted_by_reason_group_and_dataset(
    auditor: FlaskClient, log: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = rows_of(auditor, "denials?since=2026-06-15&until=2026-06-15")
    assert [(row["Reason"], row["Refusals"]) for row in found] == [
        ("roster", "2"),
        ("column-withheld", "1"),
        ("token", "1"),
    ]
    assert {row["Last day"] for row in found} == {"2026-06-15"}
    monkeypatch.setattr("audit.desk.views.CHUNK", 1)
    assert rows_of(auditor, "denials?since=2026-06-15&until=2026-06-15") == found
    assert "Nothing was refused" in auditor.get("/audit/questions/denials?since=2026-06-16").text
    page = auditor.get("/audit/questions/denials?since=2026-06-15").text
    link = page.split('href="/audit/entries?')[1].split('"')[0].replace("&amp;", "&")
    assert auditor.get(f"/audit/entries?{link}").text.count("Rows refused</td>") == 2


def test_how_the_log_stands_and_who_read_it(auditor: FlaskClient, log: None, recorded: Callable[[], Any]) -> None:
    auditor.get("/audit/entries?filter=outcome:refused")
    recorded()
    page = auditor.get("/audit/questions/log").text
    for words in ("Last checkpoint", "none; ", "1 among the newest", "unended", "filter: outcome:refused", "Perpetua"):
        assert words in page


def test_large_exports_stand_beside_what_is_usual(auditor: FlaskClient, log: None) -> None:
    (large,) = rows_of(auditor, "exports?since=")
    assert (large["Rows"], large["Format"]) == ("90000", "csv")
    assert len(rows_of(auditor, "exports?since=&rows=1&bytes=1000000000")) == 4
    assert "Write a whole number" in auditor.get("/audit/questions/exports?rows=many").text


def test_wrong_days_are_said_and_not_recorded(auditor: FlaskClient, log: None, recorded: Callable[[], Any]) -> None:
    before = len(recorded())
    answer = auditor.get("/audit/questions/denials?since=2026-06-16&until=2026-06-15")
    assert answer.status_code == 400
    assert "The last day is before the first" in answer.text
    assert auditor.get("/audit/questions/denials.csv?since=yesterday").status_code == 400
    assert len(recorded()) == before


def test_a_secret_is_in_no_address_and_no_entry(
    app: Flask, auditor: FlaskClient, recorded: Callable[[], list[dict[str, Any]]]
) -> None:
    def answer(asked: Asked) -> Answer:
        return Answer(((Cell(asked.one("who")),),))

    secret = Field("who", "Who", "secret", required=True, seal=lambda _session, typed: typed[::-1])
    words = Field("words", "Words", "text")
    app.extensions["audit_questions"] = (
        DeskQuestion(18, "x", "X", "X?", ("CGS 1",), (secret, words), ("Who",), answer),
    )
    page = auditor.get("/audit/questions/x").text
    token = page.split('name="csrf_token" value="')[1].split('"')[0]
    sent = auditor.post("/audit/questions/x", data={"csrf_token": token, "who": "drows", "words": "Hollis Quimby"})
    assert sent.location == "/audit/questions/x?who=sword&words=Hollis+Quimby"
    assert "sword" in auditor.get(sent.location).text
    details = recorded()[-1]["details"]
    assert details["who"] == "sword"
    assert details["words"].startswith("sha256:")


def test_what_is_typed_into_an_address_is_in_no_entry(
    auditor: FlaskClient, log: None, recorded: Callable[[], Any]
) -> None:
    for after, said in (("Hollis Quimby 555-12-3456", "a further screen"), ("1781539200000.3", "1781539200000.3")):
        page = auditor.get("/audit/questions/dataset", query_string={"dataset": "abcd-2345", "after": after})
        assert page.status_code == 200
        assert recorded()[-1]["details"]["after"] == said
    count = len(recorded())
    for address in (
        "/audit/entries?filter=client:hollis@example.org",
        "/audit/questions/denials?group=hollis@example.org",
    ):
        assert "hollis" in auditor.get(address).text
    assert len(recorded()) == count


def test_old_addresses_lead_to_the_first_two_questions(auditor: FlaskClient, log: None, reader: str) -> None:
    page = auditor.get("/audit/who-read?dataset=abcd-2345&since=2026-06-15", follow_redirects=True)
    assert "Who read a dataset?" in page.text
    page = auditor.get(f"/audit/person-read?person={reader}", follow_redirects=True)
    assert "Hollis Quimby" in page.text
    assert "Log read" not in page.text
