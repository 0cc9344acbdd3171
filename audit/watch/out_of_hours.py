"""Reads at night, on weekends and on the State's holidays, by Connecticut's clock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, or_, select

from audit.days import LEGAL_ZONE, instant_of
from audit.tally.counting import day_number
from audit.tally.tables import actor_hours
from audit.watch.finding import Finding, Rules, by, who, within
from audit.watch.heat import WEEKDAYS
from audit.watch.holidays import SATURDAY, STATUTE, holiday_on
from audit.watch.scope import Scope, begin_of, legal_hour


def out_of_hours(connection: Connection, rules: Rules) -> Iterator[Finding]:
    """One finding for each person, client and day on which rows were read out of hours."""
    begin, end = Scope(rules.first, rules.last).hours()
    legal, held = legal_hour(begin, end, actor_hours.c.hour), actor_hours.c
    free = [day_number(day) for day in _days(rules) if _why_free(day)]
    outside = or_(legal % 24 < rules.opens, legal % 24 >= rules.closes, (legal // 24).in_(free))
    chosen = select(held.hour, held.actor, held.client, held.reads, held.refusals, held.first_t, held.last_t)
    chosen = chosen.where(held.hour >= begin, held.hour < end, held.reads > 0, outside)
    together: dict[tuple[date, str, str], list[Any]] = {}
    for row in connection.execute(chosen.order_by(held.hour, held.actor, held.client)):
        day = begin_of(row.hour).astimezone(LEGAL_ZONE).date()
        together.setdefault((day, row.actor, row.client), []).append(row)
    for (day, actor, client), rows in together.items():
        yield _finding(rules, day, actor, client, rows)


def _finding(rules: Rules, day: date, actor: str, client: str, rows: Sequence[Any]) -> Finding:
    reads = sum(row.reads for row in rows)
    first, last = min(row.first_t for row in rows), max(row.last_t for row in rows)
    why = _why_free(day) or f"outside {rules.opens:02d}:00 to {rules.closes:02d}:00"
    times = f"{instant_of(first).astimezone(LEGAL_ZONE):%H:%M} to {instant_of(last).astimezone(LEGAL_ZONE):%H:%M}"
    return Finding(
        kind="out-of-hours",
        about=(day.isoformat(), actor, client),
        at=last,
        says=f"{who(actor, client)} read restricted rows on {WEEKDAYS[day.weekday()]} {day}, {times}: {why}.",
        numbers=(
            ("Reads", reads),
            ("Hours with reads", len(rows)),
            ("Refused in these hours", sum(r.refusals for r in rows)),
        ),
        entries=within(by(actor, client).where("action", "access:rows:*"), first, last),
        actor=actor,
        client=client,
    )


def _days(rules: Rules) -> Iterator[date]:
    for number in range((rules.last - rules.first).days + 1):
        yield rules.first + timedelta(days=number)


def _why_free(day: date) -> str | None:
    """Why nobody works on this day, or None."""
    if day.weekday() >= SATURDAY:
        return "a weekend"
    holiday = holiday_on(day)
    return f"{holiday}, a legal holiday ({STATUTE})" if holiday else None
