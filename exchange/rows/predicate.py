"""Row filters as data: the small typed predicate language in which a clause says which rows it covers.

A predicate is JSON, so that it can be signed, hashed, exported and compared::

    {"op": "in", "column": "district", "values": ["Hartford School District"]}
    {"op": "and", "of": [...]}      also "or", and "not" with one member
    {"op": "between", "column": "year", "values": ["2015", "2018"]}   both ends included

Comparison ops: eq ne lt le gt ge in between. An unknown op, column or shape refuses; nothing is ever ignored.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from exchange.errors import Invalid

Predicate = Mapping[str, Any]

COMPARISONS = {
    "eq": "is",
    "ne": "is not",
    "lt": "is less than",
    "le": "is at most",
    "gt": "is more than",
    "ge": "is at least",
    "in": "is one of",
    "between": "is between",
}
JUNCTIONS = ("and", "or")
MAX_DEPTH = 20


def check(predicate: Predicate, columns: Collection[str], depth: int = 0) -> None:
    """Raise `Invalid` unless the predicate is well formed over these columns."""
    if depth > MAX_DEPTH:
        raise Invalid(f"The row filter is nested deeper than {MAX_DEPTH}.")
    op = predicate.get("op")
    if op in JUNCTIONS or op == "not":
        _check_junction(predicate, columns, depth)
    elif op in COMPARISONS:
        _check_comparison(predicate, columns)
    else:
        known = ", ".join([*COMPARISONS, "and", "or", "not"])
        raise Invalid(f"The row filter has an unknown operation {op!r}; known are {known}.")


def _check_junction(predicate: Predicate, columns: Collection[str], depth: int) -> None:
    members = predicate.get("of")
    if set(predicate) != {"op", "of"} or not isinstance(members, list) or not members:
        raise Invalid('A row filter with "and", "or" or "not" has exactly a non-empty list "of".')
    if predicate["op"] == "not" and len(members) != 1:
        raise Invalid('A row filter with "not" has exactly one member.')
    for member in members:
        if not isinstance(member, Mapping):
            raise Invalid("Every member of a row filter is a row filter.")
        check(member, columns, depth + 1)


def _check_comparison(predicate: Predicate, columns: Collection[str]) -> None:
    values = predicate.get("values")
    if set(predicate) != {"op", "column", "values"} or not isinstance(values, list) or not values:
        raise Invalid('A comparison in a row filter has exactly "column" and a non-empty list "values".')
    if predicate["column"] not in columns:
        raise Invalid(f"The row filter names a column {predicate['column']!r} that the dataset does not have.")
    wanted = {"in": None, "between": 2}.get(predicate["op"], 1)
    if wanted is not None and len(values) != wanted:
        raise Invalid(f"The comparison {predicate['op']!r} takes {wanted} value(s), not {len(values)}.")
    if not all(isinstance(value, str | int | float) for value in values):
        raise Invalid("Values of a row filter are texts or numbers.")


def both(first: Predicate | None, second: Predicate | None) -> Predicate | None:
    """The rows that both allow; None allows every row."""
    if first is None or second is None or first == second:
        return first if second is None else second
    return {"op": "and", "of": [dict(first), dict(second)]}


def columns_of(predicate: Predicate | None) -> frozenset[str]:
    """The columns that the predicate reads."""
    if predicate is None:
        return frozenset()
    if "of" in predicate:
        return frozenset().union(*(columns_of(member) for member in predicate["of"]))
    return frozenset({predicate["column"]})


def in_words(predicate: Predicate | None, labels: Mapping[str, str]) -> str:
    """The predicate as a sentence part for people, with column labels."""
    if predicate is None:
        return "all rows"
    op = predicate["op"]
    if op in JUNCTIONS:
        return f" {op} ".join(f"({in_words(member, labels)})" for member in predicate["of"])
    if op == "not":
        return f"not ({in_words(predicate['of'][0], labels)})"
    joiner = " and " if op == "between" else ", "
    values = joiner.join(f"“{value}”" for value in predicate["values"])
    return f"{labels.get(predicate['column'], predicate['column'])} {COMPARISONS[op]} {values}"
