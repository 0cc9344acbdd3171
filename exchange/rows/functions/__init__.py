"""The functions of SoQL: one table that is the whitelist, the typing rules and the documentation at once."""

from __future__ import annotations

from collections.abc import Mapping

from exchange.rows.functions.comparing import CELL_MEANING, CELL_MEANING_OF_OTHERS, COMPARING
from exchange.rows.functions.dates import DATES
from exchange.rows.functions.geography import GEOGRAPHY
from exchange.rows.functions.numbers import AGGREGATES, NUMBERS
from exchange.rows.functions.table import ANY, INTERVAL, ORDERED, ORDERED_TYPES, SAME, ZONE, Function
from exchange.rows.functions.texts import CASTS, TEXTS

TABLE: tuple[Function, ...] = (*COMPARING, *NUMBERS, *TEXTS, *DATES, *GEOGRAPHY, *AGGREGATES, *CASTS)


def _by_name() -> Mapping[str, tuple[Function, ...]]:
    names: dict[str, list[Function]] = {}
    for function in TABLE:
        names.setdefault(function.name, []).append(function)
    return {name: tuple(overloads) for name, overloads in names.items()}


OVERLOADS: Mapping[str, tuple[Function, ...]] = _by_name()
"""Every overload by name. Operators are named as written, casts `::type`, parts of a value `.part`."""

VOLATILE = frozenset(function.name for function in TABLE if function.volatile)
"""Names of functions whose value is another each time; an answer with one of them is not kept."""

NOT_CALLABLE = frozenset({"AND", "OR", "NOT", "count(*)", "negate"})
"""Rows of the table that only the language itself uses."""

__all__ = [
    "ANY",
    "CELL_MEANING",
    "CELL_MEANING_OF_OTHERS",
    "INTERVAL",
    "NOT_CALLABLE",
    "ORDERED",
    "ORDERED_TYPES",
    "OVERLOADS",
    "SAME",
    "TABLE",
    "VOLATILE",
    "ZONE",
    "Function",
]
