"""The directory's commands: agencies, persons, dated roles, departures. Each change of a right is recorded and moves
the epoch in the caller's transaction; the caller commits."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import Session

from audit import ledger
from audit.actions import Action, Outcome
from audit.days import end_of
from audit.entry import Entry
from exchange import epoch
from exchange.clock import legal_day
from exchange.directory.identity import Identity
from exchange.directory.models import Agency, AgencyAlias, Person, Role, RoleKind, WorkingGroup
from exchange.directory.role_words import FOR_A_GROUP, FOR_AN_AGENCY, ROLE_WORDS
from exchange.errors import Conflict, Invalid, NotFound, Refused

GIVES_ROLES = (RoleKind.ADMINISTRATOR, RoleKind.CDO)


def add_agency(
    session: Session,
    id: str,
    name: str,
    acronym: str,
    *,
    aliases: Iterable[str] = (),
    parent_id: str | None = None,
    branch: str = "executive",
    statute: str = "",
) -> Agency:
    """Add an agency under its key; the acronym may be shared, the key and the name may not."""
    agency = Agency(id=id, name=name, acronym=acronym, parent_id=parent_id, branch=branch, statute=statute)
    agency.aliases = [AgencyAlias(alias=alias) for alias in dict.fromkeys(aliases)]
    session.add(agency)
    session.flush()
    return agency


def add_working_group(session: Session, id: str, name: str, purpose: str = "") -> WorkingGroup:
    """Add a working group under its key."""
    group = WorkingGroup(id=id, name=name, purpose=purpose)
    session.add(group)
    session.flush()
    return group


def add_person(
    session: Session,
    name: str,
    email: str,
    agency_id: str | None,
    title: str = "",
    id: str | None = None,
    pseudonym: str | None = None,
) -> Person:
    """Add a person, who may do nothing until somebody gives a role. `Conflict` if the email address is taken."""
    address = email.strip().lower()
    if session.scalar(select(Person.id).where(Person.email == address)) is not None:
        raise Conflict(f"A person with the address {address} is in the directory already. Give that person the role.")
    keys = {key: value for key, value in (("id", id), ("pseudonym", pseudonym)) if value is not None}
    person = Person(name=name, email=address, title=title, agency_id=agency_id, **keys)
    session.add(person)
    session.flush()
    return person


def get_person(session: Session, person_id: str) -> Person:
    """The person with this id; `NotFound` otherwise."""
    person = session.get(Person, person_id)
    if person is None:
        raise NotFound("There is no such person in the directory.")
    return person


def get_role(session: Session, person_id: str, role_id: str) -> Role:
    """This person's role with this id, of any time; `NotFound` otherwise."""
    role = session.get(Role, role_id)
    if role is None or role.person_id != person_id:
        raise NotFound("There is no such role of this person.")
    return role


def may_give_roles(by: Identity | None, person: Person) -> bool:
    """Whether a person may give roles to, or end roles of, another: administrators and the CDO, never their own."""
    return by is None or (by.holds(*GIVES_ROLES) and by.person_id != person.id)


def give_role(
    session: Session,
    by: Identity | None,
    person: Person,
    kind: RoleKind,
    *,
    agency_id: str | None = None,
    working_group_id: str | None = None,
    begins: date,
    ends: date | None = None,
    now: datetime,
) -> Role:
    """Give a role from one legal day through another (both included; None: until changed).

    `by` is None only for the program's own commands. Raises `Refused`, `Invalid` or `Conflict`.
    """
    _only_who_may(by, person)
    _fits(session, kind, agency_id, working_group_id)
    if ends is not None and ends < begins:
        raise Invalid("The last day is before the first day. Correct one of them.")
    if person.left_at is not None:
        raise Conflict("This person's departure is recorded; somebody who has left cannot be given a role.")
    role = Role(kind=kind.value, agency_id=agency_id, working_group_id=working_group_id, begins=begins, ends=ends)
    role.person = person
    session.add(role)
    session.flush()
    _record(session, Action.PERSON_ROLE_GIVE, by, role, now)
    return role


def end_role(session: Session, by: Identity | None, role: Role, day: date, now: datetime) -> Role:
    """Make `day` the last legal day of a role; a day that has passed ends it at once.

    Raises `Refused`, or `Invalid` where that would lengthen the role.
    """
    _only_who_may(by, role.person)
    if role.ends is not None and day > role.ends:
        raise Invalid("A role cannot be lengthened by ending it. Give the role again for the further time.")
    role.ends = max(day, role.begins - timedelta(days=1))
    session.flush()
    _record(session, Action.PERSON_ROLE_END, by, role, now)
    return role


def may_record_departure(by: Identity, person: Person) -> bool:
    """Administrators, the CDO, and the data officers of the person's own agency."""
    own_agency = person.agency_id is not None and by.holds(RoleKind.DATA_OFFICER, agency=person.agency_id)
    return by.holds(*GIVES_ROLES) or own_agency


def record_departure(session: Session, by: Identity | None, person: Person, now: datetime) -> Person:
    """The person has left: every role ends, and the next request is refused on every worker (invariant 3).

    Raises `Refused`, or `Conflict` if the departure is recorded already. It cannot be undone; a person who
    comes back is given roles under a new entry of the directory.
    """
    if by is not None and not may_record_departure(by, person):
        raise Refused(
            "Only an administrator, the Chief Data Officer or a data officer of the person's agency may record a "
            "departure. Ask one of them."
        )
    if person.left_at is not None:
        raise Conflict("This person's departure is recorded already.")
    today = legal_day(now)
    ended = [role for role in person.roles if role.ends is None or role.ends > today]
    for role in ended:
        role.ends = max(today, role.begins - timedelta(days=1))
    person.left_at = now
    session.flush()
    epoch.bump(session)
    facts = {"person": person.pseudonym, "roles_ended": len(ended)}
    ledger.append(session.connection(), _entry(Action.PERSON_DEPARTURE_RECORD, by, person.agency_id, None, facts, now))
    return person


def names_of(session: Session, pseudonyms: Iterable[str]) -> dict[str, str]:
    """The names behind pseudonyms of the log; unknown ones are left out."""
    rows = session.execute(select(Person.pseudonym, Person.name).where(Person.pseudonym.in_(set(pseudonyms))))
    return {row.pseudonym: row.name for row in rows}


def ended_persons(session: Session) -> dict[str, datetime]:
    """Everybody who has left, or whose every role has a last day: by pseudonym, the last instant they may act."""
    lasting = case((Role.ends.is_(None), 1), else_=0)
    chosen = select(Person.pseudonym, Person.left_at, func.max(Role.ends).label("ends")).outerjoin(Person.roles)
    chosen = chosen.group_by(Person.id, Person.pseudonym, Person.left_at)
    chosen = chosen.having(or_(Person.left_at.is_not(None), and_(func.count(Role.id) > 0, func.sum(lasting) == 0)))
    last = {row.pseudonym: row.left_at or end_of(row.ends) for row in session.execute(chosen)}
    return {pseudonym: instant for pseudonym, instant in last.items() if instant is not None}


def find_pseudonyms(session: Session, text: str) -> list[str]:
    """The pseudonyms of persons whose name contains this text, or whose address or id it is; at most ten."""
    wanted = " ".join(text.split())
    pattern = f"%{wanted.replace('%', '').replace('_', '')}%"
    named = or_(Person.name.ilike(pattern), Person.email == wanted.lower(), Person.id == wanted)
    return list(session.scalars(select(Person.pseudonym).where(named).order_by(Person.name).limit(10)))


def find_agency(session: Session, text: str) -> list[Agency]:
    """The agencies that go by this key, name, acronym or alias, by name; several where an acronym is shared."""
    wanted = _plain(text)
    if not wanted:
        return []
    every = session.scalars(select(Agency).order_by(Agency.name))
    return [agency for agency in every if wanted in {_plain(form) for form in _forms(agency)}]


def agencies(session: Session) -> Sequence[Agency]:
    """Every agency, by name."""
    return session.scalars(select(Agency).order_by(Agency.name)).all()


def working_groups(session: Session) -> Sequence[WorkingGroup]:
    """Every working group, by name."""
    return session.scalars(select(WorkingGroup).order_by(WorkingGroup.name)).all()


def _forms(agency: Agency) -> list[str]:
    return [agency.id, agency.name, agency.acronym, *(alias.alias for alias in agency.aliases)]


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9&]+", " ", text.casefold()).strip()


def _only_who_may(by: Identity | None, person: Person) -> None:
    if may_give_roles(by, person):
        return
    if by is not None and by.person_id == person.id:
        raise Refused("Nobody gives or ends a role of their own. Ask another administrator or the Chief Data Officer.")
    raise Refused("Only an administrator or the Chief Data Officer gives and ends roles. Ask one of them.")


def _fits(session: Session, kind: RoleKind, agency_id: str | None, working_group_id: str | None) -> None:
    if kind in FOR_AN_AGENCY and agency_id is None:
        raise Invalid(f"The role “{ROLE_WORDS[kind]}” is held for an agency. Choose the agency.")
    if (kind in FOR_A_GROUP) != (working_group_id is not None):
        raise Invalid("Members belong to a working group, and only members do. Choose the group, or another role.")
    if agency_id is not None and session.get(Agency, agency_id) is None:
        raise Invalid("There is no such agency. Choose one from the list.")
    if working_group_id is not None and session.get(WorkingGroup, working_group_id) is None:
        raise Invalid("There is no such working group. Choose one from the list.")


def _record(session: Session, action: Action, by: Identity | None, role: Role, now: datetime) -> None:
    epoch.bump(session)
    facts = {"person": role.person.pseudonym, "role": role.kind, "begins": role.begins.isoformat()}
    if role.ends is not None:
        facts["ends"] = role.ends.isoformat()
    ledger.append(session.connection(), _entry(action, by, role.agency_id, role.working_group_id, facts, now))


def _entry(
    action: Action,
    by: Identity | None,
    agency: str | None,
    group: str | None,
    facts: Mapping[str, object],
    now: datetime,
) -> Entry:
    actor = by.pseudonym if by else None
    return Entry(action, Outcome.DONE, actor=actor, agency=agency, working_group=group, details=facts, at=now)
