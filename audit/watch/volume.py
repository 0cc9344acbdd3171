"""A day on which far more rows left than this person and client usually read: against their own history alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from statistics import median
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, String, and_, column, func, select, true, values

from audit.tally.counting import EPOCH, day_number
from audit.tally.tables import actor_days
from audit.watch.finding import Finding, Rules, who
from audit.watch.scope import READING

held = actor_days.c

MOST = 200
"""Persons and clients looked at: those with the most rows on one day."""

Who = tuple[str, str]


def volume(connection: Connection, rules: Rules) -> Iterator[Finding]:
    """One finding for each person, client and day above their own limit. Who has too little history has no limit."""
    days = _readings(connection, rules)
    for (actor, client), rows in days.items():
        for row in rows:
            if row.day < day_number(rules.first) or row.rows < rules.least_rows:
                continue
            before = [each.rows for each in rows if row.day - rules.history <= each.day < row.day]
            if len(before) >= rules.least_days and row.rows > (limit := above(before, rules.times)):
                yield _finding(row, actor, client, before, limit)


def above(before: Sequence[int], times: int) -> int:
    """The limit from the rows of days before: median + times × spread.

    The spread is the median absolute deviation, at least a tenth of the median and one row: somebody who reads the same
    every day is not reported for one row more.
    """
    middle = median(before)
    spread = max(median(abs(rows - middle) for rows in before), middle / 10, 1)
    return int(middle + times * spread)


def _readings(connection: Connection, rules: Rules) -> dict[Who, list[Any]]:
    """Days with reads, oldest first, of those who read enough on one day of the span; the largest days first."""
    first, last = day_number(rules.first), day_number(rules.last)
    large = select(held.actor, held.client, func.max(held.rows).label("most")).where(
        held.day >= first, held.day <= last, held.reads > 0, held.rows >= rules.least_rows
    )
    large = large.group_by(held.actor, held.client).order_by(func.max(held.rows).desc(), held.actor, held.client)
    candidates = [(row.actor, row.client) for row in connection.execute(large.limit(MOST))]
    together: dict[Who, list[Any]] = {each: [] for each in candidates}
    for row in connection.execute(_days_of(candidates, first - rules.history, last)) if candidates else ():
        together[(row.actor, row.client)].append(row)
    return together


def _days_of(candidates: Sequence[Who], first: int, last: int) -> Select[Any]:
    """Their days: one look-up by the tally's key for each of them and each day, never a walk through everybody's."""
    whose = values(column("actor", String), column("client", String), name="whose").data(list(candidates)).cte("whose")
    days = values(column("day", BigInteger), name="days").data([(day,) for day in range(first, last + 1)]).cte("days")
    same = and_(held.day == days.c.day, held.actor == whose.c.actor, held.client == whose.c.client)
    chosen = select(held.day, held.actor, held.client, held.reads, held.rows, held.first_t, held.last_t)
    return chosen.select_from(days.join(whose, true()).join(actor_days, same)).where(held.reads > 0).order_by(held.day)


def _finding(row: Any, actor: str, client: str, before: Sequence[int], limit: int) -> Finding:
    usual = int(median(before))
    day = EPOCH + timedelta(days=row.day)
    return Finding(
        kind="volume",
        about=(day.isoformat(), actor, client),
        at=row.last_t,
        says=f"{who(actor, client)} read {row.rows:,} rows on {day}. Of {len(before)} days with reads before it, "
        f"half had at most {usual:,}; up to {limit:,} would have been usual.",
        numbers=(
            ("Rows", row.rows),
            ("Usual (median)", usual),
            ("Limit", limit),
            ("Days before", len(before)),
            ("Reads", row.reads),
        ),
        span=(row.first_t, row.last_t),
        action=READING,
        actor=actor,
        client=client,
    )
