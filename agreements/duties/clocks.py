"""The clocks of a breach of security: who has to be told, by which law, until when, and whether it was done.

The statutes give days only for residents and the Attorney General (CGS 36a-701b: 60 days at most). Where they say
"immediately" or "promptly", a mark of our own says when a page begins to call a notice overdue; it is not the law's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from agreements.duties.models import StepKind
from exchange.clock import end_of_day, legal_day

AT_ONCE = timedelta(hours=24)
PROMPTLY = timedelta(hours=72)
DAYS_AT_MOST = 60
"""Days after discovery by which residents and the Attorney General are told at the latest (CGS 36a-701b)."""

OURS = "the statute names no number of hours; this mark is the exchange's own"


@dataclass(frozen=True)
class Notice:
    """A notice that the law demands: to whom, by which law, how soon in the law's words, and until when."""

    kind: StepKind
    to: str
    law: str
    soon: str
    within: timedelta | None


NOTICES = (
    Notice(StepKind.OWNER, "Agency that owns the data", "CGS 36a-701b", f"immediately ({OURS})", AT_ONCE),
    Notice(StepKind.AUDITORS, "Auditors of Public Accounts", "CGS 4-33a", f"promptly ({OURS})", PROMPTLY),
    Notice(StepKind.COMPTROLLER, "Comptroller", "CGS 4-33a", f"promptly ({OURS})", PROMPTLY),
    Notice(
        StepKind.ATTORNEY_GENERAL,
        "Attorney General",
        "CGS 36a-701b",
        "not later than the residents, and within 60 days",
        None,
    ),
    Notice(StepKind.RESIDENTS, "Residents", "CGS 36a-701b", "without unreasonable delay, within 60 days", None),
)
BY_KIND = {notice.kind: notice for notice in NOTICES}
ONLY_FOR_A_BREACH = frozenset({StepKind.OWNER, StepKind.ATTORNEY_GENERAL, StepKind.RESIDENTS})
"""What falls away when it is found that nothing was breached; CGS 4-33a asks for more than breaches."""

GIVEN, LATE, DUE, OVERDUE, NOT_OWED = "given", "given late", "due", "overdue", "not owed"


@dataclass(frozen=True)
class Standing:
    """How one notice stands: until when it was or is due, when it was given, and that as a word."""

    notice: Notice
    due: datetime
    given: datetime | None
    state: str

    @property
    def open(self) -> bool:
        """Whether somebody still has to be told."""
        return self.state in (DUE, OVERDUE)


def standings(
    discovered: datetime, done: Mapping[StepKind, datetime], now: datetime, *, others_data: bool
) -> tuple[Standing, ...]:
    """Every notice of an incident. `done` is when each step was done; `others_data`: other agencies own some of it."""
    return tuple(_standing(notice, discovered, done, now, others_data) for notice in NOTICES)


def _standing(
    notice: Notice, discovered: datetime, done: Mapping[StepKind, datetime], now: datetime, others_data: bool
) -> Standing:
    due, given = _due(notice, discovered, done), done.get(notice.kind)
    if given is not None:
        return Standing(notice, due, given, LATE if given > due else GIVEN)
    owed = others_data or notice.kind is not StepKind.OWNER
    if not owed or (StepKind.NO_BREACH in done and notice.kind in ONLY_FOR_A_BREACH):
        return Standing(notice, due, None, NOT_OWED)
    return Standing(notice, due, None, OVERDUE if now > due else DUE)


def _due(notice: Notice, discovered: datetime, done: Mapping[StepKind, datetime]) -> datetime:
    if notice.within is not None:
        return discovered + notice.within
    last = end_of_day(legal_day(discovered) + timedelta(days=DAYS_AT_MOST))
    residents = done.get(StepKind.RESIDENTS)
    if notice.kind is StepKind.ATTORNEY_GENERAL and residents is not None:
        return min(last, residents)
    return last
