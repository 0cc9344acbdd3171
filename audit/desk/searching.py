"""Entries under a filter, screen by screen, with bounded work: ten million entries answer as ten thousand do.

One index drives a search: that of the term which lets fewest entries through, counted to a bound. Screens go on after
the last entry's (t, idx), never by an offset. What no index serves is looked through `SCAN` entries at a time, and
the answer says how far back it looked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Select, and_, false, func, or_, select, text, true, tuple_, union_all
from sqlalchemy.sql import ColumnElement

from audit import tables
from audit.actions import Action
from audit.days import instant_of
from audit.desk.filter_fields import FIELDS
from audit.desk.filter_sql import keys_of
from audit.desk.filtering import Filter, Term
from audit.lookup import Line, lines_at

COUNTED = 10_000
"""Beyond it a number is said as "more than 10,000"."""

SCAN = 10_000
"""Most entries that one screen looks through."""

GLANCE = 1_000
"""How many of these it looks through first: most screens are full by then."""

CHUNK = 500

INDEXED = ("id", "ref", "person", "agreement", "dataset", "group", "source", "code", "action")
TIMES = ("since", "until", "t")
LARGE_FROM = {"rows": 10_000, "bytes": 10_000_000}
"""From where on the index of large reads serves a comparison; it says these numbers itself (`tables.LARGE`)."""

e = tables.entries.c


@dataclass(frozen=True)
class Cursor:
    """After which entry a screen goes on."""

    t: int
    index: int

    def __str__(self) -> str:
        return f"{self.t}.{self.index}"

    @classmethod
    def read(cls, text: str | None) -> Cursor | None:
        """The cursor in an address; None if there is none, or it is none."""
        t, _, index = (text or "").partition(".")
        digits = t.lstrip("-").isdecimal() and index.isdecimal() and len(t) <= 15 and len(index) <= 15
        return cls(int(t), int(index)) if digits and text and text.isascii() else None


@dataclass(frozen=True)
class Count:
    """How many; `whole` False means at least so many."""

    number: int
    whole: bool

    def __str__(self) -> str:
        if self.whole:
            return f"{self.number:,}"
        return f"more than {self.number:,}" if self.number >= COUNTED else f"at least {self.number:,}"


@dataclass(frozen=True)
class Screen:
    """One screen of entries. `more` is where the next begins; `back_to` is set if the search stopped before it was
    full: nothing else was found among those looked through, back to this instant."""

    lines: tuple[Line, ...]
    more: Cursor | None
    back_to: datetime | None


@dataclass(frozen=True)
class Search:
    """A filter made ready: the term whose index drives it, the times, and what is tested beside."""

    drive: Term | None
    times: ColumnElement[bool]
    beside: ColumnElement[bool] | None
    through: int

    def screen(
        self, connection: Connection, after: Cursor | None = None, limit: int = 50, *, oldest_first: bool = False
    ) -> Screen:
        """At most `limit` entries after the cursor, newest first unless said otherwise."""
        keys, end = self._look(connection, after, limit + 1, oldest_first)
        lines = lines_at(connection, [key.index for key in keys[:limit]])
        if len(keys) > limit:
            return Screen(lines, keys[limit - 1], None)
        return Screen(lines, end, instant_of(end.t) if end is not None else None)

    def count(self, connection: Connection) -> Count:
        """How many entries there are, as far as can be told cheaply."""
        among = self._among(None, COUNTED + 1, False)
        looked = connection.execute(select(func.count()).select_from(among)).scalar_one()
        if self.beside is None:
            return Count(min(looked, COUNTED), looked <= COUNTED)
        found = connection.execute(select(func.count()).select_from(self._tested(among).subquery())).scalar_one()
        return Count(min(found, COUNTED), looked <= COUNTED)

    def newest(self, number: int) -> Any:
        """The newest entries as a subquery of `t` and `idx`, to be counted in groups; no more than `number`."""
        return _ordered(self._tested(self._among(None, number, False)), False).limit(number).subquery("newest")

    def within(self, number: int) -> Any:
        """The newest entries that the driving index gives, tested no further, as a subquery."""
        return self._among(None, number, False)

    def lines(self, engine: Engine, *, paired: bool = False) -> Iterator[Line]:
        """Every entry, oldest first, in short transactions. `paired`: an outcome whose intent is among them comes with
        it alone, as that line's `outcome_body`."""
        after: Cursor | None = None
        while True:
            with engine.connect() as connection:
                screen = self.screen(connection, after, CHUNK, oldest_first=True)
                told = self._told(connection, screen.lines) if paired else frozenset()
            yield from (line for line in screen.lines if line.id not in told)
            if screen.more is None:
                return
            after = screen.more

    def _told(self, connection: Connection, lines: Iterable[Line]) -> frozenset[str]:
        """The outcomes among these lines whose intent the search finds too."""
        refs = {line.members.get("ref"): line.id for line in lines if line.action == Action.ACCESS_ROWS_OUTCOME}
        if not refs:
            return frozenset()
        beside = [] if self.beside is None else [self.beside]
        chosen = select(e.id).where(e.id.in_(refs), e.idx <= self.through, or_(*_conditions(self.drive)), self.times)
        return frozenset(refs[id_] for id_ in connection.execute(chosen.where(*beside)).scalars())

    def _look(
        self, connection: Connection, after: Cursor | None, wanted: int, oldest: bool
    ) -> tuple[list[Cursor], Cursor | None]:
        """The keys of the next entries; and, if the search gave up before it had enough, the last it looked at."""
        found: list[Cursor] = []
        for scan in (wanted,) if self.beside is None else (GLANCE, SCAN - GLANCE):
            among = self._among(after, scan, oldest)
            chosen = _ordered(self._tested(among), oldest).limit(wanted - len(found))
            found += [Cursor(row[0], row[1]) for row in connection.execute(chosen)]
            if self.beside is None or len(found) == wanted:
                return found, None
            after = _last(connection, among, scan, oldest)
            if after is None:
                return found, None
        return found, after

    def _tested(self, among: Any) -> Select[Any]:
        chosen = select(among.c.t, among.c.idx)
        if self.beside is None:
            return chosen
        return chosen.join(tables.entries, e.idx == among.c.idx).where(self.beside)

    def _among(self, after: Cursor | None, limit: int, oldest: bool) -> Any:
        """The first entries that the driving index gives, in order."""
        chosen = select(e.t, e.idx).where(self.times, _through(self.through))
        if after is not None:
            here, there = tuple_(e.t, e.idx), tuple_(after.t, after.index)
            # The first says it all; the second, the same for t alone, is what an index on (…, t) can be entered by.
            beyond = (here > there, e.t >= after.t) if oldest else (here < there, e.t <= after.t)
            chosen = chosen.where(*beyond)
        parts = [_ordered(chosen.where(condition), oldest).limit(limit) for condition in _conditions(self.drive)]
        if len(parts) == 1:
            return parts[0].subquery("among")
        whole = union_all(*(select(part.subquery()) for part in parts)).subquery()
        return _ordered(select(whole.c.t, whole.c.idx), oldest, whole.c).limit(limit).subquery("among")


def prepare(connection: Connection, asked: Filter, through: int | None = None) -> Search:
    """Choose what drives the search: the indexed term that lets fewest entries through. `through`: the last index."""
    bound = highest(connection) if through is None else through
    times = and_(true(), *(term.condition() for term in asked.terms if term.field in TIMES))
    rest = [term for term in asked.terms if term.field not in TIMES]
    found = [(_few(connection, term, times), number) for number, term in enumerate(rest) if _drives(term)]
    best = min(found, default=None)
    if best is None:
        return Search(None, times, _beside(rest), bound)
    drive = rest[best[1]]
    if drive.field not in LARGE_FROM:
        del rest[best[1]]
    return Search(drive, times, _beside(rest), bound)


def highest(connection: Connection) -> int:
    """The highest index of the log; -1 while it is empty."""
    found = connection.execute(select(func.max(e.idx))).scalar()
    return -1 if found is None else int(found)


def bounded(search: Search, through: int) -> Search:
    """The same search among the entries through this index."""
    return replace(search, through=min(search.through, through))


def _through(index: int) -> ColumnElement[bool]:
    """Entries up to an index, in words that no database takes for a reason to go by the index of indexes."""
    return e.idx + 0 <= index


def _beside(terms: list[Term]) -> ColumnElement[bool] | None:
    return and_(*(term.condition() for term in terms)) if terms else None


def _drives(term: Term) -> bool:
    """Whether an index serves a term: equality, not negated, with few enough values to ask for each."""
    if not term.negated and term.field in LARGE_FROM and term.operator in (">", ">="):
        return int(term.values[0]) >= LARGE_FROM[term.field]
    if term.negated or term.operator != ":":
        return False
    if term.field == "outcome":
        return term.values == ("refused",)
    if term.field == "index":
        return True
    return term.field in INDEXED and len(keys_of(FIELDS[term.field], term.values)) <= 40


def _few(connection: Connection, term: Term, times: ColumnElement[bool]) -> int:
    """How many entries a term lets through in this time, counted to a bound."""
    parts = [select(e.t).where(times, condition).limit(COUNTED + 1) for condition in _conditions(term)]
    found = (connection.execute(select(func.count()).select_from(part.subquery())).scalar_one() for part in parts)
    return sum(found)


def _conditions(term: Term | None) -> list[ColumnElement[bool]]:
    """A driving term as one condition for each of its values, so that each is one range of the index."""
    if term is None:
        return [true()]
    if term.field == "outcome":
        return [_written(tables.REFUSED)]
    if term.field in LARGE_FROM:
        return [_written(f"({tables.LARGE})")]
    if term.field == "index":
        return [e.idx == int(value) for value in term.values]
    keys = keys_of(FIELDS[term.field], term.values)
    column = e[FIELDS[term.field].column]
    extra = [_written(tables.CODED)] if term.field == "code" else []
    return [and_(column == key, *extra) for key in keys] or [false()]


def _written(words: str) -> ColumnElement[bool]:
    """The very words of a partial index, without which SQLite does not use it."""
    return text(words)  # type: ignore[return-value]


def _last(connection: Connection, among: Any, scan: int, oldest: bool) -> Cursor | None:
    """The last of the entries that were looked through; None if there were fewer than might have been."""
    number = func.count().over().label("number")
    chosen = _ordered(select(among.c.t, among.c.idx, number), not oldest, among.c).limit(1)
    row = connection.execute(chosen).one_or_none()
    return Cursor(row[0], row[1]) if row is not None and row.number == scan else None


def _ordered(chosen: Select[Any], oldest: bool, columns: Any = None) -> Select[Any]:
    by = columns if columns is not None else chosen.selected_columns
    return chosen.order_by(by.t, by.idx) if oldest else chosen.order_by(by.t.desc(), by.idx.desc())
