"""The functions of SoQL: one table that is the whitelist, the typing rules and the documentation at once."""

from __future__ import annotations

from collections.abc import Mapping

from exchange.rows.functions.casts import CASTS
from exchange.rows.functions.comparing import CELL_MEANING, CELL_MEANING_OF_OTHERS, COMPARING
from exchange.rows.functions.dates import DATES
from exchange.rows.functions.geography import GEOGRAPHY, GEOGRAPHY_OF_GROUPS, HULL_OF_GROUP
from exchange.rows.functions.numbers import AGGREGATES, NUMBERS
from exchange.rows.functions.places import PLACES
from exchange.rows.functions.table import (
    ANY,
    CLASSES,
    FIRST,
    INTERVAL,
    ORDERED,
    ORDERED_TYPES,
    SAME,
    SHAPES,
    ZONE,
    Function,
    in_section,
)
from exchange.rows.functions.texts import TEXTS
from exchange.rows.functions.windows import WINDOWS

SECTIONS: Mapping[str, tuple[Function, ...]] = {
    "Comparison and choice": COMPARING,
    "Text": TEXTS,
    "Numbers": NUMBERS,
    "Dates and times": DATES,
    "Geography": GEOGRAPHY,
    "Locations and links": PLACES,
    "Aggregates": (*AGGREGATES, *GEOGRAPHY_OF_GROUPS),
    "Windows": WINDOWS,
    "Casts": CASTS,
}

TABLE: tuple[Function, ...] = tuple(
    function for section, functions in SECTIONS.items() for function in in_section(section, functions)
)


def _by_name() -> Mapping[str, tuple[Function, ...]]:
    names: dict[str, list[Function]] = {}
    for function in TABLE:
        names.setdefault(function.name, []).append(function)
    return {name: tuple(overloads) for name, overloads in names.items()}


OVERLOADS: Mapping[str, tuple[Function, ...]] = _by_name()
"""Every overload by name. Operators are named as written, casts `::type`, parts of a value `.part`."""

VOLATILE = frozenset(function.name for function in TABLE if function.volatile)
"""Names of functions whose value is another each time; an answer with one of them is not kept."""

OF_GROUP: Mapping[Function, Function] = {
    function: HULL_OF_GROUP for function in OVERLOADS["convex_hull"] if not function.aggregate
}
"""What a function of one row is in a grouped query, over something that is neither a key nor an aggregate."""

NOT_CALLABLE = frozenset({"AND", "OR", "NOT", "count(*)", "negate"})
"""Rows of the table that only the language itself uses."""

__all__ = [
    "ANY",
    "CELL_MEANING",
    "CELL_MEANING_OF_OTHERS",
    "CLASSES",
    "FIRST",
    "INTERVAL",
    "NOT_CALLABLE",
    "OF_GROUP",
    "ORDERED",
    "ORDERED_TYPES",
    "OVERLOADS",
    "SAME",
    "SECTIONS",
    "SHAPES",
    "TABLE",
    "VOLATILE",
    "ZONE",
    "Function",
]
