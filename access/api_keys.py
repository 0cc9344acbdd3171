"""API keys: how a program writes for a steward or data officer, where no person can type a code.

A key is an id and a secret of 256 random bits, shown once. SHA-256 of it is kept: a slow hash protects words that
people choose, and nobody searches 2**256 (security.md §2.1, as for tokens). It carries no right of its own: who has
left, or lost the role, writes nothing with it from the next request on.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Flask
from sqlalchemy import select
from sqlalchemy.orm import Session

from access.login import require_recent
from access.models import Account, ApiKey
from access.oauth.refusals import RefusalBudget
from access.tokens import hash_of
from audit import ledger
from audit.actions import Action, Outcome
from audit.codes import Code
from audit.entry import Entry
from audit.ledger import Ledger
from exchange.clock import legal_day
from exchange.directory.identity import Identity, identify
from exchange.directory.models import RoleKind
from exchange.errors import Conflict, Invalid, NotFound, Refused, TooMany, Unauthenticated
from exchange.hub.writing.credentials import Presented, Writer

WRITERS = (RoleKind.STEWARD, RoleKind.DATA_OFFICER)
"""Roles whose holders may have keys."""

LONGEST = timedelta(days=366)
DAYS = (30, 90, 180, 365)
"""Lives that the page offers, in days."""

MOST_KEYS = 20
MAX_NAME = 120
SECRET_BYTES = 32
TOUCH_EVERY = timedelta(minutes=1)
CHALLENGE = 'Basic realm="API keys", charset="UTF-8"'
METHOD = "api key"
NOBODYS_HASH = hash_of("")


class NoKey(Unauthenticated):
    """401 with the challenge that tells a program what to send (RFC 7617 §2)."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.headers = {"WWW-Authenticate": CHALLENGE, "Cache-Control": "no-store"}


@dataclass(frozen=True)
class Made:
    """A new key, with its secret for the one time that it is shown."""

    key: ApiKey
    secret: str


def make_key(session: Session, by: Identity, *, name: str, days: int, now: datetime) -> Made:
    """Make a key for oneself, good for so many days. The caller commits.

    Raises `Refused` for others than stewards and data officers, and where the proof of identity is older than five
    minutes; `Invalid` for a missing name or a life over a year; `Conflict` for more than twenty living keys.
    """
    _require_writer(by)
    require_recent(by, now)
    if not name.strip() or len(name) > MAX_NAME:
        raise Invalid("Give the key a name that tells you later which program holds it.")
    if not timedelta(0) < timedelta(days=days) <= LONGEST:
        raise Invalid("A key lives for 1 to 366 days. Make a new one when it ends.")
    if sum(is_living(key, now) for key in keys_of(session, by)) >= MOST_KEYS:
        raise Conflict(f"You have {MOST_KEYS} living keys. End one that no program needs any more.")
    secret = secrets.token_urlsafe(SECRET_BYTES)
    key = ApiKey(
        id=secrets.token_hex(8), person_id=by.person_id, name=name.strip(), secret_hash=hash_of(secret),
        created_at=now, expires_at=now + timedelta(days=days),
    )  # fmt: skip
    session.add(key)
    session.flush()
    _record(session, Action.KEY_REGISTRATION_ADD, by, key, now)
    return Made(key, secret)


def end_key(session: Session, by: Identity, key_id: str, now: datetime) -> ApiKey:
    """End a key of one's own for good, from the next request on; an administrator or the CDO may end anybody's.

    Raises `Refused` where the proof of identity is older than five minutes, `NotFound` for others' keys, `Conflict` for
    an ended one. The caller commits.
    """
    require_recent(by, now)
    key = session.get(ApiKey, key_id)
    if key is None or not (key.person_id == by.person_id or by.holds(RoleKind.ADMINISTRATOR, RoleKind.CDO)):
        raise NotFound("There is no such key.")
    if key.ended_at is not None:
        raise Conflict("This key has ended already.")
    key.ended_at = now
    session.flush()
    _record(session, Action.KEY_REGISTRATION_END, by, key, now)
    return key


def keys_of(session: Session, by: Identity) -> list[ApiKey]:
    """One's keys, newest first, ended ones too; for administrators and the CDO everybody's."""
    statement = select(ApiKey).order_by(ApiKey.created_at.desc(), ApiKey.id)
    if not by.holds(RoleKind.ADMINISTRATOR, RoleKind.CDO):
        statement = statement.where(ApiKey.person_id == by.person_id)
    return list(session.scalars(statement))


def may_make(by: Identity) -> bool:
    """Whether this person may have keys: a steward or a data officer of some agency."""
    return by.holds(*WRITERS)


def is_living(key: ApiKey, now: datetime) -> bool:
    """Whether the key itself still holds; its person is another question."""
    return key.ended_at is None and now < key.expires_at


class ApiKeys:
    """The check of keys that `wsgi.py` hands to the hub's writing side (`exchange.hub.writing.credentials.Keepers`)."""

    def __init__(self, app: Flask) -> None:
        self._ledger: Ledger = app.extensions["ledger"]
        self._budget = RefusalBudget(self._ledger, _beyond)

    def writer(self, session: Session, presented: Presented, now: datetime) -> Writer:
        """Who this is; see `Keepers.writer`."""
        if presented.from_another_site:
            raise self._stranger(
                session, presented, "Requests from web pages count as anonymous here; write from a program.", now
            )
        key = _find(session, presented.authorization)
        if key is None:
            raise self._stranger(session, presented, WITHOUT, now)
        writer = self._writer(session, key, now)
        if key.last_used_at is None or now - key.last_used_at >= TOUCH_EVERY:
            key.last_used_at = now
        session.commit()
        return writer

    def renew(self, session: Session, key_id: str, now: datetime) -> Writer:
        """Who the holder of this key is by now; a key or person that has ended meanwhile is refused, on record."""
        return self._writer(session, session.get_one(ApiKey, key_id, populate_existing=True), now)

    def _writer(self, session: Session, key: ApiKey, now: datetime) -> Writer:
        problem = _problem(session, key, now)
        if problem is not None:
            self._refuse(session, key.person.pseudonym, key.id, problem, None, now)
            raise NoKey(problem)
        return Writer(identify(session, key.person, legal_day(now), key.created_at, METHOD), key.id, self.renew)

    def refused(self, session: Session, writer: Writer, dataset_id: str | None, reason: str, now: datetime) -> None:
        """Record that a known key was refused something."""
        self._refuse(session, writer.identity.pseudonym, writer.key_id, reason, dataset_id, now)

    def _stranger(
        self, session: Session, presented: Presented, message: str, now: datetime
    ) -> Unauthenticated | TooMany:
        """Refuse somebody without a key that we know: recorded within a budget, then 429 (RFC 6585 §4)."""
        if presented.authorization is None:
            session.rollback()
            return NoKey(message)
        wait_s = self._budget.wait_s(now)
        if wait_s:
            session.rollback()
            error = TooMany("Too many requests here came with a wrong key. Wait, then check the key id and secret.")
            error.headers = {"Retry-After": str(wait_s)}  # type: ignore[attr-defined]
            return error
        self._refuse(session, None, None, "unknown key", None, now)
        return NoKey(message)

    def _refuse(
        self, session: Session, actor: str | None, key_id: str | None, reason: str, dataset: str | None, now: datetime
    ) -> None:
        session.rollback()
        self._ledger.record(
            Entry(
                Action.KEY_WRITE_REFUSE,
                Outcome.REFUSED,
                actor=actor,
                client=key_id,
                dataset=dataset,
                code=Code.WRITE_KEY,
                reason=reason,
                at=now,
            )
        )


WITHOUT = (
    "Writing needs an API key: send its id and secret by HTTP Basic, or the secret as Authorization: OAuth <secret>. "
    "Stewards and data officers make keys at /developers/keys."
)


def _find(session: Session, authorization: str | None) -> ApiKey | None:
    """The key that these credentials are of: Basic (id and secret), or the secret alone as OAuth or Bearer token."""
    scheme, _, value = (authorization or "").strip().partition(" ")
    value = value.strip()
    if scheme.lower() in ("oauth", "bearer") and value:
        return session.scalar(select(ApiKey).where(ApiKey.secret_hash == hash_of(value)))
    if scheme.lower() != "basic":
        return None
    try:
        key_id, _, secret = base64.b64decode(value, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    key = session.get(ApiKey, key_id)
    right = hmac.compare_digest(key.secret_hash if key else NOBODYS_HASH, hash_of(secret))
    return key if right else None


def _problem(session: Session, key: ApiKey, now: datetime) -> str | None:
    if key.ended_at is not None:
        return "This key was ended. Make a new one at /developers/keys."
    if key.expires_at <= now:
        return "This key has expired. Make a new one at /developers/keys."
    account = session.get(Account, key.person_id)
    if key.person.left_at is not None or (account is not None and account.disabled_at is not None):
        return "The person whose key this is has left, or their account is closed."
    return None


def _require_writer(by: Identity) -> None:
    if not may_make(by):
        raise Refused(
            "Only stewards and data officers write data by programs. Ask your agency's data officer for the role.",
            because=("role:steward", "role:data_officer"),
        )


def _record(session: Session, action: Action, by: Identity, key: ApiKey, now: datetime) -> None:
    details = {"expires": legal_day(key.expires_at).isoformat()}
    entry = Entry(action, Outcome.DONE, actor=by.pseudonym, client=key.id, details=details, at=now)
    ledger.append(session.connection(), entry)


def _beyond(count: int, seconds: float, now: datetime) -> Entry:
    """The one entry for refusals that were not recorded one by one."""
    details = {"count": count, "seconds": int(seconds)}
    return Entry(
        Action.KEY_WRITE_REFUSE, Outcome.REFUSED, code=Code.WRITE_KEY, reason="unknown keys", details=details, at=now
    )
