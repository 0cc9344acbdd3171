"""Acts under the pseudonym of somebody who had left, or held no role any more."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from audit.days import LEGAL_ZONE, milliseconds
from audit.tally.counting import day_number
from audit.tally.tables import actor_days
from audit.watch.finding import Finding, Rules

held = actor_days.c

AT_ONCE = 500
"""Persons in one question."""


def after_leaving(connection: Connection, rules: Rules, ended: Mapping[str, datetime]) -> Iterator[Finding]:
    """One finding for each person, client and day with an act after the person's end. `ended` is by pseudonym."""
    persons = sorted(ended)
    for some in (persons[begin : begin + AT_ONCE] for begin in range(0, len(persons), AT_ONCE)):
        chosen = select(held.day, held.actor, held.client, held.entries, held.reads, held.refusals, held.rows)
        chosen = chosen.add_columns(held.first_t, held.last_t).where(
            held.day >= day_number(rules.first), held.day <= day_number(rules.last), held.actor.in_(some)
        )
        for row in connection.execute(chosen.order_by(held.day, held.actor, held.client)):
            if row.last_t > milliseconds(ended[row.actor]):
                yield _finding(row, ended[row.actor])


def _finding(row: Any, ended: datetime) -> Finding:
    until = f"{ended.astimezone(LEGAL_ZONE):%Y-%m-%d %H:%M}"
    whole = row.first_t > milliseconds(ended)
    through = " through {client}" if row.client else ""
    number = "1 entry" if row.entries == 1 else f"{row.entries:,} entries"
    amount = f"{number} of that day" if whole else "some of that day’s entries"
    refused = "; all were refused" if whole and row.entries == row.refusals else ""
    return Finding(
        kind="after-leaving",
        about=(str(row.day), row.actor, row.client),
        at=row.last_t,
        says=f"{{person}} could act until {until}, and the log holds {amount}{through} after that{refused}.",
        numbers=(
            ("Entries that day", row.entries),
            ("Reads", row.reads),
            ("Refused", row.refusals),
            ("Rows", row.rows),
        ),
        span=(max(row.first_t, milliseconds(ended) + 1), row.last_t),
        actor=row.actor,
        client=row.client,
    )
