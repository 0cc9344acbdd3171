"""Typed expressions to engine SQL. Every value is bound; the only texts that come in are templates and column names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from exchange.rows.plan.typed import Apply, Column, Constant, SystemField, Typed
from exchange.rows.types import CELL, LATITUDE, LONGITUDE

_PARAMETER = re.compile(r"\$([0-9]+)")

ROWS = "t"
"""The alias of the relation that a stage reads."""


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


def distinct_sql(sql: str) -> str:
    """An aggregate call over each value once."""
    return sql.replace("(", "(DISTINCT ", 1)


class Emitter:
    """Writes expressions and remembers their values; equal values share one parameter."""

    def __init__(self, system: Mapping[str, Any]) -> None:
        self._system = system
        self._numbers: dict[tuple[str, Any], int] = {}
        self._parameters: list[Any] = []

    def bind(self, value: Any) -> str:
        """The parameter that holds this value."""
        key = (type(value).__name__, repr(value))
        if key not in self._numbers:
            self._parameters.append(value)
            self._numbers[key] = len(self._parameters)
        return f"${self._numbers[key]}"

    def finished(self, sql: str) -> tuple[str, list[Any]]:
        """The statement with its parameters renumbered: a template may leave an argument out, and the engine minds."""
        used = sorted({int(number) for number in _PARAMETER.findall(sql)})
        places = {number: place for place, number in enumerate(used, start=1)}
        renumbered = _PARAMETER.sub(lambda found: f"${places[int(found[1])]}", sql)
        return renumbered, [self._parameters[number - 1] for number in used]

    def text(self, expression: Typed) -> str:
        """The expression as SQL."""
        return self._emit(expression).whole

    def output(self, expression: Typed) -> str:
        """The expression as an output column: computed numbers to 15 significant digits, row ids as texts."""
        sql = self.text(expression)
        if isinstance(expression, Apply) and expression.function.rounded:
            return f"TRY_CAST(printf('%.15g', CAST({sql} AS DOUBLE)) AS DOUBLE)"
        if expression.type == "row_identifier":
            groups = r"'(.{4})(.{4})(.{4})(.{4})', 'row-\1-\2-\3-\4'"
            return f"regexp_replace(printf('%016x', {sql}), {groups})"
        return sql

    def _emit(self, expression: Typed) -> Sql:
        match expression:
            case Constant():
                return self._constant(expression)
            case Column():
                return _column(expression)
            case SystemField():
                return Sql(self.bind(self._system[expression.name]), {})
            case Apply():
                return self._apply(expression)
            case _:
                raise TypeError(type(expression))

    def _constant(self, constant: Constant) -> Sql:
        value: Any = constant.value
        if value is None:
            return (
                _point("NULL", "NULL")
                if constant.type == "point"
                else Sql(f"CAST(NULL AS {_ENGINE[constant.type]})", {})
            )
        if constant.type == "point":
            return _point(self.bind(value[0]), self.bind(value[1]))
        if constant.type == "polygon":
            return self._polygon(value)
        if constant.type == "interval":
            months, days, seconds = (self.bind(part) for part in value)
            return Sql(f"(to_months(CAST({months} AS INTEGER)) + to_days(CAST({days} AS INTEGER))"
                       f" + to_seconds(CAST({seconds} AS DOUBLE)))", {})  # fmt: skip
        if constant.type in ("fixed_timestamp", "calendar_date"):
            return Sql(f"CAST({self.bind(value)} AS {_ENGINE[constant.type]})", {})
        return Sql(self.bind(value), {})

    def _polygon(self, edges: Sequence[tuple[float, float, float, float]]) -> Sql:
        xs, ys = [edge[0] for edge in edges], [edge[1] for edge in edges]
        bounds = {"west": min(xs), "east": max(xs), "south": min(ys), "north": max(ys)}
        parts = {name: self.bind(float(value)) for name, value in bounds.items()}
        return Sql("NULL", {**parts, "edges": self.bind([list(edge) for edge in edges])})

    def _apply(self, expression: Apply) -> Sql:
        function = expression.function
        arguments = [self._emit(argument) for argument in expression.arguments]
        if function.name == "make_point":
            return _point(arguments[0].whole, arguments[1].whole)
        if function.name == "::point":
            return arguments[0]
        names = _lists(function.name, arguments) if function.repeats else {}
        sql = function.sql.format(*arguments, **names)
        if expression.distinct:
            sql = distinct_sql(sql)
        return Sql(sql, {})


def _lists(name: str, arguments: Sequence[Sql]) -> dict[str, str]:
    texts = [argument.whole for argument in arguments]
    if name == "AND":
        return {"joined_and": " AND ".join(texts)}
    if name == "OR":
        return {"joined_or": " OR ".join(texts)}
    if name == "case":
        pairs = zip(texts[::2], texts[1::2], strict=True)
        return {"branches": " ".join(f"WHEN {condition} THEN {value}" for condition, value in pairs)}
    upper = ", ".join(f"upper({text})" for text in texts[1:])
    return {"all": ", ".join(texts), "rest": ", ".join(texts[1:]), "rest_upper": upper}


def _column(column: Column) -> Sql:
    name = f"{ROWS}.{quoted(column.name)}"
    if column.type == "point" and column.computed:
        return Sql(name, {"lat": f"struct_extract({name}, 'lat')", "lon": f"struct_extract({name}, 'lon')"})
    if column.type == "point":
        return _point(f"{ROWS}.{quoted(column.name + LATITUDE)}", f"{ROWS}.{quoted(column.name + LONGITUDE)}")
    cell = f"{ROWS}.{quoted(column.name + CELL)}" if column.has_meanings else "CAST(NULL AS VARCHAR)"
    return Sql(name, {"cell": cell})


def _point(latitude: str, longitude: str) -> Sql:
    whole = (
        f"(CASE WHEN {latitude} IS NOT NULL AND {longitude} IS NOT NULL THEN"
        f" struct_pack(lat := CAST({latitude} AS DOUBLE), lon := CAST({longitude} AS DOUBLE)) END)"
    )
    return Sql(whole, {"lat": latitude, "lon": longitude})


_ENGINE = {
    "text": "VARCHAR", "url": "VARCHAR", "row_version": "VARCHAR", "zone": "VARCHAR", "number": "DOUBLE",
    "double": "DOUBLE", "checkbox": "BOOLEAN", "calendar_date": "TIMESTAMP", "fixed_timestamp": "TIMESTAMPTZ",
    "row_identifier": "BIGINT", "interval": "INTERVAL", "polygon": "VARCHAR",
}  # fmt: skip
