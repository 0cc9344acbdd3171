"""Question 16: large or unusual exports of restricted rows, each beside the same person's reads before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from statistics import median

from sqlalchemy import Connection, and_, or_, select, true

from audit import tables, words
from audit.actions import Action
from audit.days import milliseconds
from audit.desk import cells
from audit.desk.answering import links, looked, within
from audit.desk.cells import NOTHING, naming
from audit.desk.filtering import Filter, Term
from audit.desk.question import Answer, Asked, Cell, DeskQuestion, Field, Row
from audit.desk.searching import LARGE_FROM, Cursor, Search
from audit.lookup import Line, lines_at

HISTORY = 100
"""Reads before it that an export is compared with."""

UNUSUAL = 10
"""From so many times the usual number of rows it is called unusual."""

e = tables.entries.c


def _answer(asked: Asked) -> Answer:
    connection = asked.session.connection()
    rows, sent = asked.number("rows") or 0, asked.number("bytes") or 0
    search = _search(asked, rows, sent)
    screen = search.screen(connection, Cursor.read(asked.after), asked.limit)
    names, titles = naming(asked, screen.lines)
    intents = _intents(connection, screen.lines)
    shown = tuple(
        _row(line, intents.get(str(line.members.get("ref"))), _usual(connection, line), names, titles)
        for line in screen.lines
    )
    found = within(asked, Filter().where("action", Action.ACCESS_ROWS_OUTCOME))
    return Answer(
        shown,
        more=str(screen.more) if screen.more else None,
        summary=(("Exports", str(search.count(connection))),) if asked.after is None else (),
        notes=(*looked(screen), *NOTES),
        links=(
            *links(found.where("rows", str(rows), operator=">=")),
            ("More than usual, day by day", "/audit/anomalies"),
        ),
    )


NOTES = (
    f"“Usual” is the median of the rows of the same person’s {HISTORY} reads before. Large is not wrong: compare with "
    "the agreement’s purpose, and ask the working group for the matching request.",
)


def _search(asked: Asked, rows: int, sent: int) -> Search:
    """Driven by the index of large reads where it holds all that is asked for, otherwise by that of outcomes."""
    term = Term("action", ":", (str(Action.ACCESS_ROWS_OUTCOME),))
    if rows >= LARGE_FROM["rows"] and sent >= LARGE_FROM["bytes"]:
        term = Term("rows", ">=", (str(rows),))
    times = and_(true(), *(each.condition() for each in within(asked, Filter()).terms))
    beside = [e.action == Action.ACCESS_ROWS_OUTCOME, or_(e.rows >= rows, e.bytes >= sent)]
    beside += [e.dataset == each for each in asked.all("dataset")]
    return Search(term, times, and_(*beside), asked.through)


def _intents(connection: Connection, lines: tuple[Line, ...]) -> Mapping[str, Line]:
    """The intents that these are the outcomes of, by id: they name the format."""
    ids = [str(line.members["ref"]) for line in lines if line.members.get("ref")]
    indexes = list(connection.execute(select(e.idx).where(e.id.in_(ids))).scalars()) if ids else []
    return {line.id: line for line in lines_at(connection, indexes)}


def _usual(connection: Connection, line: Line) -> float | None:
    """The median number of rows of the person's reads before this one; None if there are none."""
    actor = line.members.get("actor")
    before = select(e.rows).where(e.actor == actor, e.t < milliseconds(line.at), e.action == Action.ACCESS_ROWS_OUTCOME)
    # Bounded: of somebody who does much else than read, only the newest acts are looked through.
    newest = before.with_only_columns(e.rows).order_by(e.t.desc()).limit(HISTORY)
    found = [rows for rows in connection.execute(newest).scalars() if rows is not None] if actor else []
    return median(found) if found else None


def _row(
    line: Line, intent: Line | None, usual: float | None, names: Mapping[str, str], titles: Mapping[str, str]
) -> Row:
    found = line.members
    request = intent.members.get("request") if intent else None
    format_ = request.get("format") if isinstance(request, dict) else None
    client = f"through {found['client']}" if found.get("client") else ""
    return (
        cells.entry(line),
        cells.moment(line.at),
        cells.person(found.get("actor"), names, note=client),
        cells.dataset(found.get("dataset"), titles),
        cells.agreement(found.get("agreement"), found.get("agreement_version")),
        Cell(str(format_)) if format_ else NOTHING,
        cells.number(line.rows),
        cells.number(line.sent),
        _compared(line.rows or 0, usual),
        replace(cells.outcome(line), text=words.ending(line.outcome, line.ended)),
    )


def _compared(rows: int, usual: float | None) -> Cell:
    if usual is None:
        return Cell("no read before")
    if usual and rows >= UNUSUAL * usual:
        return Cell(f"{rows / usual:,.0f} times the usual {usual:,.0f}")
    return Cell(f"usual: {usual:,.0f}")


QUESTION = DeskQuestion(
    number=16,
    key="exports",
    title="Which exports were large or unusual?",
    asks="Reads by which many rows or bytes left, with the format, beside what the same person usually reads.",
    law=("CGS 4-193(c): record of who obtained access", "NIST SP 800-53 AU-6, SI-4: review of unusual use"),
    fields=(
        Field("rows", "At least so many rows", "number", "Or as many bytes as beside.", default="10000"),
        Field("bytes", "or so many bytes", "number", default="10000000"),
        Field("dataset", "Dataset", "dataset", "Its id or title. Empty: all."),
        Field("since", "From", "day", "First day, Connecticut time. Empty: from the beginning.", days_back=90),
        Field("until", "Through", "day", "Last day, inclusive. Empty: until now."),
    ),
    headings=(
        ("Entry", "num"),
        "When (Connecticut)",
        "Person",
        "Dataset",
        "Agreement version",
        "Format",
        ("Rows", "num"),
        ("Bytes", "num"),
        "Against own history",
        "Outcome",
    ),
    answer=_answer,
    empty="No export was as large as that in this time. Lower the numbers to see the largest.",
)
