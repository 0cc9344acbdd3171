"""What somebody says about one column, checked against the vocabulary before it is written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from exchange.classification.exemptions import LIMBS, NOT_DATA, NOTE_REQUIRED, Exemption, exemption
from exchange.classification.models import ColumnDecision
from exchange.classification.withheld import OPEN, RESTRICTED
from exchange.directory.identity import Identity
from exchange.errors import Invalid


@dataclass(frozen=True)
class Choice:
    """What somebody decides about one column. `limb`, `citation` and `review_on` default to those of the code."""

    column: str
    decision: str
    code: str = ""
    limb: str | None = None
    citation: str = ""
    note: str = ""
    review_on: date | None = None


def known(decisions: Mapping[str, ColumnDecision], column: str) -> ColumnDecision:
    """The decision row of a column. Raises `Invalid` for a column that the dataset does not have."""
    if column not in decisions:
        raise Invalid(f"The dataset has no column {column!r}. Reload the page to see its columns of today.")
    return decisions[column]


def checked(choice: Choice, day: date) -> Choice:
    """The choice with its defaults filled in; raises `Invalid` if it does not say enough."""
    if choice.decision == OPEN:
        return Choice(choice.column, OPEN, note=choice.note.strip())
    if choice.decision != RESTRICTED:
        raise Invalid(f"A column is “open” or “restricted”, not {choice.decision!r}.")
    if not choice.code:
        raise Invalid(f"“{choice.column}” is restricted without a basis. Choose an exemption code for it.")
    basis = exemption(choice.code)
    limb = basis.limb if choice.limb is None else choice.limb
    _check_basis(choice, basis, limb, day)
    citation = choice.citation.strip() or basis.cited
    return Choice(choice.column, RESTRICTED, basis.code, limb, citation, choice.note.strip(), choice.review_on)


def _check_basis(choice: Choice, basis: Exemption, limb: str, day: date) -> None:
    if not basis.in_force(day):
        raise Invalid(f"{basis.code} cannot be used on {day.isoformat()}. Choose a code that is in force.")
    if limb not in (basis.limbs or (NOT_DATA,)):
        allowed = " or ".join(basis.limbs) or "no limb"
        raise Invalid(f"{basis.code} rests on {allowed}, not on {limb or 'no limb'} ({LIMBS.get(limb, 'unknown')}).")
    if basis.code in NOTE_REQUIRED and not choice.note.strip():
        raise Invalid(f"{basis.code} needs a note ({basis.triggers}): name the contract or the written estimate.")
    if choice.review_on is not None and choice.review_on <= day:
        raise Invalid("The review day must lie in the future.")


def differs(decision: ColumnDecision, choice: Choice) -> bool:
    """Whether the checked choice says something else than what stands; no review day leaves the one that stands."""
    if choice.review_on is not None and choice.review_on != decision.review_on:
        return True
    now = (decision.decision, decision.code or "", decision.limb or "", decision.citation, decision.note)
    return now != (choice.decision, choice.code, choice.limb or "", choice.citation, choice.note)


def write(decision: ColumnDecision, choice: Choice, by: Identity, day: date) -> None:
    """Put a checked choice down, with the person and the legal day."""
    decision.decision, decision.code, decision.limb = choice.decision, choice.code or None, choice.limb or None
    decision.citation, decision.note = choice.citation, choice.note
    decision.decided_by_id, decision.decided_on = by.person_id, day
    usual = exemption(choice.code).review_on(day) if choice.code else None
    decision.review_on = usual if choice.review_on is None else choice.review_on
