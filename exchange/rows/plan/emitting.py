"""Typed expressions to engine SQL. Every value is bound; the only texts that come in are templates and column names."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from exchange.rows.plan.searching import Searched, SearchIndex, searched_sql
from exchange.rows.plan.typed import Apply, Column, Constant, Sort, SystemField, Typed
from exchange.rows.plan.values import ROWS, Sql, column_sql, computed, constant_sql, place, quoted

__all__ = ["ROWS", "Emitter", "distinct_sql", "quoted"]

_PARAMETER = re.compile(r"\$([0-9]+)")


def distinct_sql(sql: str) -> str:
    """An aggregate call over each value once."""
    return sql.replace("(", "(DISTINCT ", 1)


class Emitter:
    """Writes expressions and remembers their values; equal values share one parameter."""

    def __init__(self, system: Mapping[tuple[str, str], Any], search_index: SearchIndex | None = None) -> None:
        self._system = system
        self._search_index = search_index
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
                return constant_sql(expression, self.bind)
            case Column():
                return column_sql(expression, expression.relation)
            case SystemField():
                return Sql(self.bind(self._system[expression.dataset, expression.name]), {})
            case Apply():
                return self._apply(expression)
            case Searched():
                return Sql(searched_sql(expression, self.text, self.bind, self._search_index), {})
            case _:
                raise TypeError(type(expression))

    def _apply(self, expression: Apply) -> Sql:
        function = expression.function
        arguments = [self._emit(argument) for argument in expression.arguments]
        names = _lists(function.name, arguments) if function.repeats else {}
        template = distinct_sql(function.sql) if expression.distinct else function.sql
        beside = self._beside(expression)
        if beside and "{over}" not in template:
            template += "{over}"
        sql = template.format(*arguments, over=beside, **names)
        if function.name == "make_point":
            return Sql(sql, place(*(argument.whole for argument in arguments)).parts)
        return computed(sql, expression.type)

    def _beside(self, expression: Apply) -> str:
        """What follows the call of an aggregate or a window function."""
        condition = f" FILTER (WHERE {self.text(expression.filter)})" if expression.filter is not None else ""
        if expression.over is None:
            return condition
        keys = [self.text(key) for key in expression.over.partition if varies(key)]
        order = self.sort_keys(expression.over.order)
        words = [
            *([f"PARTITION BY {', '.join(keys)}"] if keys else []),
            *([f"ORDER BY {', '.join(order)}"] if order else []),
            *([expression.over.frame] if expression.over.frame else []),
        ]
        return f"{condition} OVER ({' '.join(words)})"

    def sort_keys(self, order: Sequence[Sort]) -> list[str]:
        """The sort keys that can differ from row to row."""
        return [self.key(self.text(sort.expression), sort) for sort in order if varies(sort.expression)]

    @staticmethod
    def key(sql: str, sort: Sort) -> str:
        """A sort key with the place of nulls said."""
        return f"{sql} {'DESC' if sort.descending else 'ASC'} NULLS {'FIRST' if sort.nulls_first else 'LAST'}"


def varies(expression: Typed) -> bool:
    """Whether it can differ from row to row; a bare constant neither sorts nor groups, and the engine refuses it."""
    return not isinstance(expression, Constant | SystemField)


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
