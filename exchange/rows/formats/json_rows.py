"""SODA JSON and GeoJSON (reference: soda.md §6)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from exchange.rows.cells import is_json_text, json_inside, json_value
from exchange.rows.door import Field
from exchange.rows.formats.options import Options
from exchange.rows.formats.texts import GEOMETRIES, bytes_of, joined, rows_of

JSON_TYPE = "application/json;charset=utf-8"
GEOJSON_TYPE = "application/vnd.geo+json;charset=utf-8"
SCRIPT_TYPE = "application/javascript;charset=utf-8"
_CRS = b'],"crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:OGC:1.3:CRS84"}}}\n'


def write_json(fields: tuple[Field, ...], batches: Iterator[pa.RecordBatch], options: Options) -> Iterator[bytes]:
    """An array of objects, one a line: numbers are strings, null cells are left out."""
    yielded = False
    for batch in batches:
        if batch.num_rows:
            rows = _objects(fields, batch)
            yield rows if yielded else b"[" + rows[2:]
            yielded = True
    yield b"]\n" if yielded else b"[]\n"


def write_script(fields: tuple[Field, ...], batches: Iterator[pa.RecordBatch], options: Options) -> Iterator[bytes]:
    """The array as the argument of the function that the page named (`$jsonp`)."""
    yield f"{options.callback}(".encode()
    yield from write_json(fields, batches, options)
    yield b");\n"


def write_object(fields: tuple[Field, ...], batches: Iterator[pa.RecordBatch], options: Options) -> Iterator[bytes]:
    """Each row as an object on a line of its own."""
    for batch in batches:
        if batch.num_rows:
            yield _objects(fields, batch)[2:].replace(b"\n,{", b"\n{") + b"\n"


def _objects(fields: tuple[Field, ...], batch: pa.RecordBatch) -> bytes:
    """The rows, each as `\\n,{…}`.

    Cells that no row lacks and that stand between quotation marks are put together by Arrow's writer of CSV, whose
    separator becomes the quotation mark: several times as fast as joining texts, and most cells are such. What lies
    between two of them is one text: names, and the cells that cannot be so.
    """
    cells = [_cell(column, field.type) for field, column in zip(fields, batch.columns, strict=True)]
    columns: list[pa.Array] = []
    between: list[Any] = [",{"]
    comma = "," if cells[0].null_count else ""
    for field, cell in zip(fields, cells, strict=True):
        key, comma = f"{comma}{_name(field)}:", ","
        if not is_json_text(field.type):
            between.append(joined(key, cell))
        elif cell.null_count:
            between.append(joined(f'{key}"', cell, '"'))
        else:
            columns += [_one_text([*between, key], batch.num_rows), _marked(cell)]
            between = []
    columns.append(_one_text([*between, "}"], batch.num_rows))
    return _lines(columns, first_may_be_null=bool(cells[0].null_count))


def _cell(column: pa.Array, type_: str) -> pa.Array:
    return json_inside(column, type_) if is_json_text(type_) else json_value(column, type_)


def _lines(columns: list[pa.Array], *, first_may_be_null: bool) -> bytes:
    """The rows of these texts. Where a row may lack its first cell every cell brought its comma, and one is too many.

    Texts hold no bare line feed, so only the start of a row looks like one.
    """
    out = pa.BufferOutputStream()
    out.write(b"\n")
    pa_csv.write_csv(pa.RecordBatch.from_arrays(columns, names=[str(n) for n in range(len(columns))]), out, _JOINING)
    rows: bytes = out.getvalue().to_pybytes()[:-1].translate(_BACK)
    return rows.replace(b"\n,{,", b"\n,{") if first_may_be_null else rows


_MARK, _SEPARATOR = "\x02", "\x01"
"""Both stand for the quotation mark meanwhile; no JSON text has these characters in it."""

_BACK = bytes.maketrans((_MARK + _SEPARATOR).encode(), b'""')
_JOINING = pa_csv.WriteOptions(include_header=False, delimiter=_SEPARATOR, quoting_style="none")


def _one_text(pieces: list[Any], rows: int) -> pa.Array:
    """The pieces one after the other for each row; a cell that is null is nothing."""
    if all(isinstance(piece, str) for piece in pieces):
        return pa.repeat("".join(pieces).replace('"', _MARK), rows)
    return _marked(rows_of(*pieces))


def _marked(texts: pa.Array) -> pa.Array:
    data = texts.buffers()[2]
    return pc.replace_substring(texts, '"', _MARK) if data is not None and b'"' in data.to_pybytes() else texts


def _name(field: Field) -> str:
    return orjson.dumps(field.name).decode()


def geometry_of(fields: tuple[Field, ...]) -> int | None:
    """Where the first column with a shape is; else the first location, which has a point; None without either."""
    for types in (GEOMETRIES, ("location",)):
        found = next((n for n, field in enumerate(fields) if field.type in types), None)
        if found is not None:
            return found
    return None


def write_geojson(fields: tuple[Field, ...], batches: Iterator[pa.RecordBatch], options: Options) -> Iterator[bytes]:
    """A collection of features; the geometry is the first column with a shape, properties keep their nulls."""
    yield b'{"type":"FeatureCollection","features":['
    yielded = False
    for batch in batches:
        if batch.num_rows:
            rows = _features(fields, batch)
            yield rows if yielded else rows[2:]
            yielded = True
    yield _CRS


def write_feature(fields: tuple[Field, ...], batches: Iterator[pa.RecordBatch], options: Options) -> Iterator[bytes]:
    """Each row as a feature by itself."""
    for batch in batches:
        if batch.num_rows:
            yield _features(fields, batch)[2:] + b"\n"


def _features(fields: tuple[Field, ...], batch: pa.RecordBatch) -> bytes:
    shaped = geometry_of(fields)
    properties: list[pa.Array] = []
    geometry = pa.nulls(batch.num_rows, pa.string())
    for position, (field, column) in enumerate(zip(fields, batch.columns, strict=True)):
        if position == shaped:
            geometry = _shape(column, field.type)
        else:
            cell = pc.fill_null(json_value(column, field.type), "null")
            properties.append(joined(f"{',' if properties else ''}{_name(field)}:", cell))
    opening = '\n,{"type":"Feature","geometry":'
    return bytes_of(rows_of(opening, pc.fill_null(geometry, "null"), ',"properties":{', *properties, "}}"))


def _shape(column: pa.Array, type_: str) -> pa.Array:
    if type_ != "location":
        return json_value(column, type_)
    placed = pc.and_(pc.is_valid(column.field("lat")), pc.is_valid(column.field("lon")))
    placed = pc.and_(pc.is_valid(column), placed)
    point = pa.StructArray.from_arrays(
        [column.field("lat"), column.field("lon")], ["lat", "lon"], mask=pc.invert(placed)
    )
    return json_value(point, "point")
