"""Conditions that do not come as SoQL: row filters of clauses, simple filters of addresses, full-text search."""

from __future__ import annotations

import re
from collections.abc import Sequence

from exchange.errors import Invalid
from exchange.rows.functions import Function
from exchange.rows.plan.overloads import as_type, call
from exchange.rows.plan.scope import Scope
from exchange.rows.plan.typed import Column, Constant, Typed, apply
from exchange.rows.plan.visible import Named
from exchange.rows.predicate import Predicate, check
from exchange.rows.soql import tree
from exchange.rows.soql.errors import SoqlError
from exchange.rows.types import header_name

_COMPARISONS = {
    "eq": "=", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "in": "in", "between": "between",
}  # fmt: skip
_MATCHES = Function("search", ("text", "text"), "checkbox", "coalesce(regexp_matches({0}, {1}, 'i'), false)", "Word.")
_EQUALS = Function("search", ("number", "number"), "checkbox", "coalesce({0} = {1}, false)", "Number.")
_ENDINGS = ("ies", "ing", "es", "ed", "s", "y")
_SUFFIXES = "(?:ies|y|ing|es|ed|e|s)?"
_NOT_A_LETTER = r"[^\pL\pN]"
MAX_TERMS = 20


def row_filter(predicate: Predicate, columns: Sequence[Named]) -> Typed:
    """The rows that the reader may see. Raises `Invalid` when the filter does not fit the columns: never wider."""
    by_name = {named.name: named.column for named in columns}
    check(predicate, by_name)
    return _predicate(predicate, by_name)


def _predicate(predicate: Predicate, columns: dict[str, Typed]) -> Typed:
    if "of" in predicate:
        return call(predicate["op"].upper(), [_predicate(member, columns) for member in predicate["of"]])
    column = columns[predicate["column"]]
    values = [_value(value, column, predicate["column"]) for value in predicate["values"]]
    return call(_COMPARISONS[predicate["op"]], [column, *values])


def _value(value: str | float, column: Typed, name: str) -> Typed:
    given = Constant("text", value if isinstance(value, str) else repr(value))
    read = as_type(given, column.type)
    if read is None:
        raise Invalid(f"The row filter compares {name} with {value!r}, which is not of type {column.type}.")
    return read


def simple_filter(scope: Scope, filter_: tree.SimpleFilter) -> Typed:
    """`field=value` of an address: equality with the value read as the column's type."""
    column = scope.column(filter_.name)
    value = as_type(Constant("text", filter_.value), column.type)
    if value is None:
        type_ = header_name(column.type)
        sentence = f"Type mismatch: {filter_.name.typed} is {type_}, which {filter_.value[:60]!r} is not"
        raise SoqlError("type-mismatch", sentence, column=filter_.name.typed, type=type_)
    return call("=", [column, value])


def search(words: str, columns: Sequence[Typed]) -> Typed | None:
    """Rows in which every term stands, in some text column by its stem or in some number column by its value."""
    terms = re.findall(r"[^\W_]+(?:\.[0-9]+)?", words)[:MAX_TERMS]
    found = [_term(term, columns) for term in terms]
    if not found:
        return None
    return found[0] if len(found) == 1 else call("AND", found)


def _term(term: str, columns: Sequence[Typed]) -> Typed:
    pattern = Constant("text", f"(?:^|{_NOT_A_LETTER}){re.escape(_stem(term))}{_SUFFIXES}(?:$|{_NOT_A_LETTER})")
    value = as_type(Constant("text", term), "number")
    places = [apply(_MATCHES, (column, pattern), "checkbox") for column in columns if column.type in ("text", "url")]
    if value is not None:
        places += [apply(_EQUALS, (column, value), "checkbox") for column in columns if column.type == "number"]
    if not places:
        return Constant("checkbox", False)
    return places[0] if len(places) == 1 else call("OR", places)


def _stem(term: str) -> str:
    """The term without its most common English endings; never shorter than three letters."""
    for ending in _ENDINGS:
        if term.lower().endswith(ending) and len(term) - len(ending) >= 3:
            return term[: -len(ending)]
    return term


def searchable(columns: Sequence[Named]) -> list[Typed]:
    """The columns that a full-text search looks at."""
    return [named.column for named in columns if isinstance(named.column, Column)]
