"""The auditor's questions: SELECTs over `audit_entry`. Entries still queued are not seen (for at most a second).

A read of rows is two entries: the intent, durable before the first byte left, and the outcome that names it. A line
here is an entry with what became of it; an intent without an outcome is shown as such, since that is evidence too.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, and_, case, func, select

from audit import tables
from audit.actions import Action
from audit.days import instant_of, milliseconds
from audit.tables import as_bytes, body_of

READS = (Action.ACCESS_ROWS_INTENT, Action.ACCESS_ROWS_REFUSE)
"""The acts that answer "who read": permitted reads and refused ones."""

PAGE = 50
CHUNK = 500
MOST_GROUPS = 200

e = tables.entries.c


@dataclass(frozen=True)
class Question:
    """What to look for; an empty member does not narrow. `since` and `until` are instants, both inclusive."""

    actions: tuple[str, ...] = ()
    outcome: str | None = None
    persons: tuple[str, ...] = ()
    dataset: str | None = None
    agreement: str | None = None
    working_group: str | None = None
    client: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    through: int | None = None

    def facts(self) -> dict[str, Any]:
        """The question in the words of the log, for the entry that records that it was asked."""
        facts = {name: getattr(self, name) for name in self.__dataclass_fields__ if getattr(self, name)}
        return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in facts.items()}


@dataclass(frozen=True)
class Line:
    """One entry with what became of it. `ended`, `rows` and `sent` (bytes) come from the outcome of an intent."""

    index: int
    id: str
    at: datetime
    action: str
    outcome: str
    ended: str | None
    rows: int | None
    sent: int | None
    body: bytes
    outcome_body: bytes | None

    @property
    def members(self) -> dict[str, Any]:
        """The entry's members; empty if its body cannot be read."""
        return members(self.body)


@dataclass(frozen=True)
class Group:
    """Reads by one person, through one client, under one agreement version, for one purpose."""

    actor: str | None
    client: str | None
    working_group: str | None
    dataset: str | None
    agreement: str | None
    agreement_version: int | None
    purpose: str | None
    reads: int
    refusals: int
    rows: int
    first: datetime
    last: datetime


@dataclass(frozen=True)
class Page:
    """Lines, newest first; `older` is the key of the next page, None on the last."""

    lines: tuple[Line, ...]
    older: int | None


def who_read(dataset: str, since: datetime | None, until: datetime | None) -> Question:
    """Who read this dataset, or was refused, between two instants (connecticut.md §5.4, question 1)."""
    return Question(actions=READS, dataset=dataset, since=since, until=until)


def person_read(pseudonyms: Sequence[str], since: datetime | None = None, until: datetime | None = None) -> Question:
    """Everything a person read, and what they were refused (connecticut.md §5.4, question 2)."""
    return Question(actions=READS, persons=tuple(pseudonyms), since=since, until=until)


def page(connection: Connection, question: Question, *, before: int | None = None, limit: int = PAGE) -> Page:
    """One screen of the answer, newest first, older than the entry with index `before`."""
    chosen = _matching(question).order_by(e.idx.desc()).limit(limit + 1)
    if before is not None:
        chosen = chosen.where(e.idx < before)
    rows = connection.execute(chosen).all()
    lines = _lines(connection, rows[:limit])
    return Page(lines, lines[-1].index if len(rows) > limit else None)


def groups(connection: Connection, question: Question) -> tuple[Group, ...]:
    """The answer in short: reads by person, agreement version and purpose, most recent first."""
    ended = tables.entries.alias("ended")
    by = (e.actor, e.client, e.working_group, e.dataset, e.agreement, e.agreement_version, e.purpose)
    refused = func.sum(case((e.action == Action.ACCESS_ROWS_REFUSE, 1), else_=0))
    joined = tables.entries.outerjoin(ended, and_(ended.c.ref == e.id, ended.c.action == Action.ACCESS_ROWS_OUTCOME))
    chosen = (
        select(*by, func.count().label("all"), refused.label("refused"), func.sum(ended.c.rows).label("rows"))
        .add_columns(func.min(e.t).label("first"), func.max(e.t).label("last"))
        .select_from(joined)
        .where(*_conditions(question))
        .group_by(*by)
        .order_by(func.max(e.t).desc())
        .limit(MOST_GROUPS)
    )
    return tuple(_group(row) for row in connection.execute(chosen))


def _group(row: Row[Any]) -> Group:
    first, last = instant_of(row.first), instant_of(row.last)
    return Group(
        actor=row.actor,
        client=row.client,
        working_group=row.working_group,
        dataset=row.dataset,
        agreement=row.agreement,
        agreement_version=row.agreement_version,
        purpose=row.purpose,
        reads=row.all - row.refused,
        refusals=row.refused,
        rows=int(row.rows or 0),
        first=first,
        last=last,
    )


def all_lines(engine: Engine, question: Question) -> Iterator[Line]:
    """The whole answer, oldest first, in short transactions; bounded by `question.through` so that it ends."""
    after = -1
    while True:
        with engine.connect() as connection:
            chosen = _matching(question).where(e.idx > after).order_by(e.idx).limit(CHUNK)
            lines = _lines(connection, connection.execute(chosen).all())
        yield from lines
        if len(lines) < CHUNK:
            return
        after = lines[-1].index


def bounded(connection: Connection, question: Question) -> Question:
    """The same question, asked of the log as it stands now."""
    highest = connection.execute(select(func.max(e.idx))).scalar()
    return replace(question, through=-1 if highest is None else highest)


def actors(connection: Connection, question: Question) -> tuple[str, ...]:
    """The pseudonyms that occur in the answer."""
    chosen = select(e.actor).where(e.actor.is_not(None), *_conditions(question)).distinct()
    return tuple(connection.execute(chosen).scalars())


def find(connection: Connection, entry_id: str) -> Line | None:
    """One entry by its id, or None."""
    row = connection.execute(_columns().where(e.id == entry_id)).one_or_none()
    return _lines(connection, [row])[0] if row is not None else None


def related(connection: Connection, line: Line) -> tuple[Line, ...]:
    """The intent that this entry is the outcome of, and the entries that name this one."""
    named = line.members.get("ref")
    chosen = _columns().where((e.ref == line.id) | (e.id == (named if isinstance(named, str) else "")))
    return _lines(connection, connection.execute(chosen.order_by(e.idx).limit(PAGE)).all())


def members(body: bytes) -> dict[str, Any]:
    """An entry's members; empty if the body cannot be read."""
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _columns() -> Select[Any]:
    return select(e.idx, e.id, e.t.label("ms"), e.action, e.outcome, e.rows, e.bytes, body_of(tables.entries))


def _matching(question: Question) -> Select[Any]:
    return _columns().where(*_conditions(question))


def _conditions(question: Question) -> list[Any]:
    tests = [
        (question.actions, e.action.in_(question.actions)),
        (question.persons, e.actor.in_(question.persons)),
        (question.outcome, e.outcome == question.outcome),
        (question.dataset, e.dataset == question.dataset),
        (question.agreement, e.agreement == question.agreement),
        (question.working_group, e.working_group == question.working_group),
        (question.client, e.client == question.client),
        (question.since, e.t >= (milliseconds(question.since) if question.since else 0)),
        (question.until, e.t <= (milliseconds(question.until) if question.until else 0)),
        (question.through is not None, e.idx <= (question.through or 0)),
    ]
    return [condition for given, condition in tests if given]


def _lines(connection: Connection, rows: Sequence[Row[Any]]) -> tuple[Line, ...]:
    ids = [row.id for row in rows if row.action == Action.ACCESS_ROWS_INTENT]
    chosen = _columns().add_columns(e.ref).where(e.ref.in_(ids), e.action == Action.ACCESS_ROWS_OUTCOME).order_by(e.idx)
    outcomes = {row.ref: row for row in connection.execute(chosen)} if ids else {}
    return tuple(_line(row, outcomes.get(row.id)) for row in rows)


def _line(row: Row[Any], outcome: Row[Any] | None) -> Line:
    source = outcome if outcome is not None else row
    return Line(
        index=row.idx,
        id=row.id,
        at=instant_of(row.ms),
        action=row.action,
        outcome=row.outcome,
        ended=outcome.outcome if outcome is not None else None,
        rows=source.rows,
        sent=source.bytes,
        body=as_bytes(row.body),
        outcome_body=as_bytes(outcome.body) if outcome is not None else None,
    )
