"""Conditions that do not come as SoQL: row filters of clauses, simple filters of addresses."""

from __future__ import annotations

from collections.abc import Sequence

from exchange.errors import Invalid
from exchange.rows.plan.overloads import as_type, call
from exchange.rows.plan.scope import Scope
from exchange.rows.plan.typed import Constant, Typed
from exchange.rows.plan.visible import Named
from exchange.rows.predicate import Predicate, check
from exchange.rows.soql import tree
from exchange.rows.soql.errors import SoqlError
from exchange.rows.types import header_name

_COMPARISONS = {
    "eq": "=", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "in": "in", "between": "between",
}  # fmt: skip


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
    value = Constant("text", filter_.value)
    if as_type(value, column.type) is None:
        type_ = header_name(column.type)
        sentence = f"Type mismatch: {filter_.name.typed} is {type_}, which {filter_.value[:60]!r} is not"
        raise SoqlError("type-mismatch", sentence, column=filter_.name.typed, type=type_)
    return call("=", [column, value])
