"""The tree of a query as written. Expressions are in `nodes`; here is what stands around them (soda.md §4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from exchange.rows.soql.nodes import (
    NOWHERE,
    Between,
    Binary,
    Call,
    Case,
    Cast,
    FieldOf,
    Frame,
    In,
    IsNull,
    Junction,
    Like,
    Literal,
    Name,
    Node,
    Ordering,
    Parameter,
    Parens,
    Place,
    Subscript,
    Unary,
    Window,
)


@dataclass(frozen=True)
class Star:
    """`*`, `:*` or `@t.*`, less the columns of EXCEPT."""

    system: bool
    excepted: tuple[Name, ...] = ()
    table: str = ""
    at: Place = field(default=NOWHERE, compare=False, repr=False, kw_only=True)


@dataclass(frozen=True)
class Selection:
    """One selected expression, with the name it was given."""

    expression: Node
    alias: Name | None = None


@dataclass(frozen=True)
class SimpleFilter:
    """`field=value` of the address; values are coerced to the column's type."""

    name: Name
    value: str


@dataclass(frozen=True)
class Table:
    """`@abcd-1234 AS a` or `@this AS a`: `name` in small letters without the `@`, `alias` as names compare."""

    name: str
    alias: str = ""
    at: Place = field(default=NOWHERE, compare=False, repr=False, kw_only=True)

    @property
    def qualifier(self) -> str:
        """What its columns are qualified with."""
        return self.alias or self.name.replace("-", "_")


@dataclass(frozen=True)
class SubQuery:
    """`(SELECT …) AS a` in a join."""

    query: Rows
    alias: str
    at: Place = field(default=NOWHERE, compare=False, repr=False, kw_only=True)

    @property
    def qualifier(self) -> str:
        """What its columns are qualified with."""
        return self.alias


@dataclass(frozen=True)
class Join:
    """`LEFT JOIN [LATERAL] … ON condition`. `kind` is INNER, LEFT, RIGHT or FULL."""

    kind: str
    lateral: bool
    relation: Table | SubQuery
    on: Node


@dataclass(frozen=True)
class Query:
    """One parsed select. `source` is what stands on the left of `|>`. `limit` None means the default of 1000.

    `parameters` are the values of `param(…)`: by name, or by the 4x4 of a view and then by name.
    """

    stars: tuple[Star, ...] = ()
    selections: tuple[Selection, ...] = ()
    distinct: bool = False
    filters: tuple[SimpleFilter, ...] = ()
    where: Node | None = None
    group: tuple[Node, ...] = ()
    having: Node | None = None
    order: tuple[Ordering, ...] = ()
    search: str | None = None
    limit: int | None = None
    offset: int = 0
    system_fields: bool = False
    timeout_s: float | None = None
    source: Rows | None = None
    distinct_on: tuple[Node, ...] = ()
    table: Table | None = None
    joins: tuple[Join, ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @cached_property
    def names_something(self) -> bool:
        """Whether the reader chose what to select."""
        return bool(self.stars or self.selections)


@dataclass(frozen=True)
class Combined:
    """`left UNION [ALL] right`, and the same with INTERSECT and MINUS."""

    operator: str
    all: bool
    left: Rows
    right: Rows
    at: Place = field(default=NOWHERE, compare=False, repr=False, kw_only=True)


Rows = Query | Combined
"""Anything that gives rows."""

__all__ = [
    "NOWHERE",
    "Between",
    "Binary",
    "Call",
    "Case",
    "Cast",
    "Combined",
    "FieldOf",
    "Frame",
    "In",
    "IsNull",
    "Join",
    "Junction",
    "Like",
    "Literal",
    "Name",
    "Node",
    "Ordering",
    "Parameter",
    "Parens",
    "Place",
    "Query",
    "Rows",
    "Selection",
    "SimpleFilter",
    "Star",
    "SubQuery",
    "Subscript",
    "Table",
    "Unary",
    "Window",
]
