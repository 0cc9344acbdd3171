"""Which column of a restricted dataset names the person each row is about, so that disclosures can be accounted for.

Its steward names it. The column need not be granted to anybody: its values never leave by it (`access.disclosing`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import ledger
from audit.actions import Action, Outcome
from audit.disclosures.subjects import MOST_NAMESPACE, is_namespace
from audit.entry import Entry
from exchange.catalog.models import Dataset, DatasetClass, SubjectColumn
from exchange.directory.identity import Identity
from exchange.directory.models import RoleKind
from exchange.errors import Invalid, Refused

NAMERS = (RoleKind.STEWARD, RoleKind.DATA_OFFICER)
KEY_TYPES = frozenset({"text", "number"})

EDUCATION, HEALTH, OTHER = "education", "health", "other"
RECORDS: Mapping[str, str] = {
    EDUCATION: "Education record: FERPA, 34 CFR 99.32",
    HEALTH: "Health record: HIPAA, 45 CFR 164.528",
    OTHER: "Other record about a person: CGS 4-193",
}
"""Kinds of record in law, with what they mean for an accounting."""


def subject_of(session: Session, dataset_id: str) -> tuple[str, str] | None:
    """The subject column and the kind of its keys; None if none was named."""
    named = session.get(SubjectColumn, dataset_id)
    return None if named is None else (named.column, named.namespace)


def named_subjects(session: Session, dataset_ids: Iterable[str]) -> dict[str, SubjectColumn]:
    """What these datasets name, by dataset."""
    chosen = select(SubjectColumn).where(SubjectColumn.dataset_id.in_(set(dataset_ids)))
    return {named.dataset_id: named for named in session.scalars(chosen)}


def with_namespace(session: Session, namespace: str) -> list[SubjectColumn]:
    """The datasets whose keys are of this kind, by id."""
    chosen = select(SubjectColumn).where(SubjectColumn.namespace == namespace).order_by(SubjectColumn.dataset_id)
    return list(session.scalars(chosen))


def may_name(by: Identity | None, dataset: Dataset) -> bool:
    """The steward or data officer of the agency that owns it; None is the operator."""
    return by is None or by.holds(*NAMERS, agency=dataset.agency_id)


def record_of(regimes: Collection[str]) -> str:
    """The kind of record that these laws make it, for somebody to confirm."""
    if {"FERPA", "FERPA-DIRECTORY"} & set(regimes):
        return EDUCATION
    return HEALTH if {"HIPAA", "PART2"} & set(regimes) else OTHER


def name_subject(
    session: Session,
    by: Identity | None,
    dataset: Dataset,
    column: str,
    *,
    namespace: str = "",
    record: str = "",
    now: datetime,
) -> SubjectColumn:
    """Name the column, with its entry; the caller commits. It counts from the next reading on.

    Without a `namespace` its keys are of a kind of their own; without `record` the dataset's regimes say which it is.
    Raises `Refused`, or `Invalid` for an open dataset, or a column, namespace or kind that cannot be.
    """
    if not may_name(by, dataset):
        raise Refused("Only a steward or the data officer of the agency that owns the data names its persons' column.")
    _require_column(dataset, column)
    chosen, kind = namespace or dataset.id, record or record_of(dataset.regimes)
    if not is_namespace(chosen):
        raise Invalid(f"A kind of key is small letters, digits and hyphens, at most {MOST_NAMESPACE}: student-id.")
    if kind not in RECORDS:
        raise Invalid(f"{kind!r} is no kind of record. Choose {', '.join(RECORDS)}.")
    named = session.get(SubjectColumn, dataset.id) or SubjectColumn(dataset_id=dataset.id)
    named.column, named.namespace, named.record, named.named_at = column, chosen, kind, now
    session.add(named)
    session.flush()
    ledger.append(session.connection(), _entry(by, dataset, named, now))
    return named


def _require_column(dataset: Dataset, name: str) -> None:
    if dataset.class_ != DatasetClass.RESTRICTED:
        raise Invalid("Open data is read by anybody and names nobody. Only a restricted dataset has a subject column.")
    column = next((each for each in dataset.columns if each.name == name), None)
    if column is None:
        names = ", ".join(each.name for each in dataset.columns) or "none yet: publish it first"
        raise Invalid(f"This dataset has no column {name!r}. It has: {names}.")
    if column.type not in KEY_TYPES:
        raise Invalid(f"{name} is of type {column.type}. A person's key is a text or a number.")


def _entry(by: Identity | None, dataset: Dataset, named: SubjectColumn, now: datetime) -> Entry:
    return Entry(
        Action.DATASET_SUBJECT_NAME,
        Outcome.DONE,
        actor=by.pseudonym if by else None,
        agency=dataset.agency_id,
        source=dataset.agency_id,
        dataset=dataset.id,
        dataset_class=dataset.class_,
        columns=(named.column,),
        details={"namespace": named.namespace, "record": named.record},
        at=now,
    )
