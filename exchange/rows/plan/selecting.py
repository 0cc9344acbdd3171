"""What a select gives out and under which names (soda.md §4, "Output names")."""

from __future__ import annotations

from dataclasses import replace

from exchange.rows.functions import OVERLOADS
from exchange.rows.plan.expressions import valued
from exchange.rows.plan.naming import implied_name
from exchange.rows.plan.scope import Scope
from exchange.rows.plan.visible import Named
from exchange.rows.soql import tree
from exchange.rows.soql.cursor import key_of
from exchange.rows.soql.errors import SoqlError

MAX_OUTPUTS = 5_000
"""Columns of one answer."""


def completed(query: tree.Query) -> tree.Query:
    """The query with the selection that stands for none (soda.md §3)."""
    if query.names_something:
        return query
    count = tree.Selection(tree.Call("count", (), star=True, typed="count"))
    if query.group:
        return replace(query, selections=(*(tree.Selection(key) for key in query.group), count))
    if any(_names_aggregate(ordering.expression) for ordering in query.order):
        return replace(query, selections=(count,))
    star = tree.Star(system=False)
    return replace(query, stars=(tree.Star(system=True), star) if query.system_fields else (star,))


def _names_aggregate(node: tree.Node) -> bool:
    if isinstance(node, tree.Call) and node.over is None:
        overloads = OVERLOADS.get("count(*)" if node.star else node.function.removesuffix("_distinct"), ())
        if overloads and overloads[0].aggregate:
            return True
    within = (getattr(node, name, ()) for name in ("operand", "left", "right", "arguments", "members"))
    return any(
        _names_aggregate(part)
        for found in within
        for part in (found if isinstance(found, tuple) else (found,))
        if isinstance(part, tree.Node)
    )


def outputs_of(query: tree.Query, scope: Scope) -> tuple[Named, ...]:
    """Stars first, then the selected expressions, each named. Defines the aliases of the scope."""
    found = [named for star in query.stars for named in _starred(star, scope)]
    starred: set[str] = set()
    for named in found:
        if key_of(named.name) in starred:
            raise _duplicate(named.name, tree.NOWHERE)
        starred.add(key_of(named.name))
    explicit = _explicit_names(query, set(starred))
    taken = scope.taken | starred | {key_of(name) for name in explicit if name}
    names: list[str] = []
    numbers: dict[str, int] = {}
    for selection, name in zip(query.selections, explicit, strict=True):
        names.append(name or implied_name(selection.expression, taken, numbers))
        taken.add(key_of(names[-1]))
    scope.define({
        key_of(name): selection.expression
        for selection, name in zip(query.selections, names, strict=True)
        if selection.alias is not None or not isinstance(selection.expression, tree.Name)
    })  # fmt: skip
    for selection, name in zip(query.selections, names, strict=True):
        if selection.alias is None and isinstance(selection.expression, tree.Name):
            found.append(_plain(scope, selection.expression))
        else:
            found.append(Named(name, valued(scope.alias(key_of(name)))))
    if not found or len(found) > MAX_OUTPUTS:
        raise SoqlError("bad-parse", f"A query selects 1 to {MAX_OUTPUTS:,} columns, not {len(found):,}")
    return tuple(found)


def _plain(scope: Scope, node: tree.Name) -> Named:
    column = scope.column(node)
    relation = scope.relation(node.table, node.at)
    named = relation.columns.get(node.key)
    return Named(named.name if named else node.key, column)


def _explicit_names(query: tree.Query, taken: set[str]) -> list[str | None]:
    """The names that selections were given, or have because they are plain columns. No name may come twice."""
    names: list[str | None] = []
    for selection in query.selections:
        chosen = selection.alias or (selection.expression if isinstance(selection.expression, tree.Name) else None)
        if chosen is not None:
            if chosen.key in taken:
                raise _duplicate(chosen.typed, chosen.at)
            taken.add(chosen.key)
        names.append(chosen.typed if chosen is not None else None)
    return names


def _duplicate(name: str, at: tree.Place) -> SoqlError:
    return SoqlError("duplicate-alias", f"There is already a column named {name}", at=at, name=name)


def _starred(star: tree.Star, scope: Scope) -> list[Named]:
    relation = scope.relation(star.table, star.at)
    all_of = list(relation.starred(system=star.system))
    excepted: set[str] = set()
    known = {key_of(named.name) for named in all_of}
    for name in star.excepted:
        if name.key not in known:
            raise SoqlError("no-such-column", f"No such column: {name.typed}", at=name.at, column=name.typed)
        if name.key in excepted:
            raise SoqlError("repeated-exception", f"Excepted twice: {name.typed}", at=name.at, name=name.typed)
        excepted.add(name.key)
    kept = [named for named in all_of if key_of(named.name) not in excepted]
    scope.see(relation, *(key_of(named.name) for named in kept))
    return kept
