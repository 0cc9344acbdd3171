"""What the demo's registers hold, so that no page of the auditors is empty: all of it invented.

An agreement that ended and whose certificate of destruction is due, an incident of which the Auditors and the
Comptroller are still to be told, a request for records that was referred, a plan on file, a look at the public rows.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from access.evidence import small_cells
from agreements import lifecycle
from agreements.duties import filings, incidents, referrals
from agreements.duties.models import AgencyFiling, FilingKind, Incident, RecordsRequest, StepKind
from agreements.models import Agreement
from demo.cast import DOL, SDE
from demo.contracts import Sharing, carry_through, draft_dsa
from demo.people import acting
from exchange.clock import legal_day

AGO = timedelta(days=4)
CONTAINED_AFTER = timedelta(hours=5)


def load_duties(session: Session, store: Path, ended: Sharing, attendance: str, now: datetime) -> None:
    """Everything that is not there yet. `ended` is what the agreement shared that is over; `store` holds open rows."""
    if session.scalar(select(Agreement.id).where(Agreement.title == ended.title)) is None:
        _end(session, ended, now)
    if session.scalar(select(Incident.id).limit(1)) is None:
        _incident(session, attendance, now)
    if session.scalar(select(RecordsRequest.id).limit(1)) is None:
        _request(session, attendance, now)
    if session.scalar(select(AgencyFiling.id).limit(1)) is None:
        _file(session, now)
    for dataset in small_cells.not_looked_at(session):
        small_cells.scan(session, store, dataset, now)


def _end(session: Session, sharing: Sharing, now: datetime) -> None:
    """An agreement in force for a moment, then ended by its source: its recipient owes a certificate."""
    version = draft_dsa(session, sharing, now)
    carry_through(session, version, now)
    reason = "The pilot is over."
    lifecycle.terminate(session, acting(session, "sde_officer", now), version, cause=True, reason=reason, now=now)


def _incident(session: Session, attendance: str, now: datetime) -> None:
    officer, discovered = acting(session, "sde_officer", now), now - AGO
    incident = incidents.report(
        session,
        officer,
        agency_id=SDE,
        what="A file of the attendance pilot was sent to a distribution list instead of one office.",
        datasets=[attendance],
        identity_numbers=False,
        discovered_at=discovered,
        now=now,
    )
    for kind, persons in ((StepKind.CONTAINED, None), (StepKind.EXTENT, 212)):
        at = discovered + CONTAINED_AFTER
        incidents.add_step(session, officer, incident, kind, at=at, persons=persons, now=now)


def _request(session: Session, attendance: str, now: datetime) -> None:
    officer, today = acting(session, "dol_officer", now), legal_day(now)
    request = referrals.receive(
        session,
        officer,
        agency_id=DOL,
        received_on=today - timedelta(days=1),
        file_number="DOL-PR-0071",
        about="Counts of chronically absent students by district, as shared with the Labor Department.",
        dataset_id=attendance,
        now=now,
    )
    referrals.refer(
        session,
        officer,
        request,
        agency_id=SDE,
        address="Office of Invented Records\n1 Example Street\nHartford, CT 06100",
        telephone="860-555-0100",
        referred_on=today,
        now=now,
    )


def _file(session: Session, now: datetime) -> None:
    place = "Chief Data Officer’s files, plan 1"
    officer, today = acting(session, "sde_officer", now), legal_day(now)
    filings.file(session, officer, agency_id=SDE, kind=FilingKind.PLAN, filed_on=today, place=place, now=now)
