"""Extract and conform a body: texts as they were sent, then typed cells; one that does not fit refuses the whole.

Beside the cells of each column a patch says whether a row gave it at all (`:has/<name>`), which row it names by `:id`,
and whether it deletes. Colons keep these apart from every field name.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from exchange.hub.conforming import column_info, convert, is_whole, layout
from exchange.hub.extracting import RAW
from exchange.hub.proposing import ProposedColumn
from exchange.hub.staging import Staging, write_whole
from exchange.hub.writing.faults import maltyped
from exchange.hub.writing.operations import DELETED, ID, Operation, operations
from exchange.rows.types import ColumnInfo, SodaType

PATCH = "patch.parquet"
HAS = ":has/"
ROWS_AT_ONCE = 10_000


def extract(staging: Staging, body: Path, kind: str, columns: Sequence[ProposedColumn]) -> dict[str, Any]:
    """Read the body into the run's folder as texts; returns what the run keeps. Raises `BadBody`."""
    names = [column.name for column in columns]
    found = operations(body, kind, {column.name: str(column.type) for column in columns})
    counted = 0

    def write(part: Path) -> None:
        nonlocal counted
        with pq.ParquetWriter(part, _raw_schema(names), compression="zstd") as writer:
            while batch := list(islice(found, ROWS_AT_ONCE)):
                writer.write_batch(_texts(batch, names))
                counted += len(batch)

    write_whole(staging.path(RAW), write)
    return {"rows": counted, "notes": []}


def _raw_schema(names: Sequence[str]) -> pa.Schema:
    own = [pa.field(ID, pa.int64()), pa.field(DELETED, pa.bool_())]
    given = [pa.field(HAS + name, pa.bool_()) for name in names]
    return pa.schema([*own, *given, *(pa.field(name, pa.string()) for name in names)])


def _texts(batch: Sequence[Operation], names: Sequence[str]) -> pa.RecordBatch:
    arrays: list[pa.Array] = [pa.array([o.id for o in batch], pa.int64()), pa.array([o.deleted for o in batch])]
    arrays += [pa.array([name in o.cells for o in batch], pa.bool_()) for name in names]
    arrays += [pa.array([o.cells.get(name) for o in batch], pa.string()) for name in names]
    return pa.record_batch(arrays, schema=_raw_schema(names))


def conform(staging: Staging, columns: Sequence[ProposedColumn]) -> dict[str, Any]:
    """Write the typed patch; returns counts and the columns of the new version. Raises `BadBody` at a misfit."""
    raw = staging.path(RAW)
    whole = {column.name for column in columns if column.type in _INTEGERS and is_whole(raw, column)}
    infos = [column_info(column) for column in columns]
    schema = pa.schema([*_own_fields(columns), *layout(infos, whole)])

    def write(part: Path) -> None:
        with pq.ParquetWriter(part, schema, compression="zstd") as writer:
            for batch in _typed(raw, columns, whole, schema):
                writer.write_batch(batch)

    write_whole(staging.path(PATCH), write)
    rows = pq.read_metadata(raw).num_rows
    return {"read": rows, "refused": 0, "rows": rows, "columns": [i.to_json() for i in infos], "problems": []}


_INTEGERS = (SodaType.NUMBER, "money")


def _own_fields(columns: Sequence[ProposedColumn]) -> list[pa.Field]:
    given = [pa.field(HAS + column.name, pa.bool_()) for column in columns]
    return [pa.field(ID, pa.int64()), pa.field(DELETED, pa.bool_()), *given]


def _typed(
    raw: Path, columns: Sequence[ProposedColumn], whole: set[str], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    before = 0
    for batch in pq.ParquetFile(raw).iter_batches():
        arrays = [batch.column(field.name) for field in _own_fields(columns)]
        for column in columns:
            made, unfit = convert(batch.column(column.name), column, column.name in whole)
            if pc.any(unfit).as_py():
                raise maltyped(before + pc.indices_nonzero(unfit)[0].as_py() + 1, column.name, str(column.type))
            arrays += made
        before += batch.num_rows
        yield pa.record_batch(arrays, schema=schema)


def meanings_kept(infos: Sequence[ColumnInfo], before: Sequence[ColumnInfo]) -> list[ColumnInfo]:
    """The columns of the next version: a column that had cell meanings keeps room for them."""
    had = {column.name for column in before if column.has_meanings}
    return [
        ColumnInfo(c.name, c.label, c.type, c.has_meanings or c.name in had, c.description) if c.name in had else c
        for c in infos
    ]
