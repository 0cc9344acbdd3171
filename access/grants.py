"""Grants: what a working group may read, as the meet of law, classification, E-MOU, DSA and request (invariant 2).

A grant is fixed when it is given: columns, rows, persons, floor and window are copied from the agreement version in
force, each with the clauses that set it. It holds only while that version does (`access.permit`).
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from access.covering import NotCovered, cover
from access.decision import ANYBODY, GrantTerms
from access.models import AccessRequest, Grant, GrantState, RequestState
from access.reasons import why_not
from agreements.bounds import Everything
from agreements.in_force import version_in_force
from agreements.models import AgreementVersion
from agreements.terms import Terms
from audit import ledger
from audit.actions import Action, Outcome
from audit.entry import Entry
from exchange import epoch
from exchange.catalog.models import Dataset
from exchange.directory.identity import Identity
from exchange.directory.models import RoleKind
from exchange.errors import Conflict, Invalid, NotFound, Refused

__all__ = ["NotCovered", "find", "give", "give_waiting", "grant_terms", "grants_of", "missing", "revoke", "why_not"]


def give(session: Session, request: AccessRequest, now: datetime, by: Identity | None = None) -> Grant:
    """Give the grant of an approved request, fixed to the meet of everything above it. The caller commits.

    Giving again returns the grant that is in force, and replaces one whose agreement version no longer is. Raises
    `NotCovered` when no agreement in force covers all that was asked, `Conflict` when the request is not approved.
    """
    if request.state not in (RequestState.APPROVED, RequestState.GRANTED):
        raise Conflict(f"The request is {request.state}; only an approved request becomes a grant.")
    held = _held(session, request)
    if held is not None and _in_force(session, held, now):
        return held
    version, terms = cover(session, request, now)
    if held is not None:
        _end(held, GrantState.SUPERSEDED, now)
    grant = fixed(request, version, terms, now)
    session.add(grant)
    request.state, request.agreement_id = RequestState.GRANTED.value, version.agreement_id
    session.flush()
    epoch.bump(session)
    _record(session, Action.GRANT_ACCESS_GIVE, grant, by, now)
    return grant


def give_waiting(session: Session, now: datetime, by: Identity | None = None) -> list[Grant]:
    """Give every approved request its grant where an agreement in force now covers it; also after an amendment."""
    waiting = select(AccessRequest).where(AccessRequest.state.in_([RequestState.APPROVED, RequestState.GRANTED]))
    given = []
    for request in session.scalars(waiting.order_by(AccessRequest.submitted_at)).all():
        held = _held(session, request)
        if (held is None or not _in_force(session, held, now)) and missing(session, request, now) is None:
            given.append(give(session, request, now, by))
    return given


def _in_force(session: Session, grant: Grant, now: datetime) -> bool:
    version = version_in_force(session, grant.agreement_version.agreement_id, now)
    return version is not None and version.id == grant.agreement_version_id


def _held(session: Session, request: AccessRequest) -> Grant | None:
    statement = select(Grant).where(Grant.request_id == request.id, Grant.state == GrantState.ACTIVE.value)
    return session.scalars(statement).first()


def fixed(request: AccessRequest, version: AgreementVersion, terms: Terms, now: datetime) -> Grant:
    """The grant that a request gets under these terms; it is not in any session yet."""
    return Grant(
        request_id=request.id,
        agreement_version_id=version.id,
        working_group_id=request.working_group_id,
        dataset_id=request.dataset_id,
        purpose=request.purpose,
        columns=sorted(request.columns),
        rows=dict(terms.rows) if terms.rows else None,
        persons=[ANYBODY] if isinstance(terms.persons, Everything) else sorted(terms.persons),
        min_cell=terms.min_cell,
        granularity=terms.granularity,
        rate=terms.rate,
        not_before=terms.begins,
        not_after=terms.ends,
        because={name: list(clauses) for name, clauses in terms.because.items()},
        created_at=now,
    )


def missing(session: Session, request: AccessRequest, now: datetime) -> str | None:
    """What stands between a request and its grant, in a sentence; None when an agreement in force covers it."""
    try:
        cover(session, request, now)
    except NotCovered as gap:
        return gap.message
    return None


def revoke(session: Session, by: Identity, grant_id: str, reason: str, now: datetime) -> Grant:
    """End a grant at once, with a reason. The CDO may, and the source agency's data officer. The caller commits."""
    grant = session.get(Grant, grant_id)
    if grant is None:
        raise NotFound("There is no such grant.")
    if not may_revoke(by, grant):
        raise Refused("Only the data officer of the source agency or the Chief Data Officer ends a grant.")
    if grant.state != GrantState.ACTIVE:
        raise Conflict(f"The grant is {grant.state} already.")
    if not reason.strip():
        raise Invalid("Say why the grant ends; its group will read it.")
    grant.end_reason = f"Ended by {_office(by, grant)}: {reason.strip()}"
    _end(grant, GrantState.REVOKED, now)
    request = session.get_one(AccessRequest, grant.request_id)
    request.state, request.ended_at = RequestState.ENDED.value, now
    epoch.bump(session)
    _record(session, Action.GRANT_ACCESS_REVOKE, grant, by, now)
    return grant


def may_revoke(by: Identity, grant: Grant) -> bool:
    """Whether this person may end this grant."""
    return by.holds(RoleKind.CDO) or by.holds(RoleKind.DATA_OFFICER, agency=grant.dataset.agency_id)


def _office(by: Identity, grant: Grant) -> str:
    """For which office a person ends a grant; no name, since names are the directory's to give."""
    own = by.holds(RoleKind.DATA_OFFICER, agency=grant.dataset.agency_id)
    return f"the data officer of {grant.dataset.agency.name}" if own else "the Chief Data Officer"


def _end(grant: Grant, state: GrantState, now: datetime) -> None:
    grant.state, grant.ended_at, grant.number = state.value, now, grant.number + 1


def grants_of(session: Session, identity: Identity) -> list[Grant]:
    """The grants a person may see: of their groups, of their agency's data, all for CDO and auditor. Newest first."""
    return list(session.scalars(_visible(identity).order_by(Grant.created_at.desc(), Grant.id)))


def find(session: Session, identity: Identity, grant_id: str) -> Grant:
    """A grant that this person may see. Raises `NotFound`, also for those of others."""
    grant: Grant | None = session.scalar(_visible(identity).where(Grant.id == grant_id))
    if grant is None:
        raise NotFound("There is no such grant.")
    return grant


def _visible(identity: Identity) -> Select[Grant]:
    statement = select(Grant).join(Dataset, Dataset.id == Grant.dataset_id)
    if identity.holds(RoleKind.CDO, RoleKind.AUDITOR, RoleKind.ADMINISTRATOR):
        return statement
    own = sorted(identity.agencies(RoleKind.DATA_OFFICER, RoleKind.STEWARD))
    return statement.where(or_(Grant.working_group_id.in_(sorted(identity.groups())), Dataset.agency_id.in_(own)))


def grant_terms(grant: Grant) -> GrantTerms:
    """The grant as `access.decision` reads it."""
    return GrantTerms(
        grant_id=grant.id,
        dataset=grant.dataset_id,
        working_group=grant.working_group_id,
        purpose=grant.purpose,
        columns=frozenset(grant.columns),
        rows=grant.rows,
        persons=frozenset(grant.persons),
        min_cell=grant.min_cell,
        granularity=grant.granularity,
        begins=grant.not_before,
        ends=grant.not_after,
        because={name: tuple(clauses) for name, clauses in grant.because.items()},
    )


def _record(session: Session, action: Action, grant: Grant, by: Identity | None, now: datetime) -> None:
    version = session.get_one(AgreementVersion, grant.agreement_version_id)
    ledger.append(
        session.connection(),
        Entry(
            action, Outcome.DONE, actor=by.pseudonym if by else None, working_group=grant.working_group_id,
            grant=grant.id,
            agreement=version.agreement_id, agreement_version=version.number, agreement_sha256=version.sha256,
            purpose=grant.purpose, dataset=grant.dataset_id, columns=tuple(grant.columns), at=now,
            because=tuple(sorted({clause for clauses in grant.because.values() for clause in clauses})),
            details={"request": grant.request_id, "number": grant.number},
        ),
    )  # fmt: skip
