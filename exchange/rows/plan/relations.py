"""From a parsed statement to its resolved shape: what each select reads, and in which order it is put together."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from exchange.errors import NotFound
from exchange.rows.plan.scope import Record, Scope
from exchange.rows.plan.shape import Combination, Dataset, Joined, Rows, Stage, stages_of
from exchange.rows.plan.stage import resolve_stage
from exchange.rows.plan.typed import ROWS, Constant
from exchange.rows.plan.visible import Named, Visible, column_of, of_dataset, of_outputs
from exchange.rows.soql import tree
from exchange.rows.soql.errors import SoqlError
from exchange.rows.types import ColumnInfo, header_name

Tables = Callable[[str], Sequence[ColumnInfo]]
"""Gives the visible columns of a joined dataset by its 4x4; raises `NotFound` for what the reader may not see."""

_FOUR_BY_FOUR = re.compile(r"[a-z0-9]{4}-[a-z0-9]{4}\Z")
_UNKNOWN = Constant("checkbox", None)


def no_tables(dataset: str) -> Sequence[ColumnInfo]:
    """The `Tables` of a reader who may read one dataset at a time. Always raises `SoqlError`."""
    sentence = f"@{dataset} cannot be read here: this query is answered from one dataset alone; leave the join out"
    raise SoqlError("no-such-table", sentence, table=dataset)


@dataclass(frozen=True)
class Around:
    """Where a query stands: what it reads if it does not say, and the relations that a lateral one may name."""

    given: Rows | None
    outer: tuple[Visible, ...] = ()
    nested: bool = False


@dataclass
class Resolver:
    """Resolves one statement over the dataset `name` (its 4x4, if known), whose visible columns are `columns`."""

    columns: Sequence[ColumnInfo]
    main: Dataset
    name: str
    tables: Tables
    parameters: Mapping[str, Any]
    min_cell: int
    system_fields: bool = False
    record: Record = field(default_factory=Record)
    _known: dict[str, Sequence[ColumnInfo]] = field(default_factory=dict)
    _aliases: int = 0

    def rows(self, part: tree.Rows, around: Around) -> Stage | Combination:
        """Whatever gives rows, resolved."""
        if isinstance(part, tree.Combined):
            return self._combined(part, around)
        below = None if part.source is None else self.rows(part.source, around)
        part = replace(part, system_fields=self.system_fields and below is None and not around.nested)
        return self._select(part, below, around)

    def _combined(self, part: tree.Combined, around: Around) -> Combination:
        if self.min_cell > 0:
            sentence = f"{part.operator} cannot be used here: groups under {self.min_cell} rows are withheld"
            raise SoqlError("bad-parse", sentence, at=part.at)
        left, right = self.rows(part.left, around), self.rows(part.right, around)
        ours, theirs = ([_type(named) for named in side.outputs] for side in (left, right))
        if len(ours) != len(theirs):
            sentence = f"Two selects must have the same number of columns: {len(ours)}, {len(theirs)}"
            raise SoqlError("number-of-columns-mismatch", sentence, at=part.at)
        for ours_, theirs_ in zip(ours, theirs, strict=True):
            if ours_ != theirs_:
                sentence = f"Two selects must have the same column type: {header_name(ours_)}, {header_name(theirs_)}"
                raise SoqlError("type-of-columns-mismatch", sentence, at=part.at)
        return Combination(part.operator, part.all, left, right, left.outputs)

    def _select(self, query: tree.Query, below: Rows | None, around: Around) -> Stage:
        source, primary = self._source(query, below, around)
        relations, joins = [primary], []
        for join in query.joins:
            relation, joined = self._join(join, relations, around)
            if any(each.qualifier == relation.qualifier for each in relations):
                sentence = f"Table alias {relation.qualifier} already exists"
                raise SoqlError("duplicate-alias", sentence, at=join.relation.at, name=relation.qualifier)
            relations.append(relation)
            joins.append((join, joined))
        scope = Scope(relations, self.record, self.parameters, around.outer)
        grouped_before = any(stage.grouped for stage in stages_of(source))
        return resolve_stage(query, scope, source, joins, min_cell=0 if grouped_before else self.min_cell)

    def _source(self, query: tree.Query, below: Rows | None, around: Around) -> tuple[Rows, Visible]:
        """What the select reads: the rows before `|>`, what FROM names, or else what the place of the query gives."""
        table = query.table
        qualifier = "" if table is None else table.qualifier
        alias = self._alias() if around.nested else ROWS
        reads_given = table is None or table.name == "this" or (table.name == self.name and self.name != "")
        if below is not None:
            if table is not None and table.name != "this":
                sentence = "FROM (other than FROM @this) cannot stand behind |>"
                raise SoqlError("bad-parse", sentence, at=table.at)
            return below, self._visible(below, alias, qualifier)
        if reads_given and around.given is not None:
            return around.given, self._visible(around.given, alias, qualifier)
        if table is None or table.name == "this":
            sentence = "A query in a join says what it reads: SELECT … FROM @abcd-1234"
            raise SoqlError("bad-parse", sentence, at=table.at if table is not None else tree.NOWHERE)
        dataset = self._dataset(table)
        return dataset, self._visible(dataset, alias, qualifier)

    def _join(self, join: tree.Join, before: Sequence[Visible], around: Around) -> tuple[Visible, Joined]:
        if self.min_cell > 0:
            sentence = f"JOIN cannot be used here: groups under {self.min_cell} rows are withheld"
            raise SoqlError("bad-parse", sentence, at=join.relation.at)
        relation, lateral = join.relation, join.lateral and isinstance(join.relation, tree.SubQuery)
        if lateral and join.kind in ("RIGHT", "FULL"):
            raise SoqlError("bad-parse", f"{join.kind} JOIN cannot be LATERAL", at=relation.at)
        source: Rows
        if isinstance(relation, tree.Table):
            if relation.name == "this":
                raise SoqlError("bad-parse", "@this can only be used in FROM @this, not in joins", at=relation.at)
            source = self._dataset(relation)
        else:
            outer = (*before, *around.outer) if lateral else ()
            source = self.rows(relation.query, Around(None, outer, nested=True))
        alias = self._alias()
        visible = self._visible(source, alias, relation.qualifier)
        return visible, Joined(join.kind, lateral, source, alias, _UNKNOWN, visible.keys)

    def _dataset(self, table: tree.Table) -> Dataset:
        if not _FOUR_BY_FOUR.match(table.name):
            raise SoqlError("no-such-table", f"No such table: @{table.name}", at=table.at, table=table.name)
        if table.name not in self._known:
            try:
                self._known[table.name] = self.tables(table.name)
            except NotFound as missing:
                sentence = f"No dataset has the id {table.name}"
                raise SoqlError("no-such-table", sentence, at=table.at, table=table.name) from missing
            self.record.datasets.append(table.name)
        return Dataset(table.name)

    def _visible(self, source: Rows, alias: str, qualifier: str) -> Visible:
        if isinstance(source, Dataset):
            columns = self._known[source.id] if source.id else self.columns
            return of_dataset(columns, alias=alias, dataset=source.id, qualifier=qualifier)
        return of_outputs(source.outputs, alias=alias, qualifier=qualifier, numbered=isinstance(source, Stage))

    def _alias(self) -> str:
        self._aliases += 1
        return f"r{self._aliases}"


def _type(named: Named) -> str:
    return {"row_identifier": "text", "null": "text"}.get(named.column.type, named.column.type)


def named_columns(columns: Sequence[ColumnInfo]) -> list[Named]:
    """Columns of the main dataset under their own names."""
    return [Named(column.name, column_of(column)) for column in columns]
