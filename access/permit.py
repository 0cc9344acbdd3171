"""The permit: one SQL condition that says whether a client may read under a grant now (security.md §4.4).

It is the condition of the authorize-and-log statement, of the issue of tokens and of a stream's re-check, so the three
 cannot disagree. It asks the database alone; nothing that a worker remembers can make it true.
"""

from __future__ import annotations

import functools
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Date, String, and_, bindparam, exists, literal, or_, select

from access.barred import nothing_barred
from access.decision import ANYBODY
from access.json_lists import json_has
from access.models import Client, Grant, GrantState, Token
from agreements.in_force import Instant, in_force_condition
from exchange import clock
from exchange.catalog.models import Dataset, DatasetState
from exchange.db import UtcDateTime
from exchange.directory.models import Person, Role, RoleKind

NOW, TODAY = bindparam("permit_now", type_=UtcDateTime()), bindparam("permit_today", type_=Date())
GRANT, TOKEN = bindparam("permit_grant", type_=String()), bindparam("permit_token", type_=String())


def instants(now: datetime) -> dict[str, Any]:
    """The values of `standing`'s parameters."""
    return {NOW.key: now, TODAY.key: clock.legal_day(now)}


def permit_values(grant_id: str, token_hash: str, now: datetime) -> dict[str, Any]:
    """The values of `permit_condition`'s parameters."""
    return {GRANT.key: grant_id, TOKEN.key: token_hash, **instants(now)}


def group_standing(now: Instant) -> ColumnElement[bool]:
    """SQL over `Grant`: active, in its window, agreement in force, no law against a column, dataset not retired."""
    return and_(
        Grant.state == GrantState.ACTIVE.value,
        Grant.not_before <= now,
        Grant.not_after >= now,
        in_force_condition(Grant.agreement_version_id, now),
        nothing_barred(),
        exists(
            select(Dataset.id)
            .where(Dataset.id == Grant.dataset_id, Dataset.state != DatasetState.RETIRED.value)
            .correlate(Grant)
        ),
    )


@functools.cache
def standing() -> ColumnElement[bool]:
    """SQL over `Grant`, `Client` and `Person` (the client's): everything that must hold besides the token itself.

    Executed with `instants(now)`.
    """
    return and_(
        Client.person_id == Person.id,
        Client.working_group_id == Grant.working_group_id,
        Client.disabled_at.is_(None),
        group_standing(NOW),
        Person.left_at.is_(None),
        or_(json_has(Grant.persons, Client.person_id), json_has(Grant.persons, literal(ANYBODY, String))),
        _is_member(),
    )


def _is_member() -> ColumnElement[bool]:
    """SQL: the client's person is a member of the grant's working group on this legal day."""
    return exists(
        select(Role.id)
        .where(Role.person_id == Client.person_id, Role.working_group_id == Grant.working_group_id)
        .where(Role.kind == RoleKind.MEMBER.value, Role.begins <= TODAY, or_(Role.ends.is_(None), Role.ends >= TODAY))
        .correlate(Client, Grant)
    )


@functools.cache
def permit_condition(*, running: bool = False) -> ColumnElement[bool]:
    """SQL: this token may be used under this grant now. No row of the log without it, no data without the row.

    It holds while the grant is active, unchanged since the token was issued and inside its window; the agreement
    version and those above it are in force; the client is not disabled; its person is on the roster, has not left and
    is a member today; the token is neither revoked nor past its end. On PostgreSQL the rows are locked FOR SHARE, so
    that an end of a right either came first and is seen here, or waits for this entry.

    Built once, since building costs more than asking; executed with `permit_values(grant_id, token_hash, now)`.
    `running` asks for a stream that began under it: the token's own end does not cut it, and no row is locked.
    """
    permit = (
        select(Token.hash)
        .join(Client, Client.id == Token.client_id)
        .join(Grant, Grant.id == Token.grant_id)
        .join(Person, Person.id == Client.person_id)
        .where(Token.hash == TOKEN, Grant.id == GRANT, Token.grant_number == Grant.number)
        .where(Token.revoked_at.is_(None), standing())
    )
    if running:
        return exists(permit)
    return exists(permit.where(Token.expires_at > NOW).with_for_update(read=True))
