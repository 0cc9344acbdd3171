"""SODA JSON: numbers are strings, null cells are left out (reference: soda.md §6)."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from exchange.rows.cells import json_value
from exchange.rows.door import Field
from exchange.rows.formats.options import Options

JSON_TYPE = "application/json;charset=utf-8"


def write_json(fields: tuple[Field, ...], batches: Iterator[pa.RecordBatch], options: Options) -> Iterator[bytes]:
    """An array of objects, one a line."""
    yielded = False
    for batch in batches:
        if batch.num_rows:
            rows = objects(fields, batch)
            yield rows if yielded else b"[" + rows[2:]
            yielded = True
    yield b"]\n" if yielded else b"[]\n"


def write_object(fields: tuple[Field, ...], batches: Iterator[pa.RecordBatch], options: Options) -> Iterator[bytes]:
    """The first row as an object; nothing if there is none."""
    for batch in batches:
        if batch.num_rows:
            yield objects(fields, batch.slice(0, 1))[2:] + b"\n"
            return


def objects(fields: tuple[Field, ...], batch: pa.RecordBatch) -> bytes:
    """The rows, each as `\\n,{…}`.

    Every cell brings its own comma, and the first of a row loses it again; texts hold no bare line feed, so only the
    start of a row looks like one. (`null_handling="skip"` would be shorter, but Arrow then drops a row of nulls.)
    """
    cells = [
        pc.binary_join_element_wise("," + orjson.dumps(field.name).decode() + ":", json_value(column, field.type), "")
        for field, column in zip(fields, batch.columns, strict=True)
    ]
    joined = pc.binary_join_element_wise("\n,{", *cells, "}", "", null_handling="replace", null_replacement="")
    return bytes_of(joined).replace(b"\n,{,", b"\n,{")


def bytes_of(texts: pa.Array) -> bytes:
    """All texts one after the other: an Arrow array keeps them so."""
    length = pc.sum(pc.binary_length(texts)).as_py() or 0
    return texts.buffers()[2].slice(0, length).to_pybytes() if length else b""
