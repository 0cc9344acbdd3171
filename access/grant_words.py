"""A grant in words, for its group, its source agency and the auditor."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from access.decision import AGGREGATE, ANYBODY
from access.models import Grant, GrantState
from access.permit import group_standing
from access.reasons import why_not_in_force
from exchange.clock import LEGAL_ZONE
from exchange.directory.models import Person
from exchange.rows.predicate import in_words


@dataclass(frozen=True)
class GrantInWords:
    """What a page says of a grant. `clauses` maps a part of the grant to the clauses that set it."""

    id: str
    dataset_id: str
    dataset: str
    agency: str
    group: str
    purpose: str
    columns: tuple[tuple[str, str], ...]
    rows: str
    persons: tuple[str, ...]
    limits: tuple[str, ...]
    begins: str
    ends: str
    agreement: str
    agreement_version: int
    agreement_title: str
    clauses: Mapping[str, str]
    state: str
    why_ended: str
    floor: int
    given: datetime


def described(session: Session, grant: Grant, now: datetime) -> GrantInWords:
    """The grant in words, as it stands now."""
    labels = {column.name: column.label for column in grant.dataset.columns}
    version = grant.agreement_version
    state = _state(session, grant, now)
    return GrantInWords(
        id=grant.id,
        dataset_id=grant.dataset_id,
        dataset=grant.dataset.title,
        agency=grant.dataset.agency.name,
        group=grant.working_group.name,
        purpose=grant.purpose,
        columns=tuple((name, labels.get(name, name)) for name in grant.columns),
        rows=in_words(grant.rows, labels),
        persons=persons_of(session, grant),
        limits=limits_of(grant),
        begins=day(grant.not_before),
        ends=day(grant.not_after),
        agreement=version.agreement_id,
        agreement_version=version.number,
        agreement_title=version.agreement.title,
        clauses={part: ", ".join(clauses) for part, clauses in grant.because.items()},
        state=state,
        why_ended=_why_ended(session, grant, state, now),
        floor=grant.min_cell,
        given=grant.created_at,
    )


def in_force_first(held: Iterable[GrantInWords]) -> list[GrantInWords]:
    """Those that can be read under now before all others; otherwise in the order in which they came."""
    return sorted(held, key=lambda each: each.state != GrantState.ACTIVE)


def _state(session: Session, grant: Grant, now: datetime) -> str:
    """Its own state; "not in force" when it is active and its agreement or its window is not."""
    if grant.state != GrantState.ACTIVE:
        return grant.state
    stands = session.scalar(select(func.count()).select_from(Grant).where(Grant.id == grant.id, group_standing(now)))
    return "active" if stands else "not in force"


def _why_ended(session: Session, grant: Grant, state: str, now: datetime) -> str:
    """When and by whom it was ended, and why; else what keeps it from being in force; nothing while it is."""
    if state == GrantState.ACTIVE:
        return ""
    if grant.end_reason:
        return f"Revoked on {day(grant.ended_at)}. {grant.end_reason}" if grant.ended_at else grant.end_reason
    refusal = why_not_in_force(session, grant, now)
    return refusal.reason if refusal else ""


def persons_of(session: Session, grant: Grant) -> tuple[str, ...]:
    """Who may read under it, by name."""
    if ANYBODY in grant.persons:
        return ("every member of the working group",)
    return tuple(session.scalars(select(Person.name).where(Person.id.in_(grant.persons)).order_by(Person.name)))


def limits_of(grant: Grant) -> tuple[str, ...]:
    """What holds for every answer under it: single records or totals, the smallest count, queries a day."""
    found = []
    if grant.granularity == AGGREGATE:
        found.append("totals only, never single records")
    elif grant.min_cell:
        found.append(f"single records may be read; counts in anything published stay at {grant.min_cell} or more")
    if grant.min_cell:
        found.append(f"grouped answers and counts leave out groups of fewer than {grant.min_cell} rows")
    if grant.rate is not None:
        found.append(f"{grant.rate} queries a day")
    return tuple(found)


def day(instant: datetime) -> str:
    """An instant as a legal day in words."""
    local = instant.astimezone(LEGAL_ZONE)
    return f"{local:%B} {local.day}, {local.year}"
