"""Load the demo's directory and accounts; a second load changes nothing."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from sqlalchemy.orm import Session

from access.accounts import create_account
from access.models import Account
from demo import secrets_of
from demo.cast import CAST, CastMember, email_of
from exchange.clock import legal_day
from exchange.directory.agencies import load_agencies, load_working_groups
from exchange.directory.identity import Identity, identify
from exchange.directory.models import Agency, Person
from exchange.directory.persons import add_person, give_role

NAMESPACE = uuid.UUID("39000000-2014-5000-8000-000000000039")
"""The demo's own namespace for ids made of names (RFC 9562 §5.5)."""

SINCE = date(2020, 1, 2)
"""The legal day from which the demo's roles hold."""


def stable_id(*parts: str) -> str:
    """An id that is the same on every machine."""
    return str(uuid.uuid5(NAMESPACE, "/".join(parts)))


def load_people(session: Session, secret: str, now: datetime) -> None:
    """Agencies, working groups, persons with roles, and how each signs in."""
    if session.get(Agency, "policy-and-management") is None:
        load_agencies(session)
        load_working_groups(session)
    for member in CAST:
        if session.get(Person, stable_id("person", member.key)) is None:
            _add(session, member, now)
        if session.get(Account, stable_id("person", member.key)) is None:
            person = session.get_one(Person, stable_id("person", member.key))
            create_account(
                session, person, secrets_of.password(secret, member.key), secrets_of.totp_seed(secret, member.key)
            )
    session.flush()


def _add(session: Session, member: CastMember, now: datetime) -> None:
    person = add_person(
        session,
        member.name,
        email_of(member),
        member.agency,
        member.title,
        id=stable_id("person", member.key),
        pseudonym=stable_id("pseudonym", member.key),
    )
    for role in member.roles:
        give_role(
            session, None, person, role.kind, agency_id=role.agency, working_group_id=role.group, begins=SINCE, now=now
        )


def acting(session: Session, key: str, now: datetime) -> Identity:
    """The identity of a cast member who has just proved it, for the commands of the load."""
    person = session.get_one(Person, stable_id("person", key))
    return identify(session, person, legal_day(now), now, "demo load")
