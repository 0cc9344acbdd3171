"""The six steps of a publishing run: extract → conform → merge → validate → build → publish. All or nothing.

Each step reads files and leaves one result, whole or absent, so a step can be repeated and a run goes on, in any
process, from the last result (engine.md §5). Readers keep the current version until the last step's single transaction
moves the pointer. A run is many transactions, one a step: the one place where a domain function commits by itself.

Two things stop a run for a person: the proposal of types, and findings about the new version (`drift`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from audit.actions import Action, Outcome
from audit.entry import Entry
from audit.ledger import Ledger
from exchange.catalog.models import Dataset
from exchange.directory.identity import Identity
from exchange.errors import CharterError, Conflict, Invalid
from exchange.hub import runs
from exchange.hub.appearing import appear, cut_again, forget_earlier
from exchange.hub.job import job_of
from exchange.hub.merging import Merge
from exchange.hub.models import PublishingRun, RunState
from exchange.hub.recipe import Recipe
from exchange.hub.source import Given
from exchange.hub.staging import Staging
from exchange.hub.steps import WORK, columns_made
from exchange.hub.writing.faults import fault_of
from exchange.settings import Settings

OnStep = Callable[[str, str], None]
"""Told of each step's name with "begins", "made" (work done, not yet kept) and "ends", for showing progress."""

STATES = {
    "extract": RunState.EXTRACTING,
    "conform": RunState.CONFORMING,
    "merge": RunState.CONFORMING,
    "validate": RunState.VALIDATING,
    "build": RunState.BUILDING,
}
STEPS = tuple(STATES)


def publish_file(
    session: Session,
    ledger: Ledger,
    settings: Settings,
    by: Identity | None,
    *,
    source: Given,
    dataset: Dataset,
    recipe: Recipe | None = None,
    types: Mapping[str, str] | None = None,
    row_id: str | None = None,
    merge: str = Merge.REPLACE,
    accept_findings: bool = False,
    on_step: OnStep = lambda _step, _point: None,
    now: datetime,
) -> PublishingRun:
    """A whole run at once: the proposal is confirmed with `types` on top, and the version appears.

    Commits. Raises `Conflict` if the run stopped to ask and `accept_findings` is false, and the failed step's error.
    """
    run = runs.start_run(session, settings, by, dataset, source, recipe=recipe, row_id=row_id, merge=merge, now=now)
    session.commit()
    run = advance(session, ledger, settings, run.id, given=source, on_step=on_step, now=now)
    if run.state == RunState.WAITING:
        runs.confirm(session, settings, by, run, types=types)
        run = advance(session, ledger, settings, run.id, on_step=on_step, now=now)
    if run.state == RunState.STOPPED and accept_findings:
        runs.accept(session, by, run)
        run = advance(session, ledger, settings, run.id, on_step=on_step, now=now)
    if run.state != RunState.PUBLISHED:
        raise (Conflict if run.state == RunState.STOPPED else Invalid)(run.message)
    return run


def advance(
    session: Session,
    ledger: Ledger,
    settings: Settings,
    run_id: str,
    *,
    given: Given | None = None,
    on_step: OnStep = lambda _step, _point: None,
    now: datetime,
) -> PublishingRun:
    """Go on with a run from its last finished step until it is published, asks a person, or fails. Commits.

    `given` is needed only while an SQL source has not been read, since its password is kept nowhere. Raises `Conflict`
    while another process works on the run. A step's error is kept in the run, which can then be tried again.
    """
    session.commit()
    staging = Staging.of(settings.data_dir, run_id)
    with staging.alone():
        try:
            _steps(session, settings, staging, run_id, given, on_step, now)
        except CharterError as error:
            _fail(session, ledger, run_id, error.message, now, error)
        except OSError as error:
            _fail(
                session,
                ledger,
                run_id,
                f"The data folder cannot be written: {error.strerror}. Nothing was published.",
                now,
            )
        run = session.get_one(PublishingRun, run_id)
        if run.state == RunState.STOPPED:
            _record(session, ledger, _entry(run, Outcome.REFUSED, now))
        if run.step == "done" or (runs.is_written(run) and run.state == RunState.GIVEN_UP):
            staging.remove()
    return run


def _record(session: Session, ledger: Ledger, entry: Entry) -> None:
    """Make an entry durable by itself; the session's transaction ends first, since the log writes in one of its own."""
    session.commit()
    ledger.record(entry)


def _steps(
    session: Session,
    settings: Settings,
    staging: Staging,
    run_id: str,
    given: Given | None,
    on_step: OnStep,
    now: datetime,
) -> None:
    while True:
        run = session.get_one(PublishingRun, run_id)
        if run.state in (RunState.WAITING, RunState.STOPPED, RunState.GIVEN_UP) or run.step == "done":
            session.commit()
            return
        if run.step in ("publish", "build"):
            _finish(session, settings, staging, run, on_step, now)
        else:
            _one_step(session, settings, staging, run, given, on_step)


def _one_step(
    session: Session, settings: Settings, staging: Staging, run: PublishingRun, given: Given | None, on_step: OnStep
) -> None:
    step = STEPS[STEPS.index(run.step) + 1] if run.step else STEPS[0]
    run.state, run.message, run.ended_at = STATES[step].value, "", None
    job = job_of(session, settings, staging, run, given)
    session.commit()
    result = staging.result(step)
    if result is None:
        on_step(step, "begins")
        result = WORK[step](job, staging)
        on_step(step, "made")
        staging.finish(step, result)
        on_step(step, "ends")
    runs.keep_result(session.get_one(PublishingRun, run.id), step, result)
    session.commit()


def _finish(
    session: Session, settings: Settings, staging: Staging, run: PublishingRun, on_step: OnStep, now: datetime
) -> None:
    """The last step: one transaction in which the version appears; then the open cut follows in one of its own."""
    if run.step == "build" and not _appeared(session, staging, run, on_step, now):
        staging.undo(("merge", "validate", "build"))
        session.get_one(PublishingRun, run.id).step = "conform"
        session.commit()
        return
    cut_again(session, settings, run, now)
    forget_earlier(session, settings, run)
    run.step = "done"
    session.commit()


def _appeared(session: Session, staging: Staging, run: PublishingRun, on_step: OnStep, now: datetime) -> bool:
    """Whether the version is there; False if another run was faster, so that this one has to be merged again."""
    built, merged = staging.result("build"), staging.result("merge")
    if built is None or merged is None or merged["base"] != run.dataset.current_version_id:
        return False
    on_step("publish", "begins")
    try:
        appear(session, run, built, columns_made(staging), now)
        on_step("publish", "made")
        session.commit()
    except IntegrityError:
        session.rollback()
        return False
    on_step("publish", "ends")
    return True


def _fail(
    session: Session, ledger: Ledger, run_id: str, message: str, now: datetime, error: CharterError | None = None
) -> None:
    session.rollback()
    run = session.get_one(PublishingRun, run_id)
    fault = fault_of(error) if error is not None and runs.is_written(run) else None
    if run.state == RunState.PUBLISHED:
        run.message = f"The version is published, but its open cut could not be derived: {message}"
    elif fault is not None:  # the program's body is at fault: the same body would fail again
        run.state, run.message, run.ended_at = RunState.GIVEN_UP.value, message, now
        run.problems = [fault.to_problem()]
    else:
        run.state, run.message, run.ended_at = RunState.FAILED.value, message, now
    _record(session, ledger, _entry(run, Outcome.FAILED, now))


def _entry(run: PublishingRun, outcome: Outcome, now: datetime) -> Entry:
    kinds = sorted({finding["kind"] for finding in run.problems if finding.get("asks")})
    return Entry(
        action=Action.DATASET_RUN_STOP, outcome=outcome, agency=run.dataset.agency_id, dataset=run.dataset_id,
        dataset_class=run.dataset.class_, reason=", ".join(kinds) or "a step failed",
        details={"run": run.id, "step": run.step}, at=now,
    )  # fmt: skip
