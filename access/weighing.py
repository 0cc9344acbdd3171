"""What a request would get, for who asks and who answers: the law on its columns, the agreement, rows, persons, end."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from access.covering import NotCovered, cover
from access.grant_words import day, limits_of, persons_of
from access.grants import fixed
from access.models import AccessRequest, Grant
from access.permit import group_standing
from exchange.catalog.models import Dataset
from exchange.classification.withheld import why_withheld
from exchange.directory.identity import Identity
from exchange.rows.predicate import in_words


@dataclass(frozen=True)
class Carried:
    """The agreement that would carry the grant, and what the grant would be under it."""

    agreement: str
    number: int
    title: str
    rows: str
    persons: tuple[str, ...]
    limits: tuple[str, ...]
    until: str


@dataclass(frozen=True)
class Weighed:
    """A request weighed. `carried` None: no agreement in force covers it, and `missing` says what is missing.

    `columns` pairs a label with why the column is restricted, empty for an open one. `held` are the group's grants in
    force on the dataset: id, purpose, columns and until when.
    """

    carried: Carried | None
    missing: str
    columns: tuple[tuple[str, str], ...]
    held: tuple[tuple[str, str, str, str], ...]


def weigh(session: Session, request: AccessRequest, now: datetime) -> Weighed:
    """What this request would get now. It need not be in the session."""
    dataset = session.get_one(Dataset, request.dataset_id)
    why = {each.column: each.words for each in why_withheld(session, dataset.id)}
    columns = tuple((each.label, why.get(each.name, "")) for each in dataset.columns if each.name in request.columns)
    held = _held(session, request, dataset, now)
    try:
        return Weighed(_carried(session, request, dataset, now), "", columns, held)
    except NotCovered as gap:
        return Weighed(None, gap.message, columns, held)


def wanted(identity: Identity, dataset: Dataset, group: str, columns: Collection[str], purpose: str) -> AccessRequest:
    """The request that a person is about to make, to be weighed; in no session."""
    return AccessRequest(
        working_group_id=group,
        person_id=identity.person_id,
        dataset_id=dataset.id,
        columns=sorted(columns),
        purpose=purpose,
    )


def _carried(session: Session, request: AccessRequest, dataset: Dataset, now: datetime) -> Carried:
    version, terms = cover(session, request, now)
    grant = fixed(request, version, terms, now)
    return Carried(
        agreement=version.agreement_id,
        number=version.number,
        title=version.agreement.title,
        rows=in_words(grant.rows, {column.name: column.label for column in dataset.columns}),
        persons=persons_of(session, grant),
        limits=limits_of(grant),
        until=day(grant.not_after),
    )


def _held(
    session: Session, request: AccessRequest, dataset: Dataset, now: datetime
) -> tuple[tuple[str, str, str, str], ...]:
    labels = {column.name: column.label for column in dataset.columns}
    mine = select(Grant).where(Grant.dataset_id == dataset.id, Grant.working_group_id == request.working_group_id)
    return tuple(
        (grant.id, grant.purpose, ", ".join(labels.get(name, name) for name in grant.columns), day(grant.not_after))
        for grant in session.scalars(mine.where(group_standing(now)).order_by(Grant.created_at, Grant.id))
    )
