"""Enrol a person from the operator's command line: the only way in before anybody can sign in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import pyotp
from sqlalchemy import select
from sqlalchemy.orm import Session

from access.accounts import create_account
from exchange.clock import legal_day
from exchange.directory.models import Person, RoleKind
from exchange.directory.persons import add_person, find_agency, give_role
from exchange.directory.role_words import FOR_A_GROUP, FOR_AN_AGENCY
from exchange.errors import Invalid

ISSUER = "Charter Oak"


@dataclass(frozen=True)
class Enrolled:
    """A person with an account. `totp_secret` and `uri` are shown once, for the authenticator app (RFC 6238)."""

    person: Person
    totp_secret: str
    uri: str


def enrol(
    session: Session,
    *,
    name: str,
    email: str,
    agency: str,
    title: str,
    role: RoleKind,
    group: str | None,
    password: str,
    now: datetime,
) -> Enrolled:
    """Add the person if there is none with this address, give the role from today, and set password and second factor.

    `agency` is a key, name, or an acronym that only one agency has. Raises `Invalid`, `Conflict` or `Refused`; the
    caller commits.
    """
    agency_id = _agency(session, agency)
    person = session.scalars(select(Person).where(Person.email == email.strip().lower())).one_or_none()
    person = person or add_person(session, name, email, agency_id, title)
    give_role(
        session,
        None,
        person,
        role,
        agency_id=agency_id if role in FOR_AN_AGENCY else None,
        working_group_id=group if role in FOR_A_GROUP else None,
        begins=legal_day(now),
        now=now,
    )
    secret = pyotp.random_base32()
    create_account(session, person, password, secret)
    return Enrolled(person, secret, pyotp.TOTP(secret).provisioning_uri(name=person.email, issuer_name=ISSUER))


def _agency(session: Session, text: str) -> str:
    found = find_agency(session, text)
    if len(found) != 1:
        listed = ", ".join(agency.id for agency in found)
        raise Invalid(
            f"“{text}” means several agencies: {listed}. Give the key of one."
            if found
            else f"There is no agency “{text}”. Run flask access set-up first, or look its key up in the directory."
        )
    return found[0].id
