"""The directory as its pages show it: who is in it, with the roles in force on a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from exchange.directory.identity import Identity
from exchange.directory.models import Agency, Person, Role, RoleKind, WorkingGroup


@dataclass(frozen=True)
class PersonLine:
    """A person with the roles in force on the day asked for."""

    person: Person
    roles: tuple[Role, ...]


@dataclass(frozen=True)
class GroupLine:
    """A working group with its members on the day asked for."""

    group: WorkingGroup
    members: tuple[Person, ...]


def people(session: Session, day: date, text: str = "") -> list[PersonLine]:
    """Everybody whose name, title, address or agency contains the text, by name; those who have left last."""
    query = (
        select(Person)
        .outerjoin(Agency, Agency.id == Person.agency_id)
        .order_by(Person.left_at.is_not(None), Person.name)
    )
    if text:
        query = query.where(or_(*(c.icontains(text, autoescape=True) for c in _SEARCHED)))
    found = session.scalars(query.options(joinedload(Person.agency), *_with_roles())).unique()
    return [PersonLine(person, roles_in_force(person, day)) for person in found]


def groups(session: Session, day: date) -> list[GroupLine]:
    """Every working group with today's members, by name."""
    lines = people(session, day)
    every = session.scalars(select(WorkingGroup).order_by(WorkingGroup.name))
    return [GroupLine(group, tuple(line.person for line in lines if _is_member(line, group))) for group in every]


def agencies_with_aliases(session: Session) -> Sequence[Agency]:
    """Every agency with its other names, by name."""
    return session.scalars(select(Agency).options(selectinload(Agency.aliases)).order_by(Agency.name)).all()


def shared_acronyms(agencies: Sequence[Agency]) -> frozenset[str]:
    """The acronyms that more than one agency goes by: nobody may be found by such a one alone."""
    every = [agency.acronym for agency in agencies]
    return frozenset(acronym for acronym in every if every.count(acronym) > 1)


def roles_in_force(person: Person, day: date) -> tuple[Role, ...]:
    """The person's roles on a legal day; none for somebody who has left."""
    if person.left_at is not None:
        return ()
    return tuple(role for role in person.roles if role.begins <= day and (role.ends is None or role.ends >= day))


def _with_roles() -> tuple[Any, Any]:
    roles = selectinload(Person.roles)
    return roles.joinedload(Role.agency), selectinload(Person.roles).joinedload(Role.working_group)


def _is_member(line: PersonLine, group: WorkingGroup) -> bool:
    return any(role.kind == RoleKind.MEMBER and role.working_group_id == group.id for role in line.roles)


_SEARCHED = (Person.name, Person.title, Person.email, Agency.name, Agency.acronym)


def receipts_for(session: Session, identity: Identity) -> dict[str, str]:
    """The agencies (key: name) about whose data this person may take the log's entries home, by name.

    A data officer's and a steward's own; an auditor's every agency that has data (CGS 2-90).
    """
    chosen = select(Agency.id, Agency.name).order_by(Agency.name)
    if not identity.holds(RoleKind.AUDITOR):
        chosen = chosen.where(Agency.id.in_(identity.agencies(RoleKind.DATA_OFFICER, RoleKind.STEWARD)))
    return {row.id: row.name for row in session.execute(chosen)}
