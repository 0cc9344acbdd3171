"""The types of columns: their SODA names, their Arrow types, and how a version lies in its file.

A version's file has `_row` (int64, dense from 0) and then, in the dataset's order, each column under its field name.
A point is two columns `<name>__lat` and `<name>__lon`; a location has `<name>__address` besides (a JSON object). Any
other geometry is well-known binary (OGC 06-103r4 §8, longitude first) with its bounds in four columns beside it. A
url with a description is the address, a blank and the description; money is a number. A column in which a cell
can be absent for a stated reason has a companion `<name>__cell`: null for a plain value, else one of the words of
`CellMeaning`; the cell itself is then null.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from exchange.errors import Invalid

ROW = "_row"
LATITUDE, LONGITUDE, ADDRESS, CELL = "__lat", "__lon", "__address", "__cell"
BOUNDS = ("__west", "__south", "__east", "__north")
"""The bounds of a geometry, degrees, in the order of RFC 7946 §5."""


class SodaType(enum.StrEnum):
    """The types that a dataset's column can have, as the catalogue writes them (reference: soda.md §5)."""

    TEXT = "text"
    NUMBER = "number"
    CHECKBOX = "checkbox"
    CALENDAR_DATE = "calendar_date"
    FIXED_TIMESTAMP = "fixed_timestamp"
    POINT = "point"
    URL = "url"
    DOUBLE = "double"
    MONEY = "money"
    LOCATION = "location"
    LINE = "line"
    POLYGON = "polygon"
    MULTIPOINT = "multipoint"
    MULTILINE = "multiline"
    MULTIPOLYGON = "multipolygon"
    DOCUMENT = "document"
    PHOTO = "photo"
    BLOB = "blob"


SHAPES = frozenset({SodaType.LINE, SodaType.POLYGON, SodaType.MULTIPOINT, SodaType.MULTILINE, SodaType.MULTIPOLYGON})
"""The geometries that lie as well-known binary."""

SEVERAL_PARTS = SHAPES | {SodaType.POINT, SodaType.LOCATION}
"""The types that lie as several columns."""

NUMBERS = frozenset({SodaType.NUMBER, SodaType.MONEY})
"""The types that are a number to a query. A number may also lie as int64, if every value of the version fits."""


HEADER_NAMES = {
    SodaType.CHECKBOX: "boolean",
    SodaType.CALENDAR_DATE: "floating_timestamp",
}
"""What `X-SODA2-Types` and SoQL call a type, where that differs from the catalogue's word."""

ARROW_TYPES: Mapping[str, pa.DataType] = {
    SodaType.TEXT: pa.string(),
    SodaType.NUMBER: pa.float64(),
    SodaType.CHECKBOX: pa.bool_(),
    SodaType.CALENDAR_DATE: pa.timestamp("ms"),
    SodaType.FIXED_TIMESTAMP: pa.timestamp("ms", tz="UTC"),
    SodaType.URL: pa.string(),
    SodaType.DOUBLE: pa.float64(),
    SodaType.MONEY: pa.float64(),
    SodaType.DOCUMENT: pa.string(),
    SodaType.PHOTO: pa.string(),
    SodaType.BLOB: pa.string(),
}
"""The Arrow type of each one-column type."""

_DEGREES = pa.float64()
_PLACE = ((LATITUDE, _DEGREES), (LONGITUDE, _DEGREES))
_COLUMNS: Mapping[str, Sequence[tuple[str, pa.DataType]]] = {
    **{type_: (("", arrow),) for type_, arrow in ARROW_TYPES.items()},
    SodaType.POINT: _PLACE,
    SodaType.LOCATION: (*_PLACE, (ADDRESS, pa.string())),
    **dict.fromkeys(SHAPES, (("", pa.binary()), *((bound, _DEGREES) for bound in BOUNDS))),
}


class CellMeaning(enum.StrEnum):
    """What a cell says. Only the last three stand in a companion column; zero is a value that the publisher stated."""

    VALUE = "value"
    ZERO = "zero"
    SUPPRESSED = "suppressed"
    NOT_APPLICABLE = "not_applicable"
    MISSING = "missing"


@dataclass(frozen=True)
class ColumnInfo:
    """One column as the resolver may know it: `name` is the API field name, `type` a `SodaType` value."""

    name: str
    label: str
    type: str
    has_meanings: bool = False
    description: str = ""

    def to_json(self) -> dict[str, Any]:
        """The entry of this column in `Version.schema`."""
        return {"name": self.name, "label": self.label, "type": self.type, "has_meanings": self.has_meanings}


def columns_from_schema(schema: Iterable[Mapping[str, Any]]) -> tuple[ColumnInfo, ...]:
    """The columns of a version as recorded in `Version.schema`."""
    return tuple(
        ColumnInfo(c["name"], c.get("label", c["name"]), _asked(c["type"]), bool(c.get("has_meanings"))) for c in schema
    )


def _asked(type_: str) -> str:
    """The type as queries know it: money is a number."""
    return SodaType.NUMBER.value if type_ == SodaType.MONEY else type_


def header_name(type_: str) -> str:
    """The name of a type in headers and in SoQL."""
    return HEADER_NAMES.get(_asked(type_), _asked(type_))  # type: ignore[call-overload, no-any-return]


def physical_fields(column: ColumnInfo) -> list[pa.Field]:
    """How one column lies in the file."""
    fields = [pa.field(column.name + suffix, arrow) for suffix, arrow in _COLUMNS[column.type]]
    return [*fields, pa.field(column.name + CELL, pa.string())] if column.has_meanings else fields


def physical_schema(columns: Sequence[ColumnInfo]) -> pa.Schema:
    """The file's schema without `_row`, numbers as float64."""
    return pa.schema([field for column in columns for field in physical_fields(column)])


def narrow_numbers(table: pa.Table, columns: Sequence[ColumnInfo]) -> pa.Table:
    """The same table with each number column as int64 where every value is a whole number that fits exactly."""
    for column in columns:
        if column.type not in NUMBERS or not pa.types.is_floating(table.schema.field(column.name).type):
            continue
        values = table[column.name]
        if _all_whole(values):
            position = table.schema.get_field_index(column.name)
            table = table.set_column(position, column.name, values.cast(pa.int64()))
    return table


def _all_whole(values: pa.ChunkedArray) -> bool:
    fits = pc.less_equal(pc.abs(values), float(2**53))
    whole = pc.and_(pc.equal(values, pc.floor(values)), fits)
    return pc.all(whole, min_count=0).as_py() is True


def check_schema(schema: pa.Schema, columns: Sequence[ColumnInfo]) -> None:
    """Raise `Invalid` unless a table with this schema holds exactly these columns in their physical layout."""
    problems = [f"the name {column.name!r} has a dollar sign" for column in columns if "$" in column.name]
    expected = physical_schema(columns)
    names = [name for name in schema.names if name != ROW]
    if set(names) != set(expected.names) or len(names) != len(expected.names):
        missing, extra = set(expected.names) - set(names), set(names) - set(expected.names)
        problems.append(f"missing {sorted(missing)}, unexpected {sorted(extra)}")
    problems += [
        f"{field.name} is {schema.field(field.name).type}, not {field.type}"
        for field in expected
        if field.name in names and not _fits(schema.field(field.name).type, field.type)
    ]
    if problems:
        raise Invalid("The table does not have the columns of this version: " + "; ".join(problems) + ".")


def _fits(actual: pa.DataType, expected: pa.DataType) -> bool:
    if pa.types.is_dictionary(actual):
        actual = actual.value_type
    if pa.types.is_float64(expected):
        return bool(pa.types.is_float64(actual) or pa.types.is_int64(actual))
    if pa.types.is_string(expected):
        return bool(pa.types.is_string(actual) or pa.types.is_large_string(actual))
    if pa.types.is_binary(expected):
        return bool(pa.types.is_binary(actual) or pa.types.is_large_binary(actual))
    return bool(actual == expected)
