"""Which agreement is in force: as a question, and as the SQL condition inside the authorize-and-log statement.

A version is in force while it is active, inside its term, before the end of any notice of termination, and while the
agreement it stands under is in force too (DUL under DSA under E-MOU). The condition asks the database itself, so a
worker never remembers a right (invariant 3, security.md §4.4).
"""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

from sqlalchemy import BindParameter, ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from agreements.models import Agreement, AgreementVersion, State

LINKS_ABOVE = 2
"""A DUL stands under a DSA, a DSA under an E-MOU: at most two agreements above one."""

VersionId = int | ColumnElement[int] | InstrumentedAttribute[int]
Instant = datetime | BindParameter[datetime]
"""An instant, or a named parameter for one: a condition that is asked with every request is built once."""


def live(version: type[AgreementVersion], now: Instant) -> ColumnElement[bool]:
    """SQL: this row by itself is active and inside its term; the agreements above it are not asked."""
    return and_(
        version.state == State.ACTIVE.value,
        version.begins_at <= now,
        or_(version.ends_at.is_(None), version.ends_at >= now),
        or_(version.terminates_at.is_(None), version.terminates_at > now),
    )


def in_force_condition(version_id: VersionId, now: Instant) -> ColumnElement[bool]:
    """SQL: the version, and an active version of every agreement above it, are in force at `now`.

    `version_id` is a number, or a column of a table in an enclosing FROM (it is correlated). On PostgreSQL each row
    that gives the permit is locked FOR SHARE until the caller's transaction ends, so a termination either came first
    and is seen, or waits for the entry; SQLite has one writer at a time and ignores the clause.
    """
    return and_(_itself(version_id, now), *(_above(version_id, link, now) for link in range(1, LINKS_ABOVE + 1)))


def _itself(version_id: VersionId, now: Instant) -> ColumnElement[bool]:
    version = aliased(AgreementVersion)
    permit = select(version.id).where(version.id == version_id, live(version, now))
    return exists(permit.with_for_update(read=True, of=version).correlate_except(version))


def _above(version_id: VersionId, link: int, now: Instant) -> ColumnElement[bool]:
    """SQL: there is no agreement `link` steps above this version, or an active version of it is in force."""
    base, top = aliased(AgreementVersion), aliased(AgreementVersion)
    chain = [aliased(Agreement) for _ in range(link)]
    path = select(base.id).join(chain[0], chain[0].id == base.agreement_id).where(base.id == version_id)
    for lower, upper in pairwise(chain):
        path = path.join(upper, upper.id == lower.parent_id, isouter=True)
    nothing = path.where(chain[-1].parent_id.is_(None))
    permit = path.join(top, top.agreement_id == chain[-1].parent_id).where(live(top, now))
    return or_(
        exists(nothing.correlate_except(base, *chain)),
        exists(permit.with_for_update(read=True, of=top).correlate_except(base, top, *chain)),
    )


def version_in_force(session: Session, agreement_id: str, now: datetime) -> AgreementVersion | None:
    """The agreement's version in force at `now`, the agreements above it included; None if there is none."""
    return session.scalars(
        select(AgreementVersion)
        .where(AgreementVersion.agreement_id == agreement_id, live(AgreementVersion, now))
        .where(in_force_condition(AgreementVersion.id, now))
        .order_by(AgreementVersion.number.desc())
        .limit(1)
    ).first()


def chain_in_force(session: Session, agreement_id: str, now: datetime) -> list[AgreementVersion]:
    """The version in force and those above it, lowest first (DSA, then its E-MOU); empty unless all hold."""
    chain: list[AgreementVersion] = []
    next_id: str | None = agreement_id
    while next_id is not None:
        version = version_in_force(session, next_id, now)
        if version is None:
            return []
        chain.append(version)
        next_id = version.agreement.parent_id
    return chain


def agreements_for(session: Session, dataset_id: str, working_group_id: str, now: datetime) -> list[AgreementVersion]:
    """The versions in force that give this working group something of this dataset, oldest agreement first."""
    versions = session.scalars(
        select(AgreementVersion)
        .join(Agreement)
        .where(Agreement.working_group_id == working_group_id, live(AgreementVersion, now))
        .where(in_force_condition(AgreementVersion.id, now))
        .order_by(Agreement.id)
    )
    return [version for version in versions if dataset_id in (version.terms or {})]
