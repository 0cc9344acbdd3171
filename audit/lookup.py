"""Entries as they are shown: each with what became of it. Those still queued are not seen (for at most a second).

A read of rows is two entries: the intent, durable before the first byte left, and the outcome that names it. A line
here is an entry with what became of it; an intent without an outcome is shown as such, since that is evidence too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from audit import tables
from audit.actions import Action
from audit.days import instant_of
from audit.tables import as_bytes, body_of

MOST_RELATED = 50

e = tables.entries.c


@dataclass(frozen=True)
class Line:
    """One entry with what became of it. `ended`, `rows` and `sent` (bytes) come from the outcome of an intent."""

    index: int
    id: str
    at: datetime
    action: str
    outcome: str
    ended: str | None
    rows: int | None
    sent: int | None
    body: bytes
    outcome_body: bytes | None

    @property
    def members(self) -> dict[str, Any]:
        """The entry's members; empty if its body cannot be read."""
        return members(self.body)


def find(connection: Connection, entry_id: str) -> Line | None:
    """One entry by its id, or None."""
    row = connection.execute(_columns().where(e.id == entry_id)).one_or_none()
    return _lines(connection, [row])[0] if row is not None else None


def related(connection: Connection, line: Line) -> tuple[Line, ...]:
    """The intent that this entry is the outcome of, and the entries that name this one."""
    named = line.members.get("ref")
    chosen = _columns().where((e.ref == line.id) | (e.id == (named if isinstance(named, str) else "")))
    return _lines(connection, connection.execute(chosen.order_by(e.idx).limit(MOST_RELATED)).all())


def members(body: bytes) -> dict[str, Any]:
    """An entry's members; empty if the body cannot be read."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def lines_at(connection: Connection, indexes: Sequence[int]) -> tuple[Line, ...]:
    """The entries with these indexes, in this order; one that is not there is left out."""
    rows = connection.execute(_columns().where(e.idx.in_(indexes))).all() if indexes else []
    place = {index: position for position, index in enumerate(indexes)}
    return _lines(connection, sorted(rows, key=lambda row: place[row.idx]))


def _columns() -> Select[Any]:
    return select(e.idx, e.id, e.t.label("ms"), e.action, e.outcome, e.rows, e.bytes, body_of(tables.entries))


def _lines(connection: Connection, rows: Sequence[Row[Any]]) -> tuple[Line, ...]:
    ids = [row.id for row in rows if row.action == Action.ACCESS_ROWS_INTENT]
    # The act is looked at here: in the statement it would tempt SQLite to the index of acts, half of all entries.
    chosen = _columns().add_columns(e.ref).where(e.ref.in_(ids)).order_by(e.idx)
    named = connection.execute(chosen).all() if ids else []
    outcomes = {row.ref: row for row in named if row.action == Action.ACCESS_ROWS_OUTCOME}
    return tuple(_line(row, outcomes.get(row.id)) for row in rows)


def _line(row: Row[Any], outcome: Row[Any] | None) -> Line:
    source = outcome if outcome is not None else row
    return Line(
        index=row.idx,
        id=row.id,
        at=instant_of(row.ms),
        action=row.action,
        outcome=row.outcome,
        ended=outcome.outcome if outcome is not None else None,
        rows=source.rows,
        sent=source.bytes,
        body=as_bytes(row.body),
        outcome_body=as_bytes(outcome.body) if outcome is not None else None,
    )
