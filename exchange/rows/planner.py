"""Which store answers a plan: the columns of a version (DuckDB) or its pages (SQLite). Pure; looks at the plan only.

The pages have a narrow class, in which both stores say the same by construction: one select over one dataset, every
column and nothing else, rows in their own order or by one column, and conditions joined by AND that compare a plain
column with constants (`=`, `<`, `<=`, `>`, `>=`, `between`, `in`). Everything else is the columns' business.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from exchange.rows.plan import Plan
from exchange.rows.plan.shape import Dataset, Stage
from exchange.rows.plan.typed import Apply, Column, Constant, Typed
from exchange.rows.types import ROW, ColumnInfo

MOST_ROWS = 10_000
"""Longer pages leave as a stream of the columns, whose first byte comes before the last row is read."""

OPERATORS = frozenset({"=", "<", "<=", ">", ">=", "between", "in"})
_MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_CONSTANTS: Mapping[str, tuple[type, ...]] = {
    "text": (str,),
    "number": (int, float),
    "calendar_date": (datetime,),
    "fixed_timestamp": (datetime,),
    "checkbox": (bool,),
}


@dataclass(frozen=True)
class Condition:
    """A column compared with constants."""

    column: str
    operator: str
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Page:
    """A plan of the narrow class. `order` is a column and whether it descends; None is the rows' own order."""

    conditions: tuple[Condition, ...]
    order: tuple[str, bool, bool] | None
    limit: int
    offset: int


def page_of(plan: Plan, columns: Sequence[ColumnInfo]) -> Page | None:
    """The plan as a page over a version of these columns; None if it is not of the narrow class."""
    stages = plan.stages
    if len(stages) != 1 or plan.datasets or plan.grouped or plan.limit > MOST_ROWS:
        return None
    stage = stages[0]
    if not _is_plain(stage) or not _is_everything(stage, columns):
        return None
    conditions = _conditions(stage.where, {column.name: column.type for column in columns})
    order = _order(stage, {column.name for column in columns})
    if conditions is None or order is None:
        return None
    return Page(tuple(conditions), order or None, plan.limit, stage.offset)


def _is_plain(stage: Stage) -> bool:
    whole = isinstance(stage.source, Dataset) and not stage.source.id and stage.source.rows is None
    reshaped = stage.joins or stage.group or stage.having or stage.distinct or stage.distinct_on or stage.grouped
    return whole and not reshaped and not stage.min_cell


def _is_everything(stage: Stage, columns: Sequence[ColumnInfo]) -> bool:
    if len(stage.outputs) != len(columns):
        return False
    return all(
        output.name == column.name
        and isinstance(output.column, Column)
        and output.column.name == column.name
        and not output.column.computed
        for output, column in zip(stage.outputs, columns, strict=True)
    )


def _order(stage: Stage, names: set[str]) -> tuple[str, bool, bool] | tuple[()] | None:
    """The column, whether it descends, and whether nulls come first; () for the rows' own order; None for another."""
    order = list(stage.order)
    if order and _is_row_id(order[-1].expression) and not order[-1].descending:
        order.pop()  # rows are told apart by their place in any case
    if not order:
        return ()
    first = order[0].expression
    if len(order) > 1 or not isinstance(first, Column) or first.computed or first.name not in names:
        return None
    return first.name, order[0].descending, order[0].nulls_first


def _is_row_id(expression: Typed) -> bool:
    return isinstance(expression, Column) and expression.name == ROW and expression.type == "row_identifier"


def _conditions(where: Typed | None, types: Mapping[str, str]) -> list[Condition] | None:
    found = []
    for part in _parts(where):
        condition = _condition(part, types)
        if condition is None:
            return None
        found.append(condition)
    return found


def _parts(where: Typed | None) -> Iterator[Typed]:
    if isinstance(where, Apply) and where.function.name == "AND":
        for argument in where.arguments:
            yield from _parts(argument)
    elif where is not None:
        yield where


def _condition(part: Typed, types: Mapping[str, str]) -> Condition | None:
    if not isinstance(part, Apply) or part.function.name not in OPERATORS:
        return None
    operator, (first, *rest) = part.function.name, part.arguments
    if isinstance(first, Constant) and len(rest) == 1 and operator in _MIRRORED:
        operator, first, rest = _MIRRORED[operator], rest[0], [first]
    if not isinstance(first, Column) or first.computed or types.get(first.name) != first.type:
        return None
    values = [value.value for value in rest if isinstance(value, Constant) and _fits(value, first.type)]
    return Condition(first.name, operator, tuple(values)) if len(values) == len(rest) else None


def _fits(constant: Constant, type_: str) -> bool:
    """Whether both stores compare this constant in the same way: the column's own type, and finite."""
    kinds = _CONSTANTS.get(type_)
    if constant.type != type_ or kinds is None or not isinstance(constant.value, kinds):
        return False
    if isinstance(constant.value, bool):
        return type_ == "checkbox"
    if isinstance(constant.value, int):
        return abs(constant.value) <= 2**53
    return not isinstance(constant.value, float) or math.isfinite(constant.value)
