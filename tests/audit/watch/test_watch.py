"""Access over time and its heat map: the numbers are the entries', by Connecticut's clock, and lead back to them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, func, select

from audit import tables
from audit.actions import Outcome
from audit.desk.filtering import parse
from audit.entry import Entry
from audit.watch.heat import heat_map
from audit.watch.scope import Scope
from audit.watch.timeline import step_for, timeline
from exchange.db import db
from exchange.directory.models import RoleKind
from tests.makers.audit import make_intent, make_outcome, make_refusal, sequence, write
from tests.makers.directory import make_person, sign_in

NOON = datetime(2026, 6, 15, 16, 0, tzinfo=UTC)


@pytest.fixture
def auditor(app: Flask, client: FlaskClient) -> FlaskClient:
    """A browser in which a state auditor is signed in."""
    person = make_person(db.session(), "Perpetua Lund", roles=[RoleKind.AUDITOR])
    sign_in(client, person)
    return client


def keep(engine: Engine, folder: Path, entries: Sequence[Entry]) -> None:
    """Write and sequence."""
    write(engine, entries)
    sequence(engine, folder)


def reads(at: datetime, number: int = 1, rows: int = 10, **members: object) -> list[Entry]:
    """Reads that were done, at once."""
    made: list[Entry] = []
    for _ in range(number):
        intent = make_intent(**{"source": "education", "at": at, **members})
        same = {name: getattr(intent, name) for name in ("source", "working_group", "client", "at")}
        made += [intent, replace(make_outcome(intent, rows, rows * 9), **same)]
    return made


def found(engine: Engine, filter_text: str) -> int:
    """How many entries a filter finds."""
    condition = parse(filter_text).condition()
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(tables.entries).where(condition)).scalar_one()


def test_hours_days_and_weeks_add_up_to_the_same_and_lead_to_their_entries(database: Engine, tmp_path: Path) -> None:
    keep(
        database,
        tmp_path,
        [
            *reads(NOON, 3),
            *reads(NOON + timedelta(days=1), 2, source="labor", dataset="zzzz-9999"),
            make_refusal(at=NOON, source="education"),
            replace(make_outcome(make_intent(), 5, 5, Outcome.CUT), at=NOON),
        ],
    )
    scope = Scope(date(2026, 6, 14), date(2026, 6, 20))
    with database.connect() as connection:
        lines = {step: timeline(connection, scope, step) for step in ("hour", "day", "week")}
        narrow = timeline(connection, Scope(scope.first, scope.last, source="labor", dataset="zzzz-9999"), "day")
    assert [len(line) for line in lines.values()] == [168, 7, 2]
    for line in lines.values():
        totals = {name: sum(bucket.counts[name] for bucket in line) for name in line[0].counts}
        assert totals == {
            "reads": 5, "refusals": 1, "done": 5, "cut": 1, "failed": 0, "rows": 55, "bytes": 455
        }  # fmt: skip
        assert sum(found(database, bucket.entries) for bucket in line) == 12
    assert [bucket.counts["reads"] for bucket in narrow] == [0, 0, 2, 0, 0, 0, 0]
    assert [found(database, bucket.entries) for bucket in narrow] == [0, 0, 4, 0, 0, 0, 0]


def test_the_step_fits_the_span() -> None:
    day = date(2026, 6, 15)
    assert [step_for(Scope(day, day + timedelta(days=n))) for n in (0, 2, 3, 91, 92, 5000)] == [
        "hour", "hour", "day", "day", "week", "week"
    ]  # fmt: skip
    assert step_for(Scope(day, day + timedelta(days=6)), "hour") == "hour"
    assert step_for(Scope(day, day + timedelta(days=60)), "hour") == "day"


def test_days_in_which_the_clocks_change_have_23_and_25_hours(database: Engine, tmp_path: Path) -> None:
    spring = [datetime(2026, 3, 8, hour, 30, tzinfo=UTC) for hour in (6, 7)]  # 01:30 EST, 03:30 EDT
    autumn = [datetime(2026, 11, 1, hour, 30, tzinfo=UTC) for hour in (5, 6)]  # 01:30 EDT, 01:30 EST
    keep(database, tmp_path, [entry for at in (*spring, *autumn) for entry in reads(at)])
    with database.connect() as connection:
        short = timeline(connection, Scope(date(2026, 3, 8), date(2026, 3, 8)), "hour")
        long = timeline(connection, Scope(date(2026, 11, 1), date(2026, 11, 1)), "hour")
        year = heat_map(connection, Scope(date(2026, 1, 1), date(2026, 12, 31)), "weekday", "hour", "reads")
    assert (len(short), len(long)) == (23, 25)
    assert [bucket.when[15:] for bucket in short if bucket.counts["reads"]] == ["01:00 EST", "03:00 EDT"]
    assert [bucket.when[15:] for bucket in long if bucket.counts["reads"]] == ["01:00 EDT", "01:00 EST"]
    assert {key: cell.value for key, cell in year.cells.items() if cell.value} == {("6", "1"): 3, ("6", "3"): 1}


def test_two_dimensions_of_choice(database: Engine, tmp_path: Path) -> None:
    keep(
        database,
        tmp_path,
        [*reads(NOON, 4), *reads(NOON, 1, working_group="housing", dataset="zzzz-9999", source="labor")],
    )
    scope = Scope(date(2026, 6, 1), date(2026, 6, 30))
    with database.connect() as connection:
        by_agency = heat_map(connection, scope, "source", "group", "rows")
        by_hour = heat_map(connection, scope, "dataset", "hour", "reads")
    assert (by_agency.lines, by_agency.columns) == (("education", "labor"), ("health-and-human-services", "housing"))
    assert by_agency.cells["education", "health-and-human-services"].value == 40
    assert by_agency.cells["labor", "health-and-human-services"].value == 0
    assert by_hour.cells["zzzz-9999", "12"].value == 1
    assert (by_hour.cells["abcd-2345", "12"].shade, by_hour.cells["abcd-2345", "11"].shade) == (5, 0)
    assert by_hour.total == 5


def test_the_least_active_are_summed_up(database: Engine, tmp_path: Path) -> None:
    keep(
        database,
        tmp_path,
        [entry for number in range(30) for entry in reads(NOON, 1 + (number == 7), source=f"agency-{number:02d}")],
    )
    with database.connect() as connection:
        map_ = heat_map(connection, Scope(date(2026, 6, 15), date(2026, 6, 15)), "source", "group", "reads")
    assert (len(map_.lines), map_.lines[0], map_.lines[-1]) == (24, "agency-07", "(all others)")
    assert sum(cell.value for cell in map_.cells.values()) == map_.total == 31


def test_pages_lead_to_entries_have_a_file_and_are_recorded(app: Flask, auditor: FlaskClient) -> None:
    keep(db.engine, app.config["SETTINGS"].data_dir, reads(NOON, 3))
    span = "since=2026-06-15&until=2026-06-16"
    page = auditor.get(f"/audit/timeline?{span}&step=hour")
    assert page.status_code == 200
    assert "Mon 2026-06-15 12:00 EDT" in page.text
    assert re.search(r'href="/audit/entries\?filter=[^"]*action', page.text)
    rows = list(csv.DictReader(io.StringIO(auditor.get(f"/audit/timeline.csv?{span}&step=day").text)))
    assert [(row["when"], row["reads"], row["rows"]) for row in rows] == [
        ("Mon 2026-06-15", "3", "30"),
        ("Tue 2026-06-16", "0", "0"),
    ]
    heat = auditor.get(f"/audit/heat-map?{span}").text
    lead = re.search(r'href="(/audit/timeline[^"]*weekday=0[^"]*)"', heat)
    assert lead is not None
    assert "12:00 EDT" in auditor.get(lead.group(1).replace("&amp;", "&")).text
    direct = auditor.get(f"/audit/heat-map?{span}&down=source&across=group").text
    assert "/audit/entries?filter=" in direct
    file = auditor.get(f"/audit/heat-map.csv?{span}&down=source&across=hour").text.splitlines()
    assert (file[0][:12], file[1][:10]) == ("Agency,00:00", "education,")
    sequence(db.engine, app.config["SETTINGS"].data_dir)
    assert found(db.engine, "action:log:entries:read") == 4
    assert found(db.engine, "action:log:entries:export") == 2


@pytest.mark.parametrize(
    "asked",
    [
        "since=2026-06-16&until=2026-06-15", "since=0001-01-01", "since=1999-01-01&until=2026-01-01", "since=x",
        "dataset=nothing", "step=second", "agency=Hollis+Quimby", "group=a%0Ab",
    ],
)  # fmt: skip
def test_what_cannot_be_asked_says_why(auditor: FlaskClient, asked: str) -> None:
    page = auditor.get(f"/audit/timeline?{asked}")
    assert page.status_code == 400
    assert "is-invalid" in page.text
    assert auditor.get(f"/audit/timeline.csv?{asked}").status_code == 400


def test_lines_and_columns_are_two_things(auditor: FlaskClient) -> None:
    assert auditor.get("/audit/heat-map?down=hour&across=hour").status_code == 400


def test_an_empty_log_says_so(auditor: FlaskClient) -> None:
    assert "Nobody read restricted data" in auditor.get("/audit/timeline?since=2026-06-15&until=2026-06-16").text
    assert "Nothing of that kind happened" in auditor.get("/audit/heat-map").text


def test_only_auditors_look(app: Flask, client: FlaskClient) -> None:
    sign_in(client, make_person(db.session(), "Ivo Tarn", roles=[RoleKind.CDO]))
    for address in ("/audit/timeline", "/audit/heat-map", "/audit/anomalies", "/audit/anomalies.csv"):
        assert client.get(address).status_code == 403
