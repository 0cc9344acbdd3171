"""The JSON of SODA 1, `rows.json`: the description of the view, then rows as plain lists (reference: soda.md §6)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from exchange.rows.cells import json_value, link_parts, plain_text
from exchange.rows.door import Field
from exchange.rows.formats.json_rows import JSON_TYPE
from exchange.rows.formats.options import Format, Options
from exchange.rows.formats.texts import bytes_of, joined, rows_of

HIDDEN = (":sid", ":id", ":position", ":created_at", ":created_meta", ":updated_at", ":updated_meta", ":meta")
"""The first eight cells of every row; the view lists them as columns of the type `meta_data`."""


def rows_json(view: Mapping[str, Any], published: int) -> Format:
    """The format for one view. `published`, in seconds since 1970, stands for when each row came and was changed."""
    hidden = [
        {
            "id": -1,
            "name": name[1:],
            "dataTypeName": "meta_data",
            "fieldName": name,
            "position": 0,
            "renderTypeName": "meta_data",
            "format": {},
            "flags": ["hidden"],
        }
        for name in HIDDEN
    ]
    described = orjson.dumps({"view": {**view, "columns": [*hidden, *view["columns"]]}})

    def write(fields: tuple[Field, ...], batches: Iterator[pa.RecordBatch], options: Options) -> Iterator[bytes]:
        yield b'{"meta":' + described + b',"data":['
        first = True
        for batch in batches:
            if batch.num_rows:
                rows = _rows(fields, batch, published)
                yield rows[1:] if first else rows
                first = False
        yield b"\n]}\n"

    return Format("json", JSON_TYPE, write)


def _rows(fields: tuple[Field, ...], batch: pa.RecordBatch, published: int) -> bytes:
    """Each row as `,\\n[…]`; the last of the fields is `:id`."""
    ids = batch.column(len(fields) - 1)
    digits = pc.replace_substring(pc.utf8_slice_codeunits(ids, 4), "-", "")
    groups = pc.utf8_slice_codeunits(digits, 0, 4), "-", pc.utf8_slice_codeunits(digits, 4, 16)
    system = joined(',\n["', ids, '","00000000-0000-0000-', *groups, f'",0,{published},null,{published},null,"{{ }}"')
    cells = [
        joined(",", pc.fill_null(_cell(column, field.type), "null"))
        for field, column in zip(fields[:-1], batch.columns[:-1], strict=True)
    ]
    return bytes_of(rows_of(system, *cells, "]"))


def _cell(column: pa.Array, type_: str) -> pa.Array:
    """A cell as SODA 1 wrote it: texts for all but booleans; places and links are lists."""
    if type_ == "url":
        address, words = link_parts(column) or (column.cast(pa.string()), pa.nulls(len(column), pa.string()))
        return joined("[", json_value(address, "text"), ",", _quoted(words), "]")
    if type_ == "location":
        return _location(column)
    if type_ == "floating_timestamp":
        return joined('"', pc.strftime(column.cast(pa.timestamp("s"), safe=False), "%Y-%m-%dT%H:%M:%S"), '"')
    if type_ == "boolean":
        return json_value(column, type_)
    return json_value(plain_text(column, type_), "text")


def _location(column: pa.Array) -> pa.Array:
    latitude, longitude = (_quoted(plain_text(column.field(part), "number")) for part in ("lat", "lon"))
    cell = joined("[", _quoted(column.field("address")), ",", latitude, ",", longitude, ",null,false]")
    return pc.if_else(pc.is_valid(column), cell, pa.scalar(None, pa.string()))


def _quoted(texts: pa.Array) -> pa.Array:
    return pc.fill_null(json_value(texts, "text"), "null")
