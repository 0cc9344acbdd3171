"""One select, resolved: what goes out, from which rows, in which groups, in which order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from exchange.rows.functions import SHAPES
from exchange.rows.plan import filters
from exchange.rows.plan.grouping import check_floor, check_groups, suppressed, with_group_forms
from exchange.rows.plan.overloads import call
from exchange.rows.plan.scope import Scope
from exchange.rows.plan.searching import LOOKED_AT, search
from exchange.rows.plan.selecting import completed, outputs_of
from exchange.rows.plan.shape import Dataset, Joined, Rows, Stage
from exchange.rows.plan.typed import (
    MAX_MASS,
    Apply,
    Column,
    Over,
    Sort,
    Typed,
    has_aggregate,
    has_window,
    mass_of,
    rebuilt,
    too_large,
)
from exchange.rows.soql import tree
from exchange.rows.soql.errors import SoqlError
from exchange.rows.types import header_name

_WITHOUT_ORDER = frozenset({"point", "location", "document", "photo", "blob", *SHAPES})
_BY_PLACE = frozenset({"row_number", "ntile", "lead", "lag", "first_value"})
"""Window functions whose value depends on which of two equal rows comes first."""


def resolve_stage(
    query: tree.Query, scope: Scope, source: Rows, joins: Sequence[tuple[tree.Join, Joined]], *, min_cell: int
) -> Stage:
    """Type and check one select over the relations of the scope. Raises `SoqlError`.

    Each of `joins` comes with the condition still to be typed, since it may use the aliases of the selection.
    """
    query = completed(query)
    outputs = outputs_of(query, scope)
    primary = scope.relations[0]
    stage = Stage(
        outputs,
        source,
        primary.alias,
        primary.keys,
        _joined(scope, joins),
        _where(query, scope),
        tuple(scope.value_of(node) for node in query.group),
        scope.condition(query.having) if query.having is not None else None,
        tuple(_sort(scope, ordering) for ordering in query.order),
        query.distinct,
        tuple(scope.value_of(node) for node in query.distinct_on),
        False,
        query.limit,
        query.offset,
        min_cell,
    )
    scope.record.grow(stage.expressions())
    after = [*(named.column for named in outputs), *(sort.expression for sort in stage.order), *stage.distinct_on]
    grouped = bool(stage.group or stage.having is not None or any(map(has_aggregate, after)))
    return _checked(replace(stage, grouped=grouped), query.search, scope)


def _checked(stage: Stage, words: str | None, scope: Scope) -> Stage:
    if stage.grouped:
        stage = with_group_forms(stage)
    expressions = list(stage.expressions())
    if sum(map(mass_of, expressions)) > MAX_MASS:
        raise too_large()
    check_groups(stage)
    _check_distinct(stage)
    stage = _searched(stage, words, scope)
    if stage.min_cell > 0:
        check_floor(stage)
    if stage.grouped and stage.min_cell > 0:
        stage = suppressed(stage)
    return _settled(stage) if any(map(has_window, expressions)) else stage


def _joined(scope: Scope, joins: Sequence[tuple[tree.Join, Joined]]) -> tuple[Joined, ...]:
    found = []
    unjoined = [joined.alias for _, joined in joins]
    for join, joined in joins:
        unjoined.remove(joined.alias)
        condition = scope.condition(join.on)
        scope.only_over(condition, unjoined, join.on.at)
        found.append(replace(joined, on=condition))
    return tuple(found)


def _where(query: tree.Query, scope: Scope) -> Typed | None:
    conditions = [filters.simple_filter(scope, filter_) for filter_ in query.filters]
    if query.where is not None:
        conditions.append(scope.condition(query.where))
    return _all_of(conditions)


def _all_of(conditions: Sequence[Typed]) -> Typed | None:
    if len(conditions) < 2:
        return conditions[0] if conditions else None
    return call("AND", list(conditions))


def _sort(scope: Scope, ordering: tree.Ordering) -> Sort:
    sort = scope.sort(ordering)
    if sort.expression.type in _WITHOUT_ORDER:
        type_ = header_name(sort.expression.type)
        sentence = f"Type mismatch: cannot order by an expression of type {type_}"
        raise SoqlError("type-mismatch", sentence, at=ordering.expression.at, type=type_)
    return sort


def _check_distinct(stage: Stage) -> None:
    """With DISTINCT, rows are sorted by what was selected; DISTINCT ON takes the first keys of the order."""
    selected = {named.column for named in stage.outputs}
    if stage.distinct and any(sort.expression not in selected for sort in stage.order):
        sentence = "The expressions in ORDER BY must be selected when using DISTINCT"
        raise SoqlError("order-by-must-be-selected-when-distinct", sentence)
    keys = frozenset(stage.distinct_on)
    left = set(keys)
    for sort in stage.order:
        if not left:
            break
        if sort.expression not in keys:
            sentence = "The expressions in DISTINCT ON must lead in the ORDER BY clause"
            raise SoqlError("distinct-on-not-prefix-of-order-by", sentence)
        left.discard(sort.expression)


def _searched(stage: Stage, words: str | None, scope: Scope) -> Stage:
    """`$q` over the rows, before they are grouped, as the vendor's own server does (docs/soql.md)."""
    if words is None:
        return stage
    named = (named for relation in scope.relations for named in relation.columns.values())
    columns = [each.column for each in named if isinstance(each.column, Column)]
    for relation in scope.relations:
        looked_at = (key for key, named in relation.columns.items() if named.column.type in LOOKED_AT)
        scope.see(relation, *looked_at)
    of_main = isinstance(stage.source, Dataset) and stage.source == Dataset() and not stage.joins
    found = search(words, columns, relation=stage.alias if of_main else None)
    return replace(stage, where=_all_of([c for c in (stage.where, found) if c is not None]))


def _settled(stage: Stage) -> Stage:
    """Windows that depend on the order of equal rows get the keys that make it one order."""
    keys = stage.group if stage.grouped else stage.every_key
    ties = tuple(Sort(key, False, False) for key in keys)

    def settle(expression: Apply) -> Typed:
        over = expression.over
        if over is None or "EXCLUDE" in over.frame:
            return expression
        if not (over.frame.startswith("ROWS") or (not over.frame and expression.function.name in _BY_PLACE)):
            return expression
        return replace(expression, over=Over(over.partition, (*over.order, *ties), over.frame))

    outputs = tuple(replace(named, column=rebuilt(named.column, settle)) for named in stage.outputs)
    order = tuple(replace(sort, expression=rebuilt(sort.expression, settle)) for sort in stage.order)
    distinct_on = tuple(rebuilt(key, settle) for key in stage.distinct_on)
    return replace(stage, outputs=outputs, order=order, distinct_on=distinct_on)
