"""Connecticut's legal holidays, CGS §1-4: not a working day for the State's offices.

A holiday that falls on a Sunday is kept on the Monday after it, one on a Saturday on the Friday before it; those that
are always a Monday need no such rule. A day that the Governor appoints besides (Good Friday is one by custom, to be
confirmed by counsel) is not in the statute's list: `APPOINTED` holds what was proclaimed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

STATUTE = "CGS §1-4"

MONDAY, THURSDAY, SATURDAY, SUNDAY = 0, 3, 5, 6

APPOINTED: dict[date, str] = {}
"""Days of thanksgiving, fasting or observance that the Governor or the President appointed, by date."""


@dataclass(frozen=True)
class Holiday:
    """A day of the statute: its name, on which day of a year it is, and the first year in which it is kept."""

    name: str
    day: Callable[[int], date]
    since: int = 1970


def _fixed(month: int, day: int) -> Callable[[int], date]:
    return lambda year: date(year, month, day)


def _nth(month: int, weekday: int, number: int) -> Callable[[int], date]:
    """The first, second, … such weekday of a month."""

    def day(year: int) -> date:
        first = date(year, month, 1)
        return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (number - 1))

    return day


def _last_monday_of_may(year: int) -> date:
    last = date(year, 5, 31)
    return last - timedelta(days=last.weekday())


HOLIDAYS = (
    Holiday("New Year’s Day", _fixed(1, 1)),
    Holiday("Martin Luther King, Jr. Day", _nth(1, MONDAY, 3), since=1986),
    Holiday("Lincoln Day", _fixed(2, 12)),
    Holiday("Washington’s Birthday", _nth(2, MONDAY, 3)),
    Holiday("Memorial Day", _last_monday_of_may),
    Holiday("Juneteenth Independence Day", _fixed(6, 19), since=2023),
    Holiday("Independence Day", _fixed(7, 4)),
    Holiday("Labor Day", _nth(9, MONDAY, 1)),
    Holiday("Columbus Day", _nth(10, MONDAY, 2)),
    Holiday("Veterans’ Day", _fixed(11, 11)),
    Holiday("Thanksgiving Day", _nth(11, THURSDAY, 4)),
    Holiday("Christmas", _fixed(12, 25)),
)


def holiday_on(day: date) -> str | None:
    """The holiday that is kept on this day, or None."""
    return APPOINTED.get(day) or _kept(day.year).get(day)


@functools.lru_cache(64)
def _kept(year: int) -> dict[date, str]:
    """Those of a year on the days on which they are kept; the next New Year's Day may be kept on 31 December."""
    both = [(holiday, holiday.day(each)) for each in (year, year + 1) for holiday in HOLIDAYS if holiday.since <= each]
    return {_observed(day): holiday.name for holiday, day in both if _observed(day).year == year}


def _observed(day: date) -> date:
    return day + timedelta(days={SATURDAY: -1, SUNDAY: 1}.get(day.weekday(), 0))
