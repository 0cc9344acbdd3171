"""The registers as tables for a spreadsheet: what their pages show, line by line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from agreements.duties import destruction, filings, incidents, referrals
from agreements.duties.clocks import NOTICES
from exchange.clock import legal_day
from exchange.directory.identity import Identity

Line = Sequence[Any]


def incidents_sheet(session: Session, by: Identity, now: datetime) -> Iterator[Line]:
    """Incidents, a column for each notice: when it was given, or how it stands. Instants are UTC."""
    facts = ("incident", "agency", "discovered", "contained", "persons", "identity_numbers", "datasets")
    yield (*facts, *(notice.kind.value for notice in NOTICES))
    for account in incidents.seen_by(by, incidents.accounts(session, now)):
        one = account.incident
        yield (
            one.id,
            one.agency_id,
            one.discovered_at.isoformat(),
            account.contained.isoformat() if account.contained else "",
            account.persons,
            one.identity_numbers,
            " ".join(one.datasets),
            *(standing.given.isoformat() if standing.given else standing.state for standing in account.notices),
        )


def requests_sheet(session: Session, by: Identity, now: datetime) -> Iterator[Line]:
    """Requests with their referral."""
    yield "request", "received", "agency", "file_number", "dataset", "referred_to", "referred", "late", "letter_sha256"
    for one in referrals.seen_by(by, referrals.requests(session)):
        to = (
            (one.referral.agency_id, one.referral.referred_on, one.referral.letter_sha256)
            if one.referral
            else ("",) * 3
        )
        late = referrals.is_overdue(one, legal_day(now))
        yield one.id, one.received_on, one.agency_id, one.file_number, one.dataset_id, to[0], to[1], late, to[2]


def certificates_sheet(session: Session, _by: Identity, now: datetime) -> Iterator[Line]:
    """Certificates of destruction owed and received."""
    yield "agreement", "version", "ended", "recipient", "due", "received"
    for ended in destruction.ended(session, now):
        for owed in ended.owed:
            received = owed.received_on or ""
            yield ended.agreement_id, ended.number, ended.at.isoformat(), owed.agency_id, owed.due_on, received


def filings_sheet(session: Session, _by: Identity, now: datetime) -> Iterator[Line]:
    """Agencies with their filings."""
    today = legal_day(now)
    yield "agency", "data_officers", "datasets", "inventory_filed", "plan_filed", "lacks"
    for one in filings.agency_standings(session, today):
        filed = one.inventory_on or "", one.plan_on or ""
        yield one.agency.id, len(one.officers), one.datasets, *filed, "; ".join(one.lacking(today))


SHEETS = {
    "incidents": incidents_sheet,
    "requests": requests_sheet,
    "certificates": certificates_sheet,
    "filings": filings_sheet,
}
"""By the register's word in the address."""
