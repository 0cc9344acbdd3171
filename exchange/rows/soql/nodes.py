"""Expressions as written: frozen, hashable, comparable without regard to where in the text a part stood."""

from __future__ import annotations

from dataclasses import dataclass, field


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
    """A column or an alias. `key` is how names compare: lower case, `-` as `_`; `typed` is how it was written.

    `table` is the key of the qualifier in `@table.name`; without one the name is of the query's own rows.
    """

    key: str
    typed: str = field(compare=False, default="")
    table: str = ""


@dataclass(frozen=True)
class Parameter(Node):
    """`param(@abcd-1234, "name")`: a value that comes beside the query. `table` is a 4x4 or nothing."""

    name: str
    table: str = ""


@dataclass(frozen=True)
class Call(Node):
    """A function with arguments. `star` is `count(*)`; `distinct` is `f(DISTINCT x)`; `over` makes it a window."""

    function: str
    arguments: tuple[Node, ...]
    distinct: bool = False
    star: bool = False
    typed: str = field(compare=False, default="")
    filter: Node | None = None
    over: Window | None = None


@dataclass(frozen=True)
class Unary(Node):
    """`-x`, `+x`, `NOT x` (operator "NOT")."""

    operator: str
    operand: Node


@dataclass(frozen=True)
class Parens(Node):
    """`(x)`: the same as x, except that it is no plain column to the rules of names (soda.md §4)."""

    operand: Node


@dataclass(frozen=True)
class Binary(Node):
    """An operator between two expressions; `typed` is its spelling."""

    operator: str
    left: Node
    right: Node
    typed: str = field(compare=False, default="")


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
class Subscript(Node):
    """`x[e]`: a part of a value by a computed name; with a text it is the same as `x.text`."""

    operand: Node
    index: Node


@dataclass(frozen=True)
class Ordering:
    """One sort key. Without a word about nulls they come last ascending and first descending."""

    expression: Node
    descending: bool = False
    nulls_first: bool | None = None


@dataclass(frozen=True)
class Frame:
    """`ROWS BETWEEN 1 PRECEDING AND CURRENT ROW`: unit, start and end (None without BETWEEN), what is left out.

    Every part is one of the words of the grammar in capitals, with a whole number before PRECEDING or FOLLOWING.
    """

    unit: str
    start: str
    end: str | None = None
    exclude: str | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """The words in reading order."""
        edges = (self.start,) if self.end is None else ("BETWEEN", self.start, "AND", self.end)
        return (self.unit, *edges, *(() if self.exclude is None else ("EXCLUDE", self.exclude)))


@dataclass(frozen=True)
class Window:
    """What `OVER (…)` says."""

    partition: tuple[Node, ...] = ()
    order: tuple[Ordering, ...] = ()
    frame: Frame | None = None
