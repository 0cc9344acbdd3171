"""How values of each type stand in engine SQL: columns, constants, and the parts of points, locations and shapes.

A point is one value (a struct of `lat` and `lon`) or two columns; a location has an `address` besides; any other
geometry is well-known binary, with its bounds beside it where it is a column. Templates ask for the part they need.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exchange.rows.functions import SHAPES
from exchange.rows.plan.typed import Column, Constant
from exchange.rows.types import ADDRESS, BOUNDS, CELL, LATITUDE, LONGITUDE

ROWS = "t"
"""The alias of the relation that a stage reads."""

ENGINE_TYPES: Mapping[str, str] = {
    "text": "VARCHAR", "url": "VARCHAR", "row_version": "VARCHAR", "zone": "VARCHAR", "web": "VARCHAR",
    "number": "DOUBLE", "double": "DOUBLE", "checkbox": "BOOLEAN", "calendar_date": "TIMESTAMP",
    "fixed_timestamp": "TIMESTAMPTZ", "row_identifier": "BIGINT", "interval": "INTERVAL", "document": "VARCHAR",
    "photo": "VARCHAR", "blob": "VARCHAR", **dict.fromkeys(SHAPES, "BLOB"),
}  # fmt: skip


@dataclass(frozen=True)
class Sql:
    """One emitted expression, with the parts that some templates ask for."""

    whole: str
    parts: Mapping[str, str]

    def __format__(self, spec: str) -> str:
        return self.whole

    def __getattr__(self, name: str) -> str:
        try:
            return self.parts[name]
        except KeyError:
            raise AttributeError(name) from None


def quoted(name: str) -> str:
    """A column name as an identifier."""
    return '"' + name.replace('"', '""') + '"'


def column_sql(column: Column, relation: str = ROWS) -> Sql:
    """A column of the stage below: of a version, where compound types are several columns, or computed."""
    name = f"{relation}.{quoted(column.name)}"
    if column.computed:
        return computed(name, column.type)

    def beside(suffix: str) -> str:
        return f"{relation}.{quoted(column.name + suffix)}"

    if column.type in ("point", "location"):
        address = beside(ADDRESS) if column.type == "location" else None
        return place(beside(LATITUDE), beside(LONGITUDE), address)
    if column.type in SHAPES:
        return Sql(name, {"wkb": name, **{bound.strip("_"): beside(bound) for bound in BOUNDS}})
    return Sql(name, {"cell": beside(CELL) if column.has_meanings else "CAST(NULL AS VARCHAR)"})


def computed(sql: str, type_: str) -> Sql:
    """What a function or an earlier stage gave, with the parts that its type has."""
    if type_ in ("point", "location"):
        lat, lon = f"struct_extract({sql}, 'lat')", f"struct_extract({sql}, 'lon')"
        parts = {"lat": lat, "lon": lon, **_bounds(lon, lat)}
        if type_ == "location":
            return Sql(sql, {**parts, "wkb": f"shape_of_place({sql})", "address": f"struct_extract({sql}, 'address')"})
        return Sql(sql, {**parts, "wkb": f"shape_of_point({sql})"})
    if type_ in SHAPES:
        bounds = {bound.strip("_"): f"shape_bound({sql}, '{bound.strip('_')}')" for bound in BOUNDS}
        return Sql(sql, {"wkb": sql, **bounds})
    return Sql(sql, {"cell": "CAST(NULL AS VARCHAR)"})


def place(latitude: str, longitude: str, address: str | None = None) -> Sql:
    """A point or a location from its parts."""
    fields = f"lat := CAST({latitude} AS DOUBLE), lon := CAST({longitude} AS DOUBLE)"
    here = f"{latitude} IS NOT NULL AND {longitude} IS NOT NULL"
    wkb = f"shape_point({latitude}, {longitude})"
    parts = {"lat": latitude, "lon": longitude, "wkb": wkb, **_bounds(longitude, latitude)}
    if address is None:
        return Sql(f"(CASE WHEN {here} THEN struct_pack({fields}) END)", parts)
    whole = f"(CASE WHEN {here} OR {address} IS NOT NULL THEN struct_pack({fields}, address := {address}) END)"
    return Sql(whole, {**parts, "address": address})


def constant_sql(constant: Constant, bind: Callable[[Any], str]) -> Sql:
    """A constant, its value bound."""
    value: Any = constant.value
    if constant.type in ("point", "location"):
        parts = value if value is not None else (None,) * (2 if constant.type == "point" else 3)
        bound = ["NULL" if part is None else bind(part) for part in parts]
        return place(*(f"CAST({part} AS {type_})" for part, type_ in zip(bound, _PLACE, strict=False)))
    if value is None:
        return computed(f"CAST(NULL AS {ENGINE_TYPES[constant.type]})", constant.type)
    if constant.type in SHAPES:
        return _shape(value, bind)
    if constant.type == "interval":
        return _interval(value, bind)
    if constant.type in ("fixed_timestamp", "calendar_date"):
        return Sql(f"CAST({bind(value)} AS {ENGINE_TYPES[constant.type]})", {})
    return Sql(bind(value), {})


_PLACE = ("DOUBLE", "DOUBLE", "VARCHAR")


def _shape(value: tuple[bytes, Sequence[float]], bind: Callable[[Any], str]) -> Sql:
    wkb = f"CAST({bind(value[0])} AS BLOB)"
    bounds = {
        bound.strip("_"): f"CAST({bind(float(edge))} AS DOUBLE)" for bound, edge in zip(BOUNDS, value[1], strict=True)
    }
    return Sql(wkb, {"wkb": wkb, **bounds})


def _interval(value: Sequence[int], bind: Callable[[Any], str]) -> Sql:
    months, days, seconds = (bind(part) for part in value)
    return Sql(
        f"(to_months(CAST({months} AS INTEGER)) + to_days(CAST({days} AS INTEGER))"
        f" + to_seconds(CAST({seconds} AS DOUBLE)))",
        {},
    )


def _bounds(longitude: str, latitude: str) -> dict[str, str]:
    return {"west": longitude, "south": latitude, "east": longitude, "north": latitude}
