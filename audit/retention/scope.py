"""What a request to erase is about: whose personal fields, of which calendar years."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, select

from audit import tables
from audit.days import milliseconds, start_of
from audit.personal import UNKNOWN
from audit.retention.rules import Kept, Kind, kept_for
from audit.retention.tables import subject_keys

_UNKNOWN_SUBJECT = subject_keys.c.subject.startswith(UNKNOWN, autoescape=True)
_LIVING = subject_keys.c.wrapped.is_not(None)


class Whose(enum.StrEnum):
    """Whose personal fields."""

    PERSON = "person"
    PERSONS = "persons"
    UNKNOWN = "unknown"


WHOSE_WORDS = {
    Whose.PERSON: "One person",
    Whose.PERSONS: "Every person in the directory",
    Whose.UNKNOWN: "Unknown visitors (refused sign-ins and token requests)",
}


@dataclass(frozen=True)
class Scope:
    """Personal fields of a subject (None where all of a kind are meant) in calendar years, both included."""

    whose: Whose
    subject: str | None
    first_year: int
    last_year: int

    @property
    def kinds(self) -> frozenset[Kind]:
        """The classes of entries that its keys seal."""
        return frozenset({Kind.UNKNOWN} if self.whose is Whose.UNKNOWN else {Kind.DISCLOSURE, Kind.SIGN_IN})

    @property
    def days(self) -> tuple[date, date]:
        """The first and the last legal day."""
        return date(self.first_year, 1, 1), date(self.last_year, 12, 31)

    def kept(self, day: date) -> Kept:
        """How long its youngest year is kept, as the rules stand on a legal day."""
        return kept_for(self.kinds, self.last_year, day)

    def of_keys(self) -> ColumnElement[bool]:
        """The living keys that it names."""
        years = subject_keys.c.year.between(self.first_year, self.last_year)
        return and_(_LIVING, years, self._of_subjects())

    def of_entries(self) -> ColumnElement[bool]:
        """The entries that those keys can have sealed something in."""
        column = tables.entries.c
        whose: dict[Whose, ColumnElement[bool]] = {
            Whose.PERSON: column.actor == self.subject,
            Whose.PERSONS: column.actor.is_not(None),
            Whose.UNKNOWN: column.actor.is_(None),
        }
        first, after = _first_instant(self.first_year), _first_instant(self.last_year + 1)
        return and_(column.t >= milliseconds(first), column.t < milliseconds(after), whose[self.whose])

    def facts(self) -> dict[str, Any]:
        """What entries say of it."""
        subject = {"subject": self.subject} if self.subject else {}
        return {"scope": str(self.whose), "years": [self.first_year, self.last_year], **subject}

    def _of_subjects(self) -> ColumnElement[bool]:
        if self.whose is Whose.PERSON:
            return subject_keys.c.subject == self.subject
        return _UNKNOWN_SUBJECT if self.whose is Whose.UNKNOWN else ~_UNKNOWN_SUBJECT


def living_keys(connection: Connection, scope: Scope) -> list[str]:
    """The ids of the keys in a scope that are not destroyed."""
    found = select(subject_keys.c.id).where(scope.of_keys()).order_by(subject_keys.c.id)
    return list(connection.execute(found).scalars())


@dataclass(frozen=True)
class Due:
    """What is kept of one year: how many living keys, and how long."""

    scope: Scope
    keys: int
    kept: Kept


def everything_kept(connection: Connection, day: date) -> list[Due]:
    """Each year of which keys live, oldest first, with how long the rules of a legal day keep it."""
    unknown = _UNKNOWN_SUBJECT.label("unknown")
    counted = select(subject_keys.c.year, unknown, func.count()).where(_LIVING).group_by(subject_keys.c.year, unknown)
    found = []
    for year, is_unknown, count in connection.execute(counted.order_by(subject_keys.c.year, unknown)):
        scope = Scope(Whose.UNKNOWN if is_unknown else Whose.PERSONS, None, year, year)
        found.append(Due(scope, count, scope.kept(day)))
    return found


def _first_instant(year: int) -> datetime:
    first = start_of(date(year, 1, 1))
    if first is None:  # pragma: no cover - a day has a first instant
        raise ValueError(year)
    return first
