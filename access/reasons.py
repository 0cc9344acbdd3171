"""Why not: which condition of the permit does not hold, in a sentence for the reader and the log.

The log holds no names of persons, so these sentences hold none; agencies and agreements they name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from access.barred import barred_column
from access.decision import ANYBODY
from access.models import Client, Grant, GrantState, Token
from agreements.in_force import version_in_force
from agreements.models import Agreement, AgreementVersion, State
from audit.codes import Code
from exchange.catalog.models import DatasetState
from exchange.clock import LEGAL_ZONE, legal_day
from exchange.directory.identity import roles_on
from exchange.directory.models import Agency, Person, RoleKind

NOT_YET = (State.DRAFT, State.SOURCE_REVIEW, State.LEGAL_REVIEW, State.CHANGES_REQUESTED)
"""Versions on their way, which say nothing yet of what is in force."""


@dataclass(frozen=True)
class Refusal:
    """A reason that can be shown and recorded, the clauses, agreements or roles behind it, its word in the log."""

    reason: str
    because: tuple[str, ...]
    code: Code


LAST_RESORT = Refusal(
    "Access was not permitted at the moment of the request. Ask again; after that, ask the Chief Data Officer.",
    (),
    Code.STANDING,
)


def why_not(session: Session, grant: Grant, client: Client, now: datetime, token: Token | None = None) -> Refusal:
    """The first condition of `access.permit` that does not hold for this grant, client and token."""
    session.expire_all()
    for check in (_agreement, _grant, _law, _dataset, _client, _person, _roster):
        refusal = check(session, grant, client, now)
        if refusal is not None:
            return refusal
    return _token(token, grant, now) or LAST_RESORT


def why_not_in_force(session: Session, grant: Grant, now: datetime) -> Refusal | None:
    """What keeps a grant from being in force, whoever asks: its agreement first, then its own state and window."""
    checks = (check(session, grant, None, now) for check in (_agreement, _grant, _law, _dataset))
    return next((refusal for refusal in checks if refusal is not None), None)


def _agreement(session: Session, grant: Grant, _client: Client | None, now: datetime) -> Refusal | None:
    for version in _chain(session, grant.agreement_version):
        refusal = _version(session, version, now)
        if refusal is not None:
            return refusal
    return None


def _law(session: Session, grant: Grant, _client: Client | None, _now: datetime) -> Refusal | None:
    found = barred_column(session, grant)
    if found is None:
        return None
    column, bar = found
    words = f"The column {column} was classified anew and cannot be shared at all. {bar.sentence} ({bar.law})"
    return Refusal(f"{words} Ask again without it.", (bar.regime,), Code.COLUMN_BARRED)


def _dataset(_session: Session, grant: Grant, _client: Client | None, _now: datetime) -> Refusal | None:
    if grant.dataset.state != DatasetState.RETIRED:
        return None
    words = f"{grant.dataset.agency.name} retired the dataset. Ask the agency what took its place."
    return Refusal(words, (), Code.DATASET)


def _chain(session: Session, version: AgreementVersion) -> Iterator[AgreementVersion]:
    """The version, and for each agreement above it the version in force, or the newest one."""
    yield version
    parent_id = version.agreement.parent_id
    while parent_id is not None:
        newest = select(AgreementVersion).where(AgreementVersion.agreement_id == parent_id).where(
            AgreementVersion.state.not_in(NOT_YET)
        ).order_by((AgreementVersion.state == State.ACTIVE).desc(), AgreementVersion.number.desc())  # fmt: skip
        above = session.scalars(newest.limit(1)).first()
        if above is None:
            return
        yield above
        parent_id = session.get_one(Agreement, parent_id).parent_id


def _version(session: Session, version: AgreementVersion, now: datetime) -> Refusal | None:
    name = f"Agreement {version.agreement_id} (version {version.number})"
    because = (f"{version.agreement_id}@{version.number}",)
    if version.terminates_at is not None and version.terminates_at <= now:
        return Refusal(
            f"{name} was terminated with effect from {_when(version.terminates_at)}{_by(session, version)}.",
            because,
            Code.AGREEMENT_ENDED,
        )
    if version.state != State.ACTIVE:
        return Refusal(f"{name} {_STATES.get(State(version.state), 'is not in force')} on {_when(version.state_since)}"
                       f"{_by(session, version)}{_next_version(session, version, now)}.", because,
                       _code(version))  # fmt: skip
    if version.begins_at is None or version.begins_at > now:
        return Refusal(f"{name} has not begun yet{_on(version.begins_at)}.", because, Code.WINDOW)
    if version.ends_at is not None and version.ends_at < now:
        return Refusal(f"{name} expired on {_when(version.ends_at)}.", because, Code.AGREEMENT_ENDED)
    return None


_STATES = {
    State.SUSPENDED: "was suspended",
    State.EXPIRED: "expired",
    State.TERMINATED: "was terminated",
    State.SUPERSEDED: "was superseded",
    State.WITHDRAWN: "was withdrawn",
}


def _code(version: AgreementVersion) -> Code:
    return Code.AGREEMENT_SUSPENDED if version.state == State.SUSPENDED else Code.AGREEMENT_ENDED


def _by(session: Session, version: AgreementVersion) -> str:
    last = version.events[-1] if version.events else None
    agency = session.get(Agency, last.agency_id) if last and last.agency_id else None
    return f" by {agency.name}" if agency else ""


def _next_version(session: Session, version: AgreementVersion, now: datetime) -> str:
    following = version_in_force(session, version.agreement_id, now)
    return f"; version {following.number} is in force and needs its own grant" if following else ""


def _grant(_session: Session, grant: Grant, _client: Client | None, now: datetime) -> Refusal | None:
    because = tuple(grant.because.get("ends", ())) or (f"grant:{grant.id}",)
    if grant.state != GrantState.ACTIVE:
        return Refusal(
            f"The grant was {grant.state}{_on(grant.ended_at)}. Ask for access again.", because, Code.GRANT_REVOKED
        )
    if grant.not_before > now:
        return Refusal(f"The grant begins on {_when(grant.not_before)}.", because, Code.WINDOW)
    if grant.not_after < now:
        return Refusal(f"The grant ended on {_when(grant.not_after)}. Ask for access again.", because, Code.WINDOW)
    return None


def _client(_session: Session, grant: Grant, client: Client, _now: datetime) -> Refusal | None:
    if client.disabled_at is not None:
        words = f"Client {client.id} was disabled on {_when(client.disabled_at)}."
        return Refusal(words, (f"client:{client.id}",), Code.CLIENT_DISABLED)
    if client.working_group_id != grant.working_group_id:
        return Refusal("The grant is another working group's.", (f"client:{client.id}",), Code.GROUP)
    return None


def _person(session: Session, grant: Grant, client: Client, now: datetime) -> Refusal | None:
    person = session.get_one(Person, client.person_id)
    if person.left_at is not None:
        return Refusal(f"The person who answers for client {client.id} left on {_when(person.left_at)}. "
                       "Another member of the roster must register a client.", ("person:left",),
                       Code.PERSON_LEFT)  # fmt: skip
    held = roles_on(session, person.id, legal_day(now))
    if not any(role.kind == RoleKind.MEMBER and role.working_group_id == grant.working_group_id for role in held):
        return Refusal(f"The person who answers for client {client.id} is not a member of the working group "
                       f"{grant.working_group_id} today.", ("role:member",), Code.ROSTER)  # fmt: skip
    return None


def _roster(_session: Session, grant: Grant, client: Client, _now: datetime) -> Refusal | None:
    if client.person_id in grant.persons or ANYBODY in grant.persons:
        return None
    return Refusal(f"The person who answers for client {client.id} is not on the roster of agreement "
                   f"{grant.agreement_version.agreement_id}.", tuple(grant.because.get("persons", ())),
                   Code.ROSTER)  # fmt: skip


def _token(token: Token | None, grant: Grant, now: datetime) -> Refusal | None:
    if token is None:
        return None
    if token.revoked_at is not None:
        return Refusal(f"The token was revoked on {_when(token.revoked_at)}.", ("token:revoked",), Code.TOKEN)
    if token.expires_at <= now:
        return Refusal("The token has expired; ask for a new one.", ("token:expired",), Code.TOKEN)
    if token.grant_number != grant.number:
        words = "The grant was changed after the token was issued; ask for a new token."
        return Refusal(words, (f"grant:{grant.id}",), Code.TOKEN)
    return None


def _when(instant: datetime) -> str:
    return f"{instant.astimezone(LEGAL_ZONE):%Y-%m-%d %H:%M} New York time"


def _on(instant: datetime | None) -> str:
    return f" on {_when(instant)}" if instant else ""
