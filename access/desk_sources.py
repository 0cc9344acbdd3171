"""What waits for a person in classification and publishing, said in the desk's one shape.

Agreements and requests say it themselves (`agreements.turns`, `access.waiting`); these two know more than a desk shows.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from exchange.catalog.models import Dataset
from exchange.classification import desk
from exchange.classification.models import Classification, ClassificationState, ColumnDecision
from exchange.clock import legal_day, start_of_day
from exchange.directory.identity import Identity
from exchange.directory.models import RoleKind
from exchange.directory.waiting import Waiting
from exchange.hub.models import PublishingRun, RunState

NEXT_STEP_OF_A_RUN = {
    RunState.WAITING: "Confirm the columns",
    RunState.STOPPED: "Look at what was found",
    RunState.FAILED: "Try again",
}


def classification_waiting(session: Session, identity: Identity, now: datetime) -> list[Waiting]:
    """Proposals to answer, columns to decide, reviews that are due."""
    mine = desk.desk_of(session, identity, legal_day(now))
    proposed, review = _proposed_at(session), _review_on(session)
    return [
        *(_classify(thing, proposed.get(thing.dataset.id, now), "Answer the proposal") for thing in mine.proposals),
        *(_classify(thing, thing.dataset.updated_at, "Decide the columns") for thing in mine.to_decide),
        *(_classify(thing, _due_since(review, thing.dataset, now), "Review it") for thing in mine.reviews),
    ]


def publishing_waiting(session: Session, identity: Identity, now: datetime) -> list[Waiting]:
    """Publishing runs of the person's agencies that a person must confirm, look at or try again."""
    agencies = identity.agencies(RoleKind.STEWARD, RoleKind.DATA_OFFICER)
    runs = session.scalars(
        select(PublishingRun)
        .join(Dataset)
        .where(Dataset.agency_id.in_(agencies), PublishingRun.state.in_(NEXT_STEP_OF_A_RUN))
        .where(PublishingRun.started_at <= now)
    )
    return [
        Waiting(
            title=f"Publishing {run.dataset.title}",
            url_endpoint="hub.run",
            url_values={"run_id": run.id},
            since=run.started_at,
            next_step=NEXT_STEP_OF_A_RUN[RunState(run.state)],
        )
        for run in runs
    ]


def _classify(thing: desk.Waiting, since: datetime, next_step: str) -> Waiting:
    title = f"Classify {thing.dataset.title}: {thing.words}"
    return Waiting(title, "classification.show", {"four_by_four": thing.dataset.id}, since, next_step)


def _proposed_at(session: Session) -> dict[str, datetime]:
    proposed = Classification.state == ClassificationState.PROPOSED.value
    found = session.scalars(select(Classification).where(proposed, Classification.proposed_at.is_not(None)))
    return {one.dataset_id: one.proposed_at for one in found if one.proposed_at is not None}


def _review_on(session: Session) -> dict[str, date]:
    rows = session.execute(
        select(Classification.dataset_id, func.min(ColumnDecision.review_on))
        .join(ColumnDecision, ColumnDecision.classification_id == Classification.id)
        .where(Classification.state == ClassificationState.AGREED.value, ColumnDecision.review_on.is_not(None))
        .group_by(Classification.dataset_id)
    )
    return {dataset_id: first for dataset_id, first in rows if first is not None}


def _due_since(review: dict[str, date], dataset: Dataset, now: datetime) -> datetime:
    return start_of_day(review.get(dataset.id, legal_day(now)))
