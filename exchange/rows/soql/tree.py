"""The tree of a query as written: frozen, hashable, comparable without regard to where in the text a part stood."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class Place:
    """Where in which text something stood; rows and columns count from 1."""

    text: str
    offset: int

    @property
    def row(self) -> int:
        """The line, from 1."""
        return self.text.count("\n", 0, self.offset) + 1

    @property
    def column(self) -> int:
        """The column, from 1."""
        return self.offset - (self.text.rfind("\n", 0, self.offset) + 1) + 1

    @property
    def line(self) -> str:
        """The line with a caret under the place, cut to what a person can read."""
        start = self.text.rfind("\n", 0, self.offset) + 1
        end = self.text.find("\n", self.offset)
        whole = self.text[start : end if end >= 0 else len(self.text)]
        first = max(0, self.column - 61)
        return f"{whole[first : first + 120]}\n{' ' * (self.column - 1 - first)}^"


NOWHERE = Place("", 0)


@dataclass(frozen=True)
class Node:
    """Base of every expression."""

    at: Place = field(default=NOWHERE, compare=False, repr=False, kw_only=True)


@dataclass(frozen=True)
class Literal(Node):
    """A constant: str, the text of a number (kind "number"), bool, or None."""

    kind: str
    value: str | bool | None


@dataclass(frozen=True)
class Name(Node):
    """A column or an alias. `key` is how names compare: lower case, `-` as `_`; `typed` is how it was written."""

    key: str
    typed: str = field(compare=False, default="")


@dataclass(frozen=True)
class Call(Node):
    """A function with arguments. `star` is `count(*)`; `distinct` is `f(DISTINCT x)`."""

    function: str
    arguments: tuple[Node, ...]
    distinct: bool = False
    star: bool = False
    typed: str = field(compare=False, default="")


@dataclass(frozen=True)
class Unary(Node):
    """`-x`, `+x`, `NOT x` (operator "NOT")."""

    operator: str
    operand: Node


@dataclass(frozen=True)
class Binary(Node):
    """An operator between two expressions."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True)
class Junction(Node):
    """Two or more conditions joined by `AND` or by `OR`; one node however long, so that its depth is one."""

    operator: str
    members: tuple[Node, ...]


@dataclass(frozen=True)
class IsNull(Node):
    """`x IS [NOT] NULL`."""

    operand: Node
    negated: bool


@dataclass(frozen=True)
class Like(Node):
    """`x [NOT] LIKE pattern`."""

    operand: Node
    pattern: Node
    negated: bool


@dataclass(frozen=True)
class Between(Node):
    """`x [NOT] BETWEEN low AND high`, both ends included."""

    operand: Node
    low: Node
    high: Node
    negated: bool


@dataclass(frozen=True)
class In(Node):
    """`x [NOT] IN (a, b, …)`."""

    operand: Node
    items: tuple[Node, ...]
    negated: bool


@dataclass(frozen=True)
class Case(Node):
    """`CASE WHEN c THEN v … ELSE e END`."""

    branches: tuple[tuple[Node, Node], ...]
    otherwise: Node | None


@dataclass(frozen=True)
class Cast(Node):
    """`x::type`."""

    operand: Node
    type: str


@dataclass(frozen=True)
class FieldOf(Node):
    """`x.latitude`: a part of a value."""

    operand: Node
    name: str


@dataclass(frozen=True)
class Star:
    """`*` or `:*`, less the columns of EXCEPT."""

    system: bool
    excepted: tuple[Name, ...] = ()


@dataclass(frozen=True)
class Selection:
    """One selected expression, with the name it was given."""

    expression: Node
    alias: Name | None = None


@dataclass(frozen=True)
class Ordering:
    """One sort key. Without a word about nulls they come last ascending and first descending."""

    expression: Node
    descending: bool = False
    nulls_first: bool | None = None


@dataclass(frozen=True)
class SimpleFilter:
    """`field=value` of the address; values are coerced to the column's type."""

    name: Name
    value: str


@dataclass(frozen=True)
class Query:
    """One parsed query. `source` is the query on the left of `|>`. `limit` None means the default of 1000."""

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
    source: Query | None = None

    @cached_property
    def names_something(self) -> bool:
        """Whether the reader chose what to select."""
        return bool(self.stars or self.selections)
