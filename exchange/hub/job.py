"""What the steps of a run need to know, read from the database in one short transaction before the work begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from exchange.catalog.models import DatasetClass, Version
from exchange.classification.withheld import agreed
from exchange.hub import runs
from exchange.hub.merging import Merge
from exchange.hub.models import PublishingRun
from exchange.hub.proposing import ProposedColumn
from exchange.hub.recipe import Recipe
from exchange.hub.source import FileGiven, Given
from exchange.hub.staging import Staging
from exchange.settings import Settings


@dataclass(frozen=True)
class Job:
    """What the steps need to know of a run, read from the database before the work begins.

    `body` is the form (json, csv, tsv) of what a program wrote, None for every other run; `one_row` says that its
    address named one row, which therefore has to be there.
    """

    run_id: str
    dataset_id: str
    class_: str
    merge: Merge
    row_id: str | None
    given: Given | None
    recipe: Recipe | None
    columns: tuple[ProposedColumn, ...]
    accepted: frozenset[str]
    settings: Settings
    current: Current | None
    next_number: int
    decided: frozenset[str] | None
    body: str | None
    one_row: bool


@dataclass(frozen=True)
class Current:
    """The version that readers see while the run works."""

    id: int
    number: int
    class_: str
    path: str
    sha256: str
    rows: int
    schema: list[dict[str, Any]]
    sealed_key: Mapping[str, Any] | None


def job_of(session: Session, settings: Settings, staging: Staging, run: PublishingRun, given: Given | None) -> Job:
    """The job of a run as things stand; `given` is what the person gave just now, for sources that are not kept."""
    dataset = run.dataset
    version = session.get(Version, dataset.current_version_id) if dataset.current_version_id else None
    highest = session.scalar(select(func.max(Version.number)).where(Version.dataset_id == dataset.id))
    kept = staging.path(runs.SOURCE)
    classification = agreed(session, dataset.id)
    public = dataset.class_ == DatasetClass.OPEN and classification is not None
    return Job(
        run_id=run.id,
        dataset_id=dataset.id,
        class_=dataset.class_,
        merge=Merge(run.merge),
        row_id=run.row_id,
        given=FileGiven(kept, run.source["name"]) if kept.exists() else given,
        recipe=runs.recipe_of_run(run),
        columns=tuple(runs.columns_of_run(run)),
        accepted=frozenset(run.accepted),
        settings=settings,
        current=_current(version) if version else None,
        next_number=(highest or 0) + 1,
        decided=frozenset(c.column for c in classification.columns) if public and classification else None,
        body=run.source.get("body") if runs.is_written(run) else None,
        one_row=bool(run.source.get("one_row")),
    )


def _current(version: Version) -> Current:
    return Current(
        version.id, version.number, version.class_, version.path, version.sha256, version.rows,
        list(version.schema), version.sealed_key,
    )  # fmt: skip
