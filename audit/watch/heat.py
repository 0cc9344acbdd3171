"""The heat map: how much was read or refused, by two of weekday, hour, agency, working group and dataset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select

from audit.tally.tables import access_days, access_hours
from audit.watch.scope import DIMENSIONS, NOBODY, Scope, legal_hour

AXES = {"weekday": "Weekday", "hour": "Hour", "source": "Agency", "group": "Working group", "dataset": "Dataset"}
MEASURES = {"reads": "Reads", "refusals": "Refusals", "rows": "Rows", "bytes": "Bytes"}
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

LONGEST = 24
"""The most lines of agencies, groups or datasets; the least active beyond are summed up in one line."""

OTHERS = "(all others)"
SHADES = 6

_THURSDAY = 3
"""1970-01-01 was one."""


@dataclass(frozen=True)
class Cell:
    """A number, how dark it is (0 to 5), and what its line and column mean."""

    value: int
    shade: int
    down: str
    across: str


@dataclass(frozen=True)
class HeatMap:
    """Lines by the one dimension, columns by the other; keys as the log has them."""

    down: str
    across: str
    lines: tuple[str, ...]
    columns: tuple[str, ...]
    cells: Mapping[tuple[str, str], Cell]
    total: int


def heat_map(connection: Connection, scope: Scope, down: str, across: str, measure: str) -> HeatMap:
    """The map of a span. `down` and `across` are two different keys of AXES."""
    one, other, counted, conditions = _of_days(down, across, scope) or _of_hours(down, across, scope)
    chosen = select(one.label("down"), other.label("across"), func.sum(counted[measure]).label("value"))
    chosen = chosen.where(*conditions).group_by(one, other)
    found = {(row.down, row.across): int(row.value or 0) for row in connection.execute(chosen)}
    values = {(str(a), str(b)): value for (a, b), value in found.items() if value}
    lines, columns = _keys(down, values, 0), _keys(across, values, 1)
    return _shaded(down, across, lines, columns, _folded(values, lines, columns))


def words_of(axis: str, key: str) -> str:
    """What a key is called, as far as the log itself knows."""
    if axis == "weekday":
        return WEEKDAYS[int(key)]
    if axis == "hour":
        return f"{int(key):02d}:00"
    return key or NOBODY


Axes = tuple[ColumnElement[Any], ColumnElement[Any], Any, list[ColumnElement[bool]]]
"""What lines and columns are counted by, the tally's columns, and which of its rows."""


def _of_days(down: str, across: str, scope: Scope) -> Axes | None:
    """Weekdays by one other thing come from the tally by the day, if nothing else narrows it."""
    day, kinds = access_days.c, {down, across} - {"weekday"}
    kind = next(iter(kinds))
    if len(kinds) > 1 or kind == "hour" or scope.narrowing().keys() - {kind}:
        return None
    by = {"weekday": (day.day + _THURSDAY) % 7, kind: day.what}
    return by[down], by[across], day, scope.of_days(kind)


def _of_hours(down: str, across: str, scope: Scope) -> Axes:
    held = access_hours.c
    legal = legal_hour(*scope.hours(), held.hour)
    by: dict[str, ColumnElement[Any]] = {
        "hour": legal % 24,
        "weekday": (legal // 24 + _THURSDAY) % 7,
        **{name: held[column] for name, column in DIMENSIONS.items()},
    }
    return by[down], by[across], held, scope.of_hours()


def _keys(axis: str, values: Mapping[tuple[str, str], int], position: int) -> tuple[str, ...]:
    """All weekdays and hours; agencies, groups and datasets by how much there is, the first of equals by key."""
    if axis in ("weekday", "hour"):
        return tuple(str(number) for number in range(7 if axis == "weekday" else 24))
    totals: dict[str, int] = {}
    for key, value in values.items():
        totals[key[position]] = totals.get(key[position], 0) + value
    ordered = sorted(totals, key=lambda key: (-totals[key], key))
    return tuple(ordered) if len(ordered) <= LONGEST else (*ordered[: LONGEST - 1], OTHERS)


def _folded(
    values: Mapping[tuple[str, str], int], lines: tuple[str, ...], columns: tuple[str, ...]
) -> dict[tuple[str, str], int]:
    folded: dict[tuple[str, str], int] = {}
    for (down, across), value in values.items():
        key = (down if down in lines else OTHERS, across if across in columns else OTHERS)
        folded[key] = folded.get(key, 0) + value
    return folded


def _shaded(
    down: str, across: str, lines: tuple[str, ...], columns: tuple[str, ...], values: Mapping[tuple[str, str], int]
) -> HeatMap:
    highest = max(values.values(), default=0)
    cells = {
        (line, column): Cell(value, _shade(value, highest), line, column)
        for line in lines
        for column in columns
        for value in (values.get((line, column), 0),)
    }
    return HeatMap(down, across, lines, columns, cells, sum(values.values()))


def _shade(value: int, highest: int) -> int:
    """By the root of the share, so that a few busy cells do not make all others alike; 0 only for nothing."""
    if not value:
        return 0
    return min(SHADES - 1, 1 + int((value / highest) ** 0.5 * (SHADES - 1)))
