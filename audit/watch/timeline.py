"""Access over time: how much was read and refused in each hour, day or week."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, select

from audit.days import LEGAL_ZONE
from audit.desk.filtering import Filter
from audit.tally.counting import EPOCH, day_of_hour
from audit.tally.tables import ACCESS, access_days, access_hours
from audit.watch.scope import Scope, begin_of, between, midnight

STEPS = {"hour": 9, "day": 200, "week": 5_500}
"""The most days for which a step is offered: a page has at most a few hundred lines."""

MEASURES = ACCESS


@dataclass(frozen=True)
class Bucket:
    """What happened from one instant to before another; `when` in the words of Connecticut's calendar."""

    begin: datetime
    end: datetime
    when: str
    counts: Mapping[str, int]
    entries: str
    """The filter that finds its entries."""


def step_for(scope: Scope, wanted: str = "") -> str:
    """The step that was asked for, if the span is not too long for it; otherwise the finest that fits."""
    fitting = [step for step, most in STEPS.items() if scope.days <= most]
    if wanted in fitting:
        return wanted
    usual = {"hour": 3, "day": 92, "week": STEPS["week"]}
    return next(step for step, most in usual.items() if scope.days <= most)


def timeline(connection: Connection, scope: Scope, step: str) -> tuple[Bucket, ...]:
    """Every bucket of the span, empty ones too, oldest first."""
    found = _by_hour(connection, scope) if step == "hour" else _by_day(connection, scope)
    spans = _hours(scope) if step == "hour" else _days(scope, 7 if step == "week" else 1)
    return tuple(
        _bucket(scope.reads(), step, begin, end, (found.get(key) for key in keys)) for begin, end, keys in spans
    )


def hours_like(connection: Connection, scope: Scope, weekday: int | None, at: int | None) -> tuple[Bucket, ...]:
    """The hours of the span on this weekday (0 is Monday) and at this hour of the day in which something was asked."""
    found = _by_hour(connection, scope)
    return tuple(
        _bucket(scope.reads(), "hour", begin_of(hour), begin_of(hour + 1), [found[hour]])
        for hour in sorted(found)
        if _is_like(begin_of(hour).astimezone(LEGAL_ZONE), weekday, at)
    )


def _is_like(legal: datetime, weekday: int | None, at: int | None) -> bool:
    return weekday in (None, legal.weekday()) and at in (None, legal.hour)


def _by_hour(connection: Connection, scope: Scope) -> dict[int, Mapping[str, int]]:
    sums = [func.sum(access_hours.c[name]).label(name) for name in MEASURES]
    chosen = select(access_hours.c.hour, *sums).where(*scope.of_hours()).group_by(access_hours.c.hour)
    return {row["hour"]: _numbers(row) for row in connection.execute(chosen).mappings()}


def _by_day(connection: Connection, scope: Scope) -> dict[int, Mapping[str, int]]:
    """From the tally by the day; narrowed by two things it must be added up from the hours."""
    if len(scope.narrowing()) < 2:
        chosen = select(access_days).where(*scope.of_days())
        return {row["day"]: _numbers(row) for row in connection.execute(chosen).mappings()}
    days: dict[int, dict[str, int]] = {}
    for hour, counts in _by_hour(connection, scope).items():
        held = days.setdefault(day_of_hour(hour)[0], dict.fromkeys(MEASURES, 0))
        for name, value in counts.items():
            held[name] += value
    return {**days}


def _numbers(row: Any) -> Mapping[str, int]:
    return {name: int(row[name] or 0) for name in MEASURES}


def _hours(scope: Scope) -> Iterator[tuple[datetime, datetime, range]]:
    for hour in range(*scope.hours()):
        yield begin_of(hour), begin_of(hour + 1), range(hour, hour + 1)


def _days(scope: Scope, number: int) -> Iterator[tuple[datetime, datetime, range]]:
    """Whole days; weeks begin on Monday, but for the first, which begins with the span."""
    day = scope.first
    while day <= scope.last:
        after = min(
            day + timedelta(days=number - (day.weekday() if number == 7 else 0)), scope.last + timedelta(days=1)
        )
        keys = range((day - EPOCH).days, (after - EPOCH).days)
        yield midnight(day), midnight(after), keys
        day = after


def _bucket(
    reads: Filter, step: str, begin: datetime, end: datetime, found: Iterable[Mapping[str, int] | None]
) -> Bucket:
    counts = dict.fromkeys(MEASURES, 0)
    for each in found:
        for name, value in (each or {}).items():
            counts[name] += value
    return Bucket(begin, end, _when(step, begin, end), counts, str(between(reads, begin, end)))


def _when(step: str, begin: datetime, end: datetime) -> str:
    legal = begin.astimezone(LEGAL_ZONE)
    if step == "hour":
        return f"{legal:%a %Y-%m-%d %H:00 %Z}"
    if step == "day":
        return f"{legal:%a %Y-%m-%d}"
    last = (end - timedelta(hours=1)).astimezone(LEGAL_ZONE)
    return f"{legal:%Y-%m-%d} to {last:%Y-%m-%d}"
