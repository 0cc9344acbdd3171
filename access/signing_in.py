"""Signing in and out, and proving once more who one is. Every try that succeeds or fails is an entry of the log.

The entry of a success stands in the same transaction as the session it opens: what cannot be recorded does not
happen (503, no session). Where a try came from, and an address that no account has, are sealed in its entry. Hashing
holds no lock: what is read before is let go, and what is written after is checked.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from access import accounts, sessions
from audit import ledger
from audit.actions import Action, Outcome
from audit.codes import Code
from audit.entry import Entry
from audit.ledger import LogUnavailable
from audit.personal import NO_TRACES, Traces
from exchange.directory.identity import Identity
from exchange.directory.models import Person
from exchange.directory.persons import get_person
from exchange.errors import NotFound, Refused

PASSWORD_AND_CODE = "password+totp"  # noqa: S105 (a method, not a password)
DEMO_DESK = "demo desk"
HOME = "/desk"

SAME_ANSWER = (
    "That did not work. Check the address and the password, and wait for a new code: each code works once. "
    "After several failures an account pauses for a short while."
)
"""One answer for every cause, so that it tells nobody whether an account exists (ASVS V6.3.8)."""


def sign_in(
    session: Session,
    email: str,
    password: str,
    code: str,
    now: datetime,
    old: str | None = None,
    traces: Traces = NO_TRACES,
) -> str:
    """Sign in by password and code; gives the new session cookie's value. `old`, a cookie sent along, is ended.

    Raises `Refused` with one sentence for every cause (the try is recorded and counted by then), `LogUnavailable`.
    """
    known = accounts.look_up(session, email=email)
    session.rollback()
    step = _prove(session, known, password, code, now, traces if known.person_id else traces.plus(email=email))
    person = get_person(session, known.person_id or "")
    return _open(session, person, PASSWORD_AND_CODE, step, old, now, traces)


def sign_in_to_demo_desk(
    session: Session, person_id: str, now: datetime, old: str | None = None, traces: Traces = NO_TRACES
) -> str:
    """Sign in by one click as one of the demo's invented persons. The view refuses it outside the demo."""
    person = get_person(session, person_id)
    if person.left_at is not None:
        raise Refused("This person has left; their desk is closed. Choose another one.")
    return _open(session, person, DEMO_DESK, None, old, now, traces)


def step_up(
    session: Session,
    identity: Identity,
    value: str,
    password: str,
    code: str,
    now: datetime,
    traces: Traces = NO_TRACES,
) -> str:
    """Prove once more, within the session of cookie `value`, who one is; gives the session's new value."""
    known = accounts.look_up(session, person_id=identity.person_id)
    session.rollback()
    step = _prove(session, known, password, code, now, traces, identity)
    return _renew(session, identity, value, PASSWORD_AND_CODE, step, now, traces)


def step_up_at_demo_desk(
    session: Session, identity: Identity, value: str, now: datetime, traces: Traces = NO_TRACES
) -> str:
    """The demo's one-click form of `step_up`. The view refuses it outside the demo."""
    return _renew(session, identity, value, DEMO_DESK, None, now, traces)


def sign_out(session: Session, identity: Identity, value: str, now: datetime, traces: Traces = NO_TRACES) -> None:
    """End this session."""
    sessions.end(session, value, now)
    _record(session, Action.SESSION_END, identity.pseudonym, now, traces, sessions=1)


def sign_out_everywhere(session: Session, identity: Identity, now: datetime, traces: Traces = NO_TRACES) -> int:
    """End all sessions of this person; gives how many were living."""
    ended = sessions.end_all(session, identity.person_id, now)
    _record(session, Action.SESSION_END, identity.pseudonym, now, traces, sessions=ended)
    return ended


def safe_next(text: str | None) -> str:
    """Where to go after signing in: a path of this site, or the desk. Nothing else gets through (CWE-601)."""
    if not text or not text.startswith("/") or text.startswith("//") or "\\" in text:
        return HOME
    if any(ord(letter) < 0x21 or ord(letter) == 0x7F for letter in text):
        return HOME
    parts = urlsplit(text)
    return HOME if parts.scheme or parts.netloc or parts.path.startswith("/sign-") else text


def _prove(
    session: Session,
    known: accounts.Known,
    password: str,
    code: str,
    now: datetime,
    traces: Traces,
    whose: Identity | None = None,
) -> int:
    why, step = accounts.check(known, password, code, now)
    if why is None:
        return step
    if known.person_id is not None and why != "too soon after failures":
        accounts.count_failure(session, known.person_id, now)
    raise _refused(session, why, known.pseudonym or (whose.pseudonym if whose else None), now, traces)


def _refused(session: Session, why: str, pseudonym: str | None, now: datetime, traces: Traces) -> Refused:
    """Record a failed try (and its count) durably; gives the one answer to raise."""
    entry = Entry(Action.SESSION_REFUSE, Outcome.REFUSED, actor=pseudonym, code=Code.SIGN_IN, reason=why, at=now)
    _append(session, entry, traces)
    session.commit()
    return Refused(SAME_ANSWER, code="sign-in-refused")


def _open(
    session: Session, person: Person, method: str, step: int | None, old: str | None, now: datetime, traces: Traces
) -> str:
    if step is not None and not accounts.use_code(session, person.id, step):
        raise _refused(session, "code used before", person.pseudonym, now, traces)
    if old is not None:
        sessions.end(session, old, now)
    value = sessions.begin(session, person.id, method, now)
    _record(session, Action.SESSION_SIGN_IN, person.pseudonym, now, traces, method=method)
    return value


def _renew(
    session: Session, identity: Identity, value: str, method: str, step: int | None, now: datetime, traces: Traces
) -> str:
    if step is not None and not accounts.use_code(session, identity.person_id, step):
        raise _refused(session, "code used before", identity.pseudonym, now, traces)
    fresh = sessions.renew(session, value, method, now)
    if fresh is None:
        raise NotFound("The session has ended meanwhile. Sign in again.")
    _record(session, Action.SESSION_STEP_UP, identity.pseudonym, now, traces, method=method)
    return fresh


def _record(session: Session, action: Action, actor: str, now: datetime, traces: Traces, **details: str | int) -> None:
    _append(session, Entry(action, Outcome.DONE, actor=actor, details=details, at=now), traces)


def _append(session: Session, entry: Entry, traces: Traces) -> None:
    try:
        ledger.append(session.connection(), traces.into(session.connection(), entry))
    except SQLAlchemyError as error:
        raise LogUnavailable(f"the log could not be written: {type(error).__name__}") from error
