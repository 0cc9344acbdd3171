"""Accounts: a person's password (Argon2id) and second factor (TOTP, RFC 6238), and the proof of both.

Parameters are OWASP's first choice, 46 MiB, one pass, one lane: about 80 ms here (security.md §7). No more than two
hashes run at once in a process, since each takes its memory; otherwise signing in would be a way to exhaust it.
"""

from __future__ import annotations

import contextlib
import hmac
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from access import sessions
from access.models import Account
from exchange.directory.models import Person
from exchange.errors import Invalid, Unavailable

PASSWORD_LENGTH = 15
STEP_S = 30
STEPS_ALLOWED = (-1, 0, 1)
FREE_FAILURES = 4
LONGEST_WAIT = timedelta(minutes=1)
"""Short, so that nobody can keep an owner out by guessing in their name; with the code, guessing stays hopeless."""
HASHES_AT_ONCE = 2
PATIENCE_S = 5.0
"""A sign-in waits this long for its turn to hash; a flood of them then gets 503 instead of every thread."""

_hasher = PasswordHasher(time_cost=1, memory_cost=46 * 1024, parallelism=1, hash_len=32, salt_len=16)
_turns = threading.BoundedSemaphore(HASHES_AT_ONCE)

NOBODYS_HASH = "$argon2id$v=19$m=47104,t=1,p=1$G2t/gsj81hTBVRZomIlFTQ$s8G+KMYIzfGMXuVfmM+lD6hWOUFsy6pekjGyJjM6paQ"
"""A hash of no account's password, so that an unknown address costs what a known one does (ASVS V6.3.8)."""

NOBODYS_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"  # noqa: S105 (a second factor of nobody)


@dataclass(frozen=True)
class Known:
    """What is needed to check a try, cut loose from the database; for an unknown address the fields of nobody."""

    person_id: str | None
    pseudonym: str | None
    password_hash: str
    totp_secret: str
    totp_last_step: int
    wait_until: datetime | None
    closed: bool


NOBODY = Known(None, None, NOBODYS_HASH, NOBODYS_SECRET, 0, None, False)


def create_account(session: Session, person: Person, password: str, totp_secret: str) -> Account:
    """Give a person an account, or a new password and second factor.

    `totp_secret` is base32, 160 bits or more. Raises `Invalid` for a password under 15 characters (ASVS V6.2.1).
    """
    if len(password) < PASSWORD_LENGTH:
        raise Invalid(f"A password has at least {PASSWORD_LENGTH} characters. Use a sentence, or a password manager.")
    account = session.get(Account, person.id) or Account(person_id=person.id)
    with _one_turn():
        account.password_hash = _hasher.hash(password)
    account.totp_secret, account.totp_last_step, account.failures, account.wait_until = totp_secret, 0, 0, None
    session.add(account)
    session.flush()
    return account


def disable_account(session: Session, person_id: str, now: datetime) -> None:
    """Close an account: nobody signs in by it, and all its sessions end (ASVS V7.4.2)."""
    session.execute(update(Account).where(Account.person_id == person_id).values(disabled_at=now))
    sessions.end_all(session, person_id, now)


def look_up(session: Session, *, email: str | None = None, person_id: str | None = None) -> Known:
    """The account behind an address (or a person's id); `NOBODY` if there is none."""
    wanted = Person.email == email.strip().lower() if email is not None else Person.id == person_id
    found = session.execute(select(Account, Person).join(Person).where(wanted)).first()
    if found is None:
        return NOBODY
    account, person = found
    closed = account.disabled_at is not None or person.left_at is not None
    return Known(person.id, person.pseudonym, account.password_hash, account.totp_secret, account.totp_last_step,
                 account.wait_until, closed)  # fmt: skip


def check(known: Known, password: str, code: str, now: datetime) -> tuple[str | None, int]:
    """Check a try: (why it fails, 0) or (None, the TOTP step that the code is of).

    Always does all the work, so that the time taken says nothing about which part was wrong.
    """
    password_right = _verify(known.password_hash, password)
    step = matching_step(known.totp_secret, code, now)
    if known.person_id is None:
        return "unknown account", 0
    if known.closed:
        return "account closed", 0
    if known.wait_until is not None and now < known.wait_until:
        return "too soon after failures", 0
    if not password_right:
        return "wrong password", 0
    if step is None:
        return "wrong code", 0
    if step <= known.totp_last_step:
        return "code used before", 0
    return None, step


def matching_step(secret: str, code: str, now: datetime) -> int | None:
    """The 30-second step, within one of now, whose code this is (RFC 6238 §5.2); None if there is none."""
    totp, present = pyotp.TOTP(secret, interval=STEP_S), int(now.timestamp()) // STEP_S
    typed = "".join(code.split()).encode()
    matches = [present + offset for offset in STEPS_ALLOWED
               if hmac.compare_digest(totp.generate_otp(present + offset).encode(), typed)]  # fmt: skip
    return max(matches, default=None)


def use_code(session: Session, person_id: str, step: int) -> bool:
    """Use up a TOTP step and forget the failures; False if another request used it (or a later one) first."""
    unused = (Account.person_id == person_id) & (Account.totp_last_step < step) & Account.disabled_at.is_(None)
    done = session.execute(update(Account).where(unused).values(totp_last_step=step, failures=0, wait_until=None))
    return bool(done.rowcount == 1)  # type: ignore[attr-defined]


def count_failure(session: Session, person_id: str, now: datetime) -> None:
    """Count a failed try. From the fifth on the account waits 1, 2, 4 ... seconds, never longer than 15 minutes."""
    account = session.get_one(Account, person_id, populate_existing=True)
    account.failures += 1
    account.wait_until = wait_after(account.failures, now)
    session.flush()


def wait_after(failures: int, now: datetime) -> datetime | None:
    """Until when an account with so many failures in a row waits; None while it need not. Never a lock."""
    over = failures - FREE_FAILURES
    if over < 1:
        return None
    return now + min(timedelta(seconds=2 ** min(over - 1, 20)), LONGEST_WAIT)


def _verify(password_hash: str, password: str) -> bool:
    with _one_turn():
        try:
            return _hasher.verify(password_hash, password)
        except (VerificationError, InvalidHashError):
            return False


@contextlib.contextmanager
def _one_turn() -> Iterator[None]:
    if not _turns.acquire(timeout=PATIENCE_S):
        raise Unavailable("Too many people are signing in at this moment. Try again in a minute.")
    try:
        yield
    finally:
        _turns.release()
