"""Who writes: a person whose key a program holds. `wsgi.py` hands in the check, so that nothing imports upward."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from sqlalchemy.orm import Session

from exchange.directory.identity import Identity

Renew = Callable[[Session, str, datetime], "Writer"]


@dataclass(frozen=True)
class Presented:
    """What came with a request, unchecked. `from_another_site`: it says that a page of some site sent it."""

    authorization: str | None
    from_another_site: bool
    path: str


@dataclass(frozen=True)
class Writer:
    """The person, with the roles in force now, and the key that spoke for them. `renew` looks at both again."""

    identity: Identity
    key_id: str
    renew: Renew | None = field(default=None, compare=False, repr=False)

    def still(self, session: Session, now: datetime) -> Writer:
        """The same person with the roles in force now: a body may have come slowly. Raises `Unauthenticated`."""
        return self if self.renew is None else self.renew(session, self.key_id, now)


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
