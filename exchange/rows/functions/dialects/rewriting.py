"""Rewriting a parsed statement by tables: node by node, innermost first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlglot import exp, parse_one

Rule = Callable[[Any], "exp.Expr | None"]
"""Gives what stands in place of a node; None for the node itself. Raises `Unknown`."""


class Unknown(Exception):
    """The engine has nothing for this part of a statement; its text is the part's name."""


SAME: frozenset[type[exp.Expr]] = frozenset({
    exp.Abs, exp.And, exp.Array, exp.Asin, exp.Avg, exp.Case, exp.Cast, exp.Coalesce, exp.ConcatWs, exp.Cos, exp.Count,
    exp.CumeDist, exp.DenseRank, exp.Exists, exp.Exp, exp.FirstValue, exp.Floor, exp.Greatest, exp.If, exp.Lag,
    exp.LastValue, exp.Lead, exp.Least, exp.Length, exp.Ln, exp.LogicalAnd, exp.LogicalOr, exp.Lower, exp.Max,
    exp.Min, exp.NthValue, exp.Ntile, exp.Nullif, exp.Or, exp.Pad, exp.PercentRank, exp.Pow, exp.Radians, exp.Rank,
    exp.RegrIntercept, exp.RegrR2, exp.RegrSlope, exp.Replace, exp.RowNumber, exp.Sign, exp.Sin, exp.SplitPart,
    exp.Sqrt, exp.StartsWith, exp.Stddev, exp.StddevPop, exp.StddevSamp, exp.Substring, exp.Sum, exp.Trim, exp.Upper,
    exp.Variance, exp.VariancePop, exp.Xor,
})  # fmt: skip
"""What sqlglot writes for every engine, and every engine answers alike."""


@dataclass(frozen=True)
class Dialect:
    """One engine's tables.

    `calls`: by DuckDB function name, a rule, or a template in which `a0`, `a1` … are the arguments. `nodes`: by
    sqlglot's class, for what sqlglot knows. `known` and `same` are what needs no rule there, beside `SAME`.
    `aggregates` names those templates in which every aggregate takes over FILTER and OVER of the call.
    """

    name: str
    calls: Mapping[str, str | Rule]
    nodes: Mapping[type[exp.Expr], Rule]
    parameter_types: Mapping[str, str]
    parameter: Callable[..., str]
    aggregates: frozenset[str] = frozenset()
    known: frozenset[str] = frozenset()
    same: frozenset[type[exp.Expr]] = frozenset()
    rounds_late: bool = False
    keys_aside: bool = False


def rewritten(tree: exp.Expr, rules: Dialect) -> exp.Expr:
    """The tree with every node as the engine wants it. Raises `Unknown`."""
    root = exp.Paren(this=tree)
    for node in reversed(list(tree.bfs())):
        new = _rewrite(node, rules)
        if new is not node:
            node.replace(new)
    return root.this  # type: ignore[no-any-return]


def _rewrite(node: exp.Expr, rules: Dialect) -> exp.Expr:
    if isinstance(node, exp.Anonymous):
        return _call(node, rules)
    rule = rules.nodes.get(type(node))
    if rule is not None:
        new = rule(node)
        return node if new is None else new
    if isinstance(node, exp.Func) and type(node) not in SAME | rules.same:
        raise Unknown(node.sql_name().lower())
    return node


def _call(node: exp.Anonymous, rules: Dialect) -> exp.Expr:
    name = node.name.lower()
    if name in rules.known:
        return node
    text = rules.calls.get(name)
    if text is None:
        raise Unknown(name)
    if not isinstance(text, str):
        return text(node) or node
    arguments = list(node.expressions)
    distinct = bool(arguments) and isinstance(arguments[0], exp.Distinct)
    if distinct:
        arguments = list(arguments[0].expressions)
    made = template(text, rules.name, *arguments)
    if name in rules.aggregates:
        made.meta["aggregates"] = True
        if distinct:
            for part in _sums(made):
                part.set(*_once(part))
    return made


def over(node: exp.Expr) -> exp.Expr | None:
    """FILTER or OVER around a template moves to each aggregate within it."""
    inner = node.this
    if not inner.meta.get("aggregates"):
        return None
    for part in [*inner.find_all(exp.AggFunc), *_tried(inner)]:
        around = node.copy()
        around.set("this", part.copy())
        part.replace(around)
    inner.meta["aggregates"] = True
    return inner  # type: ignore[no-any-return]


def _tried(tree: exp.Expr) -> list[exp.Expr]:
    """The sums that do not fail when they overflow; sqlglot does not know them for aggregates."""
    return [part for part in tree.find_all(exp.Anonymous) if part.name.lower() == "try_sum"]


def _sums(tree: exp.Expr) -> list[exp.Expr]:
    return [*tree.find_all(exp.Sum, exp.Count), *_tried(tree)]


def _once(part: exp.Expr) -> tuple[str, Any]:
    """The argument of an aggregate over each value once."""
    if isinstance(part, exp.Anonymous):
        return "expressions", [exp.Distinct(expressions=[part.expressions[0].copy()])]
    return "this", exp.Distinct(expressions=[part.this.copy()])


def template(text: str, dialect: str, *arguments: exp.Expr) -> exp.Expr:
    """The text as a tree with the arguments put in."""
    tree = exp.Paren(this=_parsed(text, dialect).copy())
    for place in list(tree.find_all(exp.Column)):
        if not place.table and place.name[:1] == "a" and place.name[1:].isdigit():
            place.replace(arguments[int(place.name[1:])].copy())
    return tree.this  # type: ignore[no-any-return]


@lru_cache(500)
def _parsed(text: str, dialect: str) -> exp.Expr:
    return parse_one(f"({text})", read=dialect)
