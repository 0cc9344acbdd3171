"""Typed expressions: what a query means once every name, function and literal has its type."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

from exchange.rows.functions import Function
from exchange.rows.soql.errors import SoqlError

MAX_SIZE = 20_000
"""Parts of one expression after aliases are put in; an alias of an alias doubles quickly."""

MAX_LEVELS = 150


@dataclass(frozen=True)
class Typed:
    """An expression with its type, in the catalogue's words; "null" is the type of a bare NULL."""

    type: str

    @property
    def size(self) -> int:
        """Number of parts."""
        return 1

    @property
    def levels(self) -> int:
        """How deeply it is nested."""
        return 1


@dataclass(frozen=True)
class Constant(Typed):
    """A value, always bound. A constant of type text can still become any type that its text can be read as."""

    value: Hashable


@dataclass(frozen=True)
class Column(Typed):
    """A column of the stage below. `name` is what the engine calls it; `source` is the dataset's column, if it is one.

    `computed` columns come out of an earlier stage: a point among them is one value, not two columns.
    """

    name: str
    source: str | None
    computed: bool = False
    has_meanings: bool = False


@dataclass(frozen=True)
class SystemField(Typed):
    """`:created_at`, `:updated_at` and `:version`: the same for every row of a version."""

    name: str


@dataclass(frozen=True)
class Apply(Typed):
    """A function of the table with its arguments, coerced."""

    function: Function
    arguments: tuple[Typed, ...]
    distinct: bool = False
    _size: int = field(default=1, compare=False, repr=False)
    _levels: int = field(default=1, compare=False, repr=False)

    @property
    def size(self) -> int:
        """Number of parts."""
        return self._size

    @property
    def levels(self) -> int:
        """How deeply it is nested."""
        return self._levels


def apply(function: Function, arguments: tuple[Typed, ...], type_: str, *, distinct: bool = False) -> Apply:
    """The function applied. Raises `SoqlError` when the expression grows past what a request may ask."""
    size = 1 + sum(argument.size for argument in arguments)
    levels = 1 + max((argument.levels for argument in arguments), default=0)
    if size > MAX_SIZE or levels > MAX_LEVELS:
        raise SoqlError("bad-parse", "The query is too large once its aliases are put in; ask for less at once")
    return Apply(type_, function, arguments, distinct, size, levels)


def parts(expression: Typed) -> Iterator[Typed]:
    """The expression and everything in it."""
    yield expression
    if isinstance(expression, Apply):
        for argument in expression.arguments:
            yield from parts(argument)


def has_aggregate(expression: Typed) -> bool:
    """Whether it aggregates anywhere."""
    return any(isinstance(part, Apply) and part.function.aggregate for part in parts(expression))


def ungrouped_columns(expression: Typed, keys: frozenset[Typed]) -> Iterator[Column]:
    """The columns that stand neither in a group key nor in an aggregate."""
    if expression in keys:
        return
    if isinstance(expression, Column):
        yield expression
    elif isinstance(expression, Apply) and not expression.function.aggregate:
        for argument in expression.arguments:
            yield from ungrouped_columns(argument, keys)
