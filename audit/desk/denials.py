"""Question 12: what was refused, by reason, group and dataset; counted from the tallies that the sequencer keeps."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Row, func, select

from audit import words
from audit.actions import Outcome
from audit.days import legal_day
from audit.desk import cells
from audit.desk.filtering import Filter
from audit.desk.question import Answer, Asked, Cell, DeskQuestion, Field
from audit.desk.question import Row as Cells
from audit.tally.counting import EPOCH, day_number
from audit.tally.keeping import behind
from audit.tally.tables import act_days

d = act_days.c
BY = (d.action, d.code, d.working_group, d.dataset)


def _answer(asked: Asked) -> Answer:
    rows = _counted(asked)
    begin = next((place + 1 for place, row in enumerate(rows) if _key(row) == asked.after), 0)
    shown = rows[begin : begin + asked.limit]
    titles = asked.titles_of({row.dataset for row in shown if row.dataset})
    return Answer(
        tuple(_row(asked, row, titles) for row in shown),
        more=_key(shown[-1]) if begin + asked.limit < len(rows) else None,
        summary=(("Refusals", f"{sum(row.number for row in rows):,}"), ("Reasons and places", f"{len(rows):,}")),
        notes=(
            *_uncounted(asked),
            "Each number leads to the entries. A refusal that comes again and again after somebody was told why is "
            "worth a call to the working group; one that should have been a permit is worth a call to the agency.",
        ),
        links=(("Refused again and again, then let in", "/audit/anomalies"),),
    )


def _uncounted(asked: Asked) -> tuple[str, ...]:
    """That the tallies lack entries, if they do: a number that is too small must not pass for the whole."""
    missing = behind(asked.session.connection())
    return (
        (f"{missing:,} entries are not counted yet; the operator counts them: flask audit rebuild-tallies.",)
        if missing
        else ()
    )


def _counted(asked: Asked) -> list[Row[Any]]:
    """By reason, group and dataset; most first. Days are the log's own, so a count is exact."""
    number = func.sum(d.entries)
    chosen = select(*BY, number.label("number"), func.min(d.day).label("first"), func.max(d.day).label("last"))
    chosen = chosen.where(d.outcome == Outcome.REFUSED, *_days(asked), *_narrowed(asked))
    return list(asked.session.execute(chosen.group_by(*BY).order_by(number.desc(), *BY)))


def _days(asked: Asked) -> list[Any]:
    since, until = asked.start("since"), asked.end("until")
    found = [] if since is None else [d.day >= day_number(legal_day(since))]
    return found if until is None else [*found, d.day <= day_number(legal_day(until))]


def _narrowed(asked: Asked) -> list[Any]:
    given = ((d.working_group, asked.one("group")), (d.dataset, asked.one("dataset")))
    return [column == value for column, value in given if value]


def _key(row: Row[Any]) -> str:
    return "|".join((row.action, row.code, row.working_group, row.dataset))


def _row(asked: Asked, row: Row[Any], titles: Any) -> Cells:
    found = Filter().where("outcome", "refused").where("action", row.action)
    for name, value in (("code", row.code), ("group", row.working_group), ("dataset", row.dataset)):
        found = found.where(name, value) if value else found
    for name in ("since", "until"):
        found = found.where(name, *asked.all(name))
    return (
        cells.code(row.code),
        Cell(words.words_for(row.action)),
        Cell(row.working_group or "–"),
        cells.dataset(row.dataset, titles),
        Cell(f"{row.number:,}", "/audit/entries?" + urlencode({"filter": str(found)}), value=str(row.number)),
        Cell(_day(row.first)),
        Cell(_day(row.last)),
    )


def _day(number: int) -> str:
    return str(type(EPOCH).fromordinal(EPOCH.toordinal() + number))


QUESTION = DeskQuestion(
    number=12,
    key="denials",
    title="What was refused, and why?",
    asks="Every refusal counted by its reason, the working group and the dataset, with the first and last day.",
    law=("NIST SP 800-53 AU-2, AU-6: refused attempts are events to record and review",),
    fields=(
        Field("since", "From", "day", "First day, Connecticut time. Empty: from the beginning.", days_back=90),
        Field("until", "Through", "day", "Last day, inclusive. Empty: until now."),
        Field("group", "Working group", hint="Its key. Empty: all."),
        Field("dataset", "Dataset", "dataset", "Its id or title. Empty: all."),
    ),
    headings=(
        "Reason",
        "Act",
        "Working group",
        "Dataset",
        ("Refusals", "num"),
        "First day",
        "Last day",
    ),
    answer=_answer,
    empty="Nothing was refused in this time. If the door is in use, ask whether refusals reach the log: question 13.",
)
