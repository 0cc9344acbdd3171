"""How long what is kept, by which law: data with days, so that a changed law is a new line and an old one ends.

Where several rules apply the longest holds. A rule "as long as the record" cannot run out by itself: somebody says that
the record the disclosures belong to has been disposed of. Rules marked `confirm` are to be confirmed by counsel.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

FIRST_EDITION = date(2026, 1, 1)
"""The day from which this installation applies the first lines of the table."""


class Kind(enum.StrEnum):
    """A class of entries, by what they are about."""

    DISCLOSURE = "disclosure"
    SIGN_IN = "sign-in"
    UNKNOWN = "unknown"
    AGREEMENT = "agreement"
    RIGHT = "right"
    LOG = "log"


KIND_WORDS = {
    Kind.DISCLOSURE: "Reading of restricted rows: given, refused, ended",
    Kind.SIGN_IN: "Sign-ins, sessions, tokens of persons in the directory",
    Kind.UNKNOWN: "Refused sign-ins and token requests of nobody in the directory",
    Kind.AGREEMENT: "Agreements: drafts, reviews, signatures, ends",
    Kind.RIGHT: "Rights: requests, grants, roles, classifications",
    Kind.LOG: "The log itself: who read it, erasures, holds",
}


@dataclass(frozen=True)
class Rule:
    """One rule: the classes it is about, for how many years after the year of the entry, and where it stands.

    `years` is None where the law names no number; `record` means: not before the record itself is disposed of. It holds
    from legal day `begins` through `ends` (None: until changed).
    """

    key: str
    citation: str
    words: str
    kinds: frozenset[Kind]
    years: int | None
    record: bool = False
    confirm: bool = False
    begins: date = FIRST_EDITION
    ends: date | None = None

    def in_force(self, day: date) -> bool:
        """Whether it holds on a legal day."""
        return self.begins <= day and (self.ends is None or day <= self.ends)

    @property
    def length(self) -> str:
        """How long, in words."""
        parts = [f"{self.years} year{'' if self.years == 1 else 's'}"] if self.years else []
        parts += ["as long as the record it belongs to"] if self.record else []
        return " and ".join(parts) + ("; to be confirmed by counsel" if self.confirm else "")


_D, _S, _U = Kind.DISCLOSURE, Kind.SIGN_IN, Kind.UNKNOWN

RULES = (
    Rule("cgs-4-193", "CGS 4-193(c), (d)", "Personal Data Act: who obtained access to personal data, and why",
         frozenset({_D}), 5, record=True),
    Rule("hipaa-accounting", "45 CFR 164.528", "HIPAA: accounting of disclosures, six years back", frozenset({_D}), 6),
    Rule("ferpa-record", "34 CFR 99.32(a)(2)", "FERPA: requests and disclosures, with the education record",
         frozenset({_D}), None, record=True),
    Rule("part-2-accounting", "42 CFR 2.25", "Substance use records: accounting of disclosures", frozenset({_D}), 3,
         confirm=True),
    Rule("cjis-log", "CJIS Security Policy", "Criminal justice information: transaction log, one year at least",
         frozenset({_D, _S, _U}), 1),
    Rule("fti-log", "IRS Publication 1075", "Federal tax information: audit trail", frozenset({_D, _S, _U}), 7,
         confirm=True),
    Rule("agreement-file", "CGS 11-8, 11-8a; the agency’s schedule",
         "Agreement files: until the agreement ended, and the schedule’s years after it",
         frozenset({Kind.AGREEMENT, Kind.RIGHT}), 7, record=True, confirm=True),
    Rule("log-itself", "CGS 11-8, 11-8a", "Proof of what was destroyed and who looked: with the log",
         frozenset({Kind.LOG}), None, record=True, confirm=True),
)  # fmt: skip
"""The table. Connecticut destroys no record without a signed Form RC-108, whatever has run out (CGS 11-8a)."""


@dataclass(frozen=True)
class Kept:
    """What the rules say of entries of some classes and one year.

    `from_day` is the first legal day on which disposal may be proposed; None if no number of years is named. `because`
    is the rule with the most years, `needs_record` those that also ask that the record itself be disposed of.
    """

    from_day: date | None
    because: Rule | None
    needs_record: tuple[Rule, ...]

    def is_due(self, day: date) -> bool:
        """Whether the years have run out."""
        return self.from_day is not None and self.from_day <= day


def rules_for(kinds: Iterable[Kind], day: date) -> tuple[Rule, ...]:
    """The rules in force on a legal day for entries of these classes, the longest first."""
    wanted = frozenset(kinds)
    found = [rule for rule in RULES if rule.in_force(day) and rule.kinds & wanted]
    return tuple(sorted(found, key=lambda rule: (-(rule.years or 0), rule.key)))


def kept_for(kinds: Iterable[Kind], year: int, day: date) -> Kept:
    """How long entries of a calendar year are kept, as the rules stand on `day`: the longest that applies.

    A period counts from the end of the entry's calendar year, so that it never ends early.
    """
    found = rules_for(kinds, day)
    longest = next((rule for rule in found if rule.years), None)
    first = date(year + longest.years + 1, 1, 1) if longest and longest.years else None
    return Kept(first, longest, tuple(rule for rule in found if rule.record))
