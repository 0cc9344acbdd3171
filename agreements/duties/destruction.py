"""Agreements that ended and whose clause C31 asks for destruction: whose certificate is there, whose is due."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Row, or_, select
from sqlalchemy.orm import Session

from agreements.duties.models import DestructionCertificate
from agreements.in_force import live
from agreements.models import Agreement, AgreementClause, AgreementVersion, Capacity, Party, State
from agreements.moving import stated
from agreements.transitions import parties_as
from audit import ledger
from audit.actions import Action, Outcome
from audit.entry import Entry
from exchange.clock import legal_day
from exchange.directory.identity import Identity
from exchange.directory.models import Agency, RoleKind
from exchange.errors import Conflict, Invalid, Refused

CLAUSE = "C31"
USUAL_DAYS = 30

ENDED = (State.EXPIRED.value, State.TERMINATED.value)
RUNNING = (State.ACTIVE.value, State.SUSPENDED.value)
SHA256 = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True)
class Owed:
    """The certificate of one recipient: until which legal day, and the day on which it was received."""

    agency_id: str
    agency: str
    due_on: date
    received_on: date | None


@dataclass(frozen=True)
class Ended:
    """The last version of an agreement that is over. `owed` is empty where no clause asks for destruction."""

    agreement_id: str
    title: str
    version_id: int
    number: int
    state: str
    at: datetime
    owed: tuple[Owed, ...]

    @property
    def outstanding(self) -> tuple[Owed, ...]:
        """The certificates that are not received yet."""
        return tuple(owed for owed in self.owed if owed.received_on is None)


def ended_at(version: AgreementVersion | Row[Any], now: datetime) -> datetime | None:
    """When a signed version ended, by its term, its notice of termination or an act; None while it has not."""
    ends = [end for end in (version.terminates_at, version.ends_at) if end is not None and end <= now]
    return min([*ends, *([version.state_since] if version.state in ENDED else [])], default=None)


def ended(session: Session, now: datetime) -> list[Ended]:
    """Every agreement that is over, by number: its newest signed version ended, and no version of it is in force."""
    last = {row.agreement_id: row for row in session.execute(_over(now))}
    ids = [row.id for row in last.values()]
    days, recipients, received = _days(session, ids), _recipients(session, ids), _received(session, ids)
    found = []
    for row in last.values():
        at = ended_at(row, now)
        if at is not None:
            due = legal_day(at) + timedelta(days=days.get(row.id, USUAL_DAYS))
            owing = recipients.get(row.id, ()) if row.id in days else ()
            owed = tuple(Owed(key, name, due, received.get((row.id, key))) for key, name in owing)
            found.append(Ended(row.agreement_id, row.title, row.id, row.number, row.state, at, owed))
    return found


def may_certify(by: Identity, version: AgreementVersion) -> bool:
    """OPM (the Chief Data Officer and its drafters), and the data officers of the source agencies."""
    sources = parties_as(version, Capacity.SOURCE)
    return by.holds(RoleKind.CDO, RoleKind.DRAFTER) or bool(by.agencies(RoleKind.DATA_OFFICER) & sources)


def certify(
    session: Session,
    by: Identity,
    version: AgreementVersion,
    *,
    agency_id: str,
    certified_by: str,
    method: str,
    destroyed_on: date,
    received_on: date,
    sha256: str,
    now: datetime,
) -> DestructionCertificate:
    """Record that a recipient's certificate was received; the caller commits.

    Raises `Refused`; `Conflict` where the agreement has not ended or the certificate is there; `Invalid`.
    """
    if not may_certify(by, version):
        raise Refused("OPM or a data officer of a source agency records a certificate. Ask one of them.")
    at = ended_at(version, now)
    if at is None:
        raise Conflict(f"{version.agreement_id} has not ended, so nothing is to be destroyed under it yet.")
    if agency_id not in parties_as(version, Capacity.RECIPIENT):
        raise Invalid("Choose the recipient that certifies from the list.")
    if not destroyed_on <= received_on <= legal_day(now):
        raise Invalid(
            "The data is destroyed first, then the certificate received, both before tomorrow. Correct a day."
        )
    if not SHA256.match(sha256):
        raise Invalid("The fingerprint of the certificate's file is missing. Choose the file.")
    _require_none(session, version, agency_id)
    certificate = DestructionCertificate(
        version_id=version.id,
        agency_id=agency_id,
        certified_by=stated(certified_by, "The office that certifies"),
        method=stated(method, "The method"),
        destroyed_on=destroyed_on,
        received_on=received_on,
        sha256=sha256,
        recorded_at=now,
        recorded_by_id=by.person_id,
    )
    session.add(certificate)
    session.flush()
    _record(session, by, version, certificate, now)
    return certificate


def certificates_of(session: Session, version: AgreementVersion) -> Sequence[DestructionCertificate]:
    """The certificates received for a version."""
    chosen = select(DestructionCertificate).where(DestructionCertificate.version_id == version.id)
    return session.scalars(chosen.order_by(DestructionCertificate.id)).all()


def _require_none(session: Session, version: AgreementVersion, agency_id: str) -> None:
    there = {certificate.agency_id for certificate in certificates_of(session, version)}
    if agency_id in there:
        raise Conflict("The certificate of this recipient is recorded already. Nothing was changed.")


def _record(
    session: Session, by: Identity, version: AgreementVersion, certificate: DestructionCertificate, now: datetime
) -> None:
    facts = {"destroyed_on": certificate.destroyed_on.isoformat(), "received_on": certificate.received_on.isoformat()}
    entry = Entry(
        Action.AGREEMENT_DESTRUCTION_CERTIFY,
        Outcome.DONE,
        actor=by.pseudonym,
        agency=certificate.agency_id,
        agreement=version.agreement_id,
        agreement_version=version.number,
        agreement_sha256=version.sha256,
        because=(CLAUSE,),
        details={**facts, "certificate_sha256": certificate.sha256},
        at=now,
    )
    ledger.append(session.connection(), entry)


def _over(now: datetime) -> Any:
    """Versions that ended, of agreements of which none is in force; the newest of an agreement comes last."""
    version = AgreementVersion
    run_out = version.state.in_(RUNNING) & or_(version.ends_at < now, version.terminates_at <= now)
    in_force = select(version.agreement_id).where(
        live(version, now) | (version.state == State.SUSPENDED.value) & ~run_out
    )
    columns = (version.id, version.agreement_id, version.number, version.state, version.state_since)
    return (
        select(*columns, version.ends_at, version.terminates_at, Agreement.title)
        .join(Agreement)
        .where(or_(version.state.in_(ENDED), run_out), version.agreement_id.not_in(in_force))
        .order_by(version.agreement_id, version.number)
    )


def _days(session: Session, versions: Iterable[int]) -> Mapping[int, int]:
    """Days to destroy, of the versions with a clause that says so."""
    clause = AgreementClause
    chosen = select(clause.version_id, clause.parameters).where(clause.code == CLAUSE, clause.version_id.in_(versions))
    return {row.version_id: int(row.parameters.get("days") or USUAL_DAYS) for row in session.execute(chosen)}


def _recipients(session: Session, versions: Iterable[int]) -> Mapping[int, tuple[tuple[str, str], ...]]:
    chosen = (
        select(Party.version_id, Agency.id, Agency.name)
        .join(Agency, Agency.id == Party.agency_id)
        .where(Party.version_id.in_(versions), Party.capacity == Capacity.RECIPIENT.value)
        .order_by(Agency.name)
    )
    found: dict[int, tuple[tuple[str, str], ...]] = {}
    for row in session.execute(chosen):
        found[row.version_id] = (*found.get(row.version_id, ()), (row.id, row.name))
    return found


def _received(session: Session, versions: Iterable[int]) -> Mapping[tuple[int, str], date]:
    chosen = select(DestructionCertificate).where(DestructionCertificate.version_id.in_(versions))
    return {(one.version_id, one.agency_id): one.received_on for one in session.scalars(chosen)}
