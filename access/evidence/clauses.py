"""Question 8: agreements that lack a clause which a law demands for the data that they share.

The demands are computed anew from the classification of the scheduled columns as it is today, so that an agreement in
force is listed too when its data came under another law after it was signed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, load_only, selectinload

from access.evidence import screens
from agreements.clauses.version import UnknownTerm
from agreements.models import Agreement, AgreementVersion, State
from agreements.signing import missing_clauses_of
from agreements.transitions import STATES_IN_WORDS
from audit.desk.question import Answer, Asked, Cell, DeskQuestion, Field

ON_THE_WAY = (State.DRAFT, State.SOURCE_REVIEW, State.LEGAL_REVIEW, State.CHANGES_REQUESTED)
BINDING = (State.SIGNATURE, State.ACTIVE, State.SUSPENDED)
CHOICES = {"": (*BINDING, *ON_THE_WAY), "binding": BINDING, "draft": ON_THE_WAY}


@dataclass(frozen=True)
class Lacking:
    """One clause that a version lacks. `law` is the sentence that demands it, `regime` the body of law."""

    version: AgreementVersion
    code: str
    title: str
    law: str
    regime: str

    @property
    def key(self) -> str:
        """Where it stands in the list."""
        return "/".join((self.version.agreement_id, f"{self.version.number:05d}", self.code, self.regime))


def lacking(session: Session, states: Sequence[State]) -> list[Lacking]:
    """Every demanded clause that a version in one of these states does not have, by agreement."""
    versions = session.scalars(
        select(AgreementVersion)
        .where(AgreementVersion.state.in_([state.value for state in states]))
        .options(load_only(AgreementVersion.agreement_id, AgreementVersion.number, AgreementVersion.state))
        .options(joinedload(AgreementVersion.agreement).load_only(Agreement.tier, Agreement.title))
        .options(selectinload(AgreementVersion.clauses))
    ).all()
    gaps = missing_clauses_of(session, versions)
    found = [
        Lacking(version, gap.code, gap.title, gap.law, gap.regime) for version in versions for gap in gaps[version.id]
    ]
    return sorted(found, key=lambda each: each.key)


def _answer(asked: Asked) -> Answer:
    try:
        every = lacking(asked.session, CHOICES[asked.one("state")])
    except UnknownTerm as unknown:
        return Answer((), notes=(f"This cannot be answered: {unknown.message}",), empty="See the note above.")
    shown, more = screens.screen(every, lambda each: each.key, asked)
    agreements = {each.version.agreement_id for each in every}
    return Answer(
        rows=tuple(_row(each) for each in shown),
        more=more,
        summary=(("Agreements", f"{len(agreements):,}"), ("Clauses missing", f"{len(every):,}")),
        notes=(
            "A draft with a clause missing cannot be opened for signature. One in force that is listed here must be "
            "amended: the parties add the clause in a new version.",
        ),
    )


def _row(each: Lacking) -> tuple[Cell, ...]:
    version = each.version
    return (
        screens.agreement(version.agreement_id, version.number),
        Cell(version.agreement.title),
        Cell(STATES_IN_WORDS[State(version.state)], badge=True),
        Cell(each.code, note=each.title),
        Cell(each.law),
        Cell(each.regime),
    )


QUESTION = DeskQuestion(
    number=8,
    key="clauses",
    title="Agreements missing a required clause",
    asks="Which agreements, in force or on their way, lack a clause that a law demands for the data they share?",
    law=("CGS 4-67aa", "CGS 4-67n", "34 CFR 99.35", "45 CFR 164.514(e)(4)", "20 CFR 603.10"),
    fields=(
        Field(
            "state",
            "Agreements",
            "choice",
            choices=(("", "All"), ("binding", "Being signed, in force or suspended"), ("draft", "On their way")),
        ),
    ),
    headings=("Agreement", "Title", "State", "Clause", "Law that demands it", "Regime"),
    answer=_answer,
    empty="Every agreement has the clauses that the laws on its data demand.",
)
