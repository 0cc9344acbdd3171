"""Publishing runs as people see them: begun, confirmed, accepted, given up. What a run then does is in `publishing`."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from exchange.catalog.models import Dataset
from exchange.directory.identity import Identity
from exchange.directory.models import RoleKind
from exchange.errors import Conflict, Invalid, NotFound, Refused
from exchange.hub import parsing
from exchange.hub.conforming import CONFORMED
from exchange.hub.meanings import MEANINGS
from exchange.hub.merging import MERGED, Merge
from exchange.hub.models import PublishingRun, RunState
from exchange.hub.proposing import ProposedColumn
from exchange.hub.recipe import Recipe, from_members
from exchange.hub.source import FileGiven, Given
from exchange.hub.sql_source import shown
from exchange.hub.staging import Staging, write_whole
from exchange.settings import Settings
from exchange.values import field_name

Choice = TypeVar("Choice")

SOURCE = "source"
PUBLISHERS = (RoleKind.STEWARD, RoleKind.DATA_OFFICER)
ENDED = (RunState.PUBLISHED, RunState.GIVEN_UP)
AFTER_CONFIRM = ("conform", "merge", "validate", "build")
BY_PROGRAM = "api"
"""The kind of source of a run that a program's request began (`exchange.hub.writing`)."""


def may_publish(by: Identity | None, agency_id: str) -> bool:
    """Whether this person publishes for the agency: its steward or data officer; None is the operator."""
    return by is None or by.holds(*PUBLISHERS, agency=agency_id)


def require_publisher(by: Identity | None, agency_id: str) -> None:
    """Raise `Refused` unless `may_publish`."""
    if not may_publish(by, agency_id):
        raise Refused(
            "Only a steward or the data officer of the agency that owns the data publishes it.",
            because=("role:steward", "role:data_officer"),
        )


def start_run(
    session: Session,
    settings: Settings,
    by: Identity | None,
    dataset: Dataset,
    given: Given,
    *,
    recipe: Recipe | None = None,
    row_id: str | None = None,
    merge: str = Merge.REPLACE,
    prepare: Callable[[PublishingRun], None] = lambda _run: None,
    now: datetime,
) -> PublishingRun:
    """Begin a run: a row, and a copy of the file, so that the run can go on without the original.

    Commits before it copies, since a large copy must not hold the database. `prepare` may write more into the row.
    `row_id` is a field name or label; without one the dataset's own is used. Raises `Refused` for others than the
    agency's publishers, `Conflict` for an open cut, `Invalid` for a source that cannot be.
    """
    require_publisher(by, dataset.agency_id)
    if dataset.cut_of_id is not None:
        raise Conflict(f"An open cut is derived, never published. Publish {dataset.cut_of_id} instead.")
    if isinstance(given, FileGiven) and not given.path.is_file():
        raise Invalid(f"There is no file {given.name}.")
    run = PublishingRun(
        id=str(uuid.uuid4()),
        dataset_id=dataset.id,
        state=RunState.EXTRACTING.value,
        merge=Merge(merge).value,
        row_id=field_name(row_id) if row_id else dataset.row_id,
        source=_described(given),
        recipe=recipe.to_json() if recipe else None,
        started_by_id=by.person_id if by else None,
        started_at=now,
    )
    prepare(run)
    staging = Staging.of(settings.data_dir, run.id)
    session.add(run)
    session.commit()
    if isinstance(given, FileGiven):
        _keep(staging, given)
    return run


def is_written(run: PublishingRun) -> bool:
    """Whether a program wrote this, so that its types are the dataset's and nobody has to confirm them."""
    return bool(run.source.get("kind") == BY_PROGRAM)


def _described(given: Given) -> dict[str, str | None]:
    if isinstance(given, FileGiven):
        return {"kind": "file", "name": given.name}
    return {"kind": "sql", "name": shown(given), "table": given.table, "query": given.query}


def _keep(staging: Staging, given: FileGiven) -> None:
    def copy(part: Path) -> None:
        shutil.copyfile(given.path, part)

    write_whole(staging.path(SOURCE), copy)


def get_run(session: Session, by: Identity | None, run_id: str) -> PublishingRun:
    """The run, for somebody who publishes for its agency; `NotFound` for everybody else."""
    run = session.get(PublishingRun, run_id)
    if run is None or not may_publish(by, run.dataset.agency_id):
        raise NotFound("There is no such publishing run, or it belongs to another agency.")
    return run


def runs_of(session: Session, dataset_ids: Sequence[str]) -> list[PublishingRun]:
    """The runs of these datasets, the newest first."""
    mine = select(PublishingRun).where(PublishingRun.dataset_id.in_(dataset_ids))
    return list(session.scalars(mine.order_by(PublishingRun.started_at.desc(), PublishingRun.id)))


def columns_of_run(run: PublishingRun) -> list[ProposedColumn]:
    """The columns as proposed, or as confirmed so far."""
    return [ProposedColumn.from_json(kept) for kept in run.proposal]


def recipe_of_run(run: PublishingRun) -> Recipe | None:
    """The recipe that the run follows."""
    return from_members(run.recipe) if run.recipe else None


def confirm(
    session: Session,
    settings: Settings,
    by: Identity | None,
    run: PublishingRun,
    *,
    types: Mapping[str, str] | None = None,
    sentinels: Mapping[str, Mapping[str, str]] | None = None,
    row_id: str | None = None,
) -> None:
    """The steward confirms the proposal, with changes: types, sentinels (replacing a column's) and the row identifier.

    `types` and `sentinels` are by field name or label. What was made from an earlier confirmation is made again.
    Raises `Invalid` for an unknown column, type or meaning, `Conflict` for a run that is not waiting for a person.
    """
    require_publisher(by, run.dataset.agency_id)
    if is_written(run):
        raise Conflict("A program wrote this in the dataset's own types; there is nothing to confirm.")
    if run.state not in (RunState.WAITING, RunState.STOPPED, RunState.FAILED) or not run.proposal:
        raise Conflict(f"This run is {run.state.replace('_', ' ')}; there is nothing to confirm.")
    columns = columns_of_run(run)
    chosen = _by_name(require_types(types or {}), columns)
    meant = _by_name(sentinels or {}, columns)
    confirmed = [c.changed(type_=chosen.get(c.name), sentinels=_meanings(meant.get(c.name))) for c in columns]
    if row_id is not None:
        run.row_id = next(iter(_by_name({row_id: ""}, columns)), None) if row_id else None
    _require_row_id(run.row_id, confirmed)
    run.proposal = [column.to_json() for column in confirmed]
    run.state, run.step, run.message, run.accepted, run.problems = RunState.CONFORMING.value, "extract", "", [], []
    _forget(Staging.of(settings.data_dir, run.id))


def _forget(staging: Staging) -> None:
    staging.undo(AFTER_CONFIRM)
    for name in (CONFORMED, MERGED):
        staging.path(name).unlink(missing_ok=True)


def _by_name(choices: Mapping[str, Choice], columns: Sequence[ProposedColumn]) -> dict[str, Choice]:
    names = {**{column.label: column.name for column in columns}, **{column.name: column.name for column in columns}}
    unknown = [name for name in choices if name not in names]
    if unknown:
        raise Invalid(
            f"There is no column {', '.join(unknown)}. The columns are: {', '.join(c.name for c in columns)}."
        )
    return {names[name]: choice for name, choice in choices.items()}


def require_types(types: Mapping[str, str]) -> Mapping[str, str]:
    """The types chosen by column, if each is one. Raises `Invalid`."""
    for type_ in types.values():
        if type_ not in parsing.TYPES:
            raise Invalid(f"{type_!r} is not a type. A column can be: {', '.join(parsing.TYPES)}.")
    return types


def _meanings(sentinels: Mapping[str, str] | None) -> Mapping[str, str] | None:
    for meaning in (sentinels or {}).values():
        if meaning not in MEANINGS:
            raise Invalid(f"{meaning!r} is not a meaning. A sentinel is one of: {', '.join(MEANINGS)}.")
    return sentinels


def _require_row_id(row_id: str | None, columns: Sequence[ProposedColumn]) -> None:
    if row_id is not None and row_id not in {column.name for column in columns}:
        raise Invalid(
            f"There is no column {row_id} to be the row identifier. There are: {', '.join(c.name for c in columns)}."
        )


def accept(session: Session, by: Identity | None, run: PublishingRun) -> None:
    """Accept what stopped the run; only the kinds of finding that were shown are accepted. The caller commits."""
    require_publisher(by, run.dataset.agency_id)
    if run.state != RunState.STOPPED:
        raise Conflict("This run did not stop to ask anything.")
    run.accepted = sorted({*run.accepted, *(finding["kind"] for finding in run.problems if finding.get("asks"))})
    run.state = RunState.VALIDATING.value


def give_up(session: Session, settings: Settings, by: Identity | None, run: PublishingRun, now: datetime) -> None:
    """End a run without publishing and delete what it had read. The caller commits."""
    require_publisher(by, run.dataset.agency_id)
    if run.state in ENDED:
        raise Conflict(f"This run is {run.state.replace('_', ' ')} already.")
    staging = Staging.of(settings.data_dir, run.id)
    with staging.alone():
        run.state, run.ended_at = RunState.GIVEN_UP.value, now
        run.message = "Given up by a person; nothing was published."
        staging.remove()


def keep_result(run: PublishingRun, step: str, result: Mapping[str, Any]) -> None:
    """Write a step's result into the run, for people; and wait for one where one is needed."""
    run.step = step
    if step == "extract" and is_written(run):
        run.rows_read = result["rows"]
    elif step == "extract":
        run.rows_read, run.proposal, run.state = result["rows"], result["proposal"], RunState.WAITING.value
        run.problems = [{"kind": "note", "words": note} for note in result["notes"]]
    elif step == "conform":
        run.rows_refused, run.problems = result["refused"], result["problems"]
    elif step == "merge":
        run.rows_added, run.rows_changed, run.rows_removed = (result[n] for n in ("added", "changed", "removed"))
        if "answer" in result:
            run.source = {**run.source, "answer": result["answer"]}
    elif step == "validate":
        run.problems = [*(p for p in run.problems if not p.get("asks")), *result["findings"]]
        asked = [finding for finding in result["findings"] if finding["kind"] not in run.accepted]
        if asked:
            run.step, run.state = "merge", RunState.STOPPED.value
            run.message = " ".join(finding["words"] for finding in asked)
