"""Withdrawing, suspending, resuming, terminating, expiring: how a version leaves force, and how it comes back.

The table is `agreements.transitions`; how a command locks, checks and records is `agreements.moving`. Submitting and
reviewing are in `reviewing`, freezing, signing and activating in `signing`, starting and amending in `drafting`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from agreements.models import AgreementVersion, State
from agreements.moving import Turn, begin, fully_signed, move, one_agency, stated, take
from agreements.transitions import BY_COMMAND, Command
from exchange.clock import end_of_day, legal_day
from exchange.directory.identity import Identity
from exchange.errors import Conflict, Refused


def withdraw(
    session: Session, by: Identity, version: AgreementVersion, *, reason: str, now: datetime
) -> AgreementVersion:
    """Take back a version that is not yet fully signed; its signatures, if any, are kept and bind nobody."""
    turn = begin(session, by, version, Command.WITHDRAW, now)
    if fully_signed(turn.version):
        raise Conflict("Every party has signed this version, so it can no longer be withdrawn; it can be terminated.")
    turn.version.reason = stated(reason, "The reason for the withdrawal")
    move(session, turn, State.WITHDRAWN, note=turn.version.reason)
    return turn.version


def suspend(
    session: Session, by: Identity, version: AgreementVersion, *, reason: str, now: datetime, agency: str | None = None
) -> AgreementVersion:
    """Cut off every reader at once (clause C26; 20 CFR 603.10(a)); the agreement itself stays signed."""
    turn = begin(session, by, version, Command.SUSPEND, now)
    turn.version.reason = stated(reason, "The reason for the suspension")
    move(session, turn, State.SUSPENDED, agency=one_agency(turn, agency), note=turn.version.reason, because=("C26",))
    return turn.version


def resume(
    session: Session, by: Identity, version: AgreementVersion, *, reason: str, now: datetime
) -> AgreementVersion:
    """End a suspension. Only the agency that suspended may: nobody else can judge whether its cause is gone."""
    turn = begin(session, by, version, Command.RESUME, now)
    agency = suspended_by(turn.version)
    if agency not in turn.agencies:
        raise Refused(
            f"The suspension was made for {agency}; only a person of that agency can end it.", because=("C26",)
        )
    if turn.version.ends_at is not None and now > turn.version.ends_at:
        raise Conflict("The term has ended, so there is nothing to resume; draft an amendment with a new term.")
    turn.version.reason = stated(reason, "The reason for resuming")
    move(session, turn, State.ACTIVE, agency=agency, note=turn.version.reason, because=("C26",))
    return turn.version


def suspended_by(version: AgreementVersion) -> str | None:
    """The agency for which the version was last suspended; None if it never was."""
    return next((e.agency_id for e in reversed(version.events) if e.command == Command.SUSPEND.value), None)


def terminate(
    session: Session,
    by: Identity,
    version: AgreementVersion,
    *,
    cause: bool,
    reason: str,
    now: datetime,
    agency: str | None = None,
) -> AgreementVersion:
    """End a signed agreement for good (clause C30; 20 CFR 603.10(a)).

    For cause it ends at once. For convenience it ends after the days of notice that clause C30 sets, at the end of that
    legal day; without such a clause, or with none, at once too. Until then `in_force` still holds.
    """
    turn = begin(session, by, version, Command.TERMINATE, now)
    if turn.version.state == State.SIGNATURE.value and not fully_signed(turn.version):
        raise Conflict(
            "Not every party has signed this version, so there is nothing to terminate; it can be withdrawn."
        )
    turn.version.reason = stated(reason, "The reason for the termination")
    days = 0 if cause else notice_days(turn.version)
    to = State.TERMINATED
    if days and turn.version.state != State.SIGNATURE.value:
        turn.version.terminates_at = end_of_day(legal_day(now) + timedelta(days=days))
        to = State(turn.version.state)
    kind = "cause" if cause else "convenience"
    move(
        session,
        turn,
        to,
        agency=one_agency(turn, agency),
        note=f"For {kind}: {turn.version.reason}",
        because=("C30",),
        reason=f"for {kind}",
        details={"notice_days": days},
    )
    return turn.version


def notice_days(version: AgreementVersion) -> int:
    """Days of notice for a termination for convenience, as clause C30 of this version sets them; 0 without one."""
    for clause in version.clauses:
        if clause.code == "C30":
            return int(clause.parameters.get("notice_days") or 0)
    return 0


def expire_due(session: Session, now: datetime) -> list[AgreementVersion]:
    """End every version whose term, or notice of termination, has run out. The caller commits."""
    due = session.scalars(
        select(AgreementVersion)
        .where(AgreementVersion.state.in_([state.value for state in BY_COMMAND[Command.EXPIRE].before]))
        .where(or_(AgreementVersion.ends_at < now, AgreementVersion.terminates_at <= now))
        .order_by(AgreementVersion.id.desc())
    ).all()
    return [version for version in due if _expire(session, version, now)]


def _expire(session: Session, version: AgreementVersion, now: datetime) -> bool:
    version = take(session, version)
    if State(version.state) not in BY_COMMAND[Command.EXPIRE].before:
        return False
    terminated = version.terminates_at is not None and version.terminates_at <= now
    turn = Turn(version, None, Command.EXPIRE, now)
    move(
        session,
        turn,
        State.TERMINATED if terminated else State.EXPIRED,
        note="The notice of termination has run out." if terminated else "The term has ended.",
        because=("C30",) if terminated else ("C28",),
    )
    return True
