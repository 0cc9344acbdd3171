"""Requests: a working group's member asks for named columns of a restricted dataset, for one purpose.

Two persons answer, neither of them who asks: the data officer of the agency whose data it is, and the Chief Data
Officer. Approved is not granted: the grant follows the agreement in force (`access.grants.give`).
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, or_, select
from sqlalchemy.orm import Session

from access import grants
from access.models import AccessRequest, Grant, RequestDecision, RequestState
from access.permit import group_standing
from agreements.transitions import OPM
from audit import ledger
from audit.actions import Action, Outcome
from audit.entry import Entry
from exchange.catalog.models import Dataset, DatasetClass, DatasetState
from exchange.catalog.visibility import may_know
from exchange.classification.withheld import open_columns
from exchange.directory.identity import Identity
from exchange.directory.models import RoleKind
from exchange.errors import Conflict, Invalid, NotFound, Refused
from exchange.values import slug

SOURCE, CDO = "source", "cdo"
SIDES = {SOURCE: "the source agency", CDO: "the Chief Data Officer"}
OPEN_STATES = (RequestState.SUBMITTED.value, RequestState.APPROVED.value)
APPROVED = RequestState.APPROVED.value
MAX_REASON = 4000
MAX_PURPOSE = 80


@dataclass(frozen=True)
class Before:
    """What is known before somebody asks: columns already open (and where), already granted, already asked for."""

    open_cut: str | None
    open_columns: tuple[str, ...]
    granted: tuple[tuple[str, str], ...]
    asked: tuple[tuple[str, str], ...]

    def needless(self, columns: Collection[str]) -> bool:
        """Whether every one of these columns can be read without asking."""
        return bool(columns) and set(columns) <= {*self.open_columns, *(name for name, _ in self.granted)}


def before_asking(
    session: Session,
    identity: Identity,
    dataset: Dataset,
    columns: Collection[str],
    now: datetime,
    purpose: str | None = None,
) -> Before:
    """What of these columns (all, if none is named) is open already, granted to the person's groups, or asked for.

    `granted` and `asked` pair a column with the id of the grant or request. With a purpose, only what is for it counts.
    """
    wanted = set(columns) or {column.name for column in dataset.columns}
    cut = session.scalars(
        select(Dataset).where(Dataset.cut_of_id == dataset.id, Dataset.state == DatasetState.PUBLISHED.value)
    ).first()
    is_open = {column.name for column in open_columns(session, dataset)} & wanted if cut else set()
    held = [grant for grant in _grants(session, identity, dataset, now) if purpose in (None, grant.purpose)]
    asked = [request for request in _open_requests(session, identity, dataset) if purpose in (None, request.purpose)]
    return Before(
        cut.id if cut else None,
        tuple(sorted(is_open)),
        tuple(sorted((name, grant.id) for grant in held for name in wanted & set(grant.columns))),
        tuple(sorted((name, request.id) for request in asked for name in wanted & set(request.columns))),
    )


def _grants(session: Session, identity: Identity, dataset: Dataset, now: datetime) -> list[Grant]:
    groups = sorted(identity.groups())
    statement = select(Grant).where(Grant.dataset_id == dataset.id, Grant.working_group_id.in_(groups))
    return list(session.scalars(statement.where(group_standing(now))))


def _open_requests(session: Session, identity: Identity, dataset: Dataset) -> list[AccessRequest]:
    statement = select(AccessRequest).where(
        AccessRequest.dataset_id == dataset.id,
        AccessRequest.working_group_id.in_(sorted(identity.groups())),
        AccessRequest.state.in_(OPEN_STATES),
    )
    return list(session.scalars(statement))


def submit(
    session: Session,
    by: Identity,
    *,
    group: str,
    dataset: Dataset,
    columns: Collection[str],
    purpose: str,
    reason: str,
    now: datetime,
) -> AccessRequest:
    """Ask. `group` is the working group's key, `columns` field names, `purpose` a code such as `program-evaluation`.

    Raises `Refused` unless `by` is a member, `Invalid` for columns or words that are missing, `Conflict` when the
    columns can be read already or the same was asked before. The caller commits.
    """
    _check_asker(by, group, dataset)
    named = _check_columns(dataset, columns)
    code = slug(purpose)
    if not code or len(code) > MAX_PURPOSE or not reason.strip() or len(reason) > MAX_REASON:
        raise Invalid(
            "Name the purpose by a short code, and say in a few sentences why these columns are needed for it."
        )
    _check_needed(before_asking(session, by, dataset, named, now, code), named)
    request = AccessRequest(
        working_group_id=group,
        person_id=by.person_id,
        dataset_id=dataset.id,
        columns=named,
        purpose=code,
        reason=reason.strip(),
        state=RequestState.SUBMITTED.value,
        submitted_at=now,
    )
    session.add(request)
    session.flush()
    _record(session, Action.REQUEST_ACCESS_SUBMIT, Outcome.DONE, request, by, now)
    return request


def _check_asker(by: Identity, group: str, dataset: Dataset) -> None:
    if not by.holds(RoleKind.MEMBER, group=group):
        raise Refused("Only a member of the working group asks for it. Ask its convener to add you.")
    if not may_know(by, dataset):
        raise NotFound("There is no such dataset.")
    if dataset.class_ != DatasetClass.RESTRICTED:
        raise Conflict("This dataset is open: read it without asking.")


def _check_columns(dataset: Dataset, columns: Collection[str]) -> list[str]:
    named = sorted(set(columns))
    unknown = sorted(set(named) - {column.name for column in dataset.columns})
    if unknown or not named:
        raise Invalid(f"The dataset has no column {unknown[0]}." if unknown else "Name at least one column.")
    return named


def _check_needed(before: Before, columns: Collection[str]) -> None:
    if set(columns) <= set(before.open_columns):
        raise Conflict(f"All these columns are open already: read dataset {before.open_cut} without asking.")
    if before.needless(columns):
        raise Conflict("Your working group may read all these columns already; see its grants.")
    if set(columns) <= {name for name, _ in before.asked}:
        raise Conflict("Your working group asked for these columns already; see its requests.")


def side_of(by: Identity, request: AccessRequest) -> str | None:
    """The side for which this person may answer now: the first that is still open; None if neither is theirs.

    Who asked does not answer, and who answered for one side does not answer for the other (ASVS V2.3.5).
    """
    answered = {decision.side for decision in request.decisions}
    involved = {request.person_id} | {decision.person_id for decision in request.decisions}
    if request.state != RequestState.SUBMITTED or by.person_id in involved:
        return None
    if SOURCE not in answered and by.holds(RoleKind.DATA_OFFICER, agency=request.dataset.agency_id):
        return SOURCE
    return CDO if CDO not in answered and by.holds(RoleKind.CDO) else None


def decide(
    session: Session, by: Identity, request: AccessRequest, approved: bool, reason: str, now: datetime
) -> Grant | None:
    """Answer for one's side. The second approval gives the grant, if an agreement in force covers the request.

    Returns the grant, or None: refused, or still waiting for the other side or for an agreement. Raises `Refused` for
    a person who may not answer, `Invalid` for a refusal without a reason. The caller commits.
    """
    request = take(session, request.id)
    side = side_of(by, request)
    if side is None:
        raise Refused(_why_no_side(by, request), because=("role:data_officer", "role:cdo"))
    if not approved and not reason.strip():
        raise Invalid("A refusal needs a reason; the working group will read it.")
    request.decisions.append(
        RequestDecision(
            side=side, person_id=by.person_id, approved=approved, reason=reason.strip()[:MAX_REASON], at=now
        )
    )
    if not approved:
        request.state, request.ended_at = RequestState.REFUSED.value, now
    elif {decision.side for decision in request.decisions if decision.approved} == set(SIDES):
        request.state = RequestState.APPROVED.value
    session.flush()
    _record(
        session, Action.REQUEST_ACCESS_DECIDE, Outcome.DONE if approved else Outcome.REFUSED, request, by, now, side
    )
    return _grant_if_covered(session, request, by, now)


def _why_no_side(by: Identity, request: AccessRequest) -> str:
    if request.state != RequestState.SUBMITTED:
        return f"The request is {request.state} already."
    if by.person_id == request.person_id:
        return "Who asks does not answer; another person of the agency or the CDO's office must."
    if any(decision.person_id == by.person_id for decision in request.decisions):
        return "You answered for the other side; a second person must answer for this one."
    return "The data officer of the source agency and the Chief Data Officer answer requests."


def _grant_if_covered(session: Session, request: AccessRequest, by: Identity, now: datetime) -> Grant | None:
    if request.state != RequestState.APPROVED or grants.missing(session, request, now) is not None:
        return None
    return grants.give(session, request, now, by)


def withdraw(session: Session, by: Identity, request: AccessRequest, now: datetime) -> None:
    """Take back a request that is not granted. Any member of its group may. The caller commits."""
    request = take(session, request.id)
    if not by.holds(RoleKind.MEMBER, group=request.working_group_id):
        raise Refused("Only a member of the working group takes its request back.")
    if request.state not in OPEN_STATES:
        raise Conflict(f"The request is {request.state} already.")
    request.state, request.ended_at = RequestState.WITHDRAWN.value, now
    _record(session, Action.REQUEST_ACCESS_WITHDRAW, Outcome.DONE, request, by, now)


def take(session: Session, request_id: str) -> AccessRequest:
    """The request, its row locked until the transaction ends: two answers at once become one after the other."""
    locked = select(AccessRequest).where(AccessRequest.id == request_id).with_for_update()
    request: AccessRequest | None = session.scalar(locked.execution_options(populate_existing=True))
    if request is None:
        raise NotFound("There is no such request.")
    session.expire(request, ["decisions"])
    return request


def find(session: Session, identity: Identity, request_id: str) -> AccessRequest:
    """A request that this person may see. Raises `NotFound`, also for those of others."""
    request = session.scalars(_visible(identity).where(AccessRequest.id == request_id)).one_or_none()
    if request is None:
        raise NotFound("There is no such request.")
    return request


def for_giving(session: Session, by: Identity, request_id: str) -> AccessRequest:
    """An approved request whose grant this person may give: the CDO. Raises `Refused`, `NotFound`."""
    if not by.holds(RoleKind.CDO):
        raise Refused("The Chief Data Officer gives the grant of an approved request.")
    return take(session, request_id)


def requests_of(session: Session, identity: Identity) -> list[AccessRequest]:
    """The requests that a person may see, newest first."""
    return list(session.scalars(_visible(identity).order_by(AccessRequest.submitted_at.desc(), AccessRequest.id)))


def _visible(identity: Identity) -> Select[AccessRequest]:
    """One's own groups' requests, those for one's agency's data, and all for the CDO, auditors and administrators.

    OPM's drafters see the approved ones: an agreement must be drafted or amended for those that none covers.
    """
    statement = select(AccessRequest).join(Dataset, Dataset.id == AccessRequest.dataset_id)
    if identity.holds(RoleKind.CDO, RoleKind.AUDITOR, RoleKind.ADMINISTRATOR):
        return statement
    own = sorted(identity.agencies(RoleKind.DATA_OFFICER, RoleKind.STEWARD))
    mine = or_(AccessRequest.working_group_id.in_(sorted(identity.groups())), Dataset.agency_id.in_(own))
    return statement.where(or_(mine, AccessRequest.state == APPROVED) if drafts(identity) else mine)


def drafts(identity: Identity) -> bool:
    """Whether this person drafts agreements for OPM."""
    return identity.holds(RoleKind.DRAFTER, agency=OPM)


def _record(
    session: Session,
    action: Action,
    outcome: Outcome,
    request: AccessRequest,
    by: Identity,
    now: datetime,
    side: str = "",
) -> None:
    entry = Entry(
        action, outcome, actor=by.pseudonym, working_group=request.working_group_id, dataset=request.dataset_id,
        purpose=request.purpose, columns=tuple(request.columns), at=now,
        details={"request": request.id, **({"side": side} if side else {})},
    )  # fmt: skip
    ledger.append(session.connection(), entry)
