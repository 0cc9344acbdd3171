"""The desk of a signed-in person: what waits for them, from every part of the house, and their usual places."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from access.desk_sources import classification_waiting, publishing_waiting
from access.ended import ended_grants
from access.record_keepers import erasures_waiting
from access.waiting import requests_waiting
from agreements.duties.waiting import duties_waiting
from agreements.turns import waiting_for as agreements_waiting
from exchange.clock import legal_day
from exchange.directory.identity import Identity
from exchange.directory.listing import roles_in_force
from exchange.directory.models import RoleKind
from exchange.directory.persons import get_person
from exchange.directory.role_words import in_words
from exchange.directory.waiting import Waiting

Provider = Callable[[Session, Identity, datetime], Sequence[Waiting]]

PROVIDERS: tuple[Provider, ...] = (
    agreements_waiting,
    requests_waiting,
    ended_grants,
    classification_waiting,
    publishing_waiting,
    duties_waiting,
    erasures_waiting,
)
"""Each part of the house that can make somebody wait says what waits for this person."""


@dataclass(frozen=True)
class UsualPlace:
    """A page that somebody with one of these roles often needs, with what it is for."""

    title: str
    endpoint: str
    words: str
    roles: tuple[RoleKind, ...]


CDO, DRAFTER, COUNSEL, OFFICIAL = RoleKind.CDO, RoleKind.DRAFTER, RoleKind.COUNSEL, RoleKind.OFFICIAL
DATA_OFFICER, STEWARD, MEMBER = RoleKind.DATA_OFFICER, RoleKind.STEWARD, RoleKind.MEMBER
AUDITOR, ADMINISTRATOR = RoleKind.AUDITOR, RoleKind.ADMINISTRATOR

PLACES = (
    UsualPlace(
        "Draft an agreement",
        "agreements.new",
        "An OPM memorandum, or a data-sharing agreement under one.",
        (DRAFTER, CDO),
    ),
    UsualPlace(
        "Agreements",
        "agreements.index",
        "Drafts, reviews, signatures, and what is in force.",
        (DRAFTER, CDO, COUNSEL, OFFICIAL, DATA_OFFICER),
    ),
    UsualPlace(
        "Publish data",
        "hub.index",
        "A file or a database becomes a dataset version, whole or not at all.",
        (STEWARD, DATA_OFFICER, CDO),
    ),
    UsualPlace(
        "Find data",
        "portal.catalogue",
        "Everything you may know of, with what is open and what can be asked for.",
        tuple(RoleKind),
    ),
    UsualPlace(
        "Requests",
        "requests.index",
        "What your group asked for, what was decided, and why.",
        (MEMBER, DATA_OFFICER, CDO),
    ),
    UsualPlace(
        "Grants",
        "grants.index",
        "What may be read now: columns, rows, purpose and until when.",
        (MEMBER, DATA_OFFICER, CDO),
    ),
    UsualPlace(
        "Clients",
        "clients.index",
        "The programs that read for your group, each with its own key.",
        (MEMBER, ADMINISTRATOR),
    ),
    UsualPlace(
        "Notices and filings",
        "duties.index",
        "Incidents and whom to tell, requests for records, certificates of destruction, agencies’ filings.",
        (CDO, DATA_OFFICER, COUNSEL, DRAFTER, AUDITOR),
    ),
    UsualPlace(
        "Audit desk",
        "audit.index",
        "Who read what, under which agreement version, for which purpose; and the proofs.",
        (AUDITOR,),
    ),
    UsualPlace(
        "Register",
        "register.index",
        "Every agreement in force, and every one that ended, as the public sees them.",
        (AUDITOR, DRAFTER, CDO, COUNSEL),
    ),
    UsualPlace(
        "Directory",
        "directory.index",
        "Agencies, persons and their dated roles; departures.",
        (ADMINISTRATOR, CDO, DATA_OFFICER, AUDITOR),
    ),
    UsualPlace(
        "Retention, holds, erasure",
        "retention.index",
        "What the log keeps about persons and how long; what must not be touched.",
        (ADMINISTRATOR, CDO, COUNSEL),
    ),
)


@dataclass(frozen=True)
class Desk:
    """One person's desk at one instant."""

    waiting: list[Waiting]
    roles: list[str]
    places: list[UsualPlace]


def desk_of(session: Session, identity: Identity, now: datetime) -> Desk:
    """What waits, the roles in force in words, and the usual places."""
    person = get_person(session, identity.person_id)
    roles = sorted(in_words(role) for role in roles_in_force(person, legal_day(now)))
    return Desk(waiting_for(session, identity, now), roles, usual_places(identity))


def waiting_for(session: Session, identity: Identity, now: datetime) -> list[Waiting]:
    """Everything that waits for this person, longest first."""
    found = [thing for provider in PROVIDERS for thing in provider(session, identity, now)]
    return sorted(found, key=lambda thing: thing.since)


def usual_places(identity: Identity) -> list[UsualPlace]:
    """The pages that this person's roles often need, in the table's order."""
    return [place for place in PLACES if identity.holds(*place.roles)]
