"""What waits for a person in requests and grants, for the desk."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from access.grants import missing
from access.models import AccessRequest, RequestState
from access.requests import drafts, requests_of, side_of
from exchange.directory.identity import Identity
from exchange.directory.models import RoleKind
from exchange.directory.waiting import Waiting


def requests_waiting(session: Session, identity: Identity, now: datetime) -> list[Waiting]:
    """Requests that this person answers; for the CDO the approved ones that an agreement now covers.

    Approved ones that none covers wait for the CDO and for OPM's drafters. Oldest first.
    """
    due = [_to_answer(request) for request in requests_of(session, identity) if side_of(identity, request)]
    if identity.holds(RoleKind.CDO) or drafts(identity):
        approved = session.scalars(select(AccessRequest).where(AccessRequest.state == RequestState.APPROVED.value))
        for request in approved.all():
            if missing(session, request, now) is not None:
                due.append(_to_cover(request))
            elif identity.holds(RoleKind.CDO):
                due.append(_to_give(request))
    return sorted(due, key=lambda waiting: waiting.since)


def _to_answer(request: AccessRequest) -> Waiting:
    title = f"{request.working_group.name} asks for {len(request.columns)} columns of {request.dataset.title}"
    return Waiting(title, "requests.show", {"request_id": request.id}, request.submitted_at, "Answer it")


def _to_give(request: AccessRequest) -> Waiting:
    title = f"An agreement now covers the approved request of {request.working_group.name} for {request.dataset.title}"
    return Waiting(title, "requests.show", {"request_id": request.id}, _approved_at(request), "Give the grant")


def _to_cover(request: AccessRequest) -> Waiting:
    title = f"No agreement covers the approved request of {request.working_group.name} for {request.dataset.title}"
    step = "Draft or amend an agreement"
    return Waiting(title, "requests.show", {"request_id": request.id}, _approved_at(request), step)


def _approved_at(request: AccessRequest) -> datetime:
    return max((decision.at for decision in request.decisions), default=request.submitted_at)
