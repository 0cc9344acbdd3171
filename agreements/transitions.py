"""The transition table: which command moves an agreement version from which state to which, and who may press it.

The table is data. `lifecycle`, `reviewing`, `signing` and `drafting` obey it, pages draw their buttons from it, and
`docs/permissions.md` is written from it, so the three cannot disagree. States and clocks: connecticut.md §4.2.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from agreements.models import AgreementVersion, Capacity, State
from audit.actions import Action
from exchange.directory.identity import Identity
from exchange.directory.models import RoleKind

OPM = "policy-and-management"
"""The Office of Policy and Management, which runs the program (CGS 4-67n)."""


class Where(enum.StrEnum):
    """For which agency a role must be held."""

    ANYWHERE = "anywhere"
    SOURCE = "source"
    OPM = "opm"
    PARTY = "party"


@dataclass(frozen=True)
class Who:
    """One kind of person who may press a command: a role, held where, and that in words."""

    kind: RoleKind
    where: Where
    words: str


DRAFTER = Who(RoleKind.DRAFTER, Where.ANYWHERE, "a drafter")
CDO = Who(RoleKind.CDO, Where.ANYWHERE, "the Chief Data Officer")
SOURCE_OFFICER = Who(RoleKind.DATA_OFFICER, Where.SOURCE, "a source agency's data officer")
SOURCE_COUNSEL = Who(RoleKind.COUNSEL, Where.SOURCE, "a source agency's counsel")
OPM_COUNSEL = Who(RoleKind.COUNSEL, Where.OPM, "OPM's counsel")
OFFICIAL = Who(RoleKind.OFFICIAL, Where.PARTY, "a party's official")
CDO_FOR_OPM = Who(RoleKind.CDO, Where.OPM, "the Chief Data Officer for OPM")


class Command(enum.StrEnum):
    """What a person (or, for the last three, the system) does to a version."""

    START = "start"
    EDIT = "edit"
    SUBMIT_FOR_REVIEW = "submit_for_review"
    APPROVE_AS_SOURCE = "approve_as_source"
    APPROVE_AS_COUNSEL = "approve_as_counsel"
    REQUEST_CHANGES = "request_changes"
    REFUSE = "refuse"
    OPEN_FOR_SIGNATURE = "open_for_signature"
    SIGN = "sign"
    WITHDRAW = "withdraw"
    SUSPEND = "suspend"
    RESUME = "resume"
    TERMINATE = "terminate"
    AMEND = "amend"
    ACTIVATE = "activate"
    EXPIRE = "expire"
    SUPERSEDE = "supersede"


@dataclass(frozen=True)
class Transition:
    """One row of the table. `words` is the button, `done` what somebody did to it, `guard` what must hold besides.

    `who` is empty where the system does it by itself.
    """

    command: Command
    words: str
    done: str
    before: tuple[State, ...]
    after: tuple[State, ...]
    who: tuple[Who, ...]
    action: Action
    guard: str = ""


_S, _C, _A = State, Command, Action
_UNSIGNED = (_S.DRAFT, _S.SOURCE_REVIEW, _S.LEGAL_REVIEW, _S.CHANGES_REQUESTED, _S.SIGNATURE)
_DRAFTERS = (DRAFTER, CDO)
_ENDED = (_S.EXPIRED, _S.TERMINATED, _S.WITHDRAWN, _S.REFUSED)

# fmt: off
TABLE: tuple[Transition, ...] = (
    Transition(_C.START, "Start an agreement", "drafted", (), (_S.DRAFT,), _DRAFTERS, _A.AGREEMENT_VERSION_DRAFT,
               "from a template: the OPM memorandum with an executive agency that has none, or a DSA under one"),
    Transition(_C.EDIT, "Edit", "edited", (_S.DRAFT, _S.CHANGES_REQUESTED), (_S.DRAFT, _S.CHANGES_REQUESTED),
               _DRAFTERS, _A.AGREEMENT_VERSION_EDIT),
    Transition(_C.SUBMIT_FOR_REVIEW, "Submit for review", "submitted", (_S.DRAFT, _S.CHANGES_REQUESTED),
               (_S.SOURCE_REVIEW,), _DRAFTERS, _A.AGREEMENT_VERSION_SUBMIT,
               "no blank is left and every party has its persons in the directory; each source agency finds "
               "it on its desk (notice by CGS 4-67n, to be confirmed by counsel)"),
    Transition(_C.APPROVE_AS_SOURCE, "Approve as source agency", "approved", (_S.SOURCE_REVIEW,),
               (_S.SOURCE_REVIEW, _S.LEGAL_REVIEW), (SOURCE_OFFICER,), _A.AGREEMENT_VERSION_REVIEW,
               "once for each source agency; the last approval moves it on"),
    Transition(_C.APPROVE_AS_COUNSEL, "Approve as counsel", "approved", (_S.LEGAL_REVIEW,), (_S.LEGAL_REVIEW,),
               (SOURCE_COUNSEL, OPM_COUNSEL), _A.AGREEMENT_VERSION_REVIEW, "once for each source agency and for OPM"),
    Transition(_C.REQUEST_CHANGES, "Request changes", "returned", (_S.SOURCE_REVIEW, _S.LEGAL_REVIEW),
               (_S.CHANGES_REQUESTED,), (SOURCE_OFFICER, SOURCE_COUNSEL, OPM_COUNSEL), _A.AGREEMENT_VERSION_RETURN,
               "says what to change; data officers in the source review, counsel in the legal review"),
    Transition(_C.REFUSE, "Refuse", "refused", (_S.SOURCE_REVIEW,), (_S.REFUSED,), (SOURCE_OFFICER,),
               _A.AGREEMENT_VERSION_REFUSE, "cites the law that forbids it"),
    Transition(_C.OPEN_FOR_SIGNATURE, "Open for signature", "opened for signature", (_S.LEGAL_REVIEW,),
               (_S.SIGNATURE,), _DRAFTERS, _A.AGREEMENT_VERSION_FREEZE,
               "every counsel approved; no clause that the law requires is missing; text, policy and hash are frozen"),
    Transition(_C.SIGN, "Sign", "signed", (_S.SIGNATURE,), (_S.SIGNATURE,), (OFFICIAL, CDO_FOR_OPM),
               _A.AGREEMENT_VERSION_SIGN,
               "once for each party, over the hash shown, re-authenticated within five minutes; one person, one party"),
    Transition(_C.WITHDRAW, "Withdraw", "withdrew", _UNSIGNED, (_S.WITHDRAWN,), _DRAFTERS,
               _A.AGREEMENT_VERSION_WITHDRAW, "gives a reason; not after the last signature"),
    Transition(_C.SUSPEND, "Suspend", "suspended", (_S.ACTIVE,), (_S.SUSPENDED,), (SOURCE_OFFICER, CDO),
               _A.AGREEMENT_VERSION_SUSPEND, "gives a reason; takes effect at once"),
    Transition(_C.RESUME, "Resume", "resumed", (_S.SUSPENDED,), (_S.ACTIVE,), (SOURCE_OFFICER, CDO),
               _A.AGREEMENT_VERSION_RESUME, "gives a reason; by the agency that suspended it, within the term"),
    Transition(_C.TERMINATE, "Terminate", "terminated", (_S.ACTIVE, _S.SUSPENDED, _S.SIGNATURE),
               (_S.TERMINATED, _S.ACTIVE, _S.SUSPENDED), (OFFICIAL, SOURCE_OFFICER, CDO),
               _A.AGREEMENT_VERSION_TERMINATE,
               "once fully signed; gives a reason; for cause at once, for convenience after the notice of clause C30"),
    Transition(_C.AMEND, "Draft an amendment", "drafted", (_S.ACTIVE, _S.SUSPENDED, *_ENDED), (_S.DRAFT,), _DRAFTERS,
               _A.AGREEMENT_VERSION_DRAFT, "makes the next version, when no other is on its way"),
    Transition(_C.ACTIVATE, "Activate", "activated", (_S.SIGNATURE,), (_S.ACTIVE,), (), _A.AGREEMENT_VERSION_ACTIVATE,
               "every party has signed the same hash, and the term has begun"),
    Transition(_C.EXPIRE, "Expire", "ended", (_S.ACTIVE, _S.SUSPENDED), (_S.EXPIRED, _S.TERMINATED), (),
               _A.AGREEMENT_VERSION_EXPIRE, "the term, or the notice of termination, has run out"),
    Transition(_C.SUPERSEDE, "Supersede", "superseded", (_S.ACTIVE, _S.SUSPENDED), (_S.SUPERSEDED,), (),
               _A.AGREEMENT_VERSION_SUPERSEDE, "the next version became active"),
)
# fmt: on

BY_COMMAND = {row.command: row for row in TABLE}

STATES_IN_WORDS: dict[State, str] = {
    State.DRAFT: "being drafted",
    State.SOURCE_REVIEW: "with the source agencies for review",
    State.LEGAL_REVIEW: "with counsel for review",
    State.CHANGES_REQUESTED: "returned for changes",
    State.REFUSED: "refused by a source agency",
    State.SIGNATURE: "open for signature",
    State.ACTIVE: "active",
    State.SUSPENDED: "suspended",
    State.EXPIRED: "expired",
    State.TERMINATED: "terminated",
    State.WITHDRAWN: "withdrawn",
    State.SUPERSEDED: "superseded by a later version",
}

OPEN_STATES = frozenset(_UNSIGNED)
"""States in which a version is still on its way; at most one version of an agreement is."""


def parties_as(version: AgreementVersion, *capacities: Capacity) -> frozenset[str]:
    """The agencies that are party in any of these capacities; in any at all if none is given."""
    return frozenset(p.agency_id for p in version.parties if not capacities or p.capacity in capacities)


def acting_for(version: AgreementVersion, by: Identity, who: Who) -> frozenset[str]:
    """The agencies for which this person may press a command as `who`; empty if none."""
    if not by.holds(who.kind):
        return frozenset()
    if who.where is Where.ANYWHERE:
        return frozenset({OPM})
    if who.where is Where.OPM:
        opm = parties_as(version, Capacity.OPM) | {OPM}
        return opm if who.kind is RoleKind.CDO else by.agencies(who.kind) & opm
    wanted = parties_as(version, Capacity.SOURCE) if who.where is Where.SOURCE else parties_as(version)
    return by.agencies(who.kind) & wanted


def agencies_acted_for(version: AgreementVersion, by: Identity | None, command: Command) -> frozenset[str]:
    """The agencies for which this person may press this command, whatever the state; empty means not at all."""
    if by is None:
        return frozenset()
    return frozenset().union(*(acting_for(version, by, who) for who in whos(State(version.state), command)))


def whos(state: State, command: Command) -> tuple[Who, ...]:
    """Who may press the command in this state. A review belongs to data officers first, and to counsel after them."""
    row = BY_COMMAND[command]
    if command is Command.REQUEST_CHANGES and state is State.SOURCE_REVIEW:
        return tuple(who for who in row.who if who.kind is RoleKind.DATA_OFFICER)
    if command is Command.REQUEST_CHANGES and state is State.LEGAL_REVIEW:
        return tuple(who for who in row.who if who.kind is RoleKind.COUNSEL)
    return row.who


def who_in_words(state: State, command: Command) -> str:
    """Who may press the command, as a phrase: "a drafter or the Chief Data Officer"."""
    names = [who.words for who in whos(state, command)] or ["the system, by itself"]
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " or " + names[-1]


def may_press(version: AgreementVersion, by: Identity | None, command: Command) -> bool:
    """Whether state and role allow the command now. Guards (see `Transition.guard`) are checked when it is pressed."""
    return State(version.state) in BY_COMMAND[command].before and bool(agencies_acted_for(version, by, command))
