"""What is withheld of a dataset, and why, in words: read by pages, by the rows interface and by the open cut."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from exchange.catalog.models import Column, Dataset, DatasetClass
from exchange.classification.exemptions import exemption, limb_in_words
from exchange.classification.models import Classification, ClassificationState, ColumnDecision

OPEN = "open"
RESTRICTED = "restricted"


@dataclass(frozen=True)
class Withheld:
    """A column that the public does not get. `words` is a whole sentence; empty `code` means not yet decided."""

    column: str
    label: str
    limb: str
    code: str
    citation: str
    words: str
    review_on: date | None = None


def agreed(session: Session, dataset_id: str) -> Classification | None:
    """The classification in force for a dataset; for an open cut, that of the dataset it was cut from."""
    statement = select(Classification).where(
        Classification.dataset_id == _classified_id(session, dataset_id),
        Classification.state == ClassificationState.AGREED.value,
    )
    return session.scalars(statement).one_or_none()


def codes_by_column(session: Session, dataset_ids: Collection[str]) -> dict[str, dict[str, str | None]]:
    """For each of these datasets that has an agreed classification: the code of each decided column, None if open."""
    statement = (
        select(Classification.dataset_id, ColumnDecision.column, ColumnDecision.code)
        .join(ColumnDecision, ColumnDecision.classification_id == Classification.id)
        .where(Classification.state == ClassificationState.AGREED.value, Classification.dataset_id.in_(dataset_ids))
    )
    found: dict[str, dict[str, str | None]] = {}
    for row in session.execute(statement):
        found.setdefault(row.dataset_id, {})[row.column] = row.code
    return found


def open_columns(session: Session, dataset: Dataset) -> list[Column]:
    """The columns that are open by agreement, in order. What nobody decided is not open."""
    classification = agreed(session, dataset.id)
    if classification is None:
        return []
    decided = {decision.column for decision in classification.columns if decision.decision == OPEN}
    return [column for column in dataset.columns if column.name in decided]


def undecided(session: Session, dataset: Dataset) -> list[str]:
    """The names of columns that no agreed classification speaks of: new ones, or all of a new dataset."""
    classification = agreed(session, dataset.id)
    decided = {decision.column for decision in classification.columns} if classification else set()
    return [column.name for column in dataset.columns if column.name not in decided]


def why_withheld(session: Session, dataset_id: str) -> list[Withheld]:
    """Every column that the public does not get of this dataset (or of what this open cut was cut from), with why.

    An open dataset withholds nothing. An unknown dataset gives an empty list.
    """
    dataset = session.get(Dataset, _classified_id(session, dataset_id))
    if dataset is None or dataset.class_ == DatasetClass.OPEN:
        return []
    classification = agreed(session, dataset.id)
    decisions = {decision.column: decision for decision in classification.columns} if classification else {}
    return [
        explain(column, decisions.get(column.name))
        for column in dataset.columns
        if column.name not in decisions or decisions[column.name].decision != OPEN
    ]


def explain(column: Column, decision: ColumnDecision | None) -> Withheld:
    """Why this column is withheld, in a sentence that names limb, code, law and review day."""
    if decision is None or decision.decision != RESTRICTED or not decision.code:
        words = f"“{column.label}” has not been classified yet, and what is not classified stays closed."
        return Withheld(column.name, column.label, "", "", "", words)
    basis = exemption(decision.code)
    words = (
        f"“{column.label}” is withheld: {basis.label} ({decision.code}). Law: {decision.citation}. "
        f"Ground: {limb_in_words(decision.limb or '')}. {_until(decision.review_on)}"
    )
    return Withheld(
        column.name, column.label, decision.limb or "", decision.code, decision.citation, words, decision.review_on
    )


def _until(review_on: date | None) -> str:
    if review_on is None:
        return "This decision does not lapse."
    return f"This decision is looked at again by {review_on:%B} {review_on.day}, {review_on.year}."


def _classified_id(session: Session, dataset_id: str) -> str:
    return session.scalar(select(Dataset.cut_of_id).where(Dataset.id == dataset_id)) or dataset_id
