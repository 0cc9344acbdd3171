"""Server-side sessions: a 256-bit random cookie value, stored as its SHA-256 (security.md §7, ASVS V7).

A session ends after 30 idle minutes, after 12 hours whatever happens, at sign-out, and when its person leaves.
It has a new id at sign-in and at every step-up, so a value that was planted or seen before is worth nothing after.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import Engine, select, update
from sqlalchemy.orm import Session

from access.models import Account, SignInSession
from exchange.directory.models import Person

VALUE_BYTES = 32
IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)
TOUCH_EVERY = timedelta(minutes=1)


def begin(session: Session, person_id: str, method: str, now: datetime) -> str:
    """Begin a session for somebody who has just proved who they are; gives the cookie's value, kept nowhere."""
    value = secrets.token_urlsafe(VALUE_BYTES)
    row = SignInSession(id_hash=digest(value), person_id=person_id, method=method)
    row.created_at = row.seen_at = row.authenticated_at = now
    session.add(row)
    session.flush()
    return value


def find(session: Session, value: str, now: datetime) -> SignInSession | None:
    """The living session of this cookie value, of a person who has not left and whose account is not disabled."""
    return session.scalar(
        select(SignInSession)
        .join(Person)
        .outerjoin(Account, Account.person_id == Person.id)
        .where(SignInSession.id_hash == digest(value), SignInSession.ended_at.is_(None))
        .where(SignInSession.seen_at > now - IDLE, SignInSession.created_at > now - ABSOLUTE)
        .where(Person.left_at.is_(None), Account.disabled_at.is_(None))
    )


def touch(engine: Engine, row: SignInSession, now: datetime) -> None:
    """Remember that the session is in use: at most once a minute, in a short transaction of its own."""
    if now - row.seen_at < TOUCH_EVERY:
        return
    with engine.begin() as connection:
        living = (SignInSession.id_hash == row.id_hash) & SignInSession.ended_at.is_(None)
        connection.execute(update(SignInSession).where(living).values(seen_at=now))


def renew(session: Session, value: str, method: str, now: datetime) -> str | None:
    """A new id for the same session after a step-up; the old value is dead. Its absolute end does not move."""
    old = find(session, value, now)
    if old is None:
        return None
    old.ended_at = now
    fresh = begin(session, old.person_id, method, now)
    session.get_one(SignInSession, digest(fresh)).created_at = old.created_at
    session.flush()
    return fresh


def end(session: Session, value: str, now: datetime) -> None:
    """End one session; an unknown or ended one is left as it is."""
    living = (SignInSession.id_hash == digest(value)) & SignInSession.ended_at.is_(None)
    session.execute(update(SignInSession).where(living).values(ended_at=now))


def end_all(session: Session, person_id: str, now: datetime) -> int:
    """End every session of a person; gives how many were living."""
    living = (SignInSession.person_id == person_id) & SignInSession.ended_at.is_(None)
    result = session.execute(update(SignInSession).where(living).values(ended_at=now))
    return int(result.rowcount)  # type: ignore[attr-defined]


def living_sessions(session: Session, person_id: str, now: datetime) -> list[SignInSession]:
    """A person's sessions that would be honoured now, newest first."""
    return list(
        session.scalars(
            select(SignInSession)
            .where(SignInSession.person_id == person_id, SignInSession.ended_at.is_(None))
            .where(SignInSession.seen_at > now - IDLE, SignInSession.created_at > now - ABSOLUTE)
            .order_by(SignInSession.created_at.desc())
        )
    )


def digest(value: str) -> str:
    """What is stored of a cookie's value."""
    return hashlib.sha256(value.encode()).hexdigest()
