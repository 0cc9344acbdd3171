"""Which clauses the law requires for the data in hand, which of them are missing, and what cannot be shared at all."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from agreements.clauses.demands import ALIASES, REGIMES, STATE_DSA, STATE_EMOU, UNDER_4_67N, Bar
from agreements.clauses.library import UnknownTerm, latest

STATE = "Connecticut"
"""The regime name of what State law demands of every agreement."""

STATE_DEMANDS: Mapping[str, Mapping[str, str]] = {"emou": STATE_EMOU, "dsa": STATE_DSA, "dul": STATE_DSA}


@dataclass(frozen=True)
class Missing:
    """A clause that a law demands and the agreement does not have. `law` is the sentence to show, with its citation."""

    code: str
    title: str
    law: str
    regime: str

    @property
    def sentence(self) -> str:
        """What is missing and why, for the page and for the refusal to open signature."""
        return f"Clause {self.code} ({self.title}) is missing. {self.law}"


def known_regimes(codes: Collection[str]) -> frozenset[str]:
    """The regimes by their own keys. Raises `UnknownTerm` for one that this system does not know: none is ignored."""
    regimes = frozenset(ALIASES.get(code, code) for code in codes)
    for unknown in sorted(regimes - set(REGIMES)):
        raise UnknownTerm(
            f"The legal regime “{unknown}” is not known here; its clauses must be added before it is agreed on."
        )
    return regimes


def under_exception(regimes: Collection[str], ferpa_exception: str) -> frozenset[str]:
    """The regimes when clause C04 relies on this FERPA exception: studies have a checklist of their own."""
    known = known_regimes(regimes)
    if ferpa_exception == "studies" and "FERPA" in known:
        return known - {"FERPA"} | {"FERPA-STUDIES"}
    return known


def _demands(regimes: Collection[str], tier: str) -> Iterator[tuple[str, str, str]]:
    """Code, law sentence and regime of everything demanded. Regimes bind each DSA, not the E-MOU above it."""
    for code, law in STATE_DEMANDS[tier].items():
        yield code, law, STATE
    if tier != "emou":
        for regime in sorted(known_regimes(regimes)):
            for code, law in REGIMES[regime].demands.items():
                yield code, law, regime


def required_clauses(regimes: Collection[str], tier: str = "dsa") -> dict[str, tuple[str, ...]]:
    """The clauses that an agreement on data under these regimes must have: code -> the laws' sentences."""
    required: dict[str, tuple[str, ...]] = {}
    for code, law, _ in _demands(regimes, tier):
        required[code] = (*required.get(code, ()), law)
    return dict(sorted(required.items()))


def missing(clause_codes: Collection[str], regimes: Collection[str], tier: str = "dsa") -> list[Missing]:
    """The clauses that are demanded and not there, one per law, by code; signature stays shut until none is."""
    gaps = [
        Missing(code, latest(code).title, law, regime)
        for code, law, regime in _demands(regimes, tier)
        if code not in clause_codes
    ]
    return sorted(gaps, key=lambda gap: (gap.code, gap.regime != STATE, gap.regime))


def blocked(regimes: Collection[str]) -> list[Bar]:
    """What no clause can mend: data that CGS 4-67n leaves out of the sharing program."""
    return [UNDER_4_67N[regime] for regime in sorted(known_regimes(regimes)) if regime in UNDER_4_67N]
