"""Registering datasets, and reading what is registered.

A dataset exists, as a draft, before its first version: it has an owner, a class and an address of its own,
and nothing to read. Rows come by a publishing run, publicity by an agreed classification.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from audit import ledger
from audit.actions import Action, Outcome
from audit.entry import Entry
from exchange.catalog.models import Column, Dataset, DatasetClass, Version
from exchange.directory.identity import Identity
from exchange.directory.models import Agency
from exchange.errors import Conflict, Invalid
from exchange.values import field_name, is_four_by_four, mint_four_by_four

CATEGORIES = (
    "Business",
    "Education",
    "Environment and Natural Resources",
    "Government",
    "Health and Human Services",
    "Housing and Development",
    "Local Government",
    "Public Safety",
    "Tax and Revenue",
    "Transportation",
)
"""The State's own list (Open Data Handbook, metadata standard)."""

MAX_TITLE = 300


def register_dataset(
    session: Session,
    by: Identity | None,
    *,
    agency_id: str,
    title: str,
    class_: str,
    id: str | None = None,
    description: str = "",
    row_id: str | None = None,
    category: str = "Government",
    regimes: Sequence[str] = (),
    now: datetime,
) -> Dataset:
    """Register a draft dataset of an agency, with its entry; the caller commits.

    `id` is the 4x4 under which it is known already, else a new one is minted; `row_id` the column whose values name
    the rows; `regimes` the laws that bind the data (FERPA, HIPAA, ...). `by` is None for the operator at the
    command line. Raises `Invalid` for a bad id, title, class, category or agency, `Conflict` for a taken id.
    """
    if session.get(Agency, agency_id) is None:
        raise Invalid(f"There is no agency with the key {agency_id!r}. The directory page lists them all.")
    dataset = Dataset(
        id=_free_id(session, id),
        agency_id=agency_id,
        title=_title(title),
        description=description,
        class_=_class(class_),
        category=_category(category),
        row_id=field_name(row_id) if row_id else None,
        regimes=sorted(set(regimes)),
        created_at=now,
        updated_at=now,
    )
    session.add(dataset)
    session.flush()
    ledger.append(session.connection(), _registration(dataset, by, now))
    return dataset


def get_dataset(session: Session, four_by_four: str) -> Dataset | None:
    """The dataset with this 4x4, whatever its state; who may know of it is `exchange.catalog.visibility`'s matter."""
    return session.get(Dataset, four_by_four)


def columns_of(dataset: Dataset) -> tuple[Column, ...]:
    """The columns of the current version, in order."""
    return tuple(dataset.columns)


def current_version(session: Session, dataset: Dataset) -> Version | None:
    """The version that readers see; None before the first publishing."""
    return session.get(Version, dataset.current_version_id) if dataset.current_version_id else None


def datasets_of(session: Session, agency_ids: Sequence[str]) -> list[Dataset]:
    """All datasets of these agencies in every state, by title."""
    return list(session.scalars(select(Dataset).where(Dataset.agency_id.in_(agency_ids)).order_by(Dataset.title)))


def ids_of_agency(session: Session, agency_id: str) -> tuple[str, ...]:
    """The ids of an agency's datasets in every state: what entries about its data name."""
    return tuple(session.scalars(select(Dataset.id).where(Dataset.agency_id == agency_id).order_by(Dataset.id)))


def titles_of(session: Session, ids: Iterable[str]) -> dict[str, str]:
    """The titles of datasets, for those who may see any id (auditors); unknown ids are left out."""
    rows = session.execute(select(Dataset.id, Dataset.title).where(Dataset.id.in_(set(ids))))
    return {row.id: row.title for row in rows}


def find_datasets(session: Session, text: str) -> list[str]:
    """The ids of datasets with this title; if there is none, of at most ten whose title contains it, by title."""
    wanted = " ".join(text.split())
    alike = or_(Dataset.title == wanted, func.lower(Dataset.title) == wanted.lower())
    if exact := list(session.scalars(select(Dataset.id).where(alike).order_by(Dataset.id).limit(10))):
        return exact
    pattern = f"%{wanted.replace('%', '').replace('_', '')}%"
    named = select(Dataset.id).where(Dataset.title.ilike(pattern)).order_by(Dataset.title)
    return list(session.scalars(named.limit(10)))


def _free_id(session: Session, given: str | None) -> str:
    if given is None:
        minted = mint_four_by_four()
        return minted if session.get(Dataset, minted) is None else _free_id(session, None)
    if not is_four_by_four(given):
        raise Invalid(
            f"{given!r} is not a dataset id. An id is four letters or digits, a hyphen, and four more: abcd-1234."
        )
    if session.get(Dataset, given) is not None:
        raise Conflict(f"The dataset id {given} is taken. Leave the id out to get a new one.")
    return given


def _title(title: str) -> str:
    trimmed = " ".join(title.split())
    if not trimmed or len(trimmed) > MAX_TITLE:
        raise Invalid(f"A dataset needs a title of 1 to {MAX_TITLE} characters.")
    return trimmed


def _class(class_: str) -> str:
    try:
        return DatasetClass(class_).value
    except ValueError:
        raise Invalid(f"A dataset is open or restricted, not {class_!r}.") from None


def _category(category: str) -> str:
    if category not in CATEGORIES:
        raise Invalid(f"{category!r} is not a category. The categories are: {', '.join(CATEGORIES)}.")
    return category


def _registration(dataset: Dataset, by: Identity | None, now: datetime) -> Entry:
    return Entry(
        action=Action.DATASET_REGISTRATION_ADD,
        outcome=Outcome.DONE,
        actor=by.pseudonym if by else None,
        agency=dataset.agency_id,
        dataset=dataset.id,
        dataset_class=dataset.class_,
        details={"title": dataset.title, "category": dataset.category, "regimes": list(dataset.regimes)},
        at=now,
    )
