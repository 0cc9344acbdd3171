"""Question 2: everything a person did, and what of it after the day on which they left."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from flask import current_app

from audit.days import LEGAL_ZONE
from audit.desk.answering import listed, search_of, within
from audit.desk.cells import ENTRY_HEADINGS, entry_row, naming
from audit.desk.filtering import Filter
from audit.desk.question import Answer, Asked, DeskQuestion, Field, Row
from audit.desk.reads import READS, in_short
from audit.lookup import Line

Ends = Mapping[str, datetime]


def _answer(asked: Asked) -> Answer:
    persons = asked.all("person")
    ends = _ends(asked, persons)
    found = within(asked, Filter().where("person", *persons))
    if asked.one("what") == "reads":
        found = found.where("action", *READS)
    _, answer = listed(asked, found, partial(_rows, ends=ends or {}))
    names = asked.names_of(persons)
    who = ", ".join(dict.fromkeys(names.get(each, each) for each in persons))
    also = (in_short(asked, _reads(asked), by_dataset=True),) if asked.after is None and answer.rows else ()
    summary = (("Person", who), *answer.summary, *_left(asked, ends))
    return replace(answer, summary=summary, also=tuple(table for table in also if table.rows))


def _reads(asked: Asked) -> Any:
    return search_of(asked, within(asked, Filter().where("person", *asked.all("person")).where("action", *READS)))


def _rows(asked: Asked, lines: Iterable[Line], ends: Ends) -> tuple[Row, ...]:
    lines = tuple(lines)
    names, titles = naming(asked, lines)
    return tuple(entry_row(line, names, titles, _after(line, ends)) for line in lines)


def _after(line: Line, ends: Ends) -> str:
    end = ends.get(str(line.members.get("actor")))
    return "after leaving" if end is not None and line.at > end else ""


def _ends(asked: Asked, persons: tuple[str, ...]) -> Ends | None:
    """When each of them left; None if nobody here knows."""
    hook = current_app.extensions.get("ends_of")
    return None if hook is None else dict(hook(asked.session, persons))


def _left(asked: Asked, ends: Ends | None) -> tuple[tuple[str, str], ...]:
    if ends is None:
        return (("Left", "not known here: compare with the directory"),)
    if not ends:
        return (("Left", "no departure is recorded"),)
    if asked.after is not None:
        return ()
    left = min(ends.values())
    since = left.isoformat(timespec="milliseconds")
    later = Filter().where("person", *asked.all("person")).where("t", since, operator=">")
    number = search_of(asked, later).count(asked.session.connection())
    return (
        ("Left", left.astimezone(LEGAL_ZONE).strftime("%Y-%m-%d %H:%M")),
        ("Acts after leaving", f"{number}" if number.number else "none"),
    )


QUESTION = DeskQuestion(
    number=2,
    key="person",
    title="What did a person do?",
    asks="Every act of this person, read or refused, under whichever agreement, and what they did after they left.",
    law=("CGS 4-193(c): record of who obtained access", "NIST SP 800-53 PS-4: access ends when a person leaves"),
    fields=(
        Field("person", "Person", "person", "Name, or pseudonym in the log.", required=True),
        Field("what", "Acts", "choice", choices=(("all", "Everything they did"), ("reads", "Reads of rows only"))),
        Field("since", "From", "day", "First day, Connecticut time. Empty: from the beginning.", days_back=365),
        Field("until", "Through", "day", "Last day, inclusive. Empty: until now."),
    ),
    headings=ENTRY_HEADINGS,
    answer=_answer,
    empty="This person did nothing, and was refused nothing, in this time. If you expected acts, widen the days.",
)
