"""Reads at night, on weekends and on the State's holidays, by Connecticut's clock."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, or_, select

from audit.days import LEGAL_ZONE, milliseconds
from audit.tally.counting import EPOCH, HOUR_MS, day_number
from audit.tally.tables import actor_days
from audit.watch.finding import Finding, Rules, who
from audit.watch.heat import WEEKDAYS
from audit.watch.holidays import SATURDAY, STATUTE, holiday_on
from audit.watch.scope import READING

held = actor_days.c

DAY = range(24)


def out_of_hours(connection: Connection, rules: Rules) -> Iterator[Finding]:
    """One finding for each person, client and day on which rows were read out of hours."""
    first, last = day_number(rules.first), day_number(rules.last)
    free = [number for number in range(first, last + 1) if _why_free(_day(number))]
    outside = sum(1 << hour for hour in DAY if not rules.opens <= hour < rules.closes)
    chosen = select(held.day, held.actor, held.client, held.reads, held.rows, held.hours, held.last_t).where(
        held.day >= first,
        held.day <= last,
        held.hours > 0,
        or_(held.hours.bitwise_and(outside) > 0, held.day.in_(free)),
    )
    for row in connection.execute(chosen.order_by(held.day, held.actor, held.client)):
        yield _finding(rules, row)


def _finding(rules: Rules, row: Any) -> Finding:
    day = _day(row.day)
    why = _why_free(day)
    hours = [hour for hour in DAY if row.hours >> hour & 1 and (why or not rules.opens <= hour < rules.closes)]
    begin, end = _instant(day, hours[0]), _instant(day, hours[-1]) + HOUR_MS - 1
    return Finding(
        kind="out-of-hours",
        about=(day.isoformat(), row.actor, row.client),
        at=min(row.last_t, end),
        says=f"{who(row.actor, row.client)} read restricted rows on {WEEKDAYS[day.weekday()]} {day} {_times(hours)}: "
        f"{why or f'outside {rules.opens:02d}:00 to {rules.closes:02d}:00'}.",
        numbers=(("Hours out of hours", len(hours)), ("Reads that day", row.reads), ("Rows that day", row.rows)),
        span=(begin, end),
        action=READING,
        actor=row.actor,
        client=row.client,
    )


def _times(hours: Sequence[int]) -> str:
    """Hours in words: those that follow one another as one time."""
    spans: list[list[int]] = []
    for hour in hours:
        if spans and spans[-1][1] == hour:
            spans[-1][1] = hour + 1
        else:
            spans.append([hour, hour + 1])
    return "and ".join(f"between {begin:02d}:00 and {end:02d}:00 " for begin, end in spans).strip()


def _day(number: int) -> date:
    return EPOCH + timedelta(days=number)


@functools.lru_cache(2048)
def _instant(day: date, hour: int) -> int:
    """When an hour of Connecticut's clock began, in milliseconds; the first of two where the clocks are set back."""
    return milliseconds(datetime.combine(day, time(hour), LEGAL_ZONE))


@functools.lru_cache(2048)
def _why_free(day: date) -> str | None:
    """Why nobody works on this day, or None."""
    if day.weekday() >= SATURDAY:
        return "a weekend"
    holiday = holiday_on(day)
    return f"{holiday}, a legal holiday ({STATUTE})" if holiday else None
