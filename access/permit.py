"""The permit: one SQL condition that says whether a client may read under a grant now (security.md §4.4).

It is the condition of the authorize-and-log statement, of the issue of tokens and of a stream's re-check, so the three
 cannot disagree. It asks the database alone; nothing that a worker remembers can make it true.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, ColumnElement, String, and_, exists, literal, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from access.decision import ANYBODY
from access.models import Client, Grant, GrantState, Token
from agreements.in_force import in_force_condition
from exchange import clock
from exchange.directory.models import Person, Role, RoleKind


class json_has(FunctionElement[bool]):  # noqa: N801
    """SQL: a JSON list of texts holds this text. `json_has(column, value)`."""

    type = Boolean()
    inherit_cache = True


@compiles(json_has)
def _json_has(element: json_has, compiler: Any, **words: Any) -> str:
    members, value = (compiler.process(clause, **words) for clause in element.clauses)
    return f"EXISTS (SELECT 1 FROM json_each({members}) AS member WHERE member.value = {value})"  # noqa: S608


@compiles(json_has, "postgresql")
def _json_has_postgresql(element: json_has, compiler: Any, **words: Any) -> str:
    members, value = (compiler.process(clause, **words) for clause in element.clauses)
    return f"EXISTS (SELECT 1 FROM json_array_elements_text({members}) AS member(value) WHERE member.value = {value})"  # noqa: S608


def group_standing(now: datetime) -> ColumnElement[bool]:
    """SQL over `Grant`: it is active, inside its window, and its agreement is in force; whoever asks."""
    return and_(
        Grant.state == GrantState.ACTIVE.value,
        Grant.not_before <= now,
        Grant.not_after >= now,
        in_force_condition(Grant.agreement_version_id, now),
    )


def standing(now: datetime) -> ColumnElement[bool]:
    """SQL over `Grant`, `Client` and `Person` (the client's): everything that must hold besides the token itself."""
    return and_(
        Client.person_id == Person.id,
        Client.working_group_id == Grant.working_group_id,
        Client.disabled_at.is_(None),
        group_standing(now),
        Person.left_at.is_(None),
        or_(json_has(Grant.persons, Client.person_id), json_has(Grant.persons, literal(ANYBODY, String))),
        _is_member(now),
    )


def _is_member(now: datetime) -> ColumnElement[bool]:
    """SQL: the client's person is a member of the grant's working group on this legal day."""
    day = clock.legal_day(now)
    return exists(
        select(Role.id)
        .where(Role.person_id == Client.person_id, Role.working_group_id == Grant.working_group_id)
        .where(Role.kind == RoleKind.MEMBER.value, Role.begins <= day, or_(Role.ends.is_(None), Role.ends >= day))
        .correlate(Client, Grant)
    )


def permit_condition(grant_id: str, token_hash: str, now: datetime, *, running: bool = False) -> ColumnElement[bool]:
    """SQL: this token may be used under this grant at `now`. No row of the log without it, no data without the row.

    It holds while the grant is active, inside its window and unchanged since the token; the agreement version and
    those above it are in force; the client is not disabled; its person is on the roster, has not left and is a
    member today; the token is neither revoked nor past its end. On PostgreSQL the rows are locked FOR SHARE, so that
    an end of a right either came first and is seen here, or waits for this entry.

    `running` asks for a stream that began under it: the token's own end does not cut it, and no row is locked.
    """
    permit = (
        select(Token.hash)
        .join(Client, Client.id == Token.client_id)
        .join(Grant, Grant.id == Token.grant_id)
        .join(Person, Person.id == Client.person_id)
        .where(Token.hash == token_hash, Grant.id == grant_id, Token.grant_number == Grant.number)
        .where(Token.revoked_at.is_(None), standing(now))
    )
    if running:
        return exists(permit)
    return exists(permit.where(Token.expires_at > now).with_for_update(read=True))
