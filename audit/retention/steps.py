"""The steps of an erasure as a table: states, who may go on, for whom a request waits. The commands obey it, pages draw
their buttons from it, and docs/retention.md is held to it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from audit.actions import Action
from audit.days import instant_of
from audit.retention.acting import DUTY_WORDS, Acting, Duty


class State(enum.StrEnum):
    """Where a request stands."""

    REQUESTED = "requested"
    HALF = "half"
    APPROVED = "approved"
    FORM = "form"
    EXECUTED = "executed"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


STATE_WORDS = {
    State.REQUESTED: "waits for the first approval",
    State.HALF: "waits for the second approval",
    State.APPROVED: "waits for the signed Form RC-108",
    State.FORM: "waits to be executed",
    State.EXECUTED: "executed: the keys are destroyed",
    State.REFUSED: "refused",
    State.WITHDRAWN: "withdrawn",
}


@dataclass(frozen=True)
class Step:
    """One row of the table: from which states to which, whose duty, recorded as what, and on which condition."""

    words: str
    before: tuple[State, ...]
    after: tuple[State, ...]
    duties: tuple[Duty, ...]
    action: Action
    condition: str


OPEN = (State.REQUESTED, State.HALF, State.APPROVED, State.FORM)
_APPROVERS = (Duty.APPROVE, Duty.APPROVE_IN_LAW)

REQUEST = Step("Request", (), (State.REQUESTED,), (Duty.REQUEST,), Action.LOG_ERASURE_REQUEST,
               "retention has run out, no hold covers it, a living key is in it")  # fmt: skip
APPROVE = Step("Approve", (State.REQUESTED, State.HALF), (State.HALF, State.APPROVED), _APPROVERS,
               Action.LOG_ERASURE_APPROVE, "twice: not the requester, not the same person, one of them OPM’s counsel; "
               "retention has run out, no hold covers it")  # fmt: skip
REFUSE = Step("Refuse", (State.REQUESTED, State.HALF), (State.REFUSED,), _APPROVERS, Action.LOG_ERASURE_REFUSE,
              "gives a reason; not the requester")  # fmt: skip
WITHDRAW = Step("Withdraw", OPEN, (State.WITHDRAWN,), (Duty.REQUEST,), Action.LOG_ERASURE_WITHDRAW, "gives a reason")
FORM = Step("Record the form", (State.APPROVED,), (State.FORM,), (Duty.REQUEST,), Action.LOG_ERASURE_FORM,
            "number, day and SHA-256 of the scanned, signed Form RC-108")  # fmt: skip
EXECUTE = Step("Execute", (State.FORM,), (State.EXECUTED,), (Duty.EXECUTE,), Action.LOG_ERASURE_EXECUTE,
               "not the requester; retention has run out, no hold covers it")  # fmt: skip
STEPS = (REQUEST, APPROVE, REFUSE, WITHDRAW, FORM, EXECUTE)


def steps_for(acting: Acting, row: Row[Any]) -> list[Step]:
    """The steps that this person can take now, as far as duties and separation go; for buttons."""
    found = [step for step in STEPS if row.state in step.before and acting.has(*step.duties)]
    if acting.pseudonym == row.subject:
        return [step for step in found if step is WITHDRAW]
    separated = (APPROVE, REFUSE, EXECUTE)
    mine = {step for step in separated if acting.pseudonym == row.requested_by}
    if acting.pseudonym == row.first_by or (
        row.state == State.HALF and row.first_as != Duty.APPROVE_IN_LAW and not acting.has(Duty.APPROVE_IN_LAW)
    ):
        mine.add(APPROVE)
    return [step for step in found if step not in mine]


def waits_on(row: Row[Any]) -> str:
    """Whom a request waits for, in words; "" once it has ended."""
    if row.state == State.HALF and row.first_as != Duty.APPROVE_IN_LAW:
        return DUTY_WORDS[Duty.APPROVE_IN_LAW]
    step = {State.REQUESTED: APPROVE, State.HALF: APPROVE, State.APPROVED: FORM, State.FORM: EXECUTE}.get(row.state)
    if step is None:
        return ""
    return " or ".join(dict.fromkeys(DUTY_WORDS[duty] for duty in step.duties))


def since(row: Row[Any]) -> datetime:
    """Since when it stands where it stands."""
    instants = (row.ended_at, row.form_at, row.second_at, row.first_at, row.requested_at)
    return instant_of(next(at for at in instants if at is not None))


def requested_at(row: Row[Any]) -> datetime:
    """When it was asked for."""
    return instant_of(row.requested_at)
