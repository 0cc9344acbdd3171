"""App tokens: a program's own quota. A token is no identity and opens nothing that is not open (soda.md §3)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from exchange.clock import legal_day
from exchange.errors import NotFound, TooMany
from exchange.rows.models import AppToken
from exchange.rows.quota import keyed_hash

RANDOM_BYTES = 24
MADE_A_DAY = 10
"""Tokens that one address may make on one legal day."""


@dataclass(frozen=True)
class Wanted:
    """What somebody says of the program that the token is for, and who says it, if signed in."""

    name: str
    purpose: str
    person_id: str | None
    address: str


def make(session: Session, wanted: Wanted, secret: str, now: datetime) -> str:
    """A new token; its text is returned once and kept nowhere. The caller commits. Raises `TooMany`."""
    made_from = keyed_hash(secret.encode(), f"{legal_day(now)} {wanted.address}")
    made = session.scalar(select(func.count()).select_from(AppToken).where(AppToken.made_from == made_from)) or 0
    if made >= MADE_A_DAY:
        raise TooMany(f"One address makes at most {MADE_A_DAY} app tokens a day. Use one that you have, or wait a day.")
    value = secrets.token_urlsafe(RANDOM_BYTES)
    session.add(
        AppToken(
            hash=hash_of(value), name=wanted.name, purpose=wanted.purpose, person_id=wanted.person_id,
            made_from=made_from, made_at=now, ended_at=None,
        )
    )  # fmt: skip
    session.flush()
    return value


def end(session: Session, value: str, now: datetime) -> AppToken:
    """End a token by itself: who has it may end it. The caller commits. Raises `NotFound`."""
    return _end(session, session.get(AppToken, hash_of(value.strip())), now)


def end_own(session: Session, hash_: str, person_id: str, now: datetime) -> AppToken:
    """End a token that this person made. The caller commits. Raises `NotFound`."""
    token = session.get(AppToken, hash_)
    return _end(session, token if token is not None and token.person_id == person_id else None, now)


def is_live(session: Session, hash_: str) -> bool:
    """Whether there is a token with this hash that nobody has ended."""
    found = session.execute(select(AppToken.ended_at).where(AppToken.hash == hash_)).one_or_none()
    return found is not None and found[0] is None


def of_person(session: Session, person_id: str) -> Sequence[AppToken]:
    """The tokens that a person made while signed in and has not ended, newest first."""
    live = select(AppToken).where(AppToken.person_id == person_id, AppToken.ended_at.is_(None))
    return session.scalars(live.order_by(AppToken.made_at.desc())).all()


def hash_of(value: str) -> str:
    """SHA-256 of a token's text, hex: all that is kept of it."""
    return hashlib.sha256(value.encode()).hexdigest()


def _end(session: Session, token: AppToken | None, now: datetime) -> AppToken:
    if token is None or token.ended_at is not None:
        raise NotFound(
            "No app token like this is in use; it may have been ended before. Check that it was copied whole."
        )
    token.ended_at = now
    session.flush()
    return token
