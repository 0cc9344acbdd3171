"""What waits for a person in these registers: only what is theirs to record, and only while it is open."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from agreements.duties import destruction, incidents, referrals
from agreements.duties.destruction import Ended
from agreements.duties.incidents import Account
from agreements.duties.models import RecordsRequest
from agreements.duties.rights import may_record
from agreements.models import Capacity, Party
from exchange.clock import legal_day, start_of_day
from exchange.directory.identity import Identity
from exchange.directory.models import RoleKind
from exchange.directory.waiting import Waiting

RECORDERS = (RoleKind.CDO, RoleKind.DATA_OFFICER)


def duties_waiting(session: Session, identity: Identity, now: datetime) -> list[Waiting]:
    """Incidents with something to do, requests to refer, certificates that are overdue."""
    if not identity.holds(*RECORDERS):
        return []
    return [
        *(_incident(one) for one in incidents.accounts(session, now) if one.open and incidents.may_add(identity, one)),
        *(_request(one) for one in _unreferred(session) if may_record(identity, one.agency_id)),
        *(_certificate(one) for one in _overdue(session, identity, now)),
    ]


def _unreferred(session: Session) -> Iterator[RecordsRequest]:
    return (one for one in referrals.requests(session) if one.referral is None)


def _overdue(session: Session, identity: Identity, now: datetime) -> list[Ended]:
    """Ended agreements whose certificate is overdue and that this person watches over: all for the CDO."""
    today = legal_day(now)
    late = [one for one in destruction.ended(session, now) if any(owed.due_on < today for owed in one.outstanding)]
    if identity.holds(RoleKind.CDO):
        return late
    mine = select(Party.version_id).where(
        Party.version_id.in_([one.version_id for one in late]),
        Party.capacity == Capacity.SOURCE.value,
        or_(*(Party.agency_id == agency for agency in identity.agencies(RoleKind.DATA_OFFICER))),
    )
    own = set(session.scalars(mine)) if late else set()
    return [one for one in late if one.version_id in own]


def _incident(account: Account) -> Waiting:
    incident = account.incident
    told = [standing.notice.to for standing in account.notices if standing.open]
    words = f"Tell: {', '.join(told)}" if told else "Contain it, and record when"
    title = f"Incident {incident.id} at {incident.agency.name}. {words}"
    values = {"incident_id": incident.id}
    return Waiting(title, "duties.incident", values, incident.discovered_at, "Record what is done")


def _request(request: RecordsRequest) -> Waiting:
    title = f"Public-records request {request.id} to {request.agency.name} is not referred yet"
    since = start_of_day(request.received_on)
    return Waiting(title, "duties.records_request", {"request_id": request.id}, since, "Refer it")


def _certificate(ended: Ended) -> Waiting:
    title = f"{ended.agreement_id} ended, and no certificate of destruction has come"
    values: dict[str, str | int] = {"agreement_id": ended.agreement_id, "number": ended.number}
    return Waiting(title, "duties.certificate", values, ended.at, "Record the certificate")
