"""Which roles have which duties in retention, legal holds and erasure (to be confirmed by counsel).

The log is a record of the Office of Policy and Management. State auditors see everything and may stop an erasure by a
hold, but take no step of one, since they audit those who do.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from agreements.transitions import OPM
from audit.retention import erasure, steps
from audit.retention.acting import Acting, Duty
from exchange.directory.identity import Identity
from exchange.directory.models import RoleKind
from exchange.directory.waiting import Waiting

KEEPERS = (RoleKind.ADMINISTRATOR, RoleKind.CDO)
SEES = (*KEEPERS, RoleKind.COUNSEL, RoleKind.AUDITOR)


def duties_of(identity: Identity) -> Acting:
    """A person's duties by the roles of today."""
    duties: set[Duty] = set()
    if identity.holds(*SEES):
        duties.add(Duty.SEE)
    if identity.holds(*KEEPERS):
        duties |= {Duty.REQUEST, Duty.APPROVE, Duty.EXECUTE}
    if identity.holds(RoleKind.COUNSEL, agency=OPM):
        duties.add(Duty.APPROVE_IN_LAW)
    if identity.holds(RoleKind.AUDITOR, RoleKind.COUNSEL):
        duties.add(Duty.HOLD)
    return Acting(identity.pseudonym, frozenset(duties))


def erasures_waiting(session: Session, identity: Identity, now: datetime) -> list[Waiting]:
    """Requests to erase whose next step this person can take."""
    acting = duties_of(identity)
    if not acting.has(*(duty for step in steps.STEPS for duty in step.duties)):
        return []
    return [_waiting(row) for row in erasure.every(session.connection()) if _is_next_for(acting, row)]


def _is_next_for(acting: Acting, row: Any) -> bool:
    return any(step in (steps.APPROVE, steps.FORM, steps.EXECUTE) for step in steps.steps_for(acting, row))


def _waiting(row: Any) -> Waiting:
    title = f"Erasure {erasure.number_of(row.id)} {steps.STATE_WORDS[steps.State(row.state)]}"
    return Waiting(title, "retention.show", {"id": row.id}, steps.since(row), "Open the request")
