"""Who writes: a person whose key a program holds. `wsgi.py` hands in the check, so that nothing imports upward."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

from exchange.directory.identity import Identity


@dataclass(frozen=True)
class Presented:
    """What came with a request, unchecked. `from_another_site`: it says that a page of some site sent it."""

    authorization: str | None
    from_another_site: bool
    path: str


@dataclass(frozen=True)
class Writer:
    """The person, with the roles in force now, and the key that spoke for them."""

    identity: Identity
    key_id: str


class Keepers(Protocol):
    """The check of keys."""

    def writer(self, session: Session, presented: Presented, now: datetime) -> Writer:
        """Who this is. Commits, so that nothing is held while the body comes in.

        Raises `Unauthenticated` without a living key (recorded), `TooMany` after too many such.
        """
        ...

    def refused(self, session: Session, writer: Writer, dataset_id: str | None, reason: str, now: datetime) -> None:
        """Record durably that a known key was refused something."""
        ...
