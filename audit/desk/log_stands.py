"""Question 13: does the log hold, has it gaps, and who read it?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from audit import tables, words
from audit.actions import Action
from audit.days import LEGAL_ZONE, instant_of, milliseconds
from audit.desk import cells
from audit.desk.answering import listed, within
from audit.desk.cells import ENTRY_HEADINGS, naming
from audit.desk.filtering import Filter
from audit.desk.question import Answer, Asked, Cell, DeskQuestion, Field, Row, Table
from audit.desk.searching import Search, highest
from audit.lag import waiting
from audit.lookup import Line, lines_at

READERS = (Action.LOG_ENTRIES_READ, Action.LOG_ENTRIES_EXPORT)
NEWEST = 10_000
"""Entries and reads that are looked at on each asking; the full check looks at all."""

PATIENCE = timedelta(minutes=15)
"""After so long a read without its outcome is one whose process died."""

MOST_OPEN = 20
MOST_READERS = 50

e = tables.entries.c


def _answer(asked: Asked) -> Answer:
    connection = asked.session.connection()
    found = within(asked, Filter().where("action", *READERS))
    search, answer = listed(asked, found, _rows)
    if asked.after is not None:
        return answer
    opened = _without_end(connection, asked.now)
    return replace(
        answer,
        summary=(*_stands(connection, asked.now), ("Reads without an end", _open_words(opened)), *answer.summary),
        also=(_readers(asked, search), _open(asked, opened)),
        notes=(*NOTES, *answer.notes),
        links=(
            ("Check the whole log now", "/audit/check"),
            ("Signed checkpoint", "/audit/log/checkpoint"),
            *answer.links,
        ),
    )


NOTES = (
    "The full check reads every entry, hash and signature; do it on a machine of your own with verification.py and the "
    "key that you keep. A read without an end is one whose process died: rows may have left.",
)


def _rows(asked: Asked, lines: Iterable[Line]) -> tuple[Row, ...]:
    lines = tuple(lines)
    names, titles = naming(asked, lines)
    return tuple(cells.entry_row(line, names, titles, _asked_for(line)) for line in lines)


def _stands(connection: Connection, now: datetime) -> tuple[tuple[str, str], ...]:
    top, c = highest(connection), tables.checkpoints.c
    last = connection.execute(select(c.size, c.t).order_by(c.size.desc()).limit(1)).one_or_none()
    restores = connection.execute(select(func.count()).where(e.action == Action.LOG_RESTORE_ACCEPT)).scalar_one()
    signed = "no checkpoint was signed yet: start the sequencer"
    if last is not None:
        at = instant_of(last[1]).astimezone(LEGAL_ZONE)
        signed = f"{last[0]:,} entries, signed {at:%Y-%m-%d %H:%M:%S}"
    return (
        ("Last checkpoint", signed),
        ("Waiting for their index", f"{waiting(connection):,}"),
        ("Gaps among the newest entries", _gaps(connection, top)),
        ("Restores that lost entries", f"{restores:,} accepted" if restores else "none"),
    )


def _gaps(connection: Connection, top: int) -> str:
    low = max(0, top - NEWEST + 1)
    held = connection.execute(select(func.count()).where(e.idx >= low)).scalar_one()
    missing = top + 1 - low - held
    looked = f"{held:,} looked at"
    return f"none; {looked}" if not missing else f"{missing:,} numbers are missing; {looked}. Run the full check now."


def _without_end(connection: Connection, now: datetime) -> list[int]:
    """The newest reads' intents, old enough, that no outcome names."""
    ended = tables.entries.alias("ended")
    reads = (
        select(e.idx, e.id)
        .where(e.action == Action.ACCESS_ROWS_INTENT, e.t < milliseconds(now - PATIENCE))
        .order_by(e.t.desc(), e.idx.desc())
        .limit(NEWEST)
        .subquery()
    )
    named = select(ended.c.idx).where(ended.c.ref == reads.c.id, ended.c.action == Action.ACCESS_ROWS_OUTCOME).exists()
    return list(connection.execute(select(reads.c.idx).where(~named).order_by(reads.c.idx.desc())).scalars())


def _open_words(opened: list[int]) -> str:
    return f"{len(opened):,} among the newest {NEWEST:,} reads" if opened else f"none among the newest {NEWEST:,}"


def _open(asked: Asked, opened: list[int]) -> Table:
    lines = lines_at(asked.session.connection(), opened[:MOST_OPEN])
    names, titles = naming(asked, lines)
    caption = f"Reads without an end (newest {MOST_OPEN})"
    return Table(caption, ENTRY_HEADINGS, tuple(cells.entry_row(line, names, titles) for line in lines))


def _readers(asked: Asked, search: Search) -> Table:
    """Who read the log, counted among the newest askings."""
    newest = search.newest(NEWEST)
    number, last = func.count().label("number"), func.max(e.t).label("last")
    chosen = select(e.actor, e.action, number, last).select_from(newest.join(tables.entries, e.idx == newest.c.idx))
    rows = (
        asked.session.connection()
        .execute(chosen.group_by(e.actor, e.action).order_by(number.desc()).limit(MOST_READERS))
        .all()
    )
    names = asked.names_of({row.actor for row in rows if row.actor})

    def row_of(row: Any) -> Row:
        who = cells.person(row.actor, names, words.without_actor(row.action))
        return (
            who,
            Cell(words.words_for(row.action)),
            cells.number(row.number),
            cells.moment(instant_of(row.last)),
        )

    return Table(
        "Who read the log", ("Person", "Act", ("Times", "num"), "Last (Connecticut)"), tuple(map(row_of, rows))
    )


def _asked_for(line: Line) -> str:
    """What a reader of the log asked for, from the record of it."""
    details = line.members.get("details")
    facts = details if isinstance(details, dict) else {}
    shown = ("question", "format", "filter", "entry", "dataset", "since", "until")
    return ", ".join(f"{name}: {facts[name]}" for name in shown if facts.get(name))[:200]


QUESTION = DeskQuestion(
    number=13,
    key="log",
    title="Does the log hold, and who read it?",
    asks="How the chain stands, whether numbers or ends are missing, and every reading and export of the log itself.",
    law=("NIST SP 800-53 AU-9, AU-10, AU-12: protection of audit information", "CGS 2-90: audit of state agencies"),
    fields=(
        Field("since", "Readings from", "day", "First day, Connecticut time. Empty: from the beginning.", days_back=30),
        Field("until", "Through", "day", "Last day, inclusive. Empty: until now."),
    ),
    headings=ENTRY_HEADINGS,
    answer=_answer,
    empty="Nobody read the log in this time, before you.",
)
