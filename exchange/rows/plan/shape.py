"""The shape of a resolved query: datasets, stages over them, joins within a stage, set operations between stages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from exchange.rows.plan.typed import Sort, Typed, has_window
from exchange.rows.plan.visible import Named, row_id


@dataclass(frozen=True)
class Dataset:
    """The current version of a dataset, "" being the one that was asked for. `rows` is the grant's row filter."""

    id: str = ""
    rows: Typed | None = None


@dataclass(frozen=True)
class Joined:
    """One join of a stage. `keys` put the joined rows into one order."""

    kind: str
    lateral: bool
    source: Rows
    alias: str
    on: Typed
    keys: tuple[Typed, ...]


@dataclass(frozen=True)
class Stage:
    """One resolved select. `keys` put the rows of its source into one order."""

    outputs: tuple[Named, ...]
    source: Rows
    alias: str
    keys: tuple[Typed, ...]
    joins: tuple[Joined, ...]
    where: Typed | None
    group: tuple[Typed, ...]
    having: Typed | None
    order: tuple[Sort, ...]
    distinct: bool
    distinct_on: tuple[Typed, ...]
    grouped: bool
    limit: int | None
    offset: int
    min_cell: int

    @property
    def is_plain_page(self) -> bool:
        """Whether it is a run of consecutive rows of a version, which the dense `_row` finds without counting."""
        whole = isinstance(self.source, Dataset) and self.source.rows is None
        reshaped = self.where or self.grouped or self.distinct or self.distinct_on or self.joins
        by_row = all(sort.expression == row_id(self.alias) and not sort.descending for sort in self.order)
        return whole and not reshaped and by_row and not self.looks_around

    @property
    def looks_around(self) -> bool:
        """Whether an output needs more rows than its own."""
        return any(map(has_window, self.expressions()))

    @property
    def every_key(self) -> tuple[Typed, ...]:
        """What puts the rows of source and joins into one order."""
        return (*self.keys, *(key for joined in self.joins for key in joined.keys))

    def expressions(self) -> Iterator[Typed]:
        """Every expression of the select itself."""
        yield from (named.column for named in self.outputs)
        yield from (*self.group, *self.distinct_on, *(sort.expression for sort in self.order))
        yield from (part for part in (self.where, self.having) if part is not None)
        yield from (joined.on for joined in self.joins)


@dataclass(frozen=True)
class Combination:
    """`left UNION [ALL] right` and its kin; the names of the outputs are those of the left."""

    operator: str
    all: bool
    left: Rows
    right: Rows
    outputs: tuple[Named, ...]


Rows = Dataset | Stage | Combination


def stages_of(rows: Rows) -> Iterator[Stage]:
    """Every stage, the innermost first."""
    if isinstance(rows, Combination):
        yield from stages_of(rows.left)
        yield from stages_of(rows.right)
    elif isinstance(rows, Stage):
        yield from stages_of(rows.source)
        for joined in rows.joins:
            yield from stages_of(joined.source)
        yield rows


def is_chain(rows: Rows) -> bool:
    """Whether it is stages one after another over the dataset that was asked for, without joins and set operations."""
    while isinstance(rows, Stage):
        if rows.joins:
            return False
        rows = rows.source
    return isinstance(rows, Dataset) and not rows.id
