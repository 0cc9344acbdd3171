"""Whose turn it is: on whom a version waits, since when, and what that person's next step is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from agreements.lifecycle import suspended_by
from agreements.models import Agreement, AgreementVersion, State
from agreements.moving import fully_signed
from agreements.reviewing import waiting_on_counsel, waiting_on_sources
from agreements.signing import unsigned_parties
from agreements.transitions import (
    BY_COMMAND,
    OPM,
    STATES_IN_WORDS,
    Command,
    agencies_acted_for,
    may_press,
    who_in_words,
)
from agreements.visibility import may_see
from exchange.clock import legal_day
from exchange.directory.identity import Identity
from exchange.directory.models import Agency
from exchange.directory.waiting import Waiting

NEXT_STEP: dict[State, tuple[Command, str]] = {
    State.DRAFT: (Command.SUBMIT_FOR_REVIEW, "Finish and submit it"),
    State.CHANGES_REQUESTED: (Command.SUBMIT_FOR_REVIEW, "Make the changes and submit it"),
    State.SOURCE_REVIEW: (Command.APPROVE_AS_SOURCE, "Review it for your agency"),
    State.LEGAL_REVIEW: (Command.APPROVE_AS_COUNSEL, "Review it as counsel"),
    State.SIGNATURE: (Command.SIGN, "Sign it"),
    State.SUSPENDED: (Command.RESUME, "Resume or terminate it"),
}


@dataclass(frozen=True)
class Turn:
    """One version in the list: its state in words, on whom it waits, since when, and my next step if it is mine."""

    version: AgreementVersion
    state: str
    waits_on: str
    mine: str | None


def next_command(version: AgreementVersion) -> tuple[Command, str] | None:
    """The command that would move this version on now, with words for a button; None when nothing waits on a person."""
    state = State(version.state)
    if state is State.LEGAL_REVIEW and not waiting_on_counsel(version):
        return Command.OPEN_FOR_SIGNATURE, "Open it for signature"
    if state is State.SIGNATURE and fully_signed(version):
        return None
    return NEXT_STEP.get(state)


def waiting_agencies(version: AgreementVersion) -> frozenset[str]:
    """The agencies one of whose persons has to act next."""
    state = State(version.state)
    if state is State.SOURCE_REVIEW:
        return waiting_on_sources(version)
    if state is State.LEGAL_REVIEW:
        return waiting_on_counsel(version) or frozenset({OPM})
    if state is State.SIGNATURE:
        return frozenset(party.agency_id for party in unsigned_parties(version))
    if state is State.SUSPENDED:
        return frozenset({suspended_by(version) or OPM})
    return frozenset({OPM}) if next_command(version) else frozenset()


def my_step(version: AgreementVersion, identity: Identity | None) -> str | None:
    """What this person can do next to move the version on; None if it waits on others."""
    step = next_command(version)
    if step is None or not may_press(version, identity, step[0]):
        return None
    return step[1] if agencies_acted_for(version, identity, step[0]) & waiting_agencies(version) else None


def waits_on(session: Session, version: AgreementVersion) -> str:
    """On whom the version waits, in words; empty when it waits on nobody."""
    step = next_command(version)
    if step is None:
        if version.state == State.SIGNATURE.value:
            return f"its first day, {version.begins}: every party has signed"
        return ""
    who = who_in_words(State(version.state), step[0])
    if step[0] in (Command.SUBMIT_FOR_REVIEW, Command.OPEN_FOR_SIGNATURE):
        return who
    names = session.scalars(select(Agency.name).where(Agency.id.in_(waiting_agencies(version))).order_by(Agency.name))
    part = {Command.APPROVE_AS_SOURCE: "data officer", Command.APPROVE_AS_COUNSEL: "counsel", Command.SIGN: "official"}
    return f"{part.get(step[0], 'the agency that suspended it')}: {'; '.join(names)}"


def turns(session: Session, identity: Identity) -> list[Turn]:
    """The newest versions of every agreement this person may see, and those in force; my turn first."""
    agreements = session.scalars(select(Agreement).order_by(Agreement.id))
    shown = [version for agreement in agreements for version in _current(agreement) if may_see(identity, version)]
    rows = [Turn(v, STATES_IN_WORDS[State(v.state)], waits_on(session, v), my_step(v, identity)) for v in shown]
    return sorted(
        rows, key=lambda row: (row.mine is None, not row.waits_on, row.version.state_since, row.version.agreement_id)
    )


def waiting_for(session: Session, identity: Identity, now: datetime) -> Sequence[Waiting]:
    """What waits for this person in agreements: for their desk. What has ended by now is left out."""
    return [
        Waiting(
            title=f"{row.version.agreement_id} version {row.version.number}: {row.version.agreement.title}",
            url_endpoint="agreements.show",
            url_values={"agreement_id": row.version.agreement_id, "number": row.version.number},
            since=row.version.state_since,
            next_step=row.mine,
        )
        for row in turns(session, identity)
        if row.mine and (row.version.ends is None or row.version.ends >= legal_day(now))
    ]


def _current(agreement: Agreement) -> list[AgreementVersion]:
    """The version that people speak of: the newest, and the one in force beside it."""
    kept = [v for v in agreement.versions if v.state in (State.ACTIVE.value, State.SUSPENDED.value)]
    newest = agreement.versions[-1:]
    return kept + [v for v in newest if v not in kept]


def buttons(version: AgreementVersion, identity: Identity) -> tuple[list[Command], dict[str, str]]:
    """The commands this person may press now, and for the others possible in this state: their words and who may.

    A command that each agency presses once is left out when no agency's turn is left, and is not this person's when
    only others' turns are left.
    """
    state = State(version.state)
    open_to = {row.command: _open_to(version, row.command) for row in BY_COMMAND.values()}
    possible = [
        row for row in BY_COMMAND.values() if state in row.before and row.who and open_to[row.command] != frozenset()
    ]
    mine = [row.command for row in possible if _my_turn(version, identity, row.command, open_to[row.command])]
    others = {row.words: who_in_words(state, row.command) for row in possible if row.command not in mine}
    return mine, others


def already(version: AgreementVersion, identity: Identity) -> list[str]:
    """What this person has done to this text already, a sentence each: "You approved it as counsel on 2026-06-15"."""
    me = identity.person_id
    answers = {"approve": "approved it", "change": "asked for changes", "refuse": "refused it"}
    kinds = {"source": "", "counsel": " as counsel"}
    said = [
        f"You {answers[review.answer]}{kinds[review.kind]} for {review.agency.name} on {legal_day(review.at)}."
        for review in version.reviews
        if review.person_id == me and review.round == version.round
    ]
    signed = {s.party.agency.name: legal_day(s.signed_at) for s in version.signatures if s.person_id == me}
    return said + [f"You signed it for {agency} on {day}." for agency, day in signed.items()]


def _open_to(version: AgreementVersion, command: Command) -> frozenset[str] | None:
    """The agencies whose turn a command is that each agency presses once; None for other commands."""
    if command is Command.APPROVE_AS_SOURCE:
        return waiting_on_sources(version)
    if command is Command.APPROVE_AS_COUNSEL:
        return waiting_on_counsel(version)
    if command is Command.SIGN:
        return frozenset(party.agency_id for party in unsigned_parties(version))
    return None


def _my_turn(version: AgreementVersion, identity: Identity, command: Command, open_to: frozenset[str] | None) -> bool:
    if not may_press(version, identity, command):
        return False
    if command is Command.SIGN and any(s.person_id == identity.person_id for s in version.signatures):
        return False
    return open_to is None or bool(agencies_acted_for(version, identity, command) & open_to)
