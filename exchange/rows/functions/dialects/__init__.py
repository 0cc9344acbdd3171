"""Statements for other engines: the planned DuckDB SQL rewritten for Spark or PostgreSQL, with named values.

sqlglot parses and writes; the tables of this package say what it does not know: our own functions, and every place in
which the engines differ in what they answer. What is in neither is refused, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from sqlglot import ErrorLevel, exp, parse_one

from exchange.errors import Invalid
from exchange.rows.functions.dialects.ordering import keys_aside
from exchange.rows.functions.dialects.polygons import edges
from exchange.rows.functions.dialects.postgres import POSTGRES
from exchange.rows.functions.dialects.rewriting import Dialect, Unknown, rewritten
from exchange.rows.functions.dialects.spark import SPARK

DIALECTS: Mapping[str, Dialect] = {"spark": SPARK, "postgres": POSTGRES}
_PARAMETER = re.compile(r"__p(\d+)__")
_KEPT = 2_000


class NotThere(Invalid):
    """The engine that holds this dataset does not have a function that the query names."""

    code = "query.not-supported-here"


@dataclass(frozen=True)
class Statement:
    """A statement of another engine: its text, its values by name, and the outputs that were left unrounded.

    Numbers at the places `rounded` have to be brought to 15 significant digits by whoever reads them.
    """

    sql: str
    values: Mapping[str, Any]
    rounded: frozenset[int]


def translate(sql: str, values: Sequence[Any], dialect: str) -> Statement:
    """The statement for `spark` (values as `:p1`) or `postgres` (`%(p1)s`). Raises `NotThere`."""
    kinds = tuple(_kind(value) for value in values)
    text, rounded = _text(sql, kinds, dialect)
    named = {f"p{place}": _value(value) for place, value in enumerate(values, start=1)}
    return Statement(text, named, rounded)


@lru_cache(_KEPT)
def _text(sql: str, kinds: tuple[str, ...], dialect: str) -> tuple[str, frozenset[int]]:
    rules = DIALECTS[dialect]
    tree = parse_one(sql, read="duckdb")
    rounded = _unrounded(tree) if rules.rounds_late else frozenset()
    for parameter in list(tree.find_all(exp.Placeholder, exp.Parameter)):
        number = int(parameter.name)
        cast = parameter.parent if kinds[number - 1] == "bytes" else None
        (cast if isinstance(cast, exp.Cast) else parameter).replace(_typed(number, kinds, rules))
    if rules.keys_aside:
        tree = keys_aside(tree)
    try:
        text = rewritten(tree, rules).sql(dialect=dialect, unsupported_level=ErrorLevel.IGNORE)
    except Unknown as unknown:
        sentence = f"This dataset is answered by an engine without {unknown}; leave that out of the query."
        raise NotThere(sentence) from unknown
    return _PARAMETER.sub(rules.parameter, text.replace("%", "%%") if dialect == "postgres" else text), rounded


def _kind(value: Any) -> str:
    if isinstance(value, datetime):
        return "calendar_date" if value.tzinfo is None else "fixed_timestamp"
    return type(value).__name__


def _value(value: Any) -> Any:
    """Instants go as texts and are read by the engine, so that no client's zone comes in; polygons as their edges."""
    if isinstance(value, datetime):
        return value.isoformat(" ") if value.tzinfo is None else value.astimezone(UTC).isoformat(" ")
    return edges(value) if isinstance(value, bytes) else value


def _typed(number: int, kinds: tuple[str, ...], rules: Dialect) -> exp.Expr:
    kind = kinds[number - 1]
    name: exp.Expr = exp.column(f"__p{number}__")
    name.meta["kind"] = kind
    type_ = rules.parameter_types.get(kind)
    if type_ is None:
        return name
    cast = exp.cast(name, type_, dialect=rules.name)
    cast.meta["kind"] = kind
    return cast


def _unrounded(tree: exp.Expr) -> frozenset[int]:
    """Take the rounding off the outputs of the outermost select; returns their places."""
    found = set()
    if not isinstance(tree, exp.Select) or tree.args.get("distinct"):
        return frozenset()
    for place, output in enumerate(tree.expressions):
        value = output.this if isinstance(output, exp.Alias) else output
        if isinstance(value, exp.TryCast) and _prints(value.this):
            value.replace(value.this.expressions[1])
            found.add(place)
    return frozenset(found)


def _prints(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and node.name.lower() == "printf" and node.expressions[0].name == "%.15g"
