"""The register of public-records requests for another agency's data, and of their referral (CGS 4-67dd).

An agency that is asked for data it got from another refers the request to the originating agency, and tells the
requester in writing that agency's name, address and telephone number and the day of the referral. The requester's name
is not kept here: the receiving agency has it under its own file number.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from agreements.drafting import next_in_series
from agreements.duties import letter
from agreements.duties.models import RecordsRequest, Referral
from agreements.duties.rights import ALWAYS, require_may_record
from agreements.moving import stated
from audit import ledger
from audit.actions import Action, Outcome
from audit.entry import Entry
from exchange.catalog.models import Dataset
from exchange.clock import legal_day
from exchange.directory.identity import Identity
from exchange.directory.models import Agency, RoleKind
from exchange.errors import Conflict, Invalid, NotFound

BUSINESS_DAYS = 4
"""After so many business days a request that is not referred is called overdue. CGS 4-67dd says "promptly"; four days
are what the Freedom of Information Act gives for an answer (to be confirmed by counsel)."""

SATURDAY = 5
TELEPHONE = re.compile(r"\+?[0-9][0-9 ().-]{5,38}[0-9]\Z")


def receive(
    session: Session,
    by: Identity,
    *,
    agency_id: str,
    received_on: date,
    file_number: str,
    about: str,
    dataset_id: str | None,
    now: datetime,
) -> RecordsRequest:
    """Record that an agency was asked for another's data. Raises `Refused`, or `Invalid` with what to change."""
    require_may_record(by, agency_id)
    if session.get(Agency, agency_id) is None or (dataset_id and session.get(Dataset, dataset_id) is None):
        raise Invalid("Choose the agency and the dataset from the lists.")
    if received_on > legal_day(now):
        raise Invalid("The request would have been received in the future. Correct the day.")
    request = RecordsRequest(
        id=next_in_series(session, f"FOI-{legal_day(now).year}"),
        agency_id=agency_id,
        received_on=received_on,
        file_number=stated(file_number, "The file number"),
        about=stated(about, "What was asked for"),
        dataset_id=dataset_id or None,
        recorded_at=now,
        recorded_by_id=by.person_id,
    )
    session.add(request)
    session.flush()
    _record(session, Action.REFERRAL_REQUEST_RECORD, by, request, None, now, received_on=received_on.isoformat())
    return request


def refer(
    session: Session,
    by: Identity,
    request: RecordsRequest,
    *,
    agency_id: str,
    address: str,
    telephone: str,
    referred_on: date,
    now: datetime,
) -> Referral:
    """Record the referral to the originating agency, and fix the letter to the requester.

    Raises `Refused`; `Conflict` where it is referred already; `Invalid` with what to change.
    """
    require_may_record(by, request.agency_id)
    if request.referral is not None:
        raise Conflict(f"{request.id} is referred already, on {request.referral.referred_on.isoformat()}.")
    originating = session.get(Agency, agency_id)
    if originating is None or agency_id == request.agency_id:
        raise Invalid("Choose the originating agency: the one whose data it is, and another than the one asked.")
    if not request.received_on <= referred_on <= legal_day(now):
        raise Invalid("The referral lies between the day of the request and today. Correct the day.")
    if not TELEPHONE.match(telephone.strip()):
        raise Invalid("Write the telephone number in figures, for example 860-555-0100: the law puts it in the letter.")
    referral = Referral(
        agency_id=agency_id,
        agency=originating,
        address=stated(address, "The address of the originating agency"),
        telephone=telephone.strip(),
        referred_on=referred_on,
        recorded_at=now,
        recorded_by_id=by.person_id,
    )
    referral.letter_sha256 = hashlib.sha256(letter.render(facts_of(request, referral))).hexdigest()
    request.referral = referral
    session.flush()
    days = {"referred_on": referred_on.isoformat(), "letter_sha256": referral.letter_sha256}
    _record(session, Action.REFERRAL_LETTER_GIVE, by, request, agency_id, now, **days)
    return referral


def facts_of(request: RecordsRequest, referral: Referral) -> letter.LetterFacts:
    """What the letter says."""
    return letter.LetterFacts(
        number=request.id,
        file_number=request.file_number,
        received_on=request.received_on,
        agency=request.agency.name,
        originating=referral.agency.name,
        address=referral.address,
        telephone=referral.telephone,
        referred_on=referral.referred_on,
        about=request.about,
    )


def letter_of(request: RecordsRequest) -> bytes:
    """The letter as PDF, the same bytes each time. Raises `NotFound` before the referral, `Conflict` if it differs."""
    if request.referral is None:
        raise NotFound(f"{request.id} is not referred yet, so there is no letter. Refer it first.")
    content = letter.render(facts_of(request, request.referral))
    if hashlib.sha256(content).hexdigest() != request.referral.letter_sha256:
        raise Conflict("The letter that follows from the register is no longer the one that was recorded. Tell OPM.")
    return content


def requests(session: Session) -> list[RecordsRequest]:
    """Every request, the newest first; who may see which is `seen_by`."""
    found = select(RecordsRequest).order_by(RecordsRequest.received_on.desc(), RecordsRequest.id.desc())
    with_parts = found.options(
        selectinload(RecordsRequest.agency), selectinload(RecordsRequest.referral).selectinload(Referral.agency)
    )
    return list(session.scalars(with_parts))


def seen_by(identity: Identity, found: Iterable[RecordsRequest]) -> list[RecordsRequest]:
    """Those that this person may know of: the CDO and the auditors all, others those of their agencies."""
    if identity.holds(*ALWAYS):
        return list(found)
    mine = identity.agencies(RoleKind.DATA_OFFICER, RoleKind.COUNSEL)
    return [one for one in found if mine & {one.agency_id, one.referral.agency_id if one.referral else ""}]


def request_seen(session: Session, identity: Identity, request_id: str) -> RecordsRequest:
    """One request. Raises `NotFound`, in the same words where the person may not know of it."""
    request = session.get(RecordsRequest, request_id)
    seen = seen_by(identity, [request] if request is not None else [])
    if not seen:
        raise NotFound(f"There is no request {request_id} that you may see. The list shows those that you may.")
    return seen[0]


def due_on(received_on: date) -> date:
    """The last day on which a referral is not called overdue; State holidays are not counted out."""
    day, left = received_on, BUSINESS_DAYS
    while left:
        day += timedelta(days=1)
        left -= day.weekday() < SATURDAY
    return day


def is_overdue(request: RecordsRequest, today: date) -> bool:
    """Whether it is not referred though its day has passed, or was referred after that day."""
    return (request.referral.referred_on if request.referral else today) > due_on(request.received_on)


def last_known(session: Session, agency_id: str) -> Referral | None:
    """The newest referral to this agency, whose address and telephone number can be used again."""
    newest = select(Referral).where(Referral.agency_id == agency_id).order_by(Referral.recorded_at.desc()).limit(1)
    return session.scalars(newest).first()


def _record(
    session: Session, action: Action, by: Identity, request: RecordsRequest, to: str | None, now: datetime, **facts: str
) -> None:
    details = {"request": request.id, **facts} | ({"to": to} if to else {})
    entry = Entry(
        action,
        Outcome.DONE,
        actor=by.pseudonym,
        agency=request.agency_id,
        dataset=request.dataset_id,
        details=details,
        because=("CGS 4-67dd",),
        at=now,
    )
    ledger.append(session.connection(), entry)
