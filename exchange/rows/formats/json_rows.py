"""SODA JSON and GeoJSON (reference: soda.md §6)."""

from __future__ import annotations

from collections.abc import Iterator

import orjson
import pyarrow as pa
import pyarrow.compute as pc

from exchange.rows.cells import json_value
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

    Every cell brings its own comma, and the first of a row loses it again; texts hold no bare line feed, so only the
    start of a row looks like one. (`null_handling="skip"` would be shorter, but Arrow then drops a row of nulls.)
    """
    cells = [
        joined(f",{_name(field)}:", json_value(column, field.type))
        for field, column in zip(fields, batch.columns, strict=True)
    ]
    return bytes_of(rows_of("\n,{", *cells, "}")).replace(b"\n,{,", b"\n,{")


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
