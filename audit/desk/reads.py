"""Reads in short: by person, client, agreement version and purpose, counted among the newest of a search."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, and_, case, func, select

from audit import tables
from audit.actions import Action
from audit.days import instant_of
from audit.desk import cells
from audit.desk.question import Asked, Cell, Table
from audit.desk.question import Row as Cells
from audit.desk.searching import Search

READS = (Action.ACCESS_ROWS_INTENT, Action.ACCESS_ROWS_REFUSE)
"""The acts that answer "who read": permitted reads and refused ones."""

MOST_READS = 2_000
MOST_GROUPS = 100

e = tables.entries.c


def in_short(asked: Asked, search: Search, *, by_dataset: bool) -> Table:
    """Who read, under which agreement version and purpose, most recent first; or, for one person, what."""
    rows = _groups(asked.session.connection(), search)
    names = asked.names_of({row.actor for row in rows if row.actor})
    titles = asked.titles_of({row.dataset for row in rows if row.dataset})
    caption = "Who, under which agreement version and purpose" if not by_dataset else "What, under which agreement"
    looked = sum(row.number for row in rows)
    if looked >= MOST_READS:
        caption += f" (the newest {MOST_READS:,} reads; narrow the days for others)"
    what = "Dataset" if by_dataset else "Working group"
    headings = (
        "Person", what, "Agreement version", "Purpose", ("Reads", "num"), ("Refused", "num"), ("Rows", "num"),
        "First", "Last (Connecticut)",
    )  # fmt: skip

    def row_of(row: Row[Any]) -> Cells:
        group = cells.dataset(row.dataset, titles) if by_dataset else Cell(row.working_group or "–")
        return (
            cells.person(row.actor, names, note=f"through {row.client}" if row.client else ""),
            group,
            cells.agreement(row.agreement, row.agreement_version),
            Cell(row.purpose or "–"),
            cells.number(row.number - row.refused),
            cells.number(row.refused),
            cells.number(int(row.sent or 0)),
            cells.moment(instant_of(row.first)),
            cells.moment(instant_of(row.last)),
        )

    return Table(caption, headings, tuple(map(row_of, rows)))


def _groups(connection: Connection, search: Search) -> list[Row[Any]]:
    newest, ended = search.newest(MOST_READS), tables.entries.alias("ended")
    by = (e.actor, e.client, e.working_group, e.dataset, e.agreement, e.agreement_version, e.purpose)
    refused = func.sum(case((e.action == Action.ACCESS_ROWS_REFUSE, 1), else_=0))
    outcome = and_(ended.c.ref == e.id, ended.c.action == Action.ACCESS_ROWS_OUTCOME)
    chosen = (
        select(*by, func.count().label("number"), refused.label("refused"), func.sum(ended.c.rows).label("sent"))
        .add_columns(func.min(e.t).label("first"), func.max(e.t).label("last"))
        .select_from(newest.join(tables.entries, e.idx == newest.c.idx).outerjoin(ended, outcome))
        .group_by(*by)
        .order_by(func.max(e.t).desc(), func.max(e.idx).desc())
        .limit(MOST_GROUPS)
    )
    return list(connection.execute(chosen))
