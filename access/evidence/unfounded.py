"""Question 10: columns of restricted datasets that are withheld without a law cited, or whose review is overdue."""

from __future__ import annotations

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Row, Select, and_, or_, select

from access.evidence import screens
from audit.desk.question import Answer, AskAgain, Asked, Cell, DeskQuestion, Field
from exchange.catalog.models import Column, Dataset, DatasetClass, DatasetState
from exchange.classification.models import Classification, ClassificationState, ColumnDecision
from exchange.classification.withheld import RESTRICTED
from exchange.clock import legal_day
from exchange.directory.models import Agency, Person

UNDECIDED, NO_LAW, OVERDUE = "undecided", "uncited", "overdue"
WORDS = {
    UNDECIDED: "closed, and not classified",
    NO_LAW: "withheld without a law cited",
    OVERDUE: "review overdue",
}


def _undecided() -> ColumnElement[bool]:
    return or_(ColumnDecision.id.is_(None), ColumnDecision.decision.is_(None))


def _uncited() -> ColumnElement[bool]:
    nothing = or_(ColumnDecision.citation == "", ColumnDecision.code.is_(None))
    return and_(ColumnDecision.decision == RESTRICTED, nothing)


def _statement(today: date, what: str) -> Select[Any]:
    agreed = and_(Classification.dataset_id == Dataset.id, Classification.state == ClassificationState.AGREED.value)
    decision = and_(ColumnDecision.classification_id == Classification.id, ColumnDecision.column == Column.name)
    signs = {UNDECIDED: _undecided(), NO_LAW: _uncited(), OVERDUE: ColumnDecision.review_on <= today}
    return (
        select(Dataset.id, Dataset.title, Dataset.state, Agency.name.label("agency"), Column.label, Column.position)
        .add_columns(ColumnDecision.decision, ColumnDecision.code, ColumnDecision.citation, ColumnDecision.review_on)
        .add_columns(Person.name.label("decided_by"), ColumnDecision.decided_on)
        .join(Agency, Agency.id == Dataset.agency_id)
        .join(Column, Column.dataset_id == Dataset.id)
        .outerjoin(Classification, agreed)
        .outerjoin(ColumnDecision, decision)
        .outerjoin(Person, Person.id == ColumnDecision.decided_by_id)
        .where(Dataset.class_ == DatasetClass.RESTRICTED.value, Dataset.state != DatasetState.RETIRED.value)
        .where(signs[what] if what else or_(*signs.values()))
        .order_by(Dataset.id, Column.position)
    )


def _answer(asked: Asked) -> Answer:
    today = legal_day(asked.now)
    chosen = _statement(today, asked.one("what")).limit(asked.limit + 1)
    if asked.after is not None:
        dataset, position = _after(asked.after)
        chosen = chosen.where(or_(Dataset.id > dataset, and_(Dataset.id == dataset, Column.position > position)))
    found = asked.session.execute(chosen).all()
    shown = found[: asked.limit]
    return Answer(
        rows=tuple(_row(row, today) for row in shown),
        more=f"{shown[-1].id}/{shown[-1].position}" if len(found) > asked.limit else None,
        notes=(
            "What nobody classified stays closed, but closed without a ground: its agency’s steward decides it. A "
            "decision whose review is overdue still withholds; the steward decides it afresh, by the link.",
        ),
    )


def _after(cursor: str) -> tuple[str, int]:
    dataset, _, position = cursor.partition("/")
    if not position.isdigit():
        raise AskAgain("This link to a further screen is not whole. Ask the question again.")
    return dataset, int(position)


def _row(row: Row[Any], today: date) -> tuple[Cell, ...]:
    return (
        screens.dataset(row.id, row.title),
        Cell(row.agency),
        Cell(row.label),
        Cell(_what(row, today), badge=True),
        Cell(row.citation or "none", note=row.code or ""),
        screens.day(row.review_on, "none set"),
        Cell(row.decided_by or "nobody", note=row.decided_on.isoformat() if row.decided_on else ""),
        Cell("Classify", href=f"/classification/{row.id}"),
    )


def _what(row: Row[Any], today: date) -> str:
    if row.decision is None:
        return WORDS[UNDECIDED]
    overdue = row.review_on is not None and row.review_on <= today
    uncited = row.decision == RESTRICTED and not (row.citation and row.code)
    return "; ".join([*([WORDS[NO_LAW]] if uncited else []), *([WORDS[OVERDUE]] if overdue else [])])


QUESTION = DeskQuestion(
    number=10,
    key="unfounded",
    title="Restricted data without a ground, or overdue for review",
    asks="Which columns of restricted datasets are closed without a law cited, or past the day of their review?",
    law=("CGS 4-67o", "CGS 4-67p", "EO 39 of 2014"),
    fields=(Field("what", "Show", "choice", choices=(("", "All"), *WORDS.items())),),
    headings=("Dataset", "Agency", "Column", "What", "Law cited", "Review by", "Decided by", "Next step"),
    answer=_answer,
    empty="Every closed column has its law, and no review is overdue.",
)
