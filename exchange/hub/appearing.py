"""The moment a version appears: one catalogue transaction; and what becomes public by it, which is decided elsewhere.

An open dataset is listed only where an agreed classification opens every one of its columns (CGS 4-67p and EO 39 make
the agency's inventory and the CDO's review the condition). A restricted one is listed to signed-in persons at once,
and its rows leave by grant only.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit import ledger
from audit.actions import Action, Outcome
from audit.entry import Entry
from exchange.catalog.models import Column, Dataset, DatasetClass, DatasetState, Version
from exchange.classification import open_cut
from exchange.classification.models import Classification, ClassificationState, ColumnDecision
from exchange.classification.withheld import OPEN, agreed
from exchange.clock import legal_day
from exchange.directory.models import Person
from exchange.hub.models import PublishingRun, RunState
from exchange.hub.runs import is_written
from exchange.rows import store_open
from exchange.settings import Settings

UNDER_WORK = tuple(
    state.value for state in (ClassificationState.DRAFT, ClassificationState.RETURNED, ClassificationState.PROPOSED)
)
FORGOTTEN_AT_ONCE = 5
"""Earlier versions whose files are let go after a write; more than one, for what a crash left."""

BY_OPERATOR = "Declared open by the operator at the command line."
"""The note of a column that `flask publish --class open` opened."""


def appear(
    session: Session, run: PublishingRun, built: Mapping[str, Any], columns: list[dict[str, Any]], now: datetime
) -> Version:
    """Make the built file the dataset's current version, with its columns and entry. The caller commits.

    The database refuses (`IntegrityError`) if another run has used the version's number meanwhile.
    """
    dataset = run.dataset
    version = Version(
        dataset_id=dataset.id,
        number=built["number"],
        class_=dataset.class_,
        path=built["path"],
        sha256=built["sha256"],
        rows=built["rows"],
        bytes=built["bytes"],
        schema=list(columns),
        sealed_key=built["sealed_key"],
        run_id=run.id,
        published_at=now,
    )
    session.add(version)
    session.flush()
    _align_columns(session, dataset, columns)
    dataset.current_version_id, dataset.updated_at, dataset.row_id = version.id, now, run.row_id
    run.state, run.step, run.version_id, run.ended_at = RunState.PUBLISHED.value, "publish", version.id, now
    session.flush()
    if run.started_by_id is None and dataset.class_ == DatasetClass.OPEN:
        _open_by_operator(session, dataset, now)
    dataset.state = _state(session, dataset).value
    run.message = f"{_made(run, version)} {_next_step(session, dataset)}"
    ledger.append(session.connection(), _published(session, run, version, now))
    return version


def cut_again(session: Session, settings: Settings, run: PublishingRun, now: datetime) -> None:
    """Derive the open cut of a restricted dataset again, if its classification is agreed. The caller commits."""
    if run.dataset.class_ == DatasetClass.RESTRICTED and agreed(session, run.dataset_id) is not None:
        open_cut.rebuild(session, settings, run.dataset, now)


def forget_earlier(session: Session, settings: Settings, run: PublishingRun) -> None:
    """After a program's write, let go of what served the versions before the last: it writes often, and disks end.

    The rows of every version stay. The last one keeps its files for readers who have begun.
    """
    if not is_written(run) or run.dataset.class_ != DatasetClass.OPEN:
        return
    mine = select(Version.path).where(Version.dataset_id == run.dataset_id, Version.class_ == DatasetClass.OPEN.value)
    for path in session.scalars(mine.order_by(Version.number.desc()).offset(2).limit(FORGOTTEN_AT_ONCE)):
        store_open.forget_serving(settings.data_dir / "open", path)


def _align_columns(session: Session, dataset: Dataset, schema: list[dict[str, Any]]) -> None:
    """Make the catalogue's columns those of the version, keeping the descriptions of columns that stay."""
    existing = {column.name: column for column in dataset.columns}
    for position, given in enumerate(schema):
        column = existing.pop(given["name"], None)
        if column is None:
            column = Column(dataset_id=dataset.id, name=given["name"])
            session.add(column)
        column.label, column.type, column.position = given["label"], given["type"], position
        column.has_meanings = given["has_meanings"]
    for gone in existing.values():
        session.delete(gone)
    session.flush()
    session.expire(dataset, ["columns"])


def _state(session: Session, dataset: Dataset) -> DatasetState:
    if dataset.state == DatasetState.RETIRED:
        return DatasetState.RETIRED
    if dataset.withdrawn_at is not None:
        return DatasetState.DRAFT
    if dataset.class_ == DatasetClass.RESTRICTED:
        return DatasetState.PUBLISHED
    classification = agreed(session, dataset.id)
    opened = {c.column for c in classification.columns if c.decision == OPEN} if classification else set()
    names = {column.name for column in dataset.columns}
    return DatasetState.PUBLISHED if names <= opened else DatasetState.DRAFT


def _made(run: PublishingRun, version: Version) -> str:
    """That a version was made, and whether its rows are those of the one before."""
    same = version.number > 1 and not (run.rows_added or run.rows_changed or run.rows_removed)
    return f"Version {version.number} was made{', with the same rows as the version before' if same else ''}."


def _next_step(session: Session, dataset: Dataset) -> str:
    if dataset.withdrawn_at is not None:
        return "The version is current and private, since its steward withdrew the dataset from the catalogue."
    if dataset.state == DatasetState.DRAFT:
        return f"The version exists and is not public yet: {_what_waits(session, dataset)}"
    if dataset.class_ == DatasetClass.RESTRICTED:
        return "The version is current. Signed-in persons see that the dataset exists; rows leave by grant only."
    return "The version is current and public."


def _what_waits(session: Session, dataset: Dataset) -> str:
    mine = Classification.dataset_id == dataset.id
    proposed = select(Classification).where(mine, Classification.state == ClassificationState.PROPOSED)
    work = session.scalars(proposed).one_or_none()
    if work is None:
        return "every column has to be decided, and the CDO has to agree."
    if work.proposed_by_id is None and all(column.note == BY_OPERATOR for column in work.columns):
        return (
            "every column was declared open by the operator at the command line; the CDO, another person, has to agree."
        )
    return "every column is decided; the CDO has to agree."


def _open_by_operator(session: Session, dataset: Dataset, now: datetime) -> None:
    """`flask publish --class open` says that every column is open; the CDO still has to agree."""
    former = agreed(session, dataset.id)
    names = {column.name for column in dataset.columns}
    if former is not None and names <= {decision.column for decision in former.columns}:
        return
    work = _under_work(session, dataset)
    kept = {decision.column: decision for decision in work.columns}
    for gone in [decision for name, decision in kept.items() if name not in names]:
        work.columns.remove(gone)
    for column in dataset.columns:
        decision = kept.get(column.name)
        if decision is None:
            decision = ColumnDecision(column=column.name)
            work.columns.append(decision)
        decision.position = column.position
        if decision.decision is None:
            decision.decision, decision.decided_on = OPEN, legal_day(now)
            decision.note = BY_OPERATOR
    work.state, work.proposed_at = ClassificationState.PROPOSED.value, now
    session.flush()
    ledger.append(session.connection(), _proposed(dataset, work, now))


def _under_work(session: Session, dataset: Dataset) -> Classification:
    mine = Classification.dataset_id == dataset.id
    found = session.scalars(select(Classification).where(mine, Classification.state.in_(UNDER_WORK))).one_or_none()
    if found is not None:
        return found
    highest = session.scalar(select(func.max(Classification.number)).where(mine)) or 0
    made = Classification(dataset_id=dataset.id, number=highest + 1, state=ClassificationState.DRAFT.value)
    session.add(made)
    return made


def _proposed(dataset: Dataset, work: Classification, now: datetime) -> Entry:
    return Entry(
        action=Action.CLASSIFICATION_COLUMNS_PROPOSE, outcome=Outcome.DONE, agency=dataset.agency_id,
        dataset=dataset.id, dataset_class=dataset.class_, columns=tuple(decision.column for decision in work.columns),
        details={"classification": work.number, "by": "operator"}, at=now,
    )  # fmt: skip


def _published(session: Session, run: PublishingRun, version: Version, now: datetime) -> Entry:
    person = session.get(Person, run.started_by_id) if run.started_by_id else None
    counts = {"read": run.rows_read, "added": run.rows_added, "changed": run.rows_changed,
              "removed": run.rows_removed, "refused": run.rows_refused}  # fmt: skip
    return Entry(
        action=Action.DATASET_VERSION_PUBLISH, outcome=Outcome.DONE, actor=person.pseudonym if person else None,
        agency=run.dataset.agency_id, dataset=run.dataset_id, dataset_version=version.number,
        dataset_class=version.class_, columns=tuple(c["name"] for c in version.schema), rows=version.rows,
        bytes=version.bytes, result_sha256=version.sha256, client=run.source.get("key"), at=now,
        details={"run": run.id, "counts": counts, **_how(run)},
    )  # fmt: skip


def _how(run: PublishingRun) -> dict[str, Any]:
    """What a program asked for, and which findings its asking accepted."""
    return {"request": run.source["request"], "accepted": list(run.accepted)} if "request" in run.source else {}
