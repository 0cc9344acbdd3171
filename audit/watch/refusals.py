"""Many refusals in a short time, and then success: somebody who tried until it worked.

Days with refusals enough come from the tallies; the refusals themselves are then looked up by their index, on those
days alone. A sign-in that nobody is known to have tried has neither person nor client, and is not seen here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, select

from audit import tables
from audit.actions import Action, Outcome
from audit.days import milliseconds
from audit.tally.counting import EPOCH, day_number
from audit.tally.tables import actor_days
from audit.watch.finding import Finding, Rules, who
from audit.watch.scope import midnight

REFUSALS = (
    Action.ACCESS_ROWS_REFUSE,
    Action.KEY_WRITE_REFUSE,
    Action.SESSION_REFUSE,
    Action.TOKEN_ACCESS_REFUSE,
)
LETS_IN = (Action.ACCESS_ROWS_INTENT, Action.SESSION_SIGN_IN, Action.SESSION_STEP_UP, Action.TOKEN_ACCESS_ISSUE)

MINUTE_MS = 60_000

MOST_REFUSALS = 20_000
"""Refusals looked at on one day, the first of it."""

held, e = actor_days.c, tables.entries.c
Who = tuple[str, str]
"""A person's pseudonym and a client; "" for none."""


def refusals(connection: Connection, rules: Rules) -> Iterator[Finding]:
    """One finding for each success that followed at least so many refusals of the same person and client."""
    seen: set[int] = set()
    for day, candidates in _days(connection, rules).items():
        for (actor, client), refused in _refused(connection, rules, day, candidates).items():
            for before, success in _successes(connection, rules, actor, client, refused):
                if success.idx not in seen:
                    seen.add(success.idx)
                    yield _finding(before, success, actor, client)


def _days(connection: Connection, rules: Rules) -> dict[int, set[Who]]:
    """Days that, with the next, hold refusals enough, and whose."""
    first, last = day_number(rules.first), day_number(rules.last)
    chosen = select(held.day, held.actor, held.client, held.refusals)
    chosen = chosen.where(held.day >= first, held.day <= last + 1, held.refusals > 0)
    found = {(row.day, row.actor, row.client): row.refusals for row in connection.execute(chosen)}
    days: dict[int, set[Who]] = {}
    for (day, *who_), number in sorted(found.items()):
        if day <= last and number + found.get((day + 1, *who_), 0) >= rules.refusals:
            days.setdefault(day, set()).add((who_[0], who_[1]))
    return days


def _refused(connection: Connection, rules: Rules, day: int, candidates: set[Who]) -> dict[Who, list[Any]]:
    """The refusals of a day, and of the first minutes of the next, by whose they were."""
    begin = milliseconds(midnight(EPOCH + timedelta(days=day)))
    end = milliseconds(midnight(EPOCH + timedelta(days=day + 1))) + rules.minutes * MINUTE_MS
    chosen = select(e.idx, e.t.label("at"), e.actor, e.client).where(e.action.in_(REFUSALS), e.t >= begin, e.t < end)
    chosen = chosen.where(e.outcome == Outcome.REFUSED).order_by(e.t, e.idx).limit(MOST_REFUSALS)
    found: dict[Who, list[Any]] = {}
    for row in connection.execute(chosen):
        whose = (row.actor or "", row.client or "")
        if whose in candidates:
            found.setdefault(whose, []).append(row)
    return found


def _successes(
    connection: Connection, rules: Rules, actor: str, client: str, refused: Sequence[Any]
) -> Iterator[tuple[Sequence[Any], Any]]:
    """Each success that followed a burst, with the refusals before it."""
    same = [e.actor == actor if actor else e.actor.is_(None), e.client == client if client else e.client.is_(None)]
    span, after = rules.minutes * MINUTE_MS, 0
    for burst in _bursts(refused, rules.refusals, span):
        if burst[-1].at < after:
            continue
        chosen = select(e.idx, e.t.label("at"), e.action).where(
            e.action.in_(LETS_IN), e.outcome != Outcome.REFUSED, *same
        )
        chosen = chosen.where(e.t >= burst[-1].at, e.t <= burst[-1].at + span).order_by(e.t, e.idx).limit(1)
        success = connection.execute(chosen).one_or_none()
        if success is not None:
            after = success.at
            yield [row for row in refused if success.at - 2 * span <= row.at <= success.at], success


def _bursts(refused: Sequence[Any], number: int, span: int) -> Iterator[Sequence[Any]]:
    for end in range(number, len(refused) + 1):
        burst = refused[end - number : end]
        if burst[-1].at - burst[0].at <= span:
            yield burst


def _finding(before: Sequence[Any], success: Any, actor: str, client: str) -> Finding:
    minutes = max(1, round((success.at - before[0].at) / 60_000))
    return Finding(
        kind="refusals",
        about=(str(success.idx),),
        at=success.at,
        says=f"{who(actor, client)} was refused {len(before)} times, and let in within {minutes} minutes of the first "
        f"refusal ({success.action}).",
        numbers=(("Refusals", len(before)), ("Minutes", minutes), ("Let in at entry", success.idx)),
        span=(before[0].at, success.at),
        actor=actor,
        client=client,
    )
