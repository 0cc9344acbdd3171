"""The shape of one function: what it takes, what it gives, and the engine SQL that its arguments are put into."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property

ANY, SAME, ORDERED, FIRST = "any", "same", "ordered", "first"
"""Parameter classes: any type of its own; one type shared by all SAME; one type shared that has an order.
A result FIRST is of the type of the first argument."""

REAL, GEO, POINTS, LINES, POLYGONS = "real", "geo", "points", "lines", "polygons"
"""Parameter classes of one's own type each: number or double; any shape; shapes of one dimension."""

INTERVAL, ZONE, WEB = "interval", "zone", "web"
"""Types that only a constant can have: ISO 8601 duration, time zone name, address of a link without a description."""

SHAPES = ("polygon", "multipolygon", "line", "multiline", "multipoint")
"""Types of geometry that lie as well-known binary; a point lies as two numbers."""

CLASSES: dict[str, tuple[str, ...]] = {
    REAL: ("number", "double"),
    GEO: ("point", *SHAPES),
    POINTS: ("point", "multipoint"),
    LINES: ("line", "multiline"),
    POLYGONS: ("polygon", "multipolygon"),
}
"""The types of each parameter class; a literal becomes the first that it can be read as."""

ORDERED_TYPES = frozenset(
    {"text", "number", "double", "calendar_date", "fixed_timestamp", "url", "row_identifier", "row_version"}
)


@dataclass(frozen=True, eq=False)
class Function:
    """One overload.

    `sql` has `{0}`, `{1}` … for the arguments, `{all}` for all with commas, `{0.lat}` and `{0.lon}` for a point,
    `{0.wkb}`, `{0.west}`, `{0.south}`, `{0.east}` and `{0.north}` for any geometry. `{over}` stands where FILTER and
    OVER go if that is not the end. With `repeats` the last parameter may come any number of times more. `rounded` says
    that the number was computed in binary and is shown to 15 significant digits. `example` is a query that runs over
    any dataset. `volatile` functions give another value each time, so answers with them are not kept.
    """

    name: str
    parameters: tuple[str, ...]
    result: str
    sql: str
    doc: str
    repeats: bool = False
    aggregate: bool = False
    rounded: bool = False
    section: str = ""
    example: str = ""
    window: bool = False
    volatile: bool = False

    @cached_property
    def uses(self) -> tuple[int, ...]:
        """How often the template writes each argument out; nested calls multiply these."""
        written = [int(place) for place in re.findall(r"\{(\d+)[.}]", self.sql)]
        return tuple(max(1, written.count(place)) for place in range(len(self.parameters)))


def signature(
    name: str,
    parameters: str,
    result: str,
    sql: str,
    doc: str,
    example: str = "",
    *,
    repeats: bool = False,
    rounded: bool = False,
) -> Function:
    """A row of the table, parameters as words; the example is the expression alone."""
    words = tuple(parameters.split())
    shown = f"SELECT {example} AS answer LIMIT 1" if example else ""
    return Function(name, words, result, sql, doc, repeats=repeats, rounded=rounded, example=shown)


def aggregate(
    name: str, parameters: str, result: str, sql: str, doc: str, example: str = "", *, rounded: bool = False
) -> Function:
    """A row of the table for an aggregate."""
    words = tuple(parameters.split())
    shown = f"SELECT {example} AS answer" if example else ""
    return Function(name, words, result, sql, doc, aggregate=True, rounded=rounded, example=shown)


def window(name: str, parameters: str, result: str, sql: str, doc: str, example: str = "") -> Function:
    """A row of the table for a function that needs OVER."""
    shown = f"SELECT {example} AS answer LIMIT 5" if example else ""
    return Function(name, tuple(parameters.split()), result, sql, doc, window=True, example=shown)


def in_section(section: str, functions: tuple[Function, ...]) -> tuple[Function, ...]:
    """The same rows under a heading of the documentation."""
    return tuple(replace(function, section=section) for function in functions)
