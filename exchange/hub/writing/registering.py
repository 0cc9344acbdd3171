"""Programs register datasets, add columns, list and withdraw them, retire them (soda.md §9).

What the old portal called publishing and making public are two things here as there: a version is current as soon as it
is written, and everybody may read it once the Chief Data Officer has agreed to the classification of its columns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from audit.actions import Action
from exchange import epoch
from exchange.catalog import describing
from exchange.catalog.datasets import columns_of, register_dataset
from exchange.catalog.models import Column, Dataset, DatasetClass, DatasetState
from exchange.classification import deciding, open_cut
from exchange.classification.models import ClassificationState
from exchange.classification.withheld import OPEN, agreed
from exchange.errors import Conflict, Invalid, Refused
from exchange.hub import parsing, runs
from exchange.hub.writing.credentials import Writer
from exchange.hub.writing.metadata import from_view
from exchange.rows.types import SodaType
from exchange.values import field_name

MAX_COLUMNS = 2_000
OLD_NAMES = {
    "boolean": SodaType.CHECKBOX, "floating_timestamp": SodaType.CALENDAR_DATE, "date": SodaType.CALENDAR_DATE,
    "money": SodaType.NUMBER, "percent": SodaType.NUMBER, "double": SodaType.NUMBER, "email": SodaType.TEXT,
    "phone": SodaType.TEXT, "html": SodaType.TEXT, "drop_down_list": SodaType.TEXT, "flag": SodaType.TEXT,
    "stars": SodaType.NUMBER,
}  # fmt: skip
"""Types of the old portal that we keep as another one, where we have none of that name."""


def create(session: Session, writer: Writer, view: Mapping[str, Any], now: datetime) -> Dataset:
    """Register a draft dataset of the writer's agency from a view object; the caller commits.

    `agency` (a key of the directory) says which, where the writer works for several; `class` may be `restricted`.
    Raises `Invalid` for a title, type, category or row identifier that cannot be, `Refused` for another agency.
    """
    agency = _agency(writer, view.get("agency"))
    runs.require_publisher(writer.identity, agency)
    changes = from_view({**view, "columns": None})
    dataset = register_dataset(
        session, writer.identity, agency_id=agency, title=_text(view, "name"),
        class_=view.get("class") or DatasetClass.OPEN, now=now,
    )  # fmt: skip
    columns = view.get("columns") or []
    if not isinstance(columns, list):
        raise Invalid("columns is a list of objects with name, fieldName and dataTypeName.")
    for column in columns:
        _add(session, dataset, column)
    describing.describe(session, writer.identity, dataset, replace(changes, title=None), now)
    return dataset


def add_column(session: Session, writer: Writer, dataset: Dataset, given: Any, now: datetime) -> Column:
    """Add a column to a dataset without rows; the caller commits. With rows it takes a run: see `column_of`."""
    column = _add(session, dataset, given)
    describing.record(
        session, Action.DATASET_REGISTRATION_CHANGE, writer.identity, dataset, now, changed=[f"columns.{column.name}"]
    )
    return column


def column_of(dataset: Dataset, given: Any) -> Column:
    """The column that an object describes, not yet in the database. Raises `Invalid`."""
    if not isinstance(given, Mapping):
        raise Invalid("A column is an object with name, fieldName and dataTypeName.")
    label = " ".join(str(given.get("name") or given.get("fieldName") or "").split())
    name = field_name(str(given.get("fieldName") or label))[:100].rstrip("_")
    there = columns_of(dataset)
    if not label or len(label) > 300 or not (given.get("fieldName") or given.get("name")):
        raise Invalid("A column needs a name of 1 to 300 characters.")
    if name in {column.name for column in there}:
        raise Invalid(f"There is a column {name} already. Choose another fieldName.")
    if len(there) >= MAX_COLUMNS:
        raise Invalid(f"A dataset has at most {MAX_COLUMNS:,} columns.")
    return Column(
        dataset_id=dataset.id, name=name, label=label, type=_type(given), position=len(there), has_meanings=False,
        description=str(given.get("description") or "")[: describing.MAX_TEXT],
    )  # fmt: skip


def _add(session: Session, dataset: Dataset, given: Any) -> Column:
    column = column_of(dataset, given)
    session.add(column)
    session.flush()
    session.expire(dataset, ["columns"])
    return column


def give_to_everybody(session: Session, writer: Writer, dataset: Dataset, now: datetime) -> None:
    """Let everybody read a dataset whose classification is agreed, else raise `Refused` with the next step."""
    step = _missing(session, dataset)
    if step is not None:
        raise Refused(f"Nothing was made public. {step}", because=("classification",))
    if dataset.state == DatasetState.PUBLISHED and dataset.withdrawn_at is None:
        return
    dataset.withdrawn_at, dataset.state, dataset.updated_at = None, DatasetState.PUBLISHED.value, now
    epoch.bump(session)
    describing.record(session, Action.DATASET_LISTING_GIVE, writer.identity, dataset, now)


def withdraw(session: Session, writer: Writer, dataset: Dataset, now: datetime) -> None:
    """Keep a dataset private until `give_to_everybody`; the caller commits. Its rows can be written meanwhile."""
    if dataset.class_ == DatasetClass.RESTRICTED:
        raise Conflict(
            "A restricted dataset is private: rows leave by grants, and its open cut follows its classification."
        )
    if dataset.withdrawn_at is not None:
        return
    dataset.withdrawn_at, dataset.state, dataset.updated_at = now, DatasetState.DRAFT.value, now
    epoch.bump(session)
    describing.record(session, Action.DATASET_LISTING_WITHDRAW, writer.identity, dataset, now)


def retire(session: Session, writer: Writer, dataset: Dataset, now: datetime) -> None:
    """Take a dataset, and its open cut, out of the catalogue; its versions stay. The caller commits.

    The files of the cut go at the next `flask rows build`: they can be derived again from the dataset's versions.
    """
    describing.retire(session, writer.identity, dataset, now)
    open_cut.retire(session, dataset, now)
    epoch.bump(session)


def _missing(session: Session, dataset: Dataset) -> str | None:
    """What has to happen before everybody may read; None if nothing."""
    if dataset.class_ == DatasetClass.RESTRICTED:
        return "The dataset is restricted: what is public of it is its open cut, which follows from its classification."
    if dataset.current_version_id is None:
        return (
            f"The dataset has no rows yet. Write some first, then classify its columns at /classification/{dataset.id}."
        )
    classification = agreed(session, dataset.id)
    opened = {c.column for c in classification.columns if c.decision == OPEN} if classification else set()
    if {column.name for column in columns_of(dataset)} <= opened:
        return None
    work = deciding.under_work(session, dataset.id)
    if work is not None and work.state == ClassificationState.PROPOSED:
        return "The classification is proposed; the Chief Data Officer has to agree to it. Try again then."
    return (
        f"Next, a steward or the data officer decides every column at /classification/{dataset.id} and proposes the "
        "classification; the Chief Data Officer agrees to it, and the dataset is public."
    )


def _agency(writer: Writer, wanted: Any) -> str:
    own = sorted(writer.identity.agencies(*runs.PUBLISHERS))
    if wanted is not None:
        return str(wanted)
    if not own:
        raise Refused(
            "Only stewards and data officers register datasets.", because=("role:steward", "role:data_officer")
        )
    if len(own) > 1:
        raise Invalid(f'You publish for several agencies. Say which by "agency": {", ".join(own)}.')
    return own[0]


def _type(given: Mapping[str, Any]) -> str:
    wanted = str(given.get("dataTypeName") or SodaType.TEXT).lower()
    type_ = wanted if wanted in parsing.TYPES else str(OLD_NAMES.get(wanted, ""))
    if type_ not in parsing.TYPES:
        raise Invalid(f"{wanted[:40]!r} is not a type. A column can be: {', '.join(parsing.TYPES)}.")
    return type_


def _text(view: Mapping[str, Any], name: str) -> str:
    value = view.get(name)
    if not isinstance(value, str):
        raise Invalid(f"A dataset needs a {name}.")
    return value
