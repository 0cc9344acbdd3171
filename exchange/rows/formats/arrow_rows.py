"""Arrow's own stream and Parquet: typed columns, for programs that compute (https://arrow.apache.org/docs/format).

Shapes are well-known binary, longitude first, and described as GeoParquet 1.1 does. Both are written as they come: a
stream that was cut lacks its end, a Parquet file that was cut its footer, so that neither can be read as whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from exchange.rows.door import Field
from exchange.rows.formats.options import Options
from exchange.rows.formats.sink import Sink
from exchange.rows.formats.texts import GEOMETRIES

ARROW_TYPE = "application/vnd.apache.arrow.stream"
PARQUET_TYPE = "application/vnd.apache.parquet"
ROW_GROUP = 30_000

_EMPTY = {
    "number": pa.float64(), "double": pa.float64(), "boolean": pa.bool_(), "floating_timestamp": pa.timestamp("ms"),
    "fixed_timestamp": pa.timestamp("ms", tz="UTC"),
}  # fmt: skip
"""Types of columns of which no row came; every other is a text."""

_POINT = np.dtype([("order", "u1"), ("kind", "<u4"), ("x", "<f8"), ("y", "<f8")])
"""A point as well-known binary (OGC 06-103r4 §8.2)."""


def write_arrow(fields: tuple[Field, ...], batches: Iterator[pa.RecordBatch], options: Options) -> Iterator[bytes]:
    """A schema, a record batch for each batch, an end."""
    sink = Sink()
    writer: pa.RecordBatchStreamWriter | None = None
    for batch in _typed(fields, batches):
        if writer is None:
            writer = pa.ipc.new_stream(sink.file, batch.schema)
        writer.write_batch(batch)
        yield sink.taken()
    if writer is not None:
        writer.close()
    yield sink.taken()


def write_parquet(fields: tuple[Field, ...], batches: Iterator[pa.RecordBatch], options: Options) -> Iterator[bytes]:
    """Row groups of some 30,000 rows, sent as each is full; the footer comes last."""
    sink = Sink()
    writer: pq.ParquetWriter | None = None
    for table in _groups(_typed(fields, batches)):
        if writer is None:
            writer = pq.ParquetWriter(sink.file, table.schema, compression="zstd")
        writer.write_table(table, row_group_size=ROW_GROUP)
        yield sink.taken()
    if writer is not None:
        writer.close()
    yield sink.taken()


def _groups(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.Table]:
    held: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        held.append(batch)
        rows += batch.num_rows
        if rows >= ROW_GROUP:
            yield pa.Table.from_batches(held)
            held, rows = [], 0
    if held:
        yield pa.Table.from_batches(held)


def _typed(fields: tuple[Field, ...], batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The batches with shapes as binary and one schema; at least one, be it empty."""
    schema: pa.Schema | None = None
    for batch in batches:
        columns = [_column(column, field.type) for field, column in zip(fields, batch.columns, strict=True)]
        schema = schema or _schema(fields, [column.type for column in columns])
        yield pa.RecordBatch.from_arrays(columns, schema=schema)
    if schema is None:
        types = [pa.binary() if field.type in GEOMETRIES else _EMPTY.get(field.type, pa.string()) for field in fields]
        yield pa.RecordBatch.from_pylist([], schema=_schema(fields, types))


def _schema(fields: tuple[Field, ...], types: list[pa.DataType]) -> pa.Schema:
    columns = [
        pa.field(field.name, type_, metadata={"soda.type": field.type})
        for field, type_ in zip(fields, types, strict=True)
    ]
    shapes = [field.name for field in fields if field.type in GEOMETRIES]
    described = {name: {"encoding": "WKB", "geometry_types": []} for name in shapes}
    geo = {"version": "1.1.0", "primary_column": shapes[0], "columns": described} if shapes else None
    return pa.schema(columns, metadata={"geo": json.dumps(geo)} if geo else None)


def _column(column: pa.Array, type_: str) -> pa.Array:
    if type_ == "point" and pa.types.is_struct(column.type):
        return _points(column.field("lon"), column.field("lat"), pc.is_valid(column))
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def _points(longitude: pa.Array, latitude: pa.Array, valid: pa.Array) -> pa.Array:
    written = np.empty(len(valid), _POINT)
    written["order"], written["kind"] = 1, 1
    written["x"] = pc.fill_null(longitude, 0.0).to_numpy(zero_copy_only=False)
    written["y"] = pc.fill_null(latitude, 0.0).to_numpy(zero_copy_only=False)
    fixed = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(_POINT.itemsize), len(valid), [None, pa.py_buffer(written.tobytes())]
    )
    return pc.if_else(valid, fixed.cast(pa.binary()), pa.scalar(None, pa.binary()))
