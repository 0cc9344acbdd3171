"""What stands out: each situation, made of real entries, is found alone; its near miss is not. And its review."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, func, select

from audit import tables
from audit.actions import Action
from audit.days import LEGAL_ZONE
from audit.entry import Entry
from audit.watch.anomalies import findings
from audit.watch.finding import Finding, Rules
from audit.watch.holidays import holiday_on
from audit.watch.volume import above
from exchange.db import db
from exchange.directory.models import RoleKind
from exchange.directory.persons import ended_persons
from tests.makers.audit import make_intent, make_outcome, make_refusal, sequence, write
from tests.makers.directory import make_person, sign_in

ANN, BEN, CID = (f"{letter * 8}-0000-4000-8000-000000000000" for letter in "abc")
MONDAY = date(2026, 6, 15)
WEEK = Rules(MONDAY, MONDAY + timedelta(days=6))
QUIET = ("after-leaving", "refusals", "volume", "out-of-hours")
"""Every kind but first times, of which each of these logs has some."""


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """An instant by Connecticut's clock."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=LEGAL_ZONE).astimezone(UTC)


def read(when: datetime, rows: int = 10, **who: Any) -> list[Entry]:
    """A read that was done."""
    intent = make_intent(**{"actor": ANN, "at": when, **who})
    return [intent, replace(make_outcome(intent, rows), client=intent.client, at=when)]


def found(
    engine: Engine,
    tmp: Any,
    entries: Sequence[Entry],
    rules: Rules = WEEK,
    kinds: Sequence[str] = QUIET,
    ended: Mapping[str, datetime] | None = None,
) -> tuple[Finding, ...]:
    """What stands out in a log of these entries."""
    write(engine, entries)
    sequence(engine, tmp)
    with engine.connect() as connection:
        return findings(connection, rules, ended or {}, kinds)


def behind(engine: Engine, finding: Finding) -> int:
    """How many entries its link leads to."""
    with engine.connect() as connection:
        chosen = select(func.count()).select_from(tables.entries).where(finding.entries.condition())
        return connection.execute(chosen).scalar_one()


@pytest.mark.parametrize(
    ("day", "hour", "minute", "why"),
    [
        (MONDAY, 6, 59, "outside 07:00 to 19:00"), (MONDAY, 7, 0, ""), (MONDAY, 18, 59, ""),
        (MONDAY, 19, 0, "outside 07:00 to 19:00"), (date(2026, 6, 19), 12, 0, "Juneteenth Independence Day"),
        (date(2026, 6, 20), 12, 0, "a weekend"), (date(2026, 6, 18), 12, 0, ""),
    ],
)  # fmt: skip
def test_out_of_hours(database: Engine, tmp_path: Any, day: date, hour: int, minute: int, why: str) -> None:
    stands_out = found(database, tmp_path, read(at(day, hour, minute)))
    assert [each.kind for each in stands_out] == (["out-of-hours"] if why else [])
    assert all(why in each.says and behind(database, each) == 2 for each in stands_out)


def test_out_of_hours_is_connecticuts_after_the_clocks_change(database: Engine, tmp_path: Any) -> None:
    """07:00 is 12:00 UTC on the Friday before 8 March 2026, and 11:00 UTC on the Monday after it."""
    friday, monday = datetime(2026, 3, 6, 12, tzinfo=UTC), datetime(2026, 3, 9, 11, tzinfo=UTC)
    early = [*read(friday - timedelta(minutes=1)), *read(monday - timedelta(minutes=1), actor=BEN)]
    rules = Rules(date(2026, 3, 2), date(2026, 3, 15))
    stands_out = found(database, tmp_path, [*early, *read(friday), *read(monday, actor=BEN)], rules)
    assert [(each.actor, dict(each.numbers)["Reads that day"]) for each in stands_out] == [(BEN, 2), (ANN, 2)]


def test_refusals_alone_out_of_hours_are_no_reads(database: Engine, tmp_path: Any) -> None:
    assert found(database, tmp_path, [make_refusal(actor=ANN, at=at(MONDAY, 3))]) == ()


def test_more_rows_than_usual(database: Engine, tmp_path: Any) -> None:
    usual = [read(at(MONDAY - timedelta(days=back), 12), 900 + 20 * back) for back in range(1, 15)]
    limit = above([900 + 20 * back for back in range(1, 15)], 6)
    history = [entry for pair in usual for entry in pair]
    assert found(database, tmp_path, [*history, *read(at(MONDAY, 12), limit)], kinds=("volume",)) == ()
    (finding,) = found(database, tmp_path, read(at(MONDAY, 13), 1), kinds=("volume",))
    assert f"read {limit + 1:,} rows on 2026-06-15" in finding.says
    assert dict(finding.numbers)["Limit"] == limit
    assert dict(finding.numbers)["Days before"] == 14
    assert behind(database, finding) == 4


@pytest.mark.parametrize(("days", "rows", "stands_out"), [(9, 90_000, 0), (10, 90_000, 1), (10, 999, 0), (10, 1000, 1)])
def test_usual_takes_history_and_rows(database: Engine, tmp_path: Any, days: int, rows: int, stands_out: int) -> None:
    history = [entry for back in range(1, days + 1) for entry in read(at(MONDAY - timedelta(days=back), 12), 2)]
    old = read(at(MONDAY - timedelta(days=91), 12), 2)
    kinds = ("volume",)
    assert len(found(database, tmp_path, [*old, *history, *read(at(MONDAY, 12), rows)], kinds=kinds)) == stands_out


def test_somebody_elses_history_is_no_history(database: Engine, tmp_path: Any) -> None:
    history = [e for back in range(1, 15) for e in read(at(MONDAY - timedelta(days=back), 12), 2, client="another")]
    assert found(database, tmp_path, [*history, *read(at(MONDAY, 12), 90_000)], kinds=("volume",)) == ()


def test_after_leaving(database: Engine, tmp_path: Any) -> None:
    left = at(MONDAY, 12)
    entries = [
        *read(left - timedelta(minutes=5)),
        *read(left, actor=BEN),
        make_refusal(actor=ANN, client="notebook", at=left + timedelta(hours=1)),
    ]
    (finding,) = found(database, tmp_path, entries, ended={ANN: left, BEN: left})
    assert (finding.kind, finding.actor) == ("after-leaving", ANN)
    assert "some of that day’s entries" in finding.says
    assert behind(database, finding) == 1
    tuesday = [make_refusal(actor=BEN, at=at(MONDAY + timedelta(days=1), 12))]
    newest = found(database, tmp_path, tuesday, ended={ANN: left, BEN: left})[0]
    assert newest.says == (
        "{person} could act until 2026-06-15 12:00, and the log holds 1 entry of that day after that; all were refused."
    )


def test_first_times(database: Engine, tmp_path: Any) -> None:
    before = read(at(MONDAY - timedelta(days=1), 12))
    entries = [
        *before,
        *read(at(MONDAY, 12)),
        *read(at(MONDAY, 13), actor=BEN),
        *read(at(MONDAY, 14), actor=BEN, dataset="zzzz-9999"),
        make_refusal(actor=CID, client="cids", dataset="zzzz-9999", at=at(MONDAY, 15)),
    ]
    stands_out = found(database, tmp_path, entries, kinds=("first-time",))
    assert [each.says for each in stands_out] == [
        "The first read of {dataset} by {person} and the group {group} through {client}.",
        "The first read of {dataset} by {person}.",
    ]
    assert [(each.actor, each.dataset, behind(database, each)) for each in stands_out] == [
        (BEN, "zzzz-9999", 1),
        (BEN, "abcd-2345", 1),
    ]


@pytest.mark.parametrize(
    ("number", "apart_s", "wait_s", "let_in_as", "stands_out"),
    [
        (5, 60, 60, {}, 1),
        (4, 60, 60, {}, 0),
        (5, 240, 60, {}, 0),
        (5, 60, 901, {}, 0),
        (5, 60, 900, {}, 1),
        (5, 60, 60, {"client": "another"}, 0),
        (5, 60, 60, {"actor": BEN}, 0),
    ],
)
def test_refused_and_then_let_in(
    database: Engine, tmp_path: Any, number: int, apart_s: int, wait_s: int, let_in_as: dict[str, str], stands_out: int
) -> None:
    """The burst runs over the end of an hour."""
    begin = at(MONDAY, 11, 58)
    times = [begin + timedelta(seconds=apart_s * each) for each in range(number)]
    tries = [make_refusal(actor=ANN, client="notebook", at=time) for time in times]
    success = make_intent(**{"actor": ANN, "at": times[-1] + timedelta(seconds=wait_s), **let_in_as})
    result = found(database, tmp_path, [*tries, success], kinds=("refusals",))
    assert len(result) == stands_out
    for finding in result:
        assert f"was refused {number} times" in finding.says
        assert behind(database, finding) == number + 1


def test_many_refusals_without_success_do_not_stand_out(database: Engine, tmp_path: Any) -> None:
    tries = [make_refusal(actor=ANN, client="notebook", at=at(MONDAY, 12, minute)) for minute in range(30)]
    assert found(database, tmp_path, tries, kinds=("refusals",)) == ()


def test_the_same_log_gives_the_same_list(database: Engine, tmp_path: Any) -> None:
    entries = [entry for hour in (3, 4, 12, 22) for entry in read(at(MONDAY, hour), 2000)]
    once = found(database, tmp_path, entries, kinds=())
    with database.connect() as connection:
        assert findings(connection, WEEK, {}) == once
    assert len({each.key for each in once}) == len(once) > 1
    assert [each.at for each in once] == sorted((each.at for each in once), reverse=True)


def test_holidays_are_the_statutes() -> None:
    kept = {
        date(2026, 1, 1): "New Year’s Day", date(2026, 1, 19): "Martin Luther King, Jr. Day",
        date(2026, 2, 12): "Lincoln Day", date(2026, 2, 16): "Washington’s Birthday",
        date(2026, 5, 25): "Memorial Day", date(2026, 6, 19): "Juneteenth Independence Day",
        date(2026, 7, 3): "Independence Day", date(2026, 9, 7): "Labor Day", date(2026, 10, 12): "Columbus Day",
        date(2026, 11, 11): "Veterans’ Day", date(2026, 11, 26): "Thanksgiving Day", date(2026, 12, 25): "Christmas",
    }  # fmt: skip
    days = [date(2026, 1, 1) + timedelta(days=number) for number in range(365)]
    assert {day: name for day in days if (name := holiday_on(day))} == kept
    assert holiday_on(date(2021, 12, 31)) == "New Year’s Day"
    assert holiday_on(date(2023, 1, 2)) == "New Year’s Day"
    assert holiday_on(date(2022, 6, 20)) is None


def test_the_limit_follows_the_history() -> None:
    assert above([100] * 10, 6) == 160
    assert above([90, 100, 110, 100, 90, 110], 6) == 160
    assert above([100, 300, 500, 700, 900], 2) == 900
    assert above([0] * 10, 6) == 6


@pytest.fixture
def auditor(app: Flask, client: FlaskClient) -> FlaskClient:
    """A browser in which a state auditor is signed in."""
    sign_in(client, make_person(db.session(), "Perpetua Lund", roles=[RoleKind.AUDITOR]))
    return client


SPAN = "since=2026-06-15&until=2026-06-21&kind=out-of-hours"


@pytest.fixture
def night(app: Flask) -> str:
    """A read at night by a person of the directory; their pseudonym."""
    pseudonym = make_person(db.session(), "Hollis Quimby").pseudonym
    db.session.commit()
    write(db.engine, read(at(MONDAY, 3), actor=pseudonym))
    sequence(db.engine, app.config["SETTINGS"].data_dir)
    return pseudonym


def say(auditor: FlaskClient, action: str, **said: str) -> Any:
    """Say what came of a finding, as the form does."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', auditor.get("/audit/anomalies").text)
    return auditor.post(action, data={"csrf_token": token.group(1) if token else "", **said})


def form_of(auditor: FlaskClient) -> str:
    """Where the form of the first finding leads."""
    page = auditor.get(f"/audit/anomalies?{SPAN}").text
    actions: list[str] = re.findall(r'action="(/audit/anomalies/[0-9a-f]{64}[^"]*)"', page)
    return actions[0].replace("&amp;", "&")


def test_the_page_says_who_and_why_and_how_it_is_found(auditor: FlaskClient, night: str) -> None:
    page = auditor.get(f"/audit/anomalies?{SPAN}").text
    assert "Hollis Quimby, through notebook, read restricted rows on Monday 2026-06-15 between 03:00 and 04:00" in page
    assert "before 07:00, from 19:00 on" in page
    assert "Nothing stands out" in auditor.get(f"/audit/anomalies?{SPAN}&opens=3").text
    row = next(csv.DictReader(io.StringIO(auditor.get(f"/audit/anomalies.csv?{SPAN}").text)))
    assert (row["person"], row["client"], row["verdict"]) == (night, "notebook", "")
    assert row["numbers"] == "Hours out of hours: 1; Reads that day: 1; Rows that day: 10"


def test_a_review_is_recorded_without_its_words_and_shortens_the_list(
    app: Flask, auditor: FlaskClient, night: str
) -> None:
    action = form_of(auditor)
    answer = say(auditor, action, verdict="explained", note="Case 26-114: a nightly job.")
    assert (answer.status_code, answer.location) == (303, f"/audit/anomalies?{SPAN}")
    assert "Nothing stands out in this time that was not reviewed" in auditor.get(f"/audit/anomalies?{SPAN}").text
    again = auditor.get(f"/audit/anomalies?{SPAN}&reviewed=y").text
    assert "Case 26-114: a nightly job." in again
    assert "Perpetua Lund" in again
    say(auditor, action, verdict="reopened", note="It was not.")
    assert "It was not." in auditor.get(f"/audit/anomalies?{SPAN}").text
    sequence(db.engine, app.config["SETTINGS"].data_dir)
    with db.engine.connect() as connection:
        chosen = select(tables.entries.c.body).where(tables.entries.c.action == Action.LOG_FINDING_REVIEW)
        bodies = [json.loads(body) for body in connection.execute(chosen.order_by(tables.entries.c.idx)).scalars()]
    assert [body["details"]["verdict"] for body in bodies] == ["explained", "reopened"]
    assert "nightly" not in json.dumps(bodies)


def test_a_review_needs_a_note_and_a_finding(app: Flask, auditor: FlaskClient, night: str) -> None:
    action = form_of(auditor)
    say(auditor, action, verdict="explained", note=" ")
    assert "Write in a sentence why" in auditor.get(f"/audit/anomalies?{SPAN}").text
    assert say(auditor, f"/audit/anomalies/{'0' * 64}?{SPAN}", verdict="explained", note="x").status_code == 404
    assert "Say what came of it" in auditor.get(f"/audit/anomalies?{SPAN}").text


def test_who_has_left_is_known_to_the_directory(app: Flask) -> None:
    session = db.session()
    stays, left, expired = (make_person(session, name, roles=[RoleKind.CDO]) for name in ("Ada", "Ben", "Cleo"))
    left.left_at = at(MONDAY, 12)
    expired.roles[0].ends = MONDAY
    make_person(session, "Dora", roles=())
    session.flush()
    assert ended_persons(session) == {
        left.pseudonym: at(MONDAY, 12),
        expired.pseudonym: at(MONDAY + timedelta(days=1), 0) - timedelta(milliseconds=1),
    }
    assert stays.pseudonym not in ended_persons(session)


def test_rules_that_cannot_be_are_refused(auditor: FlaskClient) -> None:
    for asked in ("opens=24", "refusals=1", "since=2020-01-01&until=2026-01-01", "history=x"):
        assert auditor.get(f"/audit/anomalies?{asked}").status_code == 400
        assert auditor.get(f"/audit/anomalies.csv?{asked}").status_code == 400
