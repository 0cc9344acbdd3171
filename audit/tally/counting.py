"""What entries add to the tallies: a pure function of their columns, for the sequencer and for whoever counts again.

The number of rows and bytes of a read stands in its outcome entry, which names dataset, group, client and agency too.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from audit.actions import Action, Outcome
from audit.days import legal_day

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

_FIRSTS = (("actor", "actor"), ("client", "client"), ("group", "working_group"))


def nothing() -> Counts:
    """Counts of no entry."""
    return {name: {} for name in ("audit_hour", "audit_day", "audit_actor_hour", "audit_actor_day", "audit_first")}


def count(rows: Iterable[Row], into: Counts) -> Counts:
    """Add what these entries count for. They must come in the order of their index, after those counted before."""
    for row in rows:
        hour = row["t"] // HOUR_MS
        day = day_of_hour(hour)
        rows_and_bytes = (_number(row["rows"]), _number(row["bytes"]))
        where = (row["source"] or "", row["working_group"] or "", row["dataset"] or "")
        _count_act(into, row, day, where, rows_and_bytes)
        _count_access(into, row, hour, where, rows_and_bytes)
        _count_actor(into, row, hour, day, rows_and_bytes)
    return into


@functools.lru_cache(8192)
def day_of_hour(hour: int) -> int:
    """The legal day of an hour since 1970, as days since 1970-01-01. Connecticut's clock differs by whole hours."""
    if not 0 <= hour < LAST_HOUR:
        return hour // 24
    return day_number(legal_day(datetime.fromtimestamp(hour * 3600, UTC)))


def day_number(day: date) -> int:
    """A calendar day as days since 1970-01-01."""
    return (day - EPOCH).days


def _number(value: int | None) -> int:
    return min(max(value or 0, 0), MOST)


def _count_act(into: Counts, row: Row, day: int, where: tuple[str, str, str], sizes: tuple[int, int]) -> None:
    _add(into["audit_day"], (day, row["action"], row["outcome"], row["code"] or "", *where), (1, *sizes))


def _count_access(into: Counts, row: Row, hour: int, where: tuple[str, str, str], sizes: tuple[int, int]) -> None:
    action, outcome = row["action"], row["outcome"]
    if action == Action.ACCESS_ROWS_INTENT:
        _add(into["audit_hour"], (hour, *where), (1, 0, 0, 0, 0, 0, 0))
        _count_first(into["audit_first"], row)
    elif action == Action.ACCESS_ROWS_OUTCOME:
        ended = (int(outcome == Outcome.DONE), int(outcome == Outcome.CUT), int(outcome == Outcome.FAILED))
        _add(into["audit_hour"], (hour, *where), (0, 0, *ended, *sizes))
    elif action == Action.ACCESS_ROWS_REFUSE:
        _add(into["audit_hour"], (hour, *where), (0, 1, 0, 0, 0, 0, 0))


def _count_first(firsts: dict[Key, list[int]], row: Row) -> None:
    if not row["dataset"]:
        return
    for kind, column in _FIRSTS:
        if row[column]:
            held = firsts.setdefault((kind, row[column], row["dataset"]), [row["idx"], row["t"], 0, row["t"]])
            held[2:] = [held[2] + 1, max(held[3], row["t"])]


def _count_actor(into: Counts, row: Row, hour: int, day: int, sizes: tuple[int, int]) -> None:
    who = (row["actor"] or "", row["client"] or "")
    if who == ("", ""):
        return
    read, refused = int(row["action"] == Action.ACCESS_ROWS_INTENT), int(row["outcome"] == Outcome.REFUSED)
    measures = (1, read, refused, *sizes)
    _add_active(into["audit_actor_hour"], (hour, *who), measures, row["t"])
    _add_active(into["audit_actor_day"], (day, *who), measures, row["t"])


def _add(counts: dict[Key, list[int]], key: Key, measures: tuple[int, ...]) -> list[int]:
    held = counts.get(key)
    if held is None:
        held = counts[key] = list(measures)
        return held
    for position, value in enumerate(measures):
        held[position] += value
    return held


def _add_active(counts: dict[Key, list[int]], key: Key, measures: tuple[int, ...], t: int) -> None:
    held = _add(counts, key, measures)
    if len(held) == len(measures):
        held += [t, t]
    else:
        held[-2:] = [min(held[-2], t), max(held[-1], t)]
