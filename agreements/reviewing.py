"""Review: the source agencies' data officers answer first, then counsel of each of them and of OPM.

Approval is per source agency and unanimous (connecticut.md §8): no agency's data enters an agreement that it did not
itself approve. Answers count for one round; a version that comes back after changes is answered anew.
"""

from __future__ import annotations

import enum
from datetime import datetime

from sqlalchemy.orm import Session

from agreements.models import AgreementVersion, Capacity, Review, State
from agreements.moving import Turn, begin, move, one_agency, stated
from agreements.open_points import open_points
from agreements.transitions import OPM, Command, parties_as
from exchange.clock import legal_day
from exchange.directory.identity import Identity
from exchange.errors import Conflict, Refused


class ReviewKind(enum.StrEnum):
    """As what a person answers."""

    SOURCE = "source"
    COUNSEL = "counsel"


class ReviewAnswer(enum.StrEnum):
    """What a review can say."""

    APPROVE = "approve"
    CHANGE = "change"
    REFUSE = "refuse"


def submit_for_review(
    session: Session, by: Identity, version: AgreementVersion, *, now: datetime, note: str = ""
) -> AgreementVersion:
    """Send a draft to the source agencies; it then waits on each of their data officers."""
    turn = begin(session, by, version, Command.SUBMIT_FOR_REVIEW, now)
    lacking = open_points(session, turn.version, now)
    if lacking:
        sentences = "\n".join(f"• {point.sentence}" for point in lacking)
        raise Refused(f"This draft cannot be reviewed yet:\n{sentences}", code="incomplete")
    turn.version.round += 1
    move(session, turn, State.SOURCE_REVIEW, note=note.strip(), details={"round": turn.version.round})
    return turn.version


def approve_as_source(
    session: Session,
    by: Identity,
    version: AgreementVersion,
    *,
    now: datetime,
    note: str = "",
    agency: str | None = None,
    seen_round: int | None = None,
) -> AgreementVersion:
    """A source agency consents to its data in this agreement; the last consent passes it to counsel."""
    turn = begin(session, by, version, Command.APPROVE_AS_SOURCE, now)
    _require_same_text(turn.version, seen_round)
    agency = _answer(session, turn, ReviewKind.SOURCE, ReviewAnswer.APPROVE, agency=agency, note=note)
    last = not waiting_on_sources(turn.version)
    move(session, turn, State.LEGAL_REVIEW if last else State.SOURCE_REVIEW, agency=agency, note=note.strip())
    return turn.version


def approve_as_counsel(
    session: Session,
    by: Identity,
    version: AgreementVersion,
    *,
    now: datetime,
    note: str = "",
    agency: str | None = None,
    seen_round: int | None = None,
) -> AgreementVersion:
    """Counsel of a source agency, or of OPM, finds the text in order."""
    turn = begin(session, by, version, Command.APPROVE_AS_COUNSEL, now)
    _require_same_text(turn.version, seen_round)
    agency = _answer(session, turn, ReviewKind.COUNSEL, ReviewAnswer.APPROVE, agency=agency, note=note)
    move(session, turn, State.LEGAL_REVIEW, agency=agency, note=note.strip())
    return turn.version


def request_changes(
    session: Session, by: Identity, version: AgreementVersion, *, note: str, now: datetime, agency: str | None = None
) -> AgreementVersion:
    """Send a version back to its drafter, saying what to change; every answer is then asked again."""
    turn = begin(session, by, version, Command.REQUEST_CHANGES, now)
    note = stated(note, "What should be changed")
    in_source_review = turn.version.state == State.SOURCE_REVIEW.value
    kind = ReviewKind.SOURCE if in_source_review else ReviewKind.COUNSEL
    agency = _answer(session, turn, kind, ReviewAnswer.CHANGE, agency=agency, note=note)
    move(session, turn, State.CHANGES_REQUESTED, agency=agency, note=note)
    return turn.version


def refuse(
    session: Session,
    by: Identity,
    version: AgreementVersion,
    *,
    citation: str,
    note: str = "",
    now: datetime,
    agency: str | None = None,
) -> AgreementVersion:
    """A source agency's data may not go by this agreement: final for this version, and with the law cited."""
    turn = begin(session, by, version, Command.REFUSE, now)
    citation = stated(citation, "The legal citation")
    agency = _answer(session, turn, ReviewKind.SOURCE, ReviewAnswer.REFUSE, agency=agency, note=note, citation=citation)
    turn.version.reason = citation
    move(session, turn, State.REFUSED, agency=agency, note=f"{citation}. {note}".strip(), because=(citation,))
    return turn.version


def _require_same_text(version: AgreementVersion, seen_round: int | None) -> None:
    """An approval is of the text that was read: `seen_round` is that of the page; None trusts the caller."""
    if seen_round is not None and seen_round != version.round:
        raise Conflict(
            "The text was changed and submitted anew since you opened this page. Reload it and read it again."
        )


def waiting_on_sources(version: AgreementVersion) -> frozenset[str]:
    """The source agencies that have not yet answered in this round."""
    return parties_as(version, Capacity.SOURCE) - _answered(version, ReviewKind.SOURCE)


def waiting_on_counsel(version: AgreementVersion) -> frozenset[str]:
    """The agencies whose counsel has not yet answered in this round: each source agency, and OPM."""
    return (parties_as(version, Capacity.SOURCE) | {OPM}) - _answered(version, ReviewKind.COUNSEL)


def _answered(version: AgreementVersion, kind: ReviewKind) -> frozenset[str]:
    return frozenset(
        review.agency_id for review in version.reviews if review.kind == kind.value and review.round == version.round
    )


def _answer(
    session: Session,
    turn: Turn,
    kind: ReviewKind,
    answer: ReviewAnswer,
    *,
    agency: str | None,
    note: str,
    citation: str = "",
) -> str:
    """Write one agency's answer and return the agency. Raises `Conflict` if that agency has answered already."""
    version = turn.version
    waiting = waiting_on_sources(version) if kind is ReviewKind.SOURCE else waiting_on_counsel(version)
    changing = answer is not ReviewAnswer.APPROVE
    agency = one_agency(turn, agency, None if changing else (waiting if agency is None else None))
    if agency not in waiting and not changing:
        raise Conflict(_answered_already(version, kind, agency, turn.by))
    version.reviews.append(
        Review(
            round=version.round,
            kind=kind.value,
            agency_id=agency,
            answer=answer.value,
            citation=citation.strip(),
            person_id=turn.by.person_id if turn.by else "",
            note=note.strip(),
            at=turn.now,
        )
    )
    session.flush()
    return agency


def _answered_already(version: AgreementVersion, kind: ReviewKind, agency: str, by: Identity | None) -> str:
    review = next(r for r in version.reviews if (r.kind, r.agency_id, r.round) == (kind.value, agency, version.round))
    day = legal_day(review.at).isoformat()
    who = "You have" if by and review.person_id == by.person_id else f"{review.person.name} has"
    return f"{who} answered for {review.agency.name} already, on {day}. Nothing was changed."
