"""Opaque access tokens: 256 random bits, kept as SHA-256, bound to one grant and one DPoP key (security.md §2.1).

A token says nothing by itself; what it allows is read from its row, and from its grant, at every use.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, joinedload

from access.models import Client, Grant, Token, UsedAssertion
from agreements.models import AgreementVersion

LIFETIME = timedelta(minutes=10)
"""How long a token lives at most; it never outlives its grant (FAPI 2.0 §5.3.2.1)."""

RANDOM_BYTES = 32

_VERSION = joinedload(Token.grant, innerjoin=True).joinedload(Grant.agreement_version, innerjoin=True)
BEHIND_IT = (
    joinedload(Token.client, innerjoin=True).joinedload(Client.person, innerjoin=True),
    _VERSION.load_only(AgreementVersion.agreement_id, AgreementVersion.number, AgreementVersion.sha256),
)
"""What every use of a token asks for; an agreement's text, which is long, is left where it is."""


@dataclass(frozen=True)
class Bound:
    """What a new token is bound to: who, under which grant, by which key, for which columns, as asked and granted."""

    client: Client
    grant: Grant
    jkt: str
    scope: str
    columns: tuple[str, ...]
    details: Mapping[str, Any]
    ends: datetime


def hash_of(value: str) -> str:
    """SHA-256 of a token's text, hex: all that is kept of it."""
    return hashlib.sha256(value.encode()).hexdigest()


def issue(session: Session, bound: Bound, now: datetime) -> tuple[str, Token]:
    """Make a token; its text is returned once and kept nowhere. The caller records the issue and commits."""
    value = secrets.token_urlsafe(RANDOM_BYTES)
    token = Token(
        hash=hash_of(value),
        client_id=bound.client.id,
        grant_id=bound.grant.id,
        grant_number=bound.grant.number,
        jkt=bound.jkt,
        scope=bound.scope,
        columns=list(bound.columns),
        authorization_details=[dict(bound.details)],
        issued_at=now,
        expires_at=min(now + LIFETIME, bound.grant.not_after, bound.ends),
    )
    session.add(token)
    session.flush()
    return value, token


def find(session: Session, value: str) -> Token | None:
    """The token with this text, whatever its state, and what stands behind it, in one query."""
    return session.get(Token, hash_of(value), options=BEHIND_IT)


def is_live(token: Token, now: datetime) -> bool:
    """Whether the token itself still holds; its grant is another question."""
    return token.revoked_at is None and now < token.expires_at


def revoke(session: Session, token: Token, now: datetime) -> bool:
    """End a token for good; False if it had ended before. The caller records and commits."""
    if token.revoked_at is not None:
        return False
    token.revoked_at = now
    session.flush()
    return True


def use_assertion(session: Session, key: str, expires_at: datetime) -> bool:
    """Remember a client assertion; False if it was used before, on any worker (RFC 7523 §3, `jti`)."""
    connection = session.connection()
    dialect: Any = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(UsedAssertion.__table__).values(key=key, expires_at=expires_at.astimezone(UTC))
    counted = {"preserve_rowcount": True}
    return connection.execute(statement.on_conflict_do_nothing(), execution_options=counted).rowcount == 1


def forget_ended(session: Session, now: datetime) -> int:
    """Delete what proves nothing any more: used assertions past their end. Tokens stay, since entries name them."""
    result = cast("CursorResult[Any]", session.execute(delete(UsedAssertion).where(UsedAssertion.expires_at < now)))
    return result.rowcount
