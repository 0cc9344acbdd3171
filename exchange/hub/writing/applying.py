"""Merge a body into the rows before it, a batch of the old version at a time; rows keep their order, new ones follow.

The whole version is written anew, since versions are immutable: memory is bounded by the body and one batch, time by
the rows of the dataset (docs/rows-api.md says the cost).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from exchange.hub.conforming import layout
from exchange.hub.merging import MERGED, Merge
from exchange.hub.staging import Staging, write_whole
from exchange.hub.writing.faults import NO_ROW, BadBody
from exchange.hub.writing.finding import NEW, Folded, fold, require_unique
from exchange.hub.writing.operations import ID
from exchange.hub.writing.patch import HAS, PATCH, meanings_kept
from exchange.rows.layout import ROW_GROUP
from exchange.rows.types import ColumnInfo, physical_fields


@dataclass(frozen=True)
class Before:
    """The version that readers see while the run works; `table` where its rows can be in memory only."""

    columns: tuple[ColumnInfo, ...]
    file: Path | None = None
    table: pa.Table | None = None

    @property
    def schema(self) -> pa.Schema:
        """The physical columns, `_row` too."""
        return self.table.schema if self.table is not None else pq.read_schema(self.file)

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return int(self.table.num_rows if self.table is not None else pq.read_metadata(self.file).num_rows)

    def column(self, name: str) -> pa.ChunkedArray:
        """One physical column, whole."""
        return self.table[name] if self.table is not None else pq.read_table(self.file, columns=[name])[name]

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The rows in order."""
        if self.table is not None:
            yield from self.table.to_batches(max_chunksize=ROW_GROUP)
        else:
            yield from pq.ParquetFile(self.file).iter_batches(batch_size=ROW_GROUP)


def apply(
    staging: Staging, before: Before | None, infos: Sequence[ColumnInfo], row_id: str | None, how: Merge,
    *, one_row: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Leave the rows of the new version in a file; returns its name, the columns and the counts.

    Raises `BadBody`; for `one_row` also where the row to delete is not there.
    """
    patch = pq.read_table(staging.path(PATCH))
    kept = None if how is Merge.REPLACE else before
    columns = meanings_kept(infos, before.columns if before else ())
    keys = kept.column(row_id) if kept and row_id and row_id in kept.schema.names else None
    folded = _found(patch, keys, kept.rows if kept else 0, columns, row_id, one_row=one_row)
    schema = layout(columns, _whole(columns, patch.schema, kept.schema if kept else None))
    column_of = {field.name: column.name for column in columns for field in physical_fields(column)}
    work = _Work(_with_empty(patch), folded, schema, column_of)

    def write(part: Path) -> None:
        with pq.ParquetWriter(part, schema, compression="zstd") as writer:
            for table in work.tables(kept):
                writer.write_table(table)

    write_whole(staging.path(MERGED), write)
    if row_id is not None and folded.by_id:
        require_unique(pq.read_table(staging.path(MERGED), columns=[row_id])[row_id], row_id)
    return {"file": MERGED, "columns": [c.to_json() for c in columns], **_counts(folded, before, how)}


def _found(
    patch: pa.Table, keys: pa.ChunkedArray | None, rows: int, columns: Sequence[ColumnInfo], row_id: str | None,
    *, one_row: bool,
) -> Folded:  # fmt: skip
    """The rows that the patch is about; where the address named one row, that row has to be there."""
    try:
        folded = fold(patch, keys, rows, columns, row_id)
    except BadBody as bad:
        if one_row and bad.data.get("column") == ID:
            raise _not_there() from bad
        raise
    if one_row and folded.deleted.all() and (folded.target == NEW).all():
        raise _not_there()
    return folded


def _not_there() -> BadBody:
    return BadBody(NO_ROW, "No row has this id in the current version. Nothing was changed.", status=404)


def _counts(folded: Folded, before: Before | None, how: Merge) -> dict[str, Any]:
    """The run's counts of rows, and those that the program is answered (soda.md §9)."""
    there, living = folded.target != NEW, ~folded.deleted
    created, updated, deleted = (int(np.sum(mask)) for mask in (~there & living, there & living, there & ~living))
    gone = before.rows if before is not None and how is Merge.REPLACE else deleted
    answer = {
        "By RowIdentifier": folded.by_key, "Rows Updated": updated, "Rows Deleted": deleted if created else gone,
        "Rows Created": created, "Errors": 0, "By SID": folded.by_id,
    }  # fmt: skip
    return {"added": created, "changed": updated, "removed": gone, "answer": answer}


def _whole(columns: Sequence[ColumnInfo], patch: pa.Schema, before: pa.Schema | None) -> set[str]:
    """The number columns that stay whole: as they lay before, and in what is written."""

    def is_whole(schema: pa.Schema, name: str) -> bool:
        return name not in schema.names or pa.types.is_integer(schema.field(name).type)

    return {
        c.name
        for c in columns
        if c.name in patch.names and pa.types.is_integer(patch.field(c.name).type)
        if before is None or is_whole(before, c.name)
    }


def _with_empty(patch: pa.Table) -> pa.Table:
    """The patch with one more row, all empty and all given, from which emptied columns take their cells."""
    empty = [
        pa.array([True]) if name.startswith(HAS) else pa.nulls(1, patch.schema.field(name).type)
        for name in patch.column_names
    ]
    return pa.concat_tables([patch, pa.Table.from_arrays(empty, schema=patch.schema)])


@dataclass(frozen=True)
class _Work:
    """A folded patch on its way into the rows; `column_of` the column that each physical field belongs to."""

    patch: pa.Table
    folded: Folded
    schema: pa.Schema
    column_of: Mapping[str, str]

    def tables(self, before: Before | None) -> Iterator[pa.Table]:
        """The rows of the new version in order: the old ones as changed, then the new ones."""
        start = 0
        for batch in before.batches() if before else ():
            yield self._changed(batch, start)
            start += batch.num_rows
        new = np.flatnonzero((self.folded.target == NEW) & ~self.folded.deleted)
        yield pa.Table.from_arrays(
            [self._cells(field, new).cast(field.type) for field in self.schema], schema=self.schema
        )

    def _changed(self, batch: pa.RecordBatch, start: int) -> pa.Table:
        """One batch of old rows, its first at `start`, as the patch changes it."""
        target = self.folded.target
        here = np.flatnonzero((target >= start) & (target < start + batch.num_rows))
        here = here[np.argsort(target[here])]
        arrays = [self._field(field, batch, here, start) for field in self.schema]
        table = pa.Table.from_arrays(arrays, schema=self.schema)
        gone = here[self.folded.deleted[here]]
        if not len(gone):
            return table
        keep = np.ones(batch.num_rows, np.bool_)
        keep[target[gone] - start] = False
        return table.filter(pa.array(keep))

    def _field(self, field: pa.Field, batch: pa.RecordBatch, here: Any, start: int) -> pa.Array:
        there = field.name in batch.schema.names
        old = batch.column(field.name).cast(field.type) if there else pa.nulls(batch.num_rows, field.type)
        given = here[self._has(self.column_of[field.name], here)]
        if not len(given):
            return old
        mask = np.zeros(batch.num_rows, np.bool_)
        mask[self.folded.target[given] - start] = True
        return pc.replace_with_mask(old, pa.array(mask), self._cells(field, given).cast(field.type))

    def _has(self, column: str, here: Any) -> Any:
        taken = self.folded.take[column][here]
        return self.patch[HAS + column].take(pa.array(taken)).to_numpy()

    def _cells(self, field: pa.Field, entries: Any) -> pa.Array:
        """The cells of one physical field, for these entries of the folded patch."""
        if field.name not in self.patch.schema.names:
            return pa.nulls(len(entries), field.type)
        taken = self.folded.take[self.column_of[field.name]][entries]
        return self.patch[field.name].take(pa.array(taken)).combine_chunks()
