"""Typed expressions: what a query means once every name, function and literal has its type."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field, replace

from exchange.rows.functions import Function
from exchange.rows.soql.errors import SoqlError

ROWS = "t"
"""What a statement calls the rows that a stage reads, if it reads nothing else."""

MAX_SIZE = 20_000
"""Parts of one expression as the engine gets it: aliases put in, arguments as often as their template needs them."""

MAX_LEVELS = 150

MAX_MASS = 500.0
"""Thousands of characters of text that one query may make of one row; the engine holds 2,048 rows of it at once."""

MAX_REPLACED = 100.0
"""Thousands of characters that `replace` makes at most; the template holds it to that."""


@dataclass(frozen=True)
class Extent:
    """How large an expression is, so that a small text cannot ask for much work."""

    size: int = 1
    levels: int = 1
    width: float = 0.0
    mass: float = 0.0


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

    `computed` columns come out of an earlier stage: a point among them is one value, not two columns. `relation` is
    what the statement calls the rows that it is of.
    """

    name: str
    source: str | None
    computed: bool = False
    has_meanings: bool = False
    relation: str = ROWS


@dataclass(frozen=True)
class SystemField(Typed):
    """`:created_at`, `:updated_at` and `:version`: the same for every row of a version of `dataset` ("": the main)."""

    name: str
    dataset: str = ""


@dataclass(frozen=True)
class Sort:
    """One sort key with the place of nulls decided."""

    expression: Typed
    descending: bool
    nulls_first: bool


@dataclass(frozen=True)
class Over:
    """The rows among which a window function sees a row. `frame` is in words of the grammar, possibly none."""

    partition: tuple[Typed, ...]
    order: tuple[Sort, ...]
    frame: str


@dataclass(frozen=True)
class Apply(Typed):
    """A function of the table with its arguments, coerced. With `over` it is a window; `filter` leaves rows out."""

    function: Function
    arguments: tuple[Typed, ...]
    distinct: bool = False
    filter: Typed | None = None
    over: Over | None = None
    extent: Extent = field(default_factory=Extent, compare=False, repr=False)

    @property
    def size(self) -> int:
        """Number of parts that are written to the engine."""
        return self.extent.size

    @property
    def levels(self) -> int:
        """How deeply it is nested."""
        return self.extent.levels


def apply(
    function: Function,
    arguments: tuple[Typed, ...],
    type_: str,
    *,
    distinct: bool = False,
    filter_: Typed | None = None,
    over: Over | None = None,
) -> Apply:
    """The function applied. Raises `SoqlError` when the expression grows past what a request may ask."""
    uses = (*function.uses, *(1 for _ in arguments[len(function.uses) :]))
    beside = (*(() if filter_ is None else (filter_,)), *(() if over is None else _of_window(over)))
    size = 1 + sum(argument.size * times for argument, times in zip(arguments, uses, strict=False))
    size += sum(part.size for part in beside)
    levels = 1 + max((part.levels for part in (*arguments, *beside)), default=0)
    width = _width(function, arguments) if type_ == "text" else 0.0
    mass = width + sum(mass_of(part) for part in (*arguments, *beside))
    if size > MAX_SIZE or levels > MAX_LEVELS or mass > MAX_MASS:
        raise too_large()
    return Apply(type_, function, arguments, distinct, filter_, over, Extent(size, levels, width, mass))


def too_large() -> SoqlError:
    """The error for a query that asks for more work than one request may."""
    return SoqlError("bad-parse", "The query is too large once its aliases are put in; ask for less at once")


def _width(function: Function, arguments: tuple[Typed, ...]) -> float:
    widths = [width_of(argument) for argument in arguments]
    if function.name == "||":
        return sum(widths)
    if function.name == "replace":
        return min(MAX_REPLACED, max(widths[0], widths[0] * _growth(arguments[1], arguments[2])))
    return max(widths, default=0.0) + (1.0 if function.name in ("left_pad", "right_pad") else 0.0)


def _growth(replaced: Typed, by: Typed) -> float:
    """How many times longer a text can get."""
    if isinstance(replaced, Constant) and isinstance(by, Constant):
        return len(str(by.value or "")) / max(1, len(str(replaced.value or "")))
    return MAX_REPLACED


def width_of(expression: Typed) -> float:
    """How long its text can get, in thousands of characters; a cell counts as one."""
    if isinstance(expression, Apply):
        return expression.extent.width
    if isinstance(expression, Constant):
        return len(expression.value) / 1000 if isinstance(expression.value, str) else 0.0
    return 1.0 if expression.type in ("text", "url") else 0.05


def mass_of(expression: Typed) -> float:
    """The texts of all its parts together, which the engine holds at once for a few thousand rows."""
    return expression.extent.mass if isinstance(expression, Apply) else 0.0


def children(expression: Typed) -> tuple[Typed, ...]:
    """What stands directly within the expression: arguments, the condition of FILTER, the keys of OVER."""
    if isinstance(expression, Column | Constant | SystemField):
        return ()
    within: tuple[Typed, ...] = getattr(expression, "arguments", ())
    if isinstance(expression, Apply):
        within += () if expression.filter is None else (expression.filter,)
        within += () if expression.over is None else _of_window(expression.over)
    return within


def _of_window(over: Over) -> tuple[Typed, ...]:
    return (*over.partition, *(sort.expression for sort in over.order))


def parts(expression: Typed) -> Iterator[Typed]:
    """The expression and everything in it."""
    left = [expression]
    while left:
        part = left.pop()
        yield part
        left.extend(reversed(children(part)))


def aggregates(expression: Typed) -> bool:
    """Whether the expression itself makes one value of many rows."""
    return isinstance(expression, Apply) and expression.function.aggregate and expression.over is None


def has_aggregate(expression: Typed) -> bool:
    """Whether it aggregates anywhere."""
    return aggregates(expression) or any(map(has_aggregate, children(expression)))


def has_window(expression: Typed) -> bool:
    """Whether it looks at other rows by OVER anywhere."""
    own = isinstance(expression, Apply) and expression.over is not None
    return own or any(map(has_window, children(expression)))


def ungrouped_columns(expression: Typed, keys: frozenset[Typed]) -> Iterator[Column]:
    """The columns that stand neither in a group key nor in an aggregate."""
    if expression in keys:
        return
    if isinstance(expression, Column):
        yield expression
    elif not aggregates(expression):
        for child in children(expression):
            yield from ungrouped_columns(child, keys)


def rebuilt(expression: Typed, change: Callable[[Apply], Typed]) -> Typed:
    """The expression with every application in it changed, the innermost first."""
    if not isinstance(expression, Apply):
        return expression
    over = expression.over
    if over is not None:
        partition = tuple(rebuilt(key, change) for key in over.partition)
        order = tuple(replace(sort, expression=rebuilt(sort.expression, change)) for sort in over.order)
        over = Over(partition, order, over.frame)
    condition = None if expression.filter is None else rebuilt(expression.filter, change)
    arguments = tuple(rebuilt(argument, change) for argument in expression.arguments)
    return change(replace(expression, arguments=arguments, filter=condition, over=over))
