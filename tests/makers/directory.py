"""Builders for the directory and for being signed in. Everything has a default; the caller commits, but `sign_in` does.

officer = make_person(session, roles=[(RoleKind.DATA_OFFICER, "education")])
sign_in(client, officer)
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import date, datetime

from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from access import sessions
from access.login import COOKIE_ON_LOOPBACK, COOKIE_OVER_TLS
from exchange import clock
from exchange.db import db
from exchange.directory.identity import Identity, identify
from exchange.directory.models import Agency, Person, Role, RoleKind, WorkingGroup
from exchange.values import slug

LONG_AGO = date(2020, 1, 1)
RoleWanted = RoleKind | tuple[RoleKind, str]
"""A role, with the agency's or (for members) the working group's key where it needs one."""


def make_agency(session: Session, id: str = "education", name: str | None = None, acronym: str | None = None) -> Agency:
    """The agency with this key, made if it is not there."""
    found = session.get(Agency, id)
    if found is None:
        words = id.replace("-", " ").title()
        found = Agency(
            id=id, name=name or f"Department of {words}", acronym=acronym or "".join(w[0] for w in words.split())
        )
        session.add(found)
        session.flush()
    return found


def make_working_group(
    session: Session, id: str = "health-and-human-services", name: str | None = None
) -> WorkingGroup:
    """The working group with this key, made if it is not there."""
    found = session.get(WorkingGroup, id)
    if found is None:
        found = WorkingGroup(id=id, name=name or id.replace("-", " ").title())
        session.add(found)
        session.flush()
    return found


def make_person(
    session: Session,
    name: str = "Marian Oakes",
    *,
    agency: str | None = "policy-and-management",
    email: str | None = None,
    title: str = "Analyst",
    roles: Iterable[RoleWanted] = (),
) -> Person:
    """A person of an agency with roles in force from long ago; a second one of the same name has another address."""
    if agency is not None:
        make_agency(session, agency)
    address = email or f"{slug(name)}.{uuid.uuid4().hex[:6]}@example.ct.gov"
    person = Person(name=name, email=address, title=title, agency_id=agency)
    session.add(person)
    session.flush()
    for role in roles:
        kind, where = role if isinstance(role, tuple) else (role, None)
        make_role(session, person, kind, where)
    return person


def make_role(
    session: Session,
    person: Person,
    kind: RoleKind,
    where: str | None = None,
    *,
    begins: date = LONG_AGO,
    ends: date | None = None,
) -> Role:
    """A role, for the agency (or, for members, the working group) with this key; by default the person's own agency."""
    group = where or "health-and-human-services" if kind is RoleKind.MEMBER else None
    agency = None if group else where or person.agency_id
    if group:
        make_working_group(session, group)
    if agency:
        make_agency(session, agency)
    role = Role(kind=kind.value, agency_id=agency, working_group_id=group, begins=begins, ends=ends)
    role.person = person
    session.add(role)
    session.flush()
    return role


def make_identity(
    session: Session,
    *roles: RoleWanted,
    person: Person | None = None,
    name: str = "Marian Oakes",
    agency: str | None = "policy-and-management",
    now: datetime | None = None,
) -> Identity:
    """The identity of a (new) person with these roles, authenticated just now (`now`, or the clock's)."""
    who = person or make_person(session, name, agency=agency, roles=roles)
    instant = now or clock.now()
    return identify(session, who, clock.legal_day(instant), instant, "password+totp")


def sign_in(client: FlaskClient, person: Person, *, at: datetime | None = None) -> str:
    """Sign this person in to the browser without the page, committing `db.session`; gives the cookie's value."""
    value = sessions.begin(db.session(), person.id, "password+totp", at or clock.now())
    db.session.commit()
    https = client.application.config["SETTINGS"].https
    client.set_cookie(COOKIE_OVER_TLS if https else COOKIE_ON_LOOPBACK, value, domain="localhost")
    return value


def sign_out(client: FlaskClient) -> None:
    """Forget the session cookie, as a browser that is closed does."""
    client.delete_cookie(COOKIE_ON_LOOPBACK, domain="localhost")
