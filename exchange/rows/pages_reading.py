"""Answering from the pages: the cheapest way through SQLite, one step, a bound on the work, else nothing.

Python's `sqlite3` takes the interpreter's lock at every row that it hands over, so the rows of a page are joined inside
the one step. What was estimated badly is stopped after a bounded number of the engine's instructions and left to the
columns; that shape of query is then not tried here again.
"""

from __future__ import annotations

import sqlite3
import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson

from exchange.rows.planner import Condition, Page
from exchange.rows.store_pages import LAYOUT, Facts, column_name, index_name, kept_value
from exchange.rows.types import ROW, ColumnInfo

MOST_READ = 15_000
"""Rows that a page may be expected to read; beyond, the columns are faster."""

MOST_STEPS, STEPS_AT_ONCE = 400_000, 40_000
"""Instructions of SQLite's machine that one page may take (about 20 ms), and how often that is looked at."""

MOST_GATHERED = 4_000
"""Rows that may be collected by an index of another order, to be sorted."""

OPEN_FILES = 24
"""Files that each thread keeps open."""

MOST_LISTED = 100
_HINDERED = 256
_WHOLE = "SELECT CAST('[' || group_concat(json, char(10) || ',') || ']' || char(10) AS BLOB) FROM ({})"
NOTHING = b"[]\n"
_SEEK = 4
"""What a row costs that an index leads to, beside one that comes next."""

_UNKNOWN_RANGE = 0.3
"""The share of rows taken for a range of texts, of which no bounds are known."""


@dataclass(frozen=True)
class _Way:
    """How a page is found: the condition whose index leads ("" for none), and what it is expected to read."""

    index: str
    cost: float
    gathers: bool = False


class Pages:
    """The pages of one version."""

    def __init__(self, path: Path, described: dict[str, Any]) -> None:
        self.uri = f"file:{quote(str(path))}?mode=ro&immutable=1"
        self.rows: int = described["rows"]
        self.columns = tuple(
            ColumnInfo(c["name"], c["label"], c["type"], c["has_meanings"]) for c in described["columns"]
        )
        facts = [Facts(**{**fact, "common": _pairs(fact["common"])}) for fact in described["facts"]]
        self._facts = {fact.name: fact for fact in facts}
        self._common = {fact.name: dict(fact.common) for fact in facts}
        self._share_of_others = {fact.name: _share_of_others(fact) for fact in facts}
        self._places = {fact.name: position for position, fact in enumerate(facts)}
        self._hindered: set[tuple[Any, ...]] = set()

    def statement(self, page: Page) -> tuple[str, list[Any]] | None:
        """The statement that gives the page's bytes, with its values; None where the columns are the better way."""
        if any(c.column not in self._facts or len(c.values) > MOST_LISTED for c in page.conditions):
            return None
        if shape_of(page) in self._hindered:
            return None
        if page.order is not None:
            return self._by_column(page, *page.order)
        if not page.conditions:
            return _WHOLE.format(f"SELECT json FROM rows WHERE {ROW} >= ? AND {ROW} < ? ORDER BY {ROW}"), [
                page.offset,
                page.offset + page.limit,
            ]
        return self._filtered(page)

    def hinder(self, page: Page) -> None:
        """Remember that this shape of page took too much work here."""
        if len(self._hindered) < _HINDERED:
            self._hindered.add(shape_of(page))

    def _filtered(self, page: Page) -> tuple[str, list[Any]] | None:
        way = self._best(page)
        if way is None:
            return None
        where, values = self._where(page.conditions)
        by = f"INDEXED BY {index_name(self._places[way.index])}" if way.index else "NOT INDEXED"
        if way.gathers:
            rows = f"SELECT {ROW} FROM rows {by} WHERE {where}"
            inner = f"SELECT json FROM rows WHERE {ROW} IN ({rows}) ORDER BY {ROW} LIMIT ? OFFSET ?"
        else:
            inner = f"SELECT json FROM rows {by} WHERE {where} ORDER BY {ROW} LIMIT ? OFFSET ?"
        return _WHOLE.format(inner), [*values, page.limit, page.offset]

    def _by_column(self, page: Page, column: str, descends: bool, nulls_first: bool) -> tuple[str, list[Any]] | None:
        """In the order of an indexed column. An index has its nulls first, so another place for them needs none."""
        fact = self._facts.get(column)
        if fact is None or not fact.indexed or (fact.nulls and not any(c.column == column for c in page.conditions)):
            return None
        others = [c for c in page.conditions if c.column != column]
        share = _product(self._share(c) for c in others)
        if (page.offset + page.limit) / max(share, 1 / self.rows) > MOST_READ:
            return None
        name, place = column_name(self._places[column]), self._places[column]
        where, values = self._where(page.conditions)
        inner = (
            f"SELECT json FROM rows INDEXED BY {index_name(place)} {f'WHERE {where}' if where else ''}"
            f" ORDER BY {name}{' DESC' if descends else ''}, {ROW} LIMIT ? OFFSET ?"
        )
        return _WHOLE.format(inner), [*values, page.limit, page.offset]

    def _best(self, page: Page) -> _Way | None:
        shares = {id(c): self._share(c) for c in page.conditions}
        all_of = max(_product(shares.values()), 1 / self.rows)
        needed = page.offset + page.limit
        ways = [_Way("", min(self.rows, needed / all_of))]
        for condition in page.conditions:
            if not self._facts[condition.column].indexed:
                continue
            matching = self.rows * shares[id(condition)]
            if condition.operator == "=":
                ways.append(_Way(condition.column, _SEEK * min(matching, needed * shares[id(condition)] / all_of)))
            elif matching <= MOST_GATHERED:
                ways.append(_Way(condition.column, (_SEEK + 1) * matching, gathers=True))
        best = min(ways, key=lambda way: way.cost)
        return best if best.cost <= MOST_READ else None

    def _where(self, conditions: Sequence[Condition]) -> tuple[str, list[Any]]:
        texts, values = [], []
        for condition in conditions:
            name = column_name(self._places[condition.column])
            if condition.operator == "between":
                texts.append(f"{name} BETWEEN ? AND ?")
            elif condition.operator == "in":
                texts.append(f"{name} IN ({', '.join('?' * len(condition.values))})")
            else:
                texts.append(f"{name} {condition.operator} ?")
            values += [kept_value(value) for value in condition.values]
        return " AND ".join(texts), values

    def _share(self, condition: Condition) -> float:
        """The share of the rows that a condition is expected to leave."""
        fact = self._facts[condition.column]
        values = [kept_value(value) for value in condition.values]
        if condition.operator in ("=", "in"):
            return min(1.0, sum(self._share_of_value(fact, value) for value in values))
        if not fact.bounds:
            return _UNKNOWN_RANGE
        low = values[0] if condition.operator in (">", ">=", "between") else None
        high = values[-1] if condition.operator in ("<", "<=", "between") else None
        share = (1.0 if high is None else _below(fact.bounds, high)) - (
            0.0 if low is None else _below(fact.bounds, low)
        )
        return max(share, 1 / len(fact.bounds) ** 2)

    def _share_of_value(self, fact: Facts, value: Any) -> float:
        common = self._common[fact.name]
        if value in common:
            return float(common[value] / fact.rows)
        return self._share_of_others[fact.name]


def _share_of_others(fact: Facts) -> float:
    """The share of the rows that a value has which is not among the common ones."""
    rest = fact.rows - fact.nulls - sum(rows for _, rows in fact.common)
    return max(rest, 1) / max(fact.distinct - len(fact.common), 1) / max(fact.rows, 1)


def shape_of(page: Page) -> tuple[Any, ...]:
    """The page without its values."""
    return (page.order, *sorted((c.column, c.operator) for c in page.conditions))


def _below(bounds: Sequence[float], value: float) -> float:
    """The share of the values under this one, by the bounds on both sides of it."""
    place = bisect_left(bounds, value)
    if place in (0, len(bounds)):
        return 0.0 if place == 0 else 1.0
    low, high = bounds[place - 1], bounds[place]
    within = (value - low) / (high - low) if high > low else 1.0
    return (place - 1 + within) / (len(bounds) - 1)


def _pairs(common: Sequence[Sequence[Any]]) -> tuple[tuple[Any, int], ...]:
    return tuple((value, rows) for value, rows in common)


def _product(shares: Any) -> float:
    whole = 1.0
    for share in shares:
        whole *= share
    return whole


class PagesReader:
    """Reads pages for the threads of one worker; each thread has its own connections."""

    def __init__(self) -> None:
        self._known: OrderedDict[Path, Pages] = OrderedDict()
        self._lock = threading.Lock()
        self._of_thread = threading.local()

    def find(self, path: Path, columns: Sequence[ColumnInfo]) -> Pages | None:
        """The pages in this file, if it is there, is of this release's layout and holds these columns."""
        with self._lock:
            if path in self._known:
                self._known.move_to_end(path)
                return self._known[path]
        found = _opened(path, columns)
        if found is None:
            return None  # it may be built later
        with self._lock:
            self._known[path] = found
            while len(self._known) > 2_000:
                self._known.popitem(last=False)
        return found

    def read(self, pages: Pages, page: Page) -> bytes | None:
        """The page as SODA JSON; None where it has to come from the columns."""
        statement = pages.statement(page)
        if statement is None:
            return None
        connection = self._connection(pages)
        connection.left = MOST_STEPS // STEPS_AT_ONCE
        try:
            (whole,) = connection.execute(*statement).fetchone()
        except sqlite3.OperationalError as problem:
            if "interrupted" in str(problem):
                pages.hinder(page)
            return None
        return NOTHING if whole is None else whole

    def _connection(self, pages: Pages) -> _Bounded:
        mine: OrderedDict[str, _Bounded] | None = getattr(self._of_thread, "open", None)
        if mine is None:
            mine = self._of_thread.open = OrderedDict()
        connection = mine.get(pages.uri)
        if connection is None:
            connection = sqlite3.connect(pages.uri, uri=True, isolation_level=None, factory=_Bounded)
            connection.prepare()
            mine[pages.uri] = connection
            if len(mine) > OPEN_FILES:
                mine.popitem(last=False)[1].close()
        mine.move_to_end(pages.uri)
        return connection


class _Bounded(sqlite3.Connection):
    """A connection whose statements take so many instructions and no more."""

    left = 0

    def prepare(self) -> None:
        """Map the file into memory and watch the work."""
        self.execute("PRAGMA query_only = ON")
        self.execute("PRAGMA mmap_size = 8589934592")
        self.execute("PRAGMA cache_size = -2000")
        self.set_progress_handler(self._count, STEPS_AT_ONCE)

    def _count(self) -> bool:
        self.left -= 1
        return self.left < 0


def are_readable(path: Path, columns: Sequence[ColumnInfo]) -> bool:
    """Whether there are pages in this file, of this release's layout and of these columns."""
    return _opened(path, columns) is not None


def _opened(path: Path, columns: Sequence[ColumnInfo]) -> Pages | None:
    if not path.exists():
        return None
    try:
        with sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True) as connection:
            (text,) = connection.execute("SELECT value FROM facts WHERE name = 'all'").fetchone()
        connection.close()
    except (sqlite3.Error, TypeError):
        return None
    described = orjson.loads(text)
    if described["layout"] != LAYOUT:
        return None
    pages = Pages(path, described)
    return pages if _same(pages.columns, columns) else None


def _same(ours: Sequence[ColumnInfo], theirs: Sequence[ColumnInfo]) -> bool:
    return [(c.name, c.type) for c in ours] == [(c.name, c.type) for c in theirs]
