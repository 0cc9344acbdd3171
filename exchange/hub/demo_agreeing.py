"""In the demo alone: the CDO agrees at once to an open dataset that the operator published (decision 0006).

Whoever runs the demo holds every account of it, so nothing is guarded by waiting. A real installation always waits.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from exchange.catalog.models import DatasetClass, DatasetState
from exchange.classification import deciding
from exchange.classification.models import Classification, ClassificationState
from exchange.classification.withheld import OPEN
from exchange.clock import legal_day
from exchange.directory.identity import Identity, identify
from exchange.directory.models import Person, Role, RoleKind
from exchange.hub.models import PublishingRun
from exchange.settings import Settings

METHOD = "demo command line"
"""How this identity was proved: not at all, since it is the demo."""


def agree_in_demo(session: Session, settings: Settings, run: PublishingRun, now: datetime) -> Identity | None:
    """The CDO who agreed, or None where it waits: outside the demo, without a CDO, or if a person decided a column.

    The agreement is made and recorded as on the CDO's own page. The caller commits.
    """
    dataset = run.dataset
    if not settings.demo or dataset.class_ != DatasetClass.OPEN or dataset.state != DatasetState.DRAFT:
        return None
    work, person = deciding.under_work(session, dataset.id), _cdo(session, legal_day(now))
    if work is None or person is None or not _operators_own(work):
        return None
    cdo = identify(session, person, legal_day(now), now, METHOD)
    deciding.agree(session, cdo, work, now, settings=settings)
    run.message = "The version is current and public: the Chief Data Officer agreed at once, since this is the demo."
    return cdo


def _operators_own(work: Classification) -> bool:
    """Whether the operator proposed it and declared every column open, so that no person's decision is answered."""
    return (
        work.state == ClassificationState.PROPOSED
        and work.proposed_by_id is None
        and all(column.decision == OPEN and column.decided_by_id is None for column in work.columns)
    )


def _cdo(session: Session, day: date) -> Person | None:
    held = select(Person).join(Role).where(Role.kind == RoleKind.CDO, Person.left_at.is_(None))
    today = held.where(Role.begins <= day, or_(Role.ends.is_(None), Role.ends >= day))
    return session.scalars(today.order_by(Person.name)).first()
