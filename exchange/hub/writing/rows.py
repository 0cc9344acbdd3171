"""A program writes rows: its body becomes a publishing run of its own, and appears whole or not at all."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.ledger import Ledger
from exchange.catalog.datasets import columns_of, get_dataset
from exchange.catalog.models import Column, Dataset, DatasetState
from exchange.catalog.visibility import may_know
from exchange.errors import Conflict, NotFound, Unavailable
from exchange.hub import drift, runs
from exchange.hub.merging import Merge
from exchange.hub.models import PublishingRun, RunState
from exchange.hub.proposing import ProposedColumn
from exchange.hub.publishing import OnStep, advance
from exchange.hub.source import FileGiven
from exchange.hub.staging import Staging
from exchange.hub.writing.body import Body
from exchange.hub.writing.credentials import Writer
from exchange.hub.writing.faults import NobodyWrites, from_problem
from exchange.hub.writing.operations import JSON
from exchange.hub.writing.turns import turn
from exchange.settings import Settings

NO_DATASET = "soda.dataset.not-found"
NOTHING = {
    "By RowIdentifier": 0, "Rows Updated": 0, "Rows Deleted": 0, "Rows Created": 0, "Errors": 0, "By SID": 0,
}  # fmt: skip
"""The answer to a body without rows."""

INTERRUPTED = "Interrupted before it was published, and another write came after it. Nothing was published."
ORPHANED = (RunState.EXTRACTING, RunState.CONFORMING, RunState.VALIDATING, RunState.BUILDING, RunState.FAILED)


@dataclass(frozen=True)
class Write:
    """What a program asks for: `request` is its method and address without the rest, as the log keeps it."""

    dataset_id: str
    body: Body
    how: Merge
    request: str
    columns: Sequence[ProposedColumn] | None = None
    one_row: bool = False

    @property
    def accepts(self) -> list[str]:
        """Findings that the asking itself accepts: who replaces or empties a dataset means that rows go."""
        return [drift.DROP] if self.how is Merge.REPLACE else []


def dataset_for(session: Session, writer: Writer, four_by_four: str) -> Dataset:
    """The dataset, for somebody who publishes for its agency.

    Raises `NotFound` for what does not exist or the person may not know of, `Refused` for another agency's,
    `NobodyWrites` for an open cut or a retired dataset.
    """
    dataset = get_dataset(session, four_by_four)
    if dataset is None or not may_know(writer.identity, dataset):
        raise NotFound(f"No dataset has the id {four_by_four[:40]}.", code=NO_DATASET)
    runs.require_publisher(writer.identity, dataset.agency_id)
    if dataset.cut_of_id is not None:
        raise NobodyWrites(f"An open cut is derived, never written. Write to {dataset.cut_of_id} instead.")
    if dataset.state == DatasetState.RETIRED:
        raise NobodyWrites(f"The dataset {dataset.id} is retired. Register a new one.")
    return dataset


def write_rows(
    session: Session,
    ledger: Ledger,
    settings: Settings,
    writer: Writer,
    write: Write,
    *,
    on_step: OnStep = lambda _step, _point: None,
    now: datetime,
) -> Mapping[str, int]:
    """Write, and say how many rows were created, updated and deleted. Commits; waits for its turn first.

    Raises what `dataset_for` raises, `BadBody` with the place of a fault, `Conflict` where the run stopped to ask a
    person, `Unavailable` where it could not be done now.
    """
    if write.columns is None and _is_empty(write.body) and write.how is Merge.UPSERT:
        return NOTHING
    session.commit()
    with turn(settings.data_dir, write.dataset_id):
        writer = writer.still(session, now)
        dataset = dataset_for(session, writer, write.dataset_id)
        _give_up_orphans(session, settings, dataset, now)
        run = _begin(session, settings, writer, dataset, write, now)
        run = advance(session, ledger, settings, run.id, on_step=on_step, now=now)
        return _outcome(run)


def _begin(
    session: Session, settings: Settings, writer: Writer, dataset: Dataset, write: Write, now: datetime
) -> PublishingRun:
    proposal = write.columns or columns_to_write(session, dataset)
    if not proposal:
        raise Conflict("The dataset has no columns yet. Add them first: POST /api/views/<4x4>/columns.")

    def as_written(run: PublishingRun) -> None:
        run.source = {
            "kind": runs.BY_PROGRAM, "name": write.request, "request": write.request, "body": write.body.kind,
            "key": writer.key_id, "one_row": write.one_row,
        }  # fmt: skip
        run.proposal = [column.to_json() for column in proposal]
        run.accepted = write.accepts

    return runs.start_run(
        session, settings, writer.identity, dataset, FileGiven(write.body.path, "body"), merge=write.how,
        prepare=as_written, now=now,
    )  # fmt: skip


def columns_to_write(session: Session, dataset: Dataset) -> list[ProposedColumn]:
    """The dataset's columns, with the words that stood for an absent value in the last run that a person confirmed."""
    sentinels = _sentinels(session, dataset)
    return [proposed(column, sentinels.get(column.name, {})) for column in columns_of(dataset)]


def proposed(column: Column, sentinels: Mapping[str, str] | None = None) -> ProposedColumn:
    """A column of the catalogue as a run keeps it."""
    return ProposedColumn(column.name, column.label, column.type, column.type, dict(sentinels or {}))


def _sentinels(session: Session, dataset: Dataset) -> dict[str, Mapping[str, str]]:
    mine = select(PublishingRun).where(
        PublishingRun.dataset_id == dataset.id, PublishingRun.state == RunState.PUBLISHED.value
    )
    last = session.scalars(mine.order_by(PublishingRun.started_at.desc()).limit(1)).one_or_none()
    return {column.name: column.sentinels for column in runs.columns_of_run(last)} if last else {}


def _give_up_orphans(session: Session, settings: Settings, dataset: Dataset, now: datetime) -> None:
    """Whoever has the turn knows that no other write is at work: what an ended process left behind came first, and may
    not be taken up after this one. Its program had no answer, and sends it again.
    """
    mine = select(PublishingRun).where(PublishingRun.dataset_id == dataset.id)
    for run in session.scalars(mine.where(PublishingRun.state.in_(ORPHANED))):
        staging = Staging.of(settings.data_dir, run.id) if runs.is_written(run) else None
        if staging is not None:
            with contextlib.suppress(Conflict), staging.alone():  # a person may be going on with it at this moment
                run.state, run.ended_at = RunState.GIVEN_UP.value, now
                run.message = INTERRUPTED
                staging.remove()
    session.commit()


def _outcome(run: PublishingRun) -> Mapping[str, int]:
    if run.state == RunState.PUBLISHED:
        answer: Mapping[str, int] = run.source["answer"]
        return answer
    if run.state == RunState.STOPPED:
        error = Conflict(
            f"{run.message} Nothing was changed. A steward can accept it on the page /publish/{run.id}, or give it up.",
            code="write.needs-acceptance",
        )
        error.data = {"run": run.id}  # type: ignore[attr-defined]
        raise error
    fault = next((problem for problem in run.problems if problem.get("kind") == "fault"), None)
    if fault is not None:
        raise from_problem(fault)
    raise Unavailable(f"{run.message} Nothing was changed.")


def _is_empty(body: Body) -> bool:
    return (
        body.kind == JSON
        and body.path.stat().st_size < 64
        and body.path.read_bytes().split() in ([b"[]"], [b"[", b"]"])
    )
