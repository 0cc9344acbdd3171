"""What a term of the filter means to the database. Values are bound; nothing that was typed becomes SQL."""

from __future__ import annotations

import operator
from datetime import date, datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, and_, false, not_, or_

from audit import tables
from audit.days import end_of, milliseconds, start_of
from audit.desk.filter_fields import FOUR_BY_FOUR, UUID, FilterField, instant_in, matching_words

_COMPARE = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le, ":": operator.eq}


def known(field: str, value: str) -> bool:
    """Whether a value of a named field is the log's own key, not a name."""
    return (UUID if field == "person" else FOUR_BY_FOUR).match(value) is not None


def condition_of(field: FilterField, compared: str, values: tuple[str, ...], negated: bool) -> ColumnElement[bool]:
    """One term. Negated it holds for entries without the member too: they are not like that either."""
    column = tables.entries.c[field.column]
    found = _positive(field, column, compared, values)
    return or_(column.is_(None), not_(found)) if negated else found


def _positive(field: FilterField, column: Any, compared: str, values: tuple[str, ...]) -> ColumnElement[bool]:
    if field.kind == "text":
        return or_(*(column.icontains(value, autoescape=True) for value in values))
    if field.name in ("since", "until"):
        return or_(*(_day(field.name, column, date.fromisoformat(value)) for value in values))
    if field.kind == "instant":
        return or_(*(_COMPARE[compared](column, milliseconds(instant_in(value))) for value in values))
    if field.kind == "number":
        return or_(*(_COMPARE[compared](column, int(value)) for value in values))
    return _among(column, keys_of(field, values))


def keys_of(field: FilterField, values: tuple[str, ...]) -> tuple[str, ...]:
    """The column's values that a term lets through: stars spelt out, names that nobody looked up left out."""
    if field.kind == "word":
        return tuple(dict.fromkeys(each for value in values for each in matching_words(field.name, value)))
    if field.kind == "named":
        return tuple(value for value in values if known(field.name, value))
    return values


def _among(column: Any, keys: tuple[str, ...]) -> ColumnElement[bool]:
    if not keys:
        return false()
    return and_(column == keys[0]) if len(keys) == 1 else column.in_(keys)


def _day(name: str, column: Any, day: date) -> ColumnElement[bool]:
    instant = cast(datetime, start_of(day) if name == "since" else end_of(day))
    return and_(column >= milliseconds(instant)) if name == "since" else and_(column <= milliseconds(instant))
