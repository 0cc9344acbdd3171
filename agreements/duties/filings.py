"""What agencies owe by CGS 4-67p: a data officer, an inventory, and a plan by the end of each year."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from agreements.duties.models import AgencyFiling, FilingKind
from agreements.duties.rights import require_may_record
from audit import ledger
from audit.actions import Action, Outcome
from audit.entry import Entry
from exchange.catalog.models import Dataset, DatasetState
from exchange.clock import legal_day
from exchange.directory.agencies import DEPARTMENTS
from exchange.directory.identity import Identity
from exchange.directory.models import Agency, Person, Role, RoleKind
from exchange.errors import Invalid

NOT_BOUND = ("regents-for-higher-education",)
"""CGS 4-67o takes the agencies of CGS 4-38c, but for the Board of Regents."""

KIND_WORDS = {FilingKind.INVENTORY: "High value data inventory", FilingKind.PLAN: "Open data access plan"}


@dataclass(frozen=True)
class AgencyStanding:
    """One agency: whether it has a data officer today, how many datasets are registered, and its newest filings."""

    agency: Agency
    officers: tuple[tuple[str, str], ...]
    datasets: int
    inventory_on: date | None
    plan_on: date | None

    def lacking(self, today: date) -> tuple[str, ...]:
        """What it lacks on this day, in words; empty if nothing. Filings are due by the end of each year."""
        found = [] if self.officers else ["no agency data officer"]
        found += [] if self.datasets or self.inventory_on else ["no inventory, and no dataset registered"]
        found += [] if self.plan_on else ["no plan filed"]
        last_year = date(today.year - 1, 1, 1)
        filed = (("inventory", self.inventory_on), ("plan", self.plan_on))
        found += [f"{what} older than last year" for what, day in filed if day is not None and day < last_year]
        return tuple(found)


def file(
    session: Session, by: Identity, *, agency_id: str, kind: FilingKind, filed_on: date, place: str, now: datetime
) -> AgencyFiling:
    """Record that an agency filed something; the caller commits. Raises `Refused`, or `Invalid` with what to change."""
    require_may_record(by, agency_id)
    if session.get(Agency, agency_id) is None:
        raise Invalid("Choose the agency from the list.")
    if filed_on > legal_day(now):
        raise Invalid("It would have been filed in the future. Correct the day.")
    filing = AgencyFiling(agency_id=agency_id, kind=kind.value, filed_on=filed_on, place=place.strip())
    filing.recorded_at, filing.recorded_by_id = now, by.person_id
    session.add(filing)
    session.flush()
    facts = {"kind": kind.value, "filed_on": filed_on.isoformat()}
    entry = Entry(
        Action.AGENCY_FILING_RECORD, Outcome.DONE, actor=by.pseudonym, agency=agency_id, details=facts, at=now
    )
    ledger.append(session.connection(), entry)
    return filing


def filings(session: Session) -> Sequence[AgencyFiling]:
    """Every filing, the newest first."""
    return session.scalars(select(AgencyFiling).order_by(AgencyFiling.filed_on.desc(), AgencyFiling.id.desc())).all()


def agency_standings(session: Session, today: date) -> list[AgencyStanding]:
    """The agencies that CGS 4-67p binds, by name, as they stand on a legal day."""
    officers, counts, newest = _officers(session, today), _datasets(session), _newest(session)
    bound = session.scalars(
        select(Agency).where(Agency.statute == DEPARTMENTS, Agency.id.not_in(NOT_BOUND)).order_by(Agency.name)
    )
    return [
        AgencyStanding(
            agency,
            tuple(officers.get(agency.id, ())),
            counts.get(agency.id, 0),
            newest.get((agency.id, FilingKind.INVENTORY.value)),
            newest.get((agency.id, FilingKind.PLAN.value)),
        )
        for agency in bound
    ]


def _officers(session: Session, today: date) -> dict[str, list[tuple[str, str]]]:
    """Pseudonym and name of whoever is data officer on this day, by agency."""
    chosen = (
        select(Role.agency_id, Person.pseudonym, Person.name)
        .join(Person)
        .where(Role.kind == RoleKind.DATA_OFFICER.value, Person.left_at.is_(None), Role.begins <= today)
        .where(or_(Role.ends.is_(None), Role.ends >= today))
        .order_by(Person.name)
    )
    found: dict[str, list[tuple[str, str]]] = {}
    for row in session.execute(chosen):
        found.setdefault(str(row.agency_id), []).append((row.pseudonym, row.name))
    return found


def _datasets(session: Session) -> dict[str, int]:
    chosen = (
        select(Dataset.agency_id, func.count())
        .where(Dataset.cut_of_id.is_(None), Dataset.state != DatasetState.RETIRED.value)
        .group_by(Dataset.agency_id)
    )
    return {row.agency_id: row[1] for row in session.execute(chosen)}


def _newest(session: Session) -> dict[tuple[str, str], date]:
    chosen = select(AgencyFiling.agency_id, AgencyFiling.kind, func.max(AgencyFiling.filed_on)).group_by(
        AgencyFiling.agency_id, AgencyFiling.kind
    )
    return {(agency, kind): day for agency, kind, day in session.execute(chosen)}
