"""Something to publish arrives: which dataset it belongs to, who may bring it, and its first reading."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit.ledger import Ledger
from exchange.catalog.datasets import get_dataset, register_dataset
from exchange.catalog.models import Dataset, DatasetClass
from exchange.directory.identity import Identity
from exchange.directory.models import RoleKind
from exchange.errors import Invalid, Refused
from exchange.hub import publishing, runs
from exchange.hub.merging import Merge
from exchange.hub.models import PublishingRun
from exchange.hub.preflight import look, require_regimes
from exchange.hub.recipe import Recipe
from exchange.hub.source import Given, SqlGiven
from exchange.hub.sql_source import refuse_from_page
from exchange.settings import Settings


@dataclass(frozen=True)
class Wanted:
    """The dataset that somebody means: by id, or by agency and title; what a new one would be like."""

    agency_id: str | None
    title: str
    class_: str | None = None
    id: str | None = None
    description: str = ""
    category: str = "Government"
    regimes: Sequence[str] = ()
    row_id: str | None = None


def find_or_register(session: Session, by: Identity | None, wanted: Wanted, now: datetime) -> Dataset:
    """The dataset meant; registered now if there is none. The caller commits.

    A dataset of this agency and title is that dataset, so that sending a file twice makes two versions and not two
    datasets. Raises `Invalid` where agency or class contradict the dataset, or several have the title.
    """
    found = find(session, by, wanted)
    if found is not None:
        return found
    return register_dataset(
        session,
        by,
        agency_id=wanted.agency_id or "",
        title=wanted.title,
        class_=wanted.class_ or DatasetClass.RESTRICTED,
        id=wanted.id,
        description=wanted.description,
        row_id=wanted.row_id,
        category=wanted.category,
        regimes=wanted.regimes,
        now=now,
    )


def find(session: Session, by: Identity | None, wanted: Wanted) -> Dataset | None:
    """The dataset meant, or None if a new one would be registered. Raises as `find_or_register`; registers nothing."""
    require_regimes(wanted.regimes)
    found = get_dataset(session, wanted.id) if wanted.id else _same_title(session, wanted)
    if found is not None:
        runs.require_publisher(by, found.agency_id)
        _require_same(found, wanted)
        return found
    if wanted.agency_id is None or not wanted.title:
        raise Invalid("A new dataset needs an agency and a title.")
    runs.require_publisher(by, wanted.agency_id)
    return None


def begin(
    session: Session,
    by: Identity | None,
    settings: Settings,
    wanted: Wanted,
    given: Given,
    *,
    recipe: Recipe | None = None,
    merge: str = Merge.REPLACE,
    types: Collection[str] = (),
    now: datetime,
) -> PublishingRun:
    """Look at the source, find or register the dataset and begin a run, which `publishing.advance` takes on. Commits.

    `types` are the columns, by name or label, for which somebody chose a type. Nothing is registered if the source
    cannot be read, or has not the columns named.
    """
    found = find(session, by, wanted)
    if merge == Merge.UPSERT and not (wanted.row_id or (found and found.row_id)):
        raise Invalid("New and changed rows can be merged only by a row identifier. Name the column that has it.")
    session.commit()
    look(given, recipe, columns=types, row_id=wanted.row_id)
    dataset = find_or_register(session, by, wanted, now)
    return runs.start_run(
        session, settings, by, dataset, given, recipe=recipe, row_id=wanted.row_id, merge=merge, now=now
    )


def receive(
    session: Session,
    ledger: Ledger,
    settings: Settings,
    by: Identity,
    wanted: Wanted,
    given: Given,
    *,
    recipe: Recipe | None = None,
    merge: str = Merge.REPLACE,
    now: datetime,
) -> PublishingRun:
    """What the page does: begin, read the source, and leave the proposal for the steward. Commits.

    Raises `Refused` for a database address from somebody who is not a data officer of the agency.
    """
    if isinstance(given, SqlGiven):
        _require_data_officer(by, wanted)
        refuse_from_page(given, settings.database_url)
    run = begin(session, by, settings, wanted, given, recipe=recipe, merge=merge, now=now)
    return publishing.advance(session, ledger, settings, run.id, given=given, now=now)


def _require_data_officer(by: Identity, wanted: Wanted) -> None:
    if not by.holds(RoleKind.DATA_OFFICER, agency=wanted.agency_id):
        raise Refused(
            "Only the agency's data officer may have the server connect to a database. Upload a file instead.",
            because=("role:data_officer",),
        )


def _same_title(session: Session, wanted: Wanted) -> Dataset | None:
    named = select(Dataset).where(
        Dataset.agency_id == wanted.agency_id, Dataset.title == wanted.title, Dataset.cut_of_id.is_(None)
    )
    found = list(session.scalars(named))
    if len(found) > 1:
        raise Invalid(f"Several datasets have this title: {', '.join(d.id for d in found)}. Say which by its id.")
    return found[0] if found else None


def _require_same(dataset: Dataset, wanted: Wanted) -> None:
    if wanted.agency_id not in (None, dataset.agency_id):
        raise Invalid(f"{dataset.id} belongs to {dataset.agency.name}, not to the agency given.")
    if wanted.class_ not in (None, dataset.class_):
        raise Invalid(f"{dataset.id} is {dataset.class_}. A dataset keeps its class; register another one.")
