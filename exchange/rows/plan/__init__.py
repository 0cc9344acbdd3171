"""A query, resolved against the columns that the reader may see, as engine SQL with bound values.

A column that was not given does not exist here: it gets the same error as one that never was.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from exchange.errors import Invalid
from exchange.rows.door import Field
from exchange.rows.plan.emitting import Emitter
from exchange.rows.plan.filters import row_filter as resolve_row_filter
from exchange.rows.plan.relations import Around, Resolver, Tables, named_columns, no_tables
from exchange.rows.plan.searching import SearchIndex
from exchange.rows.plan.shape import Combination, Dataset, Rows, Stage, is_chain, stages_of
from exchange.rows.plan.statement import Statement
from exchange.rows.plan.typed import Typed, parts
from exchange.rows.plan.visible import row_id
from exchange.rows.predicate import Predicate, columns_of
from exchange.rows.soql import Query
from exchange.rows.types import ColumnInfo, header_name

DEFAULT_LIMIT = 1000
"""Rows of a page when nobody says how many; clients depend on exactly this (soda.md §1)."""


OF_ONE_RECORD = frozenset({"min", "max", "median", "bool_and", "bool_or", "extent", "spatial_union", "convex_hull"})
"""Aggregates whose result can be one record's own value."""


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
    the other datasets that it reads, in order of first mention. `carried`: outputs behind the fields, which the engine
    gives beside the answer and no reader sees (`exchange.rows.plan.carrying`).
    """

    fields: tuple[Field, ...]
    columns_used: frozenset[str]
    functions: frozenset[str]
    grouped: bool
    root: Stage
    datasets: tuple[str, ...] = ()
    carried: tuple[str, ...] = ()

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Every select, the innermost first and the last one last."""
        return tuple(stages_of(self.root))

    @property
    def limit(self) -> int:
        """The most rows that can come out."""
        return DEFAULT_LIMIT if self.root.limit is None else self.root.limit

    @property
    def totals_only(self) -> bool:
        """Whether nothing of a single record can show: only totals leave, over all rows that the conditions leave.

        No stage before a total picks rows by their place (two such totals differ by one record), none looks at a
        row's id or at the rows around it, no total is the value of one record, as an extreme is, and no other rows are
        joined or set beside them.
        """
        if not self.grouped or not is_chain(self.root) or self.functions & OF_ONE_RECORD:
            return False
        return not any(stage.looks_around or _picks(stage) for stage in stages_of(self.root))

    def sql(
        self,
        relation: str,
        published_at: datetime,
        version: str = "rv-0",
        others: Mapping[str, Relation] = _NO_OTHERS,
        *,
        search_index: SearchIndex | None = None,
        in_scan_order: bool = False,
    ) -> tuple[str, list[Any]]:
        """DuckDB SQL over the relation of that name, and the values of `$1`, `$2` …

        `others` has a `Relation` for each of `datasets`. `search_index` lies beside the relation, if it has one.
        `in_scan_order`: a scan of the relation gives its rows in their own order. An answer in that order is then not
        sorted and ends with the scan at its last row; it has the row's number as one more column, the last, by which
        the engine makes sure of the order.
        """
        relations = {"": Relation(relation, published_at, version), **others}
        system = {
            (dataset, name): value
            for dataset, each in relations.items()
            for name, value in (
                (":created_at", each.published_at), (":updated_at", each.published_at), (":version", each.version),
            )
        }  # fmt: skip
        emitter = Emitter(system, search_index)
        statement = Statement({dataset: each.name for dataset, each in relations.items()}, emitter)
        return emitter.finished(statement.whole(self.root, DEFAULT_LIMIT, in_scan_order=in_scan_order))


def resolve(
    query: Query,
    columns: Sequence[ColumnInfo],
    *,
    row_filter: Predicate | None = None,
    min_cell: int = 0,
    filter_columns: Sequence[ColumnInfo] = (),
    tables: Tables = no_tables,
    name: str = "",
) -> Plan:
    """Check and type the query. A column that is not in `columns` does not exist. Raises `SoqlError`.

    `row_filter` may name columns that the reader does not see; give them (or simply every column of the version) in
    `filter_columns`. A filter that names anything else raises `Invalid`, never widens. `tables` says which other
    datasets the reader may join. `name` is the 4x4 of the dataset itself, so that `FROM` may name it.
    """
    main = Dataset(rows=_resolved_filter(row_filter, [*columns, *filter_columns]))
    resolver = Resolver(columns, main, name, tables, query.parameters, min_cell, system_fields=query.system_fields)
    root = resolver.rows(query, Around(main))
    if isinstance(root, Combination):
        raise TypeError("a set operation at the top is a select over it")
    seen = resolver.record
    fields = tuple(Field(named.name, header_name(named.column.type)) for named in root.outputs)
    return Plan(fields, frozenset(seen.used), frozenset(seen.functions), _grouped(root), root, tuple(seen.datasets))


def _grouped(rows: Rows) -> bool:
    """Whether every row that leaves was made of a group."""
    if isinstance(rows, Combination):
        return _grouped(rows.left) and _grouped(rows.right)
    if isinstance(rows, Stage):
        return rows.grouped or (_grouped(rows.source) and all(_grouped(joined.source) for joined in rows.joins))
    return False


def _picks(stage: Stage) -> bool:
    """Whether the stage singles rows out by their place or their id."""
    places = (stage.limit is not None, stage.offset, stage.order, stage.distinct, stage.distinct_on)
    by_place = not stage.grouped and any(places)
    return by_place or any(row_id(stage.alias) in parts(expression) for expression in stage.expressions())


def _resolved_filter(predicate: Predicate | None, columns: Sequence[ColumnInfo]) -> Typed | None:
    if predicate is None:
        return None
    known = {column.name for column in columns}
    unknown = sorted(columns_of(predicate) - known)
    if unknown:
        raise Invalid(f"The row filter reads {', '.join(unknown)}, which this version of the dataset does not have.")
    return resolve_row_filter(predicate, named_columns(columns))


__all__ = ["DEFAULT_LIMIT", "OF_ONE_RECORD", "Plan", "Relation", "Tables", "no_tables", "resolve"]
