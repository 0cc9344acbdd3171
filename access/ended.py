"""Grants of one's groups that ended or were suspended lately, for the desk: who plans on them must learn of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from access.models import Grant, GrantState
from access.permit import group_standing
from access.reasons import NOT_YET, why_not_in_force
from agreements.models import Agreement, AgreementVersion, State
from exchange.directory.identity import Identity
from exchange.directory.waiting import Waiting

SHOWN_FOR = timedelta(days=14)


def ended_grants(session: Session, identity: Identity, now: datetime) -> list[Waiting]:
    """The grants of the person's groups that stopped within the last 14 days: since when and why.

    A grant that another replaced is no loss, and is not among them.
    """
    mine = select(Grant).where(Grant.working_group_id.in_(sorted(identity.groups())), Grant.not_before <= now)
    stopped = mine.where(Grant.state != GrantState.SUPERSEDED.value, ~group_standing(now))
    found = ((grant, stopped_at(session, grant, now)) for grant in session.scalars(stopped.order_by(Grant.id)).all())
    return [_told(session, grant, since, now) for grant, since in found if since and since >= now - SHOWN_FOR]


def stopped_at(session: Session, grant: Grant, now: datetime) -> datetime | None:
    """The first instant from which the grant was not in force, as far as is known at `now`; None while it is."""
    ends = [grant.ended_at, grant.not_after if grant.not_after < now else None]
    ends += [_version_ended_at(version, now) for version in _chain(session, grant.agreement_version)]
    return min((end for end in ends if end is not None), default=None)


def _told(session: Session, grant: Grant, since: datetime, now: datetime) -> Waiting:
    refusal = why_not_in_force(session, grant, now)
    why = grant.end_reason or (refusal.reason if refusal else "")
    title = f"{grant.working_group.name} cannot read {grant.dataset.title} for {grant.purpose} any more. {why}".strip()
    return Waiting(title, "grants.show", {"grant_id": grant.id}, since, "See the grant")


def _version_ended_at(version: AgreementVersion, now: datetime) -> datetime | None:
    ends = [version.terminates_at, version.ends_at]
    passed = [end for end in ends if end is not None and end <= now]
    return min([*passed, *([] if version.state == State.ACTIVE else [version.state_since])], default=None)


def _chain(session: Session, version: AgreementVersion) -> Iterator[AgreementVersion]:
    """The version, and of each agreement above it the version that stands, or the last that did."""
    yield version
    parent_id = version.agreement.parent_id
    while parent_id is not None:
        above = session.scalars(
            select(AgreementVersion)
            .where(AgreementVersion.agreement_id == parent_id, AgreementVersion.state.not_in(NOT_YET))
            .order_by((AgreementVersion.state == State.ACTIVE).desc(), AgreementVersion.number.desc())
        ).first()
        if above is not None:
            yield above
        parent_id = session.get_one(Agreement, parent_id).parent_id
