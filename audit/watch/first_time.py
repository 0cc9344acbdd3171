"""The first permitted read of a dataset by a person, through a client, or for a working group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, select

from audit.days import milliseconds
from audit.tally.tables import firsts
from audit.watch.finding import Finding, Rules
from audit.watch.scope import midnight

held = firsts.c


def first_time(connection: Connection, rules: Rules) -> Iterator[Finding]:
    """One finding for each read that was a first; it says whose."""
    begin, end = milliseconds(midnight(rules.first)), milliseconds(midnight(rules.last + timedelta(days=1)))
    chosen = select(held.kind, held.who, held.dataset, held.idx, held.t.label("at")).where(
        held.t >= begin, held.t < end
    )
    together: dict[int, list[Any]] = {}
    for row in connection.execute(chosen.order_by(held.idx, held.kind)):
        together.setdefault(row.idx, []).append(row)
    for index, rows in together.items():
        yield _finding(index, rows)


def _finding(index: int, rows: Sequence[Any]) -> Finding:
    whose = {row.kind: row.who for row in rows}
    named = [words for kind, words in (("actor", "{person}"), ("group", "the group {group}")) if kind in whose]
    by_whom = f" by {' and '.join(named)}" if named else ""
    through = " through {client}" if "client" in whose else ""
    return Finding(
        kind="first-time",
        about=(str(index),),
        at=rows[0].at,
        says=f"The first read of {{dataset}}{by_whom}{through}.",
        numbers=(("Entry", index),),
        index=index,
        actor=whose.get("actor", ""),
        client=whose.get("client", ""),
        group=whose.get("group", ""),
        dataset=rows[0].dataset,
    )
