"""Who acts, as far as the log must know: a pseudonym and duties. Which roles have them, others say.

Whoever assembles the program hands in `app.extensions["duties_of"]`; without it nobody has any.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from audit.codes import Code


class Duty(enum.StrEnum):
    """What somebody may do about retention."""

    SEE = "see"
    REQUEST = "request"
    APPROVE = "approve"
    APPROVE_IN_LAW = "approve-in-law"
    EXECUTE = "execute"
    HOLD = "hold"


DUTY_WORDS = {
    Duty.REQUEST: "an administrator or the Chief Data Officer",
    Duty.APPROVE: "the Chief Data Officer or an administrator",
    Duty.APPROVE_IN_LAW: "OPM’s counsel",
    Duty.EXECUTE: "an administrator or the Chief Data Officer",
    Duty.HOLD: "a state auditor or counsel",
}
"""Who has each duty here, for sentences that say whom to ask."""


@dataclass(frozen=True)
class Acting:
    """A signed-in person with the duties of today."""

    pseudonym: str
    duties: frozenset[Duty]

    def has(self, *duties: Duty) -> bool:
        """Whether any of these duties is theirs."""
        return bool(self.duties & frozenset(duties))


class NotNow(Exception):
    """A step that cannot be taken, with the sentence for the person, the word for the log and the status."""

    def __init__(self, message: str, code: Code, status: int = 409) -> None:
        super().__init__(message)
        self.message, self.code, self.status = message, code, status


class NotThis(ValueError):
    """What was typed cannot be used; nothing was changed. `field` is where."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.message, self.field = message, field


def require(acting: Acting, *duties: Duty) -> None:
    """Raise `NotNow` unless one of these duties is theirs."""
    if not acting.has(*duties):
        whom = " or ".join(dict.fromkeys(DUTY_WORDS[duty] for duty in duties))
        raise NotNow(f"This step is for {whom}. Ask one of them.", Code.ERASURE_DUTY, 403)
