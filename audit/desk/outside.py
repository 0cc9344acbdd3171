"""Question 4: access outside purpose, scope, term, roster or hours. The first four were refused; the last was let in.

What an agreement limits is refused at the door, so these are attempts, found by their codes. Hours no agreement limits:
reads at night, on weekends and on holidays are permitted, and listed here for somebody to look at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from itertools import islice

from sqlalchemy import Connection, func, select, tuple_

from audit import tables
from audit.actions import Action
from audit.codes import OUTSIDE, Code, words_for_code
from audit.days import LEGAL_ZONE, end_of, instant_of, legal_day, milliseconds, start_of
from audit.desk.answering import links, search_of, within
from audit.desk.cells import ENTRY_HEADINGS, entry_row, naming
from audit.desk.filtering import Filter
from audit.desk.question import Answer, Asked, DeskQuestion, Field
from audit.desk.searching import Cursor
from audit.lookup import Line, lines_at
from audit.watch.finding import Rules
from audit.watch.holidays import SATURDAY, holiday_on

MOST_SPANS = 500
"""Nights and free days that one screen looks through."""

e = tables.entries.c
Span = tuple[int, int, str]
"""First and last millisecond of a time out of hours, and why it is."""


def _answer(asked: Asked) -> Answer:
    which = asked.one("which")
    refused, more_refused = _refused(asked, which) if which != "hours" else ((), None)
    late, more_late = _late(asked) if which in ("all", "hours") else ((), None)
    lines = sorted((*refused, *late), key=lambda line: (line.at, line.index), reverse=True)
    # Beyond where either list stopped the other would be shown alone, as if there were nothing else.
    floor = max((cursor for cursor in (more_refused, more_late) if cursor), key=_order, default=None)
    whole = [line for line in lines if floor is None or _order(_cursor(line)) >= _order(floor)]
    shown = whole[: asked.limit]
    more = _cursor(shown[-1]) if len(whole) > asked.limit else floor
    names, titles = naming(asked, shown)
    return Answer(
        tuple(entry_row(line, names, titles, _why(line)) for line in shown),
        more=str(more) if more else None,
        summary=(("Hours", f"{RULES.opens:02d}:00 to {RULES.closes:02d}:00 on working days, Connecticut time"),),
        notes=(
            "“Outside the …” was refused and nothing left. Reads out of hours were permitted: no agreement sets hours. "
            "Ask the person or the program’s owner what ran then.",
        ),
        links=(*links(_filter(asked, which)), ("The same by day, with reviews", "/audit/anomalies")),
    )


RULES = Rules(date.min, date.min)


def _filter(asked: Asked, which: str) -> Filter:
    codes = [code for code, limit in OUTSIDE.items() if which in ("all", "hours", limit)]
    return within(asked, Filter().where("code", *codes))


def _refused(asked: Asked, which: str) -> tuple[tuple[Line, ...], Cursor | None]:
    screen = search_of(asked, _filter(asked, which)).screen(
        asked.session.connection(), Cursor.read(asked.after), asked.limit
    )
    return screen.lines, screen.more


def _late(asked: Asked) -> tuple[tuple[Line, ...], Cursor | None]:
    """Permitted reads out of hours, newest first: each night and free day is one range of the index of acts."""
    connection, after = asked.session.connection(), Cursor.read(asked.after)
    since = asked.start("since") or _oldest(connection)
    until = min(asked.end("until") or asked.now, asked.now)
    if after is not None:
        until = min(until, instant_of(after.t))
    found: list[int] = []
    spans = list(islice(_spans(since, until), MOST_SPANS))
    for begin, end, _why_free in spans:
        found += _in_span(connection, asked, begin, end, after, asked.limit + 1 - len(found))
        if len(found) > asked.limit:
            lines = lines_at(connection, found[: asked.limit])
            return lines, _cursor(lines[-1])
    return lines_at(connection, found), Cursor(spans[-1][0], 0) if len(spans) == MOST_SPANS else None


def _in_span(connection: Connection, asked: Asked, begin: int, end: int, after: Cursor | None, limit: int) -> list[int]:
    chosen = select(e.idx).where(e.action == Action.ACCESS_ROWS_INTENT, e.t >= begin, e.t <= end)
    chosen = chosen.where(e.idx + 0 <= asked.through)
    if after is not None:
        chosen = chosen.where(tuple_(e.t, e.idx) < tuple_(after.t, after.index))
    return list(connection.execute(chosen.order_by(e.t.desc(), e.idx.desc()).limit(limit)).scalars())


def _oldest(connection: Connection) -> datetime:
    return instant_of(connection.execute(select(func.min(e.t))).scalar() or 0)


def _spans(since: datetime, until: datetime) -> Iterator[Span]:
    """Times out of hours between two instants, latest first."""
    day, first = legal_day(until), legal_day(since)
    low, high = milliseconds(since), milliseconds(until)
    while day >= first:
        for begin, end, why in _of_day(day):
            if begin <= high and end >= low:
                yield max(begin, low), min(end, high), why
        day -= timedelta(days=1)


def _of_day(day: date) -> Iterable[Span]:
    begin, end = _ms(start_of(day)), _ms(end_of(day))
    why = why_free(day)
    if why:
        return ((begin, end, why),)
    opens, closes = (_at(day, hour) for hour in (RULES.opens, RULES.closes))
    hours = f"outside {RULES.opens:02d}:00 to {RULES.closes:02d}:00"
    return ((closes, end, hours), (begin, opens - 1, hours))


def why_free(day: date) -> str:
    """Why nobody works on this day, "" if somebody does."""
    if day.weekday() >= SATURDAY:
        return "on a weekend"
    holiday = holiday_on(day)
    return f"on {holiday}" if holiday else ""


def _why(line: Line) -> str:
    code = line.members.get("code")
    if code in set(OUTSIDE):
        return f"outside the {OUTSIDE[Code(str(code))]}: {words_for_code(str(code)).lower()}"
    local = line.at.astimezone(LEGAL_ZONE)
    return why_free(local.date()) or f"at {local:%H:%M}, outside {RULES.opens:02d}:00 to {RULES.closes:02d}:00"


def _at(day: date, hour: int) -> int:
    return milliseconds(datetime(day.year, day.month, day.day, hour, tzinfo=LEGAL_ZONE))


def _ms(instant: datetime | None) -> int:
    return milliseconds(instant) if instant else 0


def _cursor(line: Line) -> Cursor:
    return Cursor(milliseconds(line.at), line.index)


def _order(cursor: Cursor) -> tuple[int, int]:
    return (cursor.t, cursor.index)


QUESTION = DeskQuestion(
    number=4,
    key="outside",
    title="Who went, or tried to go, outside an agreement or office hours?",
    asks="Attempts outside the agreed purpose, scope, term or roster, which were refused; and reads that were "
    "permitted, but at night, on a weekend or on a legal holiday.",
    law=("CGS 1-4: legal holidays", "NIST SP 800-53 AC-2(11), AU-6: conditions of use; review of what is unusual"),
    fields=(
        Field(
            "which",
            "Outside what",
            "choice",
            choices=(
                ("all", "Any of these"),
                ("purpose", "Purpose"),
                ("scope", "Scope: columns, dataset, totals, rate"),
                ("term", "Term: suspended, ended, revoked, not begun"),
                ("roster", "Roster: who may"),
                ("hours", "Office hours"),
            ),
        ),
        Field("since", "From", "day", "First day, Connecticut time. Empty: from the beginning.", days_back=30),
        Field("until", "Through", "day", "Last day, inclusive. Empty: until now."),
    ),
    headings=ENTRY_HEADINGS,
    answer=_answer,
    empty="Nobody went outside, or tried to, in this time.",
)
