"""Who is asking: plain frozen data, cut loose from the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from flask import g
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from exchange.directory.models import Person, Role, RoleKind


@dataclass(frozen=True)
class RoleHeld:
    """One role in force today."""

    kind: RoleKind
    agency_id: str | None
    working_group_id: str | None


@dataclass(frozen=True)
class Identity:
    """A signed-in person with the roles in force today. `authenticated_at` is the last proof of identity (step-up)."""

    person_id: str
    pseudonym: str
    name: str
    title: str
    agency_id: str | None
    roles: frozenset[RoleHeld]
    authenticated_at: datetime
    method: str

    def holds(self, *kinds: RoleKind, agency: str | None = None, group: str | None = None) -> bool:
        """Whether any of these roles is held, for this agency and this working group where given."""
        return any(
            role.kind in kinds
            and (agency is None or role.agency_id == agency)
            and (group is None or role.working_group_id == group)
            for role in self.roles
        )

    def agencies(self, *kinds: RoleKind) -> frozenset[str]:
        """The agencies for which any of these roles is held."""
        return frozenset(r.agency_id for r in self.roles if r.kind in kinds and r.agency_id)

    def groups(self) -> frozenset[str]:
        """The working groups of which the person is a member today."""
        return frozenset(r.working_group_id for r in self.roles if r.kind == RoleKind.MEMBER and r.working_group_id)


def roles_on(session: Session, person_id: str, day: date) -> frozenset[RoleHeld]:
    """The person's roles in force on a legal day; none for somebody who has left."""
    rows = session.scalars(
        select(Role)
        .join(Person)
        .where(Role.person_id == person_id, Person.left_at.is_(None))
        .where(Role.begins <= day, or_(Role.ends.is_(None), Role.ends >= day))
    )
    return frozenset(RoleHeld(RoleKind(r.kind), r.agency_id, r.working_group_id) for r in rows)


def identify(session: Session, person: Person, day: date, authenticated_at: datetime, method: str) -> Identity:
    """The identity of a person who proved it at `authenticated_at` by `method`."""
    return Identity(
        person_id=person.id,
        pseudonym=person.pseudonym,
        name=person.name,
        title=person.title,
        agency_id=person.agency_id,
        roles=roles_on(session, person.id, day),
        authenticated_at=authenticated_at,
        method=method,
    )


def current_identity() -> Identity | None:
    """Who signed in to this request, as `wsgi.py` established before the view ran; None is the public."""
    identity: Identity | None = g.get("identity")
    return identity
