"""Searches: the same entries as the filter alone finds, in order, screen by screen, whatever index drives."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Connection, Engine, insert, select, text

from audit import tables
from audit.actions import Action, Outcome
from audit.codes import Code
from audit.columns import row_of
from audit.desk import searching
from audit.desk.filtering import parse
from audit.desk.searching import Count, Cursor, prepare
from audit.entry import Entry
from tests.makers.audit import make_intent, make_outcome, make_refusal

JUNE = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
ACTORS = [f"7c1f0a52-5d1e-4f0a-9a53-0f6f0a6f3b1{n}" for n in range(3)]


def entries() -> list[Entry]:
    """Some hundred entries; times go back now and then, and several share a millisecond."""
    chance, found = random.Random(16), []
    for number in range(100):
        at = JUNE + timedelta(minutes=number - chance.choice([0, 0, 0, 30]))
        read = make_intent(actor=chance.choice(ACTORS), dataset=f"abcd-000{number % 3}", at=at, columns=(f"c{number}",))
        found += [read, make_outcome(read, rows=chance.choice([5, 50_000])), make_refusal(at=at, code=Code.ROSTER)]
    return [*found, Entry(Action.LOG_ENTRIES_READ, Outcome.DONE, at=JUNE)]


@pytest.fixture
def log(database: Engine) -> Engine:
    """The log with those entries."""
    rows = [row_of(index, entry.id, entry.canonical()) for index, entry in enumerate(entries())]
    with database.begin() as connection:
        connection.execute(insert(tables.entries), rows)
    return database


FILTERS = [
    "",
    "dataset:abcd-0001",
    f"dataset:abcd-0001 person:{ACTORS[0]},{ACTORS[1]}",
    "action:access:rows:*",
    "outcome:refused",
    "code:roster since:2026-06-01",
    "rows>=10000 bytes<5000",
    "rows>1 -dataset:abcd-0002",
    "index<70 -action:access:rows:refuse",
    "index:7,9",
    "t>=2026-06-01T12:20:00Z t<2026-06-01T12:40:00Z group:health-and-human-services",
    'person:"Nobody"',
    "purpose:nothing",
]


def walk(connection: Connection, text: str, limit: int, *, oldest_first: bool) -> list[int]:
    """Every index, by screens."""
    search, after, found = prepare(connection, parse(text)), None, []
    for _ in range(500):
        screen = search.screen(connection, after, limit, oldest_first=oldest_first)
        found += [line.index for line in screen.lines]
        if screen.more is None:
            return found
        after = screen.more
    raise AssertionError("the screens do not end")


@pytest.mark.parametrize("text", FILTERS)
def test_screens_show_every_entry_once_in_order(log: Engine, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    e = tables.entries.c
    with log.connect() as connection:
        expected = list(connection.execute(select(e.idx).where(parse(text).condition()).order_by(e.t, e.idx)).scalars())
        for glance, scan in ((1000, 10_000), (3, 10)):
            monkeypatch.setattr(searching, "GLANCE", glance)
            monkeypatch.setattr(searching, "SCAN", scan)
            assert walk(connection, text, 7, oldest_first=False) == expected[::-1]
            assert walk(connection, text, 7, oldest_first=True) == expected
        assert str(prepare(connection, parse(text)).count(connection)) == f"{len(expected):,}"


def test_a_search_through_an_index_does_not_see_what_came_later(log: Engine) -> None:
    with log.connect() as connection:
        search = prepare(connection, parse("action:access:*"), through=10)
        assert max(line.index for line in search.screen(connection).lines) == 10
        assert search.count(connection) == Count(11, True)


def test_in_pairs_an_outcome_comes_with_its_intent_alone(log: Engine) -> None:
    with log.connect() as connection:
        every, refused = prepare(connection, parse("")), prepare(connection, parse("action:access:rows:outcome"))
    bodies = [body for line in every.lines(log, paired=True) for body in (line.body, line.outcome_body) if body]
    assert len(bodies) == len(set(bodies)) == 301
    assert len(list(refused.lines(log, paired=True))) == 100


def test_numbers_beyond_the_bound_are_said_as_such(log: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "COUNTED", 50)
    with log.connect() as connection:
        assert str(prepare(connection, parse("")).count(connection)) == "more than 50"
        assert str(prepare(connection, parse("rows<100")).count(connection)).startswith("at least ")


@pytest.mark.parametrize("text", [None, "", "x", "1", "1.x", ".1", "9" * 30 + ".1", "١.١"])
def test_what_is_no_cursor_begins_at_the_beginning(text: str | None) -> None:
    assert Cursor.read(text) is None
    assert Cursor.read("-5.7") == Cursor(-5, 7)


@pytest.mark.parametrize(
    ("filter_", "index"),
    [
        ("dataset:abcd-0001", "ix_audit_entry_dataset_t"),
        ("code:roster", "ix_audit_entry_code_t"),
        ("outcome:refused", "ix_audit_entry_refused_t"),
        ("rows>=20000", "ix_audit_entry_large_t"),
        ("since:2026-06-01", "ix_audit_entry_t"),
    ],
)
def test_each_filter_is_driven_by_its_index(log: Engine, filter_: str, index: str) -> None:
    if log.dialect.name != "sqlite":
        pytest.skip("PostgreSQL scans so small a table")
    with log.connect() as connection:
        chosen = select(prepare(connection, parse(filter_)).within(50))
        statement = chosen.compile(connection, compile_kwargs={"literal_binds": True})
        plan = [row[3] for row in connection.execute(text(f"EXPLAIN QUERY PLAN {statement}"))]
    assert any(f"INDEX {index} " in step or step.endswith(f"INDEX {index}") for step in plan), plan
