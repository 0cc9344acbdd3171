"""What a page of the watch looks at: which legal days, whose data, for which group, which dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Column, ColumnElement, case, literal

from audit.days import LEGAL_ZONE
from audit.desk.filtering import Filter
from audit.tally.counting import day_number
from audit.tally.tables import access_days, access_hours

HOUR_S = 3600
DIMENSIONS = {"source": "source", "group": "working_group", "dataset": "dataset"}
"""The words of the filter language for what the tallies are counted by, and their columns."""

READING = "access:rows:*"
"""Every act that is a read of restricted rows: permitted, ended, refused."""

NOBODY = "(not named)"
"""Where entries say nothing of an agency, group or dataset."""


@dataclass(frozen=True)
class Scope:
    """From one legal day through another; an empty member does not narrow."""

    first: date
    last: date
    source: str = ""
    group: str = ""
    dataset: str = ""

    @property
    def days(self) -> int:
        """How many days."""
        return (self.last - self.first).days + 1

    def narrowing(self) -> Mapping[str, str]:
        """What narrows it, by the word of the filter language."""
        given = {"source": self.source, "group": self.group, "dataset": self.dataset}
        return {name: value for name, value in given.items() if value}

    def hours(self) -> tuple[int, int]:
        """The first hour since 1970 and the one after the last."""
        return hour_of(midnight(self.first)), hour_of(midnight(self.last + timedelta(days=1)))

    def of_hours(self) -> list[ColumnElement[bool]]:
        """The scope over the tally by the hour."""
        begin, end = self.hours()
        narrowed = [access_hours.c[DIMENSIONS[name]] == value for name, value in self.narrowing().items()]
        return [access_hours.c.hour >= begin, access_hours.c.hour < end, *narrowed]

    def of_days(self, kind: str = "") -> list[ColumnElement[bool]]:
        """The scope over the tally by the day, of everything or by one kind; it must not be narrowed by another."""
        day = access_days.c
        within = [day.day >= day_number(self.first), day.day <= day_number(self.last)]
        for name, value in self.narrowing().items():
            return [*within, day.kind == name, day.what == value]
        return [*within, day.kind == kind]

    def reads(self) -> Filter:
        """The entries that are counted here."""
        found = Filter().where("action", READING)
        for name, value in self.narrowing().items():
            found = found.where(name, value)
        return found

    def entries(self) -> Filter:
        """The same within the span."""
        return between(self.reads(), midnight(self.first), midnight(self.last + timedelta(days=1)))


def between(reads: Filter, begin: datetime, end: datetime) -> Filter:
    """Entries from one instant to before another."""
    return reads.where("t", begin.isoformat(), operator=">=").where("t", end.isoformat(), operator="<")


def midnight(day: date) -> datetime:
    """The first instant of a legal day, in UTC."""
    return datetime.combine(day, time.min, LEGAL_ZONE).astimezone(UTC)


def hour_of(instant: datetime) -> int:
    """The hour since 1970 in which an instant falls."""
    return int(instant.timestamp()) // HOUR_S


def begin_of(hour: int) -> datetime:
    """The first instant of an hour since 1970."""
    return datetime.fromtimestamp(hour * HOUR_S, UTC)


def legal_hour(begin: int, end: int, hour: Column[int]) -> ColumnElement[int]:
    """A column of hours by Connecticut's clock, between two hours since 1970: 24 hours a day, daylight saving or not.

    The clocks' changes are found here, so that the database needs to know no calendar.
    """
    changes = list(_offsets(begin, end))
    if len(changes) == 1:
        return hour + literal(changes[0][1])
    return hour + case(*((hour < until, offset) for until, offset in changes[:-1]), else_=changes[-1][1])


def _offsets(begin: int, end: int) -> Iterator[tuple[int, int]]:
    """Connecticut's distance from UTC in hours, each with the hour before which it holds."""
    held = _offset(begin)
    for hour in range(begin, end):
        if _offset(hour) != held:
            yield hour, held
            held = _offset(hour)
    yield end, held


def _offset(hour: int) -> int:
    distance = begin_of(hour).astimezone(LEGAL_ZONE).utcoffset() or timedelta()
    return int(distance.total_seconds()) // HOUR_S
