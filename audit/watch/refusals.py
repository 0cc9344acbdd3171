"""Many refusals in a short time, and then success: somebody who tried until it worked.

Hours with refusals come from the tallies; the refusals themselves are then looked up by their index, in those hours
alone. A sign-in that nobody is known to have tried has neither person nor client, and is not seen here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from audit import tables
from audit.actions import Action, Outcome
from audit.tally.tables import actor_hours
from audit.watch.finding import Finding, Rules, by, who, within
from audit.watch.scope import HOUR_S, Scope

REFUSALS = (
    Action.ACCESS_ROWS_REFUSE,
    Action.KEY_WRITE_REFUSE,
    Action.SESSION_REFUSE,
    Action.TOKEN_ACCESS_REFUSE,
)
LETS_IN = (Action.ACCESS_ROWS_INTENT, Action.SESSION_SIGN_IN, Action.SESSION_STEP_UP, Action.TOKEN_ACCESS_ISSUE)

MOST_HOURS = 100
"""Hours looked into, those with the most refusals first."""

MOST_REFUSALS = 2_000
"""Refusals looked at in one hour and the next; a client that is refused more often is found by fewer."""

held, e = actor_hours.c, tables.entries.c


def refusals(connection: Connection, rules: Rules) -> Iterator[Finding]:
    """One finding for each success that followed at least so many refusals of the same person and client."""
    seen: set[int] = set()
    for hour, actor, client in _hours(connection, rules):
        for before, success in _successes(connection, rules, hour, actor, client):
            if success.idx not in seen:
                seen.add(success.idx)
                yield _finding(before, success, actor, client, rules)


def _hours(connection: Connection, rules: Rules) -> Sequence[tuple[int, str, str]]:
    """Hours that, with the next, hold refusals enough."""
    begin, end = Scope(rules.first, rules.last).hours()
    chosen = select(held.hour, held.actor, held.client, func.sum(held.refusals).label("refused"))
    chosen = chosen.where(held.hour >= begin, held.hour < end, held.refusals > 0)
    found = {
        (r.actor, r.client, r.hour): int(r.refused)
        for r in connection.execute(chosen.group_by(*chosen.selected_columns[:3]))
    }
    enough = {
        key: number + found.get((*key[:2], key[2] + 1), 0)
        for key, number in found.items()
        if number + found.get((*key[:2], key[2] + 1), 0) >= rules.refusals
    }
    ordered = sorted(enough, key=lambda key: (-enough[key], key))[:MOST_HOURS]
    return [(hour, actor, client) for actor, client, hour in ordered]


def _successes(
    connection: Connection, rules: Rules, hour: int, actor: str, client: str
) -> Iterator[tuple[Sequence[Any], Any]]:
    """Bursts of refusals that begin in this hour, each with the success that followed."""
    same = [e.actor == actor if actor else e.actor.is_(None), e.client == client if client else e.client.is_(None)]
    begin, span = hour * HOUR_S * 1000, rules.minutes * 60_000
    chosen = select(e.idx, e.t.label("at")).where(
        e.action.in_(REFUSALS), e.t >= begin, e.t < begin + 2 * HOUR_S * 1000, *same
    )
    refused = connection.execute(
        chosen.where(e.outcome == Outcome.REFUSED).order_by(e.t, e.idx).limit(MOST_REFUSALS)
    ).all()
    after = 0
    for burst in _bursts(refused, rules.refusals, span):
        if burst[-1].at < after:
            continue
        let_in = select(e.idx, e.t.label("at"), e.action).where(
            e.action.in_(LETS_IN), e.outcome != Outcome.REFUSED, *same
        )
        let_in = let_in.where(e.t >= burst[-1].at, e.t <= burst[-1].at + span).order_by(e.t, e.idx).limit(1)
        success = connection.execute(let_in).one_or_none()
        if success is not None:
            after = success.at
            yield [row for row in refused if success.at - 2 * span <= row.at <= success.at], success


def _bursts(refused: Sequence[Any], number: int, span: int) -> Iterator[Sequence[Any]]:
    for end in range(number, len(refused) + 1):
        burst = refused[end - number : end]
        if burst[-1].at - burst[0].at <= span:
            yield burst


def _finding(before: Sequence[Any], success: Any, actor: str, client: str, rules: Rules) -> Finding:
    minutes = max(1, round((success.at - before[0].at) / 60_000))
    return Finding(
        kind="refusals",
        about=(str(success.idx),),
        at=success.at,
        says=f"{who(actor, client)} was refused {len(before)} times, and let in within {minutes} minutes of the first "
        f"refusal ({success.action}).",
        numbers=(("Refusals", len(before)), ("Minutes", minutes), ("Let in at entry", success.idx)),
        entries=within(by(actor, client), before[0].at, success.at),
        actor=actor,
        client=client,
    )
