"""What a select can see: the columns of each relation that it reads, under the names that the reader uses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from exchange.rows.functions import SHAPES
from exchange.rows.plan.typed import ROWS, Column, SystemField, Typed
from exchange.rows.soql.cursor import key_of
from exchange.rows.types import ROW, ColumnInfo

_COMPOUND = frozenset({"point", "location", *SHAPES})
"""Types that lie in a version's file as several columns and leave a stage as one value."""


@dataclass(frozen=True)
class Named:
    """A column under the name that the reader uses for it."""

    name: str
    column: Typed


@dataclass(frozen=True)
class Visible:
    """One relation. `qualifier` is the key that stands before the point in `@q.name`; `system` are its system fields.

    `own` says that these are columns of the dataset that was asked for. `keys` put its rows into one order.
    """

    columns: Mapping[str, Named]
    system: Mapping[str, Typed] = field(default_factory=dict)
    keys: tuple[Typed, ...] = ()
    qualifier: str = ""
    alias: str = ROWS
    own: bool = False

    def find(self, key: str) -> Typed | None:
        """The column or system field of that key."""
        if key in self.system:
            return self.system[key]
        named = self.columns.get(key)
        return named.column if named is not None else None

    def starred(self, *, system: bool) -> Iterator[Named]:
        """What `*` or `:*` stands for."""
        if system:
            yield from (Named(name, column) for name, column in self.system.items())
        yield from (named for named in self.columns.values() if named.name.startswith(":") == system)


def row_id(alias: str = ROWS) -> Column:
    """The place of a row in its version, which is unique."""
    return Column("row_identifier", ROW, None, relation=alias)


def system_fields(alias: str = ROWS, dataset: str = "") -> Mapping[str, Typed]:
    """`:id`, `:created_at`, `:updated_at` and `:version` of a relation."""
    return {
        ":id": row_id(alias),
        ":created_at": SystemField("fixed_timestamp", ":created_at", dataset),
        ":updated_at": SystemField("fixed_timestamp", ":updated_at", dataset),
        ":version": SystemField("row_version", ":version", dataset),
    }


def of_dataset(columns: Sequence[ColumnInfo], *, alias: str = ROWS, dataset: str = "", qualifier: str = "") -> Visible:
    """A dataset, "" being the one that was asked for."""
    named = {key_of(column.name): Named(column.name, column_of(column, alias)) for column in columns}
    system = system_fields(alias, dataset)
    return Visible(named, system, (row_id(alias),), qualifier, alias, own=not dataset)


def column_of(column: ColumnInfo, alias: str = ROWS) -> Column:
    """A column of a version."""
    return Column(column.type, column.name, column.name, has_meanings=column.has_meanings, relation=alias)


def output_name(position: int) -> str:
    """What the engine calls an output column; the reader's name never reaches the engine."""
    return f"c{position}"


def of_outputs(outputs: Sequence[Named], *, alias: str, qualifier: str = "", numbered: bool) -> Visible:
    """What a stage or a set operation gave. `numbered` ones have a row number; others are sorted by all columns."""
    named = {key_of(each.name): Named(each.name, _carried(each, n, alias)) for n, each in enumerate(outputs)}
    keys: tuple[Typed, ...] = (row_id(alias),) if numbered else tuple(each.column for each in named.values())
    return Visible(named, {}, keys, qualifier, alias)


def _carried(named: Named, position: int, alias: str) -> Column:
    """An output of one stage as a column of the next. It stays a plain column only if it was one."""
    plain = isinstance(named.column, Column) and not named.column.computed and named.column.type not in _COMPOUND
    type_ = {"row_identifier": "text", "null": "text"}.get(named.column.type, named.column.type)
    source = named.column.source if isinstance(named.column, Column) else None
    return Column(type_, output_name(position), source or named.name, computed=not plain, relation=alias)
