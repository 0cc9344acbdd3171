"""What waits for whom: proposals for the CDO, undecided and returned work for stewards, reviews that are due."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, false, or_, select, true
from sqlalchemy.orm import Session

from exchange.catalog.models import Dataset, DatasetState
from exchange.classification.deciding import EDITABLE, missing
from exchange.classification.models import Classification, ClassificationState, ColumnDecision
from exchange.classification.withheld import undecided
from exchange.directory.identity import Identity
from exchange.directory.models import Person, RoleKind


@dataclass(frozen=True)
class Waiting:
    """One dataset that waits, and for what, in words."""

    dataset: Dataset
    words: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Desk:
    """Everything about classification that waits for one person."""

    proposals: list[Waiting]
    to_decide: list[Waiting]
    reviews: list[Waiting]

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return not (self.proposals or self.to_decide or self.reviews)


def desk_of(session: Session, identity: Identity, day: date) -> Desk:
    """What waits for this person on this legal day."""
    return Desk(
        _proposals(session) if identity.holds(RoleKind.CDO) else [],
        _to_decide(session, _own(identity)),
        _reviews(session, true() if identity.holds(RoleKind.CDO) else _own(identity), day),
    )


def names(session: Session, person_ids: Collection[str | None]) -> dict[str, str]:
    """The names of persons by id, for "decided by"."""
    rows = session.execute(select(Person.id, Person.name).where(Person.id.in_([id_ for id_ in person_ids if id_])))
    return dict(rows.all())


def _own(identity: Identity) -> ColumnElement[bool]:
    agencies = sorted(identity.agencies(RoleKind.STEWARD, RoleKind.DATA_OFFICER))
    return Dataset.agency_id.in_(agencies) if agencies else false()


def _proposals(session: Session) -> list[Waiting]:
    statement = (
        select(Dataset, Classification)
        .join(Classification, Classification.dataset_id == Dataset.id)
        .where(Classification.state == ClassificationState.PROPOSED.value)
        .order_by(Classification.proposed_at)
    )
    return [
        Waiting(dataset, f"{len(classification.columns)} columns decided; waits for your answer")
        for dataset, classification in session.execute(statement)
    ]


def _to_decide(session: Session, own: ColumnElement[bool]) -> list[Waiting]:
    """Own datasets with columns that nobody has proposed a decision for, and returned classifications."""
    datasets = session.scalars(
        select(Dataset)
        .where(own, Dataset.cut_of_id.is_(None), Dataset.state != DatasetState.RETIRED.value)
        .order_by(Dataset.title)
    )
    found = ((dataset, _work(session, dataset)) for dataset in datasets)
    return [waiting for dataset, waiting in found if waiting is not None]


def _work(session: Session, dataset: Dataset) -> Waiting | None:
    current = session.scalars(
        select(Classification)
        .where(Classification.dataset_id == dataset.id)
        .where(or_(Classification.state.in_(EDITABLE), Classification.state == ClassificationState.PROPOSED.value))
    ).one_or_none()
    if current is None:
        columns = undecided(session, dataset)
        return Waiting(dataset, f"{len(columns)} columns without a decision", tuple(columns)) if columns else None
    if current.state == ClassificationState.PROPOSED:
        return None
    if current.state == ClassificationState.RETURNED:
        return Waiting(dataset, f"returned by the CDO: {current.answer_note}", tuple(missing(current)))
    open_ = missing(current)
    words = f"{len(open_)} of {len(current.columns)} columns to decide" if open_ else "all decided; to be proposed"
    return Waiting(dataset, words, tuple(open_))


def _reviews(session: Session, whose: ColumnElement[bool], day: date) -> list[Waiting]:
    statement = (
        select(Dataset, ColumnDecision.column)
        .join(Classification, Classification.dataset_id == Dataset.id)
        .join(ColumnDecision, ColumnDecision.classification_id == Classification.id)
        .where(whose, Classification.state == ClassificationState.AGREED.value, ColumnDecision.review_on <= day)
        .order_by(Dataset.title, ColumnDecision.position)
    )
    due: dict[Dataset, list[str]] = {}
    for dataset, column in session.execute(statement):
        due.setdefault(dataset, []).append(column)
    return [Waiting(dataset, f"review due: {', '.join(columns)}", tuple(columns)) for dataset, columns in due.items()]
