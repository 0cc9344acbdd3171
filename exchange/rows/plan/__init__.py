"""A query, resolved against the columns that the reader may see, as engine SQL with bound values.

A column that was not given does not exist here: it gets the same error as one that never was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from exchange.errors import Invalid
from exchange.rows.door import Field
from exchange.rows.plan.emitting import Emitter
from exchange.rows.plan.filters import row_filter as resolve_row_filter
from exchange.rows.plan.scope import ROW_ID, SYSTEM_FIELDS, Named, Scope
from exchange.rows.plan.stage import Stage, resolve_stage
from exchange.rows.plan.statement import output_name, statement
from exchange.rows.plan.typed import Column, parts
from exchange.rows.predicate import Predicate, columns_of
from exchange.rows.soql import Query, SoqlError
from exchange.rows.types import ColumnInfo, header_name

DEFAULT_LIMIT = 1000
"""Rows of a page when nobody says how many; clients depend on exactly this (soda.md §1)."""


OF_ONE_RECORD = frozenset({"min", "max", "median", "bool_and", "bool_or"})
"""Aggregates whose result can be one record's own value."""


Tables = Callable[[str], Sequence[ColumnInfo]]
"""Gives the visible columns of a joined dataset by its 4x4; raises `NotFound` for what the reader may not see."""


def no_tables(dataset: str) -> Sequence[ColumnInfo]:
    """The `Tables` of a reader who may read one dataset at a time. Always raises `SoqlError`."""
    sentence = f"@{dataset} cannot be read here: this query is answered from one dataset alone; leave the join out"
    raise SoqlError("no-such-table", sentence, table=dataset)


@dataclass(frozen=True)
class Relation:
    """One joined dataset as the engine has it open: its relation, when it was published, what `:version` says."""

    name: str
    published_at: datetime
    version: str


_NO_OTHERS: Mapping[str, Relation] = {}


@dataclass(frozen=True)
class Plan:
    """One query, ready to run.

    `columns_used`: every dataset column named anywhere, those of `*` included. `functions`: every function and
    operator named. `grouped`: whether rows were aggregated, so that no single record leaves. `datasets`: the 4x4s of
    the other datasets that it reads, in order of first mention.
    """

    fields: tuple[Field, ...]
    columns_used: frozenset[str]
    functions: frozenset[str]
    grouped: bool
    stages: tuple[Stage, ...]
    datasets: tuple[str, ...] = ()

    @property
    def limit(self) -> int:
        """The most rows that can come out."""
        limit = self.stages[-1].limit
        return DEFAULT_LIMIT if limit is None else limit

    @property
    def totals_only(self) -> bool:
        """Whether nothing of a single record can show: only totals leave, over all rows that the conditions leave.

        No stage before a total picks rows by their place (two such totals differ by one record), none looks at a
        row's id, and no total is the value of one record, as an extreme is.
        """
        return self.grouped and not self.functions & OF_ONE_RECORD and not any(map(_picks, self.stages))

    def sql(
        self, relation: str, published_at: datetime, version: str = "rv-0", others: Mapping[str, Relation] = _NO_OTHERS
    ) -> tuple[str, list[Any]]:
        """DuckDB SQL over the relation of that name, and the values of `$1`, `$2` …

        `others` has a `Relation` for each of `datasets`.
        """
        system = {":created_at": published_at, ":updated_at": published_at, ":version": version}
        emitter = Emitter(system)
        return emitter.finished(statement(self.stages, relation, emitter, DEFAULT_LIMIT))


def resolve(
    query: Query,
    columns: Sequence[ColumnInfo],
    *,
    row_filter: Predicate | None = None,
    min_cell: int = 0,
    filter_columns: Sequence[ColumnInfo] = (),
    tables: Tables = no_tables,
) -> Plan:
    """Check and type the query. A column that is not in `columns` does not exist. Raises `SoqlError`.

    `row_filter` may name columns that the reader does not see; give them (or simply every column of the version) in
    `filter_columns`. A filter that names anything else raises `Invalid`, never widens. `tables` says which other
    datasets the reader may join.
    """
    visible = [_named(column) for column in columns]
    rows = _resolved_filter(row_filter, [*columns, *filter_columns])
    chain = _chain(query)
    used: frozenset[str] = frozenset()
    functions: frozenset[str] = frozenset()
    stages: list[Stage] = []
    for position, part in enumerate(chain):
        first = position == 0
        scope = Scope(visible, SYSTEM_FIELDS if first else {})
        asked = replace(part, system_fields=query.system_fields and first)
        cell = 0 if any(stage.grouped for stage in stages) else min_cell
        stages.append(resolve_stage(asked, scope, rows=rows if first else None, min_cell=cell, first=first))
        used |= frozenset(scope.used) if first else frozenset()
        functions |= scope.functions
        visible = [_carried(named, n) for n, named in enumerate(stages[-1].outputs)]
    fields = tuple(Field(named.name, header_name(named.column.type)) for named in stages[-1].outputs)
    return Plan(fields, used, functions, any(stage.grouped for stage in stages), tuple(stages))


def _picks(stage: Stage) -> bool:
    """Whether the stage singles rows out by their place or their id."""
    by_place = not stage.grouped and (stage.limit is not None or stage.offset or stage.order or stage.distinct)
    places = (*(named.column for named in stage.outputs), *stage.group, stage.where, stage.having)
    return bool(by_place) or any(ROW_ID in parts(place) for place in places if place is not None)


def _chain(query: Query) -> list[Query]:
    """The stages of `a |> b`, first to last."""
    chain = [query]
    while chain[0].source is not None:
        chain.insert(0, chain[0].source)
    return chain


def _named(column: ColumnInfo) -> Named:
    return Named(column.name, Column(column.type, column.name, column.name, has_meanings=column.has_meanings))


def _carried(named: Named, position: int) -> Named:
    """An output of one stage as a column of the next. It stays a plain column only if it was one."""
    plain = isinstance(named.column, Column) and not named.column.computed and named.column.type != "point"
    type_ = "text" if named.column.type == "row_identifier" else named.column.type
    source = named.column.source if isinstance(named.column, Column) else None
    return Named(named.name, Column(type_, output_name(position), source or named.name, computed=not plain))


def _resolved_filter(predicate: Predicate | None, columns: Sequence[ColumnInfo]) -> Any:
    if predicate is None:
        return None
    known = {column.name for column in columns}
    unknown = sorted(columns_of(predicate) - known)
    if unknown:
        raise Invalid(f"The row filter reads {', '.join(unknown)}, which this version of the dataset does not have.")
    return resolve_row_filter(predicate, [_named(column) for column in columns])
