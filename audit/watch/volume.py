"""A day on which far more rows left than this person and client usually read: against their own history alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from statistics import median
from typing import Any

from sqlalchemy import Connection, select

from audit.tally.counting import EPOCH, day_number
from audit.tally.tables import actor_days
from audit.watch.finding import Finding, Rules, by, who, within

held = actor_days.c


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


def _readings(connection: Connection, rules: Rules) -> dict[tuple[str, str], list[Any]]:
    """Days with reads, oldest first, of those who read enough on one day of the span."""
    first, last = day_number(rules.first), day_number(rules.last)
    large = select(held.actor, held.client).where(
        held.day >= first, held.day <= last, held.reads > 0, held.rows >= rules.least_rows
    )
    chosen = select(held.day, held.actor, held.client, held.reads, held.rows, held.bytes, held.first_t, held.last_t)
    found = connection.execute(
        chosen.where(held.day >= first - rules.history, held.day <= last, held.reads > 0).order_by(held.day)
    )
    candidates = {(row.actor, row.client) for row in connection.execute(large.distinct())}
    together: dict[tuple[str, str], list[Any]] = {}
    for row in found:
        if (row.actor, row.client) in candidates:
            together.setdefault((row.actor, row.client), []).append(row)
    return together


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
        entries=within(by(actor, client).where("action", "access:rows:*"), row.first_t, row.last_t),
        actor=actor,
        client=client,
    )
