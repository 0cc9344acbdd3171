"""The life of a classification: start, decide each column, propose, agree or return.

Nothing becomes public before every column is decided and the CDO agrees, who is neither the proposer nor somebody who
decided a column of it (connecticut.md §7; portals.md §10: two people). Each act leaves its entry in the log in the same
transaction; the caller commits.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit import ledger
from audit.actions import Action, Outcome
from audit.entry import Entry
from exchange import epoch
from exchange.catalog.models import Dataset, DatasetClass, DatasetState
from exchange.classification import open_cut, suppression
from exchange.classification.choices import Choice, checked, differs, known, write
from exchange.classification.exemptions import regimes_of
from exchange.classification.models import Classification, ClassificationState, ColumnDecision
from exchange.classification.withheld import RESTRICTED, Withheld, agreed, why_withheld
from exchange.clock import legal_day
from exchange.directory.identity import Identity
from exchange.directory.models import RoleKind
from exchange.errors import Conflict, Invalid, Refused
from exchange.settings import Settings

__all__ = [
    "Choice", "Withheld", "agree", "agreed", "decide", "decide_column", "may_decide", "missing", "propose", "return_",
    "set_suppression", "start", "under_work", "why_withheld",
]  # fmt: skip

EDITABLE = (ClassificationState.DRAFT.value, ClassificationState.RETURNED.value)
UNDER_WORK = (*EDITABLE, ClassificationState.PROPOSED.value)


def may_decide(by: Identity, dataset: Dataset) -> bool:
    """Whether this person classifies for the dataset's agency: its steward or data officer."""
    return by.holds(RoleKind.STEWARD, RoleKind.DATA_OFFICER, agency=dataset.agency_id)


def under_work(session: Session, dataset_id: str) -> Classification | None:
    """The classification that is being written, proposed or was returned; at most one a dataset."""
    statement = select(Classification).where(
        Classification.dataset_id == dataset_id, Classification.state.in_(UNDER_WORK)
    )
    return session.scalars(statement).one_or_none()


def start(session: Session, by: Identity, dataset: Dataset, now: datetime) -> Classification:
    """Begin a classification, or go on with the one under work.

    Decisions of the agreed one are carried over, except those whose review is due: they must be decided afresh.
    Raises `Refused` for others than the agency's steward and data officer, `Conflict` while one is proposed.
    """
    _require_steward(by, dataset)
    if dataset.cut_of_id is not None:
        raise Conflict(f"An open cut is derived, never classified. Classify {dataset.cut_of_id} instead.")
    current = under_work(session, dataset.id)
    if current is None:
        highest = session.scalar(select(func.max(Classification.number)).where(Classification.dataset_id == dataset.id))
        current = Classification(
            dataset_id=dataset.id, number=(highest or 0) + 1, state=ClassificationState.DRAFT.value
        )
        _carry_over(current, agreed(session, dataset.id), legal_day(now))
        session.add(current)
    elif current.state == ClassificationState.PROPOSED:
        raise Conflict("A classification of this dataset is proposed already. Wait for the CDO's answer.")
    _align(current, dataset)
    session.flush()
    return current


def decide_column(
    session: Session, by: Identity, classification: Classification, column: str, decision: str, *,
    code: str = "", limb: str | None = None, citation: str = "", note: str = "", review_on: date | None = None,
    now: datetime,
) -> ColumnDecision:  # fmt: skip
    """Decide one column; see `decide`."""
    choice = Choice(column, decision, code, limb, citation, note, review_on)
    decide(session, by, classification, [choice], now)
    return _by_name(classification)[column]


def decide(
    session: Session, by: Identity, classification: Classification, choices: Iterable[Choice], now: datetime
) -> list[str]:
    """Decide columns, all or none; returns the names of those that changed.

    A choice that repeats what stands changes nothing, so the person and the day stay those of the decision itself.
    Raises `Refused`, `Conflict` (not editable), or `Invalid` for an unknown column, decision, code or limb.
    """
    dataset = _dataset(session, classification)
    _require_steward(by, dataset)
    _require_editable(classification)
    decisions = _by_name(classification)
    pairs = [(known(decisions, choice.column), checked(choice, legal_day(now))) for choice in choices]
    changed = [(decision, choice) for decision, choice in pairs if differs(decision, choice)]
    for decision, choice in changed:
        write(decision, choice, by, legal_day(now))
    names = [decision.column for decision, _ in changed]
    if names:
        codes = {choice.code for _, choice in changed if choice.code}
        _record(session, Action.CLASSIFICATION_COLUMNS_DECIDE, by, classification, dataset, now, names, codes)
    session.flush()
    return names


def set_suppression(
    session: Session, by: Identity, classification: Classification, rule: Mapping[str, Any] | None, now: datetime
) -> None:
    """Say which small cells the open cut hides; None for none. Raises as `decide`, and `Invalid` for a bad rule."""
    dataset = _dataset(session, classification)
    _require_steward(by, dataset)
    _require_editable(classification)
    if rule is not None:
        suppression.parse(rule, {column.name: column.type for column in dataset.columns})
    if rule == classification.suppression:
        return
    classification.suppression = dict(rule) if rule is not None else None
    named = suppression.columns_named(rule) if rule is not None else ()
    _record(session, Action.CLASSIFICATION_COLUMNS_DECIDE, by, classification, dataset, now, named, ())


def missing(classification: Classification) -> list[str]:
    """The columns that are not decided yet, in order."""
    return [decision.column for decision in classification.columns if decision.decision is None]


def propose(session: Session, by: Identity, classification: Classification, now: datetime) -> None:
    """Hand it to the CDO. Raises `Conflict` with the columns that are not decided yet."""
    dataset = _dataset(session, classification)
    _require_steward(by, dataset)
    _require_editable(classification)
    _align(classification, dataset)
    _require_complete(classification)
    classification.state = ClassificationState.PROPOSED.value
    classification.proposed_by_id, classification.proposed_at = by.person_id, now
    _record(
        session, Action.CLASSIFICATION_COLUMNS_PROPOSE, by, classification, dataset, now, _names(classification), ()
    )


def agree(session: Session, by: Identity, classification: Classification, now: datetime, *, settings: Settings) -> None:
    """The CDO agrees: the classification is in force, the dataset is listed, the open cut is derived again.

    Raises `Refused` for anybody but the CDO, for the proposer and for whoever decided a column of it; `Conflict` if it
    is not proposed, no longer complete, or if an open dataset would withhold a column.
    """
    dataset = _dataset(session, classification)
    _lock(session, classification)
    _require_other_cdo(by, classification)
    _require_proposed(classification)
    _align(classification, dataset)
    _require_complete(classification)
    _require_class_fits(classification, dataset)
    codes = {decision.code for decision in classification.columns if decision.decision == RESTRICTED and decision.code}
    _put_in_force(session, by, classification, now)
    kept = dataset.withdrawn_at is not None or dataset.state == DatasetState.RETIRED
    dataset.state, dataset.updated_at = dataset.state if kept else DatasetState.PUBLISHED.value, now
    dataset.regimes = sorted({*dataset.regimes, *regimes_of(codes)})
    epoch.bump(session)
    _record(
        session, Action.CLASSIFICATION_COLUMNS_AGREE, by, classification, dataset, now, _names(classification), codes
    )
    open_cut.rebuild(session, settings, dataset, now)


def return_(session: Session, by: Identity, classification: Classification, note: str, now: datetime) -> None:
    """The CDO sends it back with a note that says what to change. Raises `Invalid` without a note."""
    dataset = _dataset(session, classification)
    if not by.holds(RoleKind.CDO):
        raise Refused("Only the Chief Data Officer answers a proposed classification.", because=("role:cdo",))
    _lock(session, classification)
    _require_proposed(classification)
    if not note.strip():
        raise Invalid("Say what has to change, so that the agency knows what to do.")
    classification.state = ClassificationState.RETURNED.value
    classification.answered_by_id, classification.answered_at = by.person_id, now
    classification.answer_note = note.strip()
    _record(session, Action.CLASSIFICATION_COLUMNS_RETURN, by, classification, dataset, now, _names(classification), ())


def _put_in_force(session: Session, by: Identity, classification: Classification, now: datetime) -> None:
    former = agreed(session, classification.dataset_id)
    if former is not None:
        former.state = ClassificationState.REPLACED.value
        session.flush()
    classification.state = ClassificationState.AGREED.value
    classification.answered_by_id, classification.answered_at = by.person_id, now
    classification.answer_note = ""
    session.flush()


def _lock(session: Session, classification: Classification) -> None:
    """See it as committed, and let nobody else answer it before this transaction ends."""
    session.flush()
    session.refresh(classification, with_for_update=True)


def _dataset(session: Session, classification: Classification) -> Dataset:
    return session.get_one(Dataset, classification.dataset_id)


def _by_name(classification: Classification) -> dict[str, ColumnDecision]:
    return {decision.column: decision for decision in classification.columns}


def _names(classification: Classification) -> list[str]:
    return [decision.column for decision in classification.columns]


def _align(classification: Classification, dataset: Dataset) -> None:
    """Make the decisions those of the dataset's columns today: new columns undecided, vanished ones gone."""
    decisions = _by_name(classification)
    names = {column.name for column in dataset.columns}
    for decision in [decision for name, decision in decisions.items() if name not in names]:
        classification.columns.remove(decision)
    for column in dataset.columns:
        if column.name in decisions:
            decisions[column.name].position = column.position
        else:
            classification.columns.append(ColumnDecision(column=column.name, position=column.position))


def _carry_over(classification: Classification, former: Classification | None, day: date) -> None:
    if former is None:
        return
    classification.suppression = former.suppression
    for old in former.columns:
        if old.review_on is not None and old.review_on <= day:
            continue
        kept = ColumnDecision(column=old.column, position=old.position, decision=old.decision, note=old.note)
        kept.limb, kept.code, kept.citation = old.limb, old.code, old.citation
        kept.decided_by_id, kept.decided_on, kept.review_on = old.decided_by_id, old.decided_on, old.review_on
        classification.columns.append(kept)


def _require_steward(by: Identity, dataset: Dataset) -> None:
    if not may_decide(by, dataset):
        raise Refused(
            f"Only a steward or the data officer of {dataset.agency.name} classifies its data.",
            because=("role:steward", "role:data_officer"),
        )


def _require_editable(classification: Classification) -> None:
    if classification.state not in EDITABLE:
        raise Conflict(f"This classification is {classification.state} and cannot be edited. Start a new one.")


def _require_proposed(classification: Classification) -> None:
    if classification.state != ClassificationState.PROPOSED:
        raise Conflict(f"This classification is {classification.state}, not proposed. Reload the page.")


def _require_complete(classification: Classification) -> None:
    names = missing(classification)
    if not classification.columns:
        raise Conflict("The dataset has no columns yet. Publish a version first, then classify its columns.")
    if names:
        raise Conflict(f"Not every column is decided. Still to decide: {', '.join(names)}.", code="undecided")


def _require_other_cdo(by: Identity, classification: Classification) -> None:
    if not by.holds(RoleKind.CDO):
        raise Refused("Only the Chief Data Officer agrees to a classification.", because=("role:cdo",))
    if by.person_id == classification.proposed_by_id:
        raise Refused("Who proposed it cannot agree to it. Another person must.", because=("separation-of-duties",))
    if by.person_id in {decision.decided_by_id for decision in classification.columns}:
        raise Refused(
            "Who decided a column cannot agree to it. Another person must.", because=("separation-of-duties",)
        )


def _require_class_fits(classification: Classification, dataset: Dataset) -> None:
    closed = [decision.column for decision in classification.columns if decision.decision == RESTRICTED]
    if dataset.class_ == DatasetClass.OPEN and closed:
        raise Conflict(
            f"An open dataset cannot withhold columns ({', '.join(closed)}). Register it as restricted: "
            "its open cut will then be derived without them."
        )


def _record(
    session: Session, action: Action, by: Identity, classification: Classification, dataset: Dataset, now: datetime,
    columns: Collection[str], codes: Collection[str],
) -> None:  # fmt: skip
    entry = Entry(
        action, Outcome.DONE, actor=by.pseudonym, agency=dataset.agency_id, dataset=dataset.id,
        dataset_class=dataset.class_, columns=tuple(columns), because=tuple(sorted(codes)), at=now,
        details={"classification": classification.number},
    )  # fmt: skip
    session.flush()
    ledger.append(session.connection(), entry)
