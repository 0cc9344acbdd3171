"""The register of incidents: what was discovered, what was done about it, and whom the law says to tell.

Nothing in it is changed or taken away: of two records of one step the newer counts, and both stay. Each record leaves
an entry in the log in the same transaction, without the words that people wrote; the caller commits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from agreements.drafting import next_in_series
from agreements.duties.clocks import BY_KIND, Standing, standings
from agreements.duties.models import Incident, IncidentStep, StepKind
from agreements.duties.rights import ALWAYS, may_record, require_may_record
from agreements.moving import stated
from audit import ledger
from audit.actions import Action, Outcome
from audit.entry import Entry
from exchange.catalog.models import Dataset
from exchange.clock import legal_day
from exchange.directory.identity import Identity
from exchange.directory.models import Agency, RoleKind
from exchange.errors import Invalid, NotFound

STEP_WORDS = {
    StepKind.CONTAINED: "Contained",
    StepKind.EXTENT: "Number of persons affected",
    StepKind.NO_BREACH: "Found to be no breach of security",
    **{kind: f"Notice to: {notice.to}" for kind, notice in BY_KIND.items()},
}
ACTIONS = {
    StepKind.CONTAINED: Action.INCIDENT_CONTAINMENT_RECORD,
    StepKind.EXTENT: Action.INCIDENT_EXTENT_RECORD,
    StepKind.NO_BREACH: Action.INCIDENT_FINDING_RECORD,
}
MOST_PERSONS = 100_000_000


@dataclass(frozen=True)
class Account:
    """An incident as it stands at an instant. `owners` are the other agencies whose data is concerned, by key."""

    incident: Incident
    owners: frozenset[str]
    contained: datetime | None
    persons: int | None
    notices: tuple[Standing, ...]

    @property
    def open(self) -> bool:
        """Whether it is not contained yet, or somebody still has to be told."""
        return self.contained is None or any(notice.open for notice in self.notices)


def report(
    session: Session,
    by: Identity,
    *,
    agency_id: str,
    what: str,
    datasets: Collection[str],
    identity_numbers: bool,
    discovered_at: datetime,
    now: datetime,
) -> Incident:
    """Record that something was discovered at an agency. Raises `Refused`, or `Invalid` with what to change."""
    require_may_record(by, agency_id)
    known = set(session.scalars(select(Dataset.id).where(Dataset.id.in_(datasets))))
    if session.get(Agency, agency_id) is None or set(datasets) - known:
        raise Invalid("Choose the agency and the datasets from the lists.")
    _require_past(discovered_at, now, "The discovery")
    incident = Incident(
        id=next_in_series(session, f"INC-{legal_day(now).year}"),
        agency_id=agency_id,
        what=stated(what, "What happened"),
        datasets=sorted(known),
        identity_numbers=identity_numbers,
        discovered_at=discovered_at,
        recorded_at=now,
        recorded_by_id=by.person_id,
    )
    session.add(incident)
    session.flush()
    facts = {"at": discovered_at.isoformat(), "datasets": incident.datasets, "identity_numbers": identity_numbers}
    _record(session, Action.INCIDENT_DISCOVERY_RECORD, by, incident, facts, now)
    return incident


def add_step(
    session: Session,
    by: Identity,
    incident: Incident,
    kind: StepKind,
    *,
    at: datetime,
    persons: int | None = None,
    note: str = "",
    now: datetime,
) -> IncidentStep:
    """Record what was done about an incident. Raises `Refused`, or `Invalid` with what to change."""
    require_may_record(by, incident.agency_id)
    _require_past(at, now, "What you record")
    if at < incident.discovered_at:
        raise Invalid("This would be before the incident was discovered. Correct the day or the time.")
    if (kind is StepKind.EXTENT) != (persons is not None) or not 0 <= (persons or 0) <= MOST_PERSONS:
        raise Invalid("Give the number of persons affected, as a whole number, for that step and for no other.")
    words = stated(note, "Why this is no breach of security") if kind is StepKind.NO_BREACH else note.strip()
    step = IncidentStep(kind=kind.value, at=at, persons=persons, note=words, recorded_at=now)
    step.recorded_by_id = by.person_id
    incident.steps.append(step)
    session.flush()
    facts: dict[str, Any] = {"step": kind.value, "at": at.isoformat()}
    facts |= {"persons": persons} if persons is not None else {}
    _record(session, ACTIONS.get(kind, Action.INCIDENT_NOTICE_RECORD), by, incident, facts, now)
    return step


def accounts(session: Session, now: datetime) -> list[Account]:
    """Every incident as it stands, the newest discovery first; who may see which is `seen_by`."""
    found = session.scalars(
        select(Incident)
        .order_by(Incident.discovered_at.desc(), Incident.id.desc())
        .options(selectinload(Incident.steps), selectinload(Incident.agency))
    ).all()
    owner = _owners(session, found)
    return [_account(incident, owner, now) for incident in found]


def seen_by(identity: Identity, found: Iterable[Account]) -> list[Account]:
    """Those that this person may know of: all for the CDO and the auditors, else those of their agency's data."""
    if identity.holds(*ALWAYS):
        return list(found)
    mine = identity.agencies(RoleKind.DATA_OFFICER, RoleKind.COUNSEL)
    return [account for account in found if mine & {account.incident.agency_id, *account.owners}]


def account_seen(session: Session, identity: Identity, incident_id: str, now: datetime) -> Account:
    """One incident as it stands. Raises `NotFound`, in the same words where the person may not know of it."""
    incident = session.get(Incident, incident_id)
    found = [_account(incident, _owners(session, [incident]), now)] if incident is not None else []
    seen = seen_by(identity, found)
    if not seen:
        raise NotFound(f"There is no incident {incident_id} that you may see. The list shows those that you may.")
    return seen[0]


def may_add(identity: Identity, account: Account) -> bool:
    """Whether this person may record steps of it."""
    return may_record(identity, account.incident.agency_id)


def _account(incident: Incident, owner: dict[str, str], now: datetime) -> Account:
    newest = {StepKind(step.kind): step for step in incident.steps}  # in the order of recording: the newest counts
    done = {kind: step.at for kind, step in newest.items()}
    owners = frozenset(owner[dataset] for dataset in incident.datasets if dataset in owner) - {incident.agency_id}
    extent = newest.get(StepKind.EXTENT)
    return Account(
        incident,
        owners,
        done.get(StepKind.CONTAINED),
        extent.persons if extent else None,
        standings(incident.discovered_at, done, now, others_data=bool(owners)),
    )


def _owners(session: Session, found: Sequence[Incident]) -> dict[str, str]:
    """The agencies that own the datasets concerned."""
    wanted = {dataset for incident in found for dataset in incident.datasets}
    rows = session.execute(select(Dataset.id, Dataset.agency_id).where(Dataset.id.in_(wanted)))
    return {row.id: row.agency_id for row in rows}


def _require_past(at: datetime, now: datetime, what: str) -> None:
    if at > now:
        raise Invalid(f"{what} lies in the future. Write when it really was, by Connecticut's clock.")


def _record(
    session: Session, action: Action, by: Identity, incident: Incident, facts: dict[str, Any], now: datetime
) -> None:
    entry = Entry(
        action,
        Outcome.DONE,
        actor=by.pseudonym,
        agency=incident.agency_id,
        dataset=incident.datasets[0] if len(incident.datasets) == 1 else None,
        details={"incident": incident.id, **facts},
        at=now,
    )
    ledger.append(session.connection(), entry)
