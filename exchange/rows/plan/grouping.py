"""The rules of groups: what may stand beside an aggregate, and what is withheld of small groups."""

from __future__ import annotations

from dataclasses import replace

from exchange.rows.functions import OF_GROUP, Function
from exchange.rows.plan.emitting import distinct_sql
from exchange.rows.plan.shape import Stage
from exchange.rows.plan.typed import (
    Apply,
    Column,
    Typed,
    aggregates,
    apply,
    children,
    has_aggregate,
    has_window,
    parts,
    rebuilt,
    ungrouped_columns,
)
from exchange.rows.soql.errors import SoqlError


def with_group_forms(stage: Stage) -> Stage:
    """The stage with each function that has a form for groups in that form, where it stands over ungrouped columns."""
    keys = frozenset(stage.group)

    def change(expression: Apply) -> Typed:
        function = OF_GROUP.get(expression.function)
        if function is None or expression in keys or has_aggregate(expression):
            return expression
        return apply(function, expression.arguments, expression.type)

    def changed(expression: Typed) -> Typed:
        return expression if expression in keys else rebuilt(expression, change)

    outputs = tuple(replace(named, column=changed(named.column)) for named in stage.outputs)
    order = tuple(replace(sort, expression=changed(sort.expression)) for sort in stage.order)
    return replace(stage, outputs=outputs, order=order, having=None if stage.having is None else changed(stage.having))


def check_groups(stage: Stage) -> None:
    """Raise `SoqlError` where an aggregate, a window or a column stands that may not."""
    _check_places(stage)
    if not stage.grouped:
        return
    keys = frozenset(stage.group)
    after = [*(named.column for named in stage.outputs), *(sort.expression for sort in stage.order)]
    for expression in (*after, *stage.distinct_on, *(() if stage.having is None else (stage.having,))):
        for column in ungrouped_columns(expression, keys):
            name = column.source or ":id"
            raise SoqlError("column-not-in-group-bys", f"Column {name} is not in group bys", column=name)


def _check_places(stage: Stage) -> None:
    before = [*stage.group, *(joined.on for joined in stage.joins), *(() if stage.where is None else (stage.where,))]
    if any(map(has_aggregate, before)):
        sentence = "Cannot use aggregate functions in WHERE, GROUP BY or ON"
        raise SoqlError("aggregate-in-ungrouped-context", sentence)
    if any(map(has_window, (*before, *(() if stage.having is None else (stage.having,))))):
        sentence = "Window functions stand in the selection and in ORDER BY alone; select one and go on with |>"
        raise SoqlError("window-function-not-allowed", sentence)
    for expression in stage.expressions():
        for part in parts(expression):
            _check_nesting(part)


def _check_nesting(part: Typed) -> None:
    if not isinstance(part, Apply):
        return
    if aggregates(part) and any(map(has_aggregate, children(part))):
        sentence = "Cannot use aggregate functions inside one another"
        raise SoqlError("aggregate-in-ungrouped-context", sentence, function=part.function.name)
    if (aggregates(part) or part.over is not None) and any(map(has_window, children(part))):
        sentence = f"Cannot use window functions inside {part.function.name}; select one and go on with |>"
        raise SoqlError("window-function-not-allowed", sentence, function=part.function.name)


def suppressed(stage: Stage) -> Stage:
    """Every aggregate that fewer than `min_cell` rows made is null (the invariant that suppression holds)."""
    outputs = tuple(replace(named, column=_guarded(named.column, stage.min_cell)) for named in stage.outputs)
    order = tuple(replace(sort, expression=_guarded(sort.expression, stage.min_cell)) for sort in stage.order)
    having = _guarded(stage.having, stage.min_cell) if stage.having is not None else None
    return replace(stage, outputs=outputs, order=order, having=having)


def check_floor(stage: Stage) -> None:
    """Raise `SoqlError` for what could undo the withholding of small groups: OVER and FILTER look at other rows."""
    for expression in stage.expressions():
        for part in parts(expression):
            if isinstance(part, Apply) and (part.over is not None or part.filter is not None):
                word = "OVER" if part.over is not None else "FILTER"
                sentence = f"{word} cannot be used here: groups under {stage.min_cell} rows are withheld"
                raise SoqlError("window-function-not-allowed", sentence, function=part.function.name)


def _guarded(expression: Typed, min_cell: int) -> Typed:
    if not isinstance(expression, Apply):
        return expression
    if not expression.function.aggregate:
        return replace(expression, arguments=tuple(_guarded(part, min_cell) for part in expression.arguments))
    for argument in expression.arguments:
        if not (isinstance(argument, Column) and not argument.computed):
            sentence = (
                f"Here {expression.function.name} takes a column as it is: groups under {min_cell} rows are withheld"
            )
            raise SoqlError("type-mismatch", sentence, function=expression.function.name)
    if not expression.arguments:
        return expression
    function = _guard(expression.function, min_cell, distinct=expression.distinct)
    return apply(function, expression.arguments, expression.type)


def _guard(function: Function, min_cell: int, *, distinct: bool) -> Function:
    inner = distinct_sql(function.sql) if distinct else function.sql
    present = " AND ".join(f"{{{place}}} IS NOT NULL" for place in range(len(function.parameters)))
    enough = f"count(*) FILTER (WHERE {present}) >= {int(min_cell)}"
    sql = f"(CASE WHEN {enough} THEN {{aggregate}} END)"
    return replace(function, name=f"guarded {function.name}", sql=sql.replace("{aggregate}", inner))
