"""One statutory memorandum for each executive agency, and with executive agencies alone.

CGS 4-67n(a) speaks of executive agencies; that each of them has one memorandum with OPM is to be confirmed by counsel.
Two at once would set two outer limits for the same data, so a second is refused when it is started, when it is opened
for signature and when it would come into force. Whoever asks takes a lock on the agency's row first: of two who start
at once the second waits, and finds the first one's memorandum.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from agreements.models import Agreement, AgreementVersion, Capacity, Party, State, Tier
from agreements.transitions import OPEN_STATES, OPM, STATES_IN_WORDS, parties_as
from exchange.directory.models import Agency
from exchange.errors import Conflict, Invalid

EXECUTIVE = "executive"
LAW = "CGS 4-67n(a)"
IN_FORCE = frozenset({State.ACTIVE, State.SUSPENDED})
"""States in which it stands in the way of another's coming into force."""
STANDING = OPEN_STATES | IN_FORCE
"""States in which a memorandum stands in the way of another with the same agency."""
BINDING = frozenset({State.SIGNATURE}) | IN_FORCE
"""States in which it stands in the way of another's signature: drafts may still be withdrawn."""


def executive_agencies(session: Session) -> list[Agency]:
    """The agencies with which OPM makes a memorandum, by name: those of the executive branch, without OPM itself."""
    wanted = select(Agency).where(Agency.branch == EXECUTIVE, Agency.id != OPM).order_by(Agency.name)
    return list(session.scalars(wanted))


def require_executive(agency: Agency) -> None:
    """Raise `Invalid` unless OPM makes a memorandum with this agency (CGS 4-67n(a))."""
    if agency.id == OPM:
        raise Invalid("OPM makes a memorandum with another agency; choose that agency.")
    if agency.branch != EXECUTIVE:
        raise Invalid(
            f"{agency.name} is not an agency of the executive branch, and OPM makes memoranda with those alone "
            f"({LAW}). Choose an executive agency."
        )


def standing(
    session: Session,
    agencies: Collection[str],
    now: datetime,
    *,
    states: frozenset[State] = STANDING,
    besides: str | None = None,
) -> AgreementVersion | None:
    """A memorandum with one of these agencies as source that is in one of these states and has not run out by `now`.

    The agencies' rows are locked until the transaction ends. `besides`: the memorandum that is not meant.
    """
    rows = select(Agency.id).where(Agency.id.in_(sorted(agencies))).order_by(Agency.id)
    session.execute(rows.with_for_update(key_share=True)).all()
    session.flush()
    found = session.scalars(
        select(AgreementVersion)
        .join(Agreement)
        .join(Party)
        .where(Agreement.tier == Tier.EMOU.value, Agreement.id != (besides or ""))
        .where(Party.capacity == Capacity.SOURCE.value, Party.agency_id.in_(sorted(agencies)))
        .where(AgreementVersion.state.in_([state.value for state in states]))
        .order_by(AgreementVersion.state != State.ACTIVE.value, Agreement.id, AgreementVersion.number.desc())
    )
    return next((version for version in found if not _over(version, now)), None)


def rival(
    session: Session, version: AgreementVersion, now: datetime, states: frozenset[State]
) -> AgreementVersion | None:
    """Another memorandum with an agency of this one that stands in its way; None for other kinds of agreement."""
    if version.agreement.tier != Tier.EMOU.value:
        return None
    sources = parties_as(version, Capacity.SOURCE)
    return standing(session, sources, now, states=states, besides=version.agreement_id)


def require_no_other(session: Session, agencies: Collection[str], now: datetime, *, besides: str | None = None) -> None:
    """Raise `Conflict`, naming it and what to do, if another memorandum with one of the agencies stands."""
    other = standing(session, agencies, now, besides=besides)
    if other is not None:
        raise Conflict(in_words(other))


def in_words(other: AgreementVersion) -> str:
    """Which memorandum stands in the way, and what to do instead."""
    state = State(other.state)
    names = sorted(party.agency.name for party in other.parties if party.capacity == Capacity.SOURCE.value)
    todo = (
        f"To change it open {other.agreement_id}, press “Draft an amendment”, and have the parties sign that version."
        if state in IN_FORCE
        else f"Go on with {other.agreement_id}, or withdraw it first."
    )
    return (
        f"{', '.join(names)} has a memorandum with OPM already: {other.agreement_id}, version {other.number}, "
        f"{STATES_IN_WORDS[state]}. Each executive agency has one ({LAW}; to be confirmed by counsel). {todo}"
    )


def _over(version: AgreementVersion, now: datetime) -> bool:
    """Whether its term, or the notice of its termination, has run out, though nobody has written that down yet."""
    if State(version.state) not in IN_FORCE:
        return False
    ended = version.ends_at is not None and version.ends_at < now
    return ended or (version.terminates_at is not None and version.terminates_at <= now)
