"""Moving an agreement version: the lock, the check, the history and the log, in one place for every command.

A command takes the version, locks its row, asks the table (`agreements.transitions`) whether state and role allow it,
then writes the change, an event and an entry in the caller's transaction. Of two that press at once exactly one wins:
the row lock (PostgreSQL `FOR UPDATE`; SQLite takes its write lock when the transaction begins) makes the second wait,
and the state it then finds answers it with a `Conflict` that says what happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict, Unpack

from sqlalchemy import select
from sqlalchemy.orm import Session

from agreements import frozen  # noqa: F401  (its guard is in place before anything moves)
from agreements.models import Agreement, AgreementEvent, AgreementVersion, State
from agreements.transitions import (
    BY_COMMAND,
    OPEN_STATES,
    STATES_IN_WORDS,
    Command,
    agencies_acted_for,
    who_in_words,
)
from audit import ledger
from audit.actions import Outcome
from audit.entry import Entry, new_id
from exchange import epoch
from exchange.clock import legal_day
from exchange.directory.identity import Identity
from exchange.errors import Conflict, Invalid, NotFound, Refused

CHANGES_RIGHTS = frozenset(
    {Command.ACTIVATE, Command.SUSPEND, Command.RESUME, Command.TERMINATE, Command.EXPIRE, Command.SUPERSEDE}
)
"""Commands after which somebody may read more or less than before."""

MAX_REASON = 2_000


@dataclass(frozen=True)
class Turn:
    """A permitted press of a command: the locked version, who pressed, when, and for which agencies they may act."""

    version: AgreementVersion
    by: Identity | None
    command: Command
    now: datetime
    agencies: frozenset[str] = frozenset()


class What(TypedDict, total=False):
    """What is recorded of a turn: `note` for people in the history; the others for the log, which holds no prose."""

    agency: str | None
    note: str
    because: tuple[str, ...]
    reason: str | None
    details: Mapping[str, Any]
    entry_id: str


def find(session: Session, agreement_id: str, number: int) -> AgreementVersion:
    """One version by the public number of its agreement and its own. Raises `NotFound`."""
    version = session.scalars(
        select(AgreementVersion).where(AgreementVersion.agreement_id == agreement_id, AgreementVersion.number == number)
    ).one_or_none()
    if version is None:
        raise NotFound(
            f"There is no version {number} of an agreement {agreement_id}. Look it up in the list of agreements."
        )
    return version


def take(session: Session, version: AgreementVersion) -> AgreementVersion:
    """The version with its row locked until the transaction ends, read afresh."""
    locked = select(AgreementVersion).where(AgreementVersion.id == version.id).with_for_update()
    return session.scalars(locked.execution_options(populate_existing=True)).one()


def begin(session: Session, by: Identity, version: AgreementVersion, command: Command, now: datetime) -> Turn:
    """Lock the version and check state and role. Raises `Refused` (not this person) or `Conflict` (not now)."""
    version = take(session, version)
    return Turn(version, by, command, now, permit(version, by, command))


def permit(version: AgreementVersion, by: Identity | None, command: Command) -> frozenset[str]:
    """The agencies for which this person may press this command now. Raises `Refused` or `Conflict`, saying why."""
    row = BY_COMMAND[command]
    here = State(version.state) in row.before
    agencies = agencies_acted_for(version, by, command)
    if not agencies:
        state = State(version.state) if here else row.before[0]
        raise Refused(
            f"“{row.words}” is for {who_in_words(state, command)}; you hold no such role in this agreement.",
            because=tuple(sorted({who.kind.value for who in row.who})),
        )
    if not here:
        raise Conflict(f"“{row.words}” is not possible now: {what_happened(version, by)}")
    return agencies


def require_editable(by: Identity, version: AgreementVersion) -> None:
    """Raise, as pressing would, unless this person may edit this version now; for showing an edit page."""
    permit(version, by, Command.EDIT)


def what_happened(version: AgreementVersion, to: Identity | None = None) -> str:
    """The last thing done to a version, as a sentence for who came too late (or did it themselves)."""
    state = STATES_IN_WORDS[State(version.state)]
    if not version.events:
        return f"it is {state}."
    last = version.events[-1]
    who = last.person.name if last.person else "the system"
    who = "you" if to and last.person_id == to.person_id else who
    day = legal_day(last.at).isoformat()
    return f"{who} {BY_COMMAND[Command(last.command)].done} it on {day}, and it is now {state}."


def move(session: Session, turn: Turn, to: State, **what: Unpack[What]) -> None:
    """Bring the version of a permitted turn into a state that the table allows, and record it."""
    version, row = turn.version, BY_COMMAND[turn.command]
    before = State(version.state)
    if to not in row.after:
        raise AssertionError(f"{turn.command} does not lead to {to}; the transition table says {row.after}")
    if before is not to:
        version.state, version.state_since = to.value, turn.now
    record(session, turn, before.value, **what)


def record(session: Session, turn: Turn, before: str, **what: Unpack[What]) -> None:
    """Write what was done: the event in the history, the entry in the log, in the caller's transaction."""
    version = turn.version
    version.events.append(
        AgreementEvent(
            command=turn.command.value,
            from_state=before,
            to_state=version.state,
            at=turn.now,
            note=what.get("note", ""),
            person_id=turn.by.person_id if turn.by else None,
            agency_id=what.get("agency"),
        )
    )
    session.flush()
    if turn.command in CHANGES_RIGHTS:
        epoch.bump(session)
    ledger.append(session.connection(), _entry(turn, what))


def _entry(turn: Turn, what: What) -> Entry:
    """The entry of a turn. Free text stays in the agreement's history: the log holds no prose of persons."""
    version = turn.version
    return Entry(
        action=BY_COMMAND[turn.command].action,
        outcome=Outcome.DONE,
        actor=turn.by.pseudonym if turn.by else None,
        agency=what.get("agency"),
        working_group=version.agreement.working_group_id,
        agreement=version.agreement_id,
        agreement_version=version.number,
        agreement_sha256=version.sha256,
        reason=what.get("reason"),
        because=what.get("because", ()),
        details=what.get("details", {}),
        at=turn.now,
        id=what.get("entry_id") or new_id(),
    )


def one_agency(turn: Turn, agency: str | None, among: frozenset[str] | None = None) -> str:
    """The agency for which the person acts: the one named, or the only (else the first) one they may act for.

    Raises `Refused` if they may not act for the one named.
    """
    possible = turn.agencies if among is None else turn.agencies & among
    if agency is not None and agency not in possible:
        raise Refused(f"You cannot act for {agency} here. You may act for {', '.join(sorted(turn.agencies))}.")
    return agency or min(possible or turn.agencies)


def stated(text: str, what: str) -> str:
    """A reason or a note that must not be empty. Raises `Invalid`."""
    text = text.strip()
    if not text:
        raise Invalid(f"{what} is missing; write it in a sentence, since it is kept with the agreement.")
    if len(text) > MAX_REASON:
        raise Invalid(f"{what} is longer than {MAX_REASON} characters; shorten it.")
    return text


def fully_signed(version: AgreementVersion) -> bool:
    """Whether every party has signed this version's hash."""
    signed = {signature.party_id for signature in version.signatures if signature.sha256 == version.sha256}
    return version.sha256 is not None and bool(version.parties) and {party.id for party in version.parties} <= signed


def version_under_way(agreement: Agreement) -> AgreementVersion | None:
    """The version being drafted, reviewed or signed; None if there is none."""
    return next((v for v in agreement.versions if State(v.state) in OPEN_STATES), None)
