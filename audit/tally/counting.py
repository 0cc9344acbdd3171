"""What entries add to the tallies: a pure function of their columns, for the sequencer and for whoever counts again.

The number of rows and bytes of a read stands in its outcome entry, which names dataset, group, client and agency too.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from audit.actions import Action, Outcome
from audit.days import LEGAL_ZONE

Row = Mapping[str, Any]
"""A row of `audit_entry`, or its members that are counted by (`NEEDED`)."""

Key = tuple[str | int, ...]
Counts = dict[str, dict[Key, list[int]]]
"""By the table's name and the key in it: the measures, in the order of the table's columns."""

NEEDED = (
    "idx",
    "t",
    "action",
    "outcome",
    "actor",
    "client",
    "working_group",
    "source",
    "dataset",
    "code",
    "rows",
    "bytes",
)

HOUR_MS = 3_600_000
MOST = 2**42
"""A number of rows or bytes beyond this counts as this: sums stay within 64 bits whatever an entry says."""

LAST_HOUR = 24 * 365 * 8000
"""Beyond it, and before 1970, a "day" is 24 hours of UTC: no calendar goes there, and nothing may fail."""

EPOCH = date(1970, 1, 1)

_ANYWHERE = ("", "", "", "")

_ACCESS: Mapping[tuple[str, str], tuple[int, ...]] = {
    (Action.ACCESS_ROWS_INTENT, Outcome.INTENDED): (1, 0, 0, 0, 0),
    (Action.ACCESS_ROWS_REFUSE, Outcome.REFUSED): (0, 1, 0, 0, 0),
    (Action.ACCESS_ROWS_OUTCOME, Outcome.DONE): (0, 0, 1, 0, 0),
    (Action.ACCESS_ROWS_OUTCOME, Outcome.CUT): (0, 0, 0, 1, 0),
    (Action.ACCESS_ROWS_OUTCOME, Outcome.FAILED): (0, 0, 0, 0, 1),
}
"""What an entry adds to reads, refusals, done, cut and failed."""

_BEFORE_HOURS = 5
"""Measures of an actor's day before `hours`."""


def nothing() -> Counts:
    """Counts of no entry."""
    names = ("audit_hour", "audit_access_day", "audit_day", "audit_actor_day", "audit_first")
    return {name: {} for name in names}


def count(rows: Iterable[Row], into: Counts) -> Counts:
    """Add what these entries count for. They must come in the order of their index, after those counted before."""
    for row in rows:
        hour = row["t"] // HOUR_MS
        day, of_day = day_of_hour(hour)
        sizes = (_number(row["rows"]), _number(row["bytes"]))
        _count_act(into["audit_day"], row, day, sizes)
        _count_access(into, row, hour, day, sizes)
        _count_actor(into["audit_actor_day"], row, day, of_day, sizes)
    return into


@functools.lru_cache(8192)
def day_of_hour(hour: int) -> tuple[int, int]:
    """The legal day of an hour since 1970, as days since 1970-01-01, and which hour of Connecticut's clock it is.

    That clock differs from UTC by whole hours.
    """
    if not 0 <= hour < LAST_HOUR:
        return hour // 24, hour % 24
    legal = datetime.fromtimestamp(hour * 3600, LEGAL_ZONE)
    return day_number(legal.date()), legal.hour


def day_number(day: date) -> int:
    """A calendar day as days since 1970-01-01."""
    return (day - EPOCH).days


def _number(value: int | None) -> int:
    return min(max(value or 0, 0), MOST)


def _count_act(acts: dict[Key, list[int]], row: Row, day: int, sizes: tuple[int, int]) -> None:
    """Refusals are told apart by what was refused; of other acts there are too many kinds for that."""
    where = _refused_of(row) if row["outcome"] == Outcome.REFUSED else _ANYWHERE
    _add(acts, (day, row["action"], row["outcome"], *where), (1, *sizes))


def _refused_of(row: Row) -> tuple[str, ...]:
    return (row["code"] or "", row["source"] or "", row["working_group"] or "", row["dataset"] or "")


def _count_access(into: Counts, row: Row, hour: int, day: int, sizes: tuple[int, int]) -> None:
    measures = _ACCESS.get((row["action"], row["outcome"]))
    if measures is None:
        return
    source, group, dataset = row["source"] or "", row["working_group"] or "", row["dataset"] or ""
    added = (*measures, *sizes) if row["action"] == Action.ACCESS_ROWS_OUTCOME else (*measures, 0, 0)
    _add(into["audit_hour"], (hour, source, group, dataset), added)
    days = into["audit_access_day"]
    for key in ((day, "", ""), (day, "source", source), (day, "group", group), (day, "dataset", dataset)):
        _add(days, key, added)
    if row["action"] == Action.ACCESS_ROWS_INTENT and dataset:
        _count_first(into["audit_first"], row, dataset)


def _count_first(firsts: dict[Key, list[int]], row: Row, dataset: str) -> None:
    """Of clients and groups the first read alone is kept, so that the others cost nothing to keep."""
    index, t = row["idx"], row["t"]
    for kind, who in (("client", row["client"]), ("group", row["working_group"])):
        if who:
            firsts.setdefault((kind, who, dataset), [index, t, 0, t])
    if row["actor"]:
        held = firsts.setdefault(("actor", row["actor"], dataset), [index, t, 0, t])
        held[2:] = [held[2] + 1, max(held[3], t)]


def _count_actor(days: dict[Key, list[int]], row: Row, day: int, of_day: int, sizes: tuple[int, int]) -> None:
    key = (day, row["actor"] or "", row["client"] or "")
    if key[1:] == ("", ""):
        return
    read, t = row["action"] == Action.ACCESS_ROWS_INTENT, row["t"]
    held = _add(days, key, (1, int(read), int(row["outcome"] == Outcome.REFUSED), *sizes))
    if len(held) == _BEFORE_HOURS:
        held += [0, t, t]
    held[-3:] = [held[-3] | (int(read) << of_day), min(held[-2], t), max(held[-1], t)]


def _add(counts: dict[Key, list[int]], key: Key, measures: tuple[int, ...]) -> list[int]:
    held = counts.get(key)
    if held is None:
        held = counts[key] = list(measures)
        return held
    for position, value in enumerate(measures):
        if value:
            held[position] += value
    return held
