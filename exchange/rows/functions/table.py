"""The shape of one function: what it takes, what it gives, and the engine SQL that its arguments are put into."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

ANY, SAME, ORDERED = "any", "same", "ordered"
"""Parameter classes: any type of its own; one type shared by all SAME; one type shared that has an order."""

INTERVAL, ZONE, POLYGON = "interval", "zone", "polygon"
"""Types that only a constant can have: ISO 8601 duration, time zone name, WKT polygon."""

ORDERED_TYPES = frozenset({"text", "number", "double", "calendar_date", "fixed_timestamp", "url", "row_identifier"})


@dataclass(frozen=True, eq=False)
class Function:
    """One overload.

    `sql` has `{0}`, `{1}` … for the arguments, `{all}` for all with commas, `{0.lat}` and `{0.lon}` for a point,
    `{0.edges}` for a polygon. With `repeats` the last parameter may come any number of times more. `rounded` says that
    the number was computed in binary and is shown to 15 significant digits.
    """

    name: str
    parameters: tuple[str, ...]
    result: str
    sql: str
    doc: str
    repeats: bool = False
    aggregate: bool = False
    rounded: bool = False

    @cached_property
    def uses(self) -> tuple[int, ...]:
        """How often the template writes each argument out; nested calls multiply these."""
        written = [int(place) for place in re.findall(r"\{(\d+)[.}]", self.sql)]
        return tuple(max(1, written.count(place)) for place in range(len(self.parameters)))


def signature(
    name: str, parameters: str, result: str, sql: str, doc: str, *, repeats: bool = False, rounded: bool = False
) -> Function:
    """A row of the table, parameters as words."""
    return Function(name, tuple(parameters.split()), result, sql, doc, repeats=repeats, rounded=rounded)


def aggregate(name: str, parameters: str, result: str, sql: str, doc: str, *, rounded: bool = False) -> Function:
    """A row of the table for an aggregate."""
    return Function(name, tuple(parameters.split()), result, sql, doc, aggregate=True, rounded=rounded)
