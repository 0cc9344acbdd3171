"""One select, resolved: what goes out, from which rows, in which groups, in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from exchange.rows.functions import Function
from exchange.rows.plan import filters
from exchange.rows.plan.emitting import distinct_sql
from exchange.rows.plan.naming import implied_name
from exchange.rows.plan.overloads import call
from exchange.rows.plan.scope import ROW_ID, SYSTEM_FIELDS, Named, Scope
from exchange.rows.plan.typed import (
    MAX_MASS,
    Apply,
    Column,
    Typed,
    apply,
    has_aggregate,
    mass_of,
    parts,
    too_large,
    ungrouped_columns,
)
from exchange.rows.soql import tree
from exchange.rows.soql.errors import SoqlError
from exchange.rows.soql.parser import key_of


@dataclass(frozen=True)
class Sort:
    """One sort key with the place of nulls decided."""

    expression: Typed
    descending: bool
    nulls_first: bool


@dataclass(frozen=True)
class Stage:
    """One resolved select. `rows` is the row filter of the grant, below everything else."""

    outputs: tuple[Named, ...]
    rows: Typed | None
    where: Typed | None
    group: tuple[Typed, ...]
    having: Typed | None
    order: tuple[Sort, ...]
    distinct: bool
    grouped: bool
    limit: int | None
    offset: int
    min_cell: int

    @property
    def is_plain_page(self) -> bool:
        """Whether it is a run of consecutive rows, which the dense `_row` finds without counting."""
        filtered = self.rows or self.where or self.grouped or self.distinct
        by_row = all(sort.expression == ROW_ID and not sort.descending for sort in self.order)
        return not filtered and by_row


def resolve_stage(query: tree.Query, scope: Scope, *, rows: Typed | None, min_cell: int, first: bool) -> Stage:
    """Type and check one select over the columns of the scope. Raises `SoqlError`."""
    query = _completed(query)
    outputs = _outputs(query, scope, first)
    where = _where(query, scope)
    group = tuple(scope.type_of(node) for node in query.group)
    having = scope.condition(query.having) if query.having is not None else None
    order = tuple(_sort(scope, ordering) for ordering in query.order)
    expressions = [*(named.column for named in outputs), *(sort.expression for sort in order)]
    grouped = bool(query.group or having is not None or any(map(has_aggregate, expressions)))
    stage = Stage(
        outputs, rows, where, group, having, order, query.distinct, grouped, query.limit, query.offset, min_cell
    )
    if sum(mass_of(part) for part in (*expressions, *group, where or ROW_ID, having or ROW_ID)) > MAX_MASS:
        raise too_large()
    _check_groups(stage)
    stage = _searched(stage, query.search, scope)
    return _suppressed(stage) if grouped and min_cell > 0 else stage


def _completed(query: tree.Query) -> tree.Query:
    """The query with the selection that stands for none (soda.md §3)."""
    if query.names_something:
        return query
    count = tree.Selection(tree.Call("count", (), star=True, typed="count"))
    if query.group:
        return replace(query, selections=(*(tree.Selection(key) for key in query.group), count))
    star = tree.Star(system=False)
    return replace(query, stars=(tree.Star(system=True), star) if query.system_fields else (star,))


def _outputs(query: tree.Query, scope: Scope, first: bool) -> tuple[Named, ...]:
    found = [named for star in query.stars for named in _starred(star, scope, first)]
    explicit = _explicit_names(query, {key_of(named.name) for named in found})
    taken = {*scope.columns, *(key_of(named.name) for named in found), *(key_of(name) for name in explicit if name)}
    names = []
    for selection, name in zip(query.selections, explicit, strict=True):
        names.append(name or implied_name(selection.expression, taken))
        taken.add(key_of(names[-1]))
    scope.define({
        key_of(name): selection.expression
        for selection, name in zip(query.selections, names, strict=True)
        if selection.alias is not None or not isinstance(selection.expression, tree.Name)
    })  # fmt: skip
    for selection, name in zip(query.selections, names, strict=True):
        plain = selection.alias is None and isinstance(selection.expression, tree.Name)
        found.append(_plain(scope, selection.expression) if plain else Named(name, scope.alias(key_of(name))))  # type: ignore[arg-type]
    return tuple(found)


def _plain(scope: Scope, node: tree.Name) -> Named:
    column = scope.column(node)
    named = scope.columns.get(node.key)
    return Named(named.name if named else node.key, column)


def _explicit_names(query: tree.Query, taken: set[str]) -> list[str | None]:
    """The names that selections were given, or have because they are plain columns. No name may come twice."""
    names: list[str | None] = []
    for selection in query.selections:
        chosen = selection.alias or (selection.expression if isinstance(selection.expression, tree.Name) else None)
        if chosen is not None:
            if chosen.key in taken:
                sentence = f"There is already a column named {chosen.typed}"
                raise SoqlError("duplicate-alias", sentence, at=chosen.at, name=chosen.typed)
            taken.add(chosen.key)
        names.append(chosen.typed if chosen is not None else None)
    return names


def _starred(star: tree.Star, scope: Scope, first: bool) -> list[Named]:
    system: Mapping[str, Typed] = SYSTEM_FIELDS if first else {}
    all_of = [Named(name, field) for name, field in system.items()] if star.system else list(scope.columns.values())
    excepted: set[str] = set()
    known = {key_of(named.name) for named in all_of}
    for name in star.excepted:
        if name.key not in known:
            raise SoqlError("no-such-column", f"No such column: {name.typed}", at=name.at, column=name.typed)
        if name.key in excepted:
            raise SoqlError("repeated-exception", f"Excepted twice: {name.typed}", at=name.at, name=name.typed)
        excepted.add(name.key)
    kept = [named for named in all_of if key_of(named.name) not in excepted]
    scope.used.update(named.name for named in kept if not star.system)
    return kept


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
    expression = scope.type_of(ordering.expression)
    first = ordering.nulls_first
    return Sort(expression, ordering.descending, ordering.descending if first is None else first)


def _searched(stage: Stage, words: str | None, scope: Scope) -> Stage:
    """`$q` over the rows, or over the groups where the query groups."""
    if words is None:
        return stage
    if stage.grouped:
        keys = [named.column for named in stage.outputs if not has_aggregate(named.column)]
        found = filters.search(words, keys)
        return replace(stage, having=_all_of([c for c in (stage.having, found) if c is not None]))
    columns = list(scope.columns.values())
    scope.used.update(named.name for named in columns if named.column.type in ("text", "url", "number"))
    found = filters.search(words, filters.searchable(columns))
    return replace(stage, where=_all_of([c for c in (stage.where, found) if c is not None]))


def _check_groups(stage: Stage) -> None:
    ungrouped_places = [stage.where, *stage.group]
    if any(place is not None and has_aggregate(place) for place in ungrouped_places):
        sentence = "Cannot use aggregate functions in WHERE or GROUP BY"
        raise SoqlError("aggregate-in-ungrouped-context", sentence)
    if not stage.grouped:
        return
    keys = frozenset(stage.group)
    for expression in (*(o.column for o in stage.outputs), *(s.expression for s in stage.order), stage.having):
        if expression is None:
            continue
        _check_nesting(expression)
        for column in ungrouped_columns(expression, keys):
            name = column.source or ":id"
            sentence = f"Column {name} is not in group bys"
            raise SoqlError("column-not-in-group-bys", sentence, column=name)


def _check_nesting(expression: Typed) -> None:
    for part in parts(expression):
        if isinstance(part, Apply) and part.function.aggregate and any(map(has_aggregate, part.arguments)):
            sentence = "Cannot use aggregate functions inside one another"
            raise SoqlError("aggregate-in-ungrouped-context", sentence, function=part.function.name)


def _suppressed(stage: Stage) -> Stage:
    """Every aggregate that fewer than `min_cell` rows made is null (the invariant that suppression holds)."""
    outputs = tuple(replace(named, column=_guarded(named.column, stage.min_cell)) for named in stage.outputs)
    order = tuple(replace(sort, expression=_guarded(sort.expression, stage.min_cell)) for sort in stage.order)
    having = _guarded(stage.having, stage.min_cell) if stage.having is not None else None
    return replace(stage, outputs=outputs, order=order, having=having)


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
