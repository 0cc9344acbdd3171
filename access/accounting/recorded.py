"""What the log says of readings: intents with their outcomes, sequenced or still waiting; and of refused requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from audit import tables
from audit.actions import Action
from audit.days import instant_of
from audit.lookup import members
from audit.tables import as_bytes, body_of

AT_ONCE = 500
"""Entries looked up by one statement."""

e = tables.entries.c


@dataclass(frozen=True)
class Reading:
    """One reading: the members of its intent, and of its outcome if there is one."""

    intent: Mapping[str, Any] = field(default_factory=dict)
    outcome: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Refused:
    """Requests of one group, through one program, for one dataset, that were refused for one reason."""

    dataset: str
    working_group: str | None
    client: str | None
    purpose: str | None
    code: str | None
    number: int
    first: datetime
    last: datetime


def readings(connection: Connection, intents: Sequence[str]) -> dict[str, Reading]:
    """The readings with these intents, by intent; those that the log does not have are left out."""
    waiting = list(_waiting(connection)) if intents else []
    found = {each["id"]: each for each in waiting if each.get("action") == Action.ACCESS_ROWS_INTENT}
    ended = {each["ref"]: each for each in waiting if each.get("action") == Action.ACCESS_ROWS_OUTCOME}
    for start in range(0, len(intents), AT_ONCE):
        some = intents[start : start + AT_ONCE]
        body = body_of(tables.entries)
        for row in connection.execute(select(e.id, body).where(e.id.in_(some))):
            found[row.id] = members(as_bytes(row.body))
        outcomes = select(e.ref, body).where(e.ref.in_(some), e.action == Action.ACCESS_ROWS_OUTCOME)
        for row in connection.execute(outcomes):
            ended[row.ref] = members(as_bytes(row.body))
    return {intent: Reading(found[intent], ended.get(intent, {})) for intent in intents if intent in found}


def _waiting(connection: Connection) -> Iterable[dict[str, Any]]:
    for row in connection.execute(select(body_of(tables.queue))):
        yield members(as_bytes(row.body))


def refused(connection: Connection, datasets: Iterable[str]) -> tuple[Refused, ...]:
    """Requests for these datasets that were refused, summarised, the most recent first."""
    by = (e.dataset, e.working_group, e.client, e.purpose, e.code)
    chosen = (
        select(*by, func.count().label("number"), func.min(e.t).label("first"), func.max(e.t).label("last"))
        .where(e.action == Action.ACCESS_ROWS_REFUSE, e.dataset.in_(set(datasets)))
        .group_by(*by)
        .order_by(func.max(e.t).desc())
        .limit(AT_ONCE)
    )
    return tuple(
        Refused(
            row.dataset, row.working_group, row.client, row.purpose, row.code,
            row.number, instant_of(row.first), instant_of(row.last),
        )
        for row in connection.execute(chosen)
    )  # fmt: skip
