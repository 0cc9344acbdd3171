"""Starting texts: what a drafter begins with, so that nobody begins with an empty page.

Two agreement families (connecticut.md §8): the statutory memorandum between OPM and one executive agency, which each
agency so asked has to sign (CGS 4-67n, to be confirmed by counsel), and the data sharing agreement under it, which each
source may refuse.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from agreements.bounds import ANY
from agreements.regimes import required_clauses

Defaults = Mapping[str, Mapping[str, object]]
"""By clause code: the parameters already filled in. Those not named are blanks for the drafter."""


@dataclass(frozen=True)
class StartingText:
    """A template. `title` holds a slot for the source or the purpose; its parties must fill `capacities`."""

    key: str
    tier: str
    name: str
    explanation: str
    title: str
    capacities: tuple[str, ...]
    clauses: Defaults

    def clauses_for(self, regimes: Collection[str] = ()) -> dict[str, dict[str, object]]:
        """The clauses to begin with, in order, with what is filled in, and those the regimes demand."""
        codes = sorted({*self.clauses, *required_clauses(regimes, self.tier)})
        return {code: dict(self.clauses.get(code, DEFAULTS.get(code, {}))) for code in codes}


DEFAULTS: Defaults = MappingProxyType(
    {
        "C08": {"departure_hours": 24},
        "C10": {"topics": "privacy, confidentiality and secure handling of data", "months": 12},
        "C14": {"level": "moderate"},
        "C17": {"onward": "no"},
        "C19": {"days": 10},
        "C23": {"years": 5},
        "C25": {"notice_hours": 24},
        "C30": {"notice_days": 30},
        "C31": {"days": 30},
    }
)
"""What is usual, wherever it is not the law's; a drafter may change each."""

_BARE: Defaults = MappingProxyType(
    {
        code: {}
        for code in ("C01", "C02", "C05", "C12", "C16", "C20", "C21", "C22", "C24", "C26", "C27", "C28", "C29", "C32")
    }
    | {code: {} for code in ("C33", "C35", "C36")}
)

_MEMORANDUM: Defaults = MappingProxyType(
    {
        **_BARE,
        **{code: DEFAULTS[code] for code in ("C14", "C19", "C23", "C25", "C30", "C31")},
        "C03": {
            "purposes": ANY,
            "purpose": "To answer queries that measure the outcomes of state-funded programs, or that help to develop "
            "policies for an effective, efficient and best use of state resources.",
        },
        "C04": {
            "basis": "CGS 4-67n (to be confirmed by counsel), and for each dataset the statute that the "
            "data sharing agreement cites.",
            "ferpa_exception": "per-agreement",
            "prohibited": ["STATE-TAX"],
        },
        "C06": {"schedule": ANY},
        "C07": {
            "granularity": "record",
            "reason": "Each data sharing agreement states the level that its purpose needs.",
        },
        "C08": {"persons": ANY, "departure_hours": 24},
        "C15": {"link": ANY, "matcher": "the party that the data sharing agreement names"},
        "C17": {"onward": "with-approval"},
        "C18": {"min_cell": 6, "rule": "none"},
    }
)

_DATA_SHARING: Defaults = MappingProxyType(
    {
        **_BARE,
        **DEFAULTS,
        "C03": {},
        "C04": {},
        "C06": {},
        "C07": {"granularity": "record"},
        "C09": {},
        "C13": {
            "location": "the exchange and the recipient's workstations that the State manages, within the United "
            "States",
        },
        "C15": {},
        "C18": {},
    }
)

OPM_MEMORANDUM = StartingText(
    key="opm-memorandum",
    tier="emou",
    name="Memorandum of agreement with OPM (CGS 4-67n)",
    explanation="Once for each executive agency (to be confirmed by counsel). It lets OPM act for the "
    "agency in the sharing program and sets the "
    "outer limits; no data moves under it until a data sharing agreement is signed under it.",
    title="Memorandum of agreement between the Office of Policy and Management and {source}",
    capacities=("opm", "source"),
    clauses=_MEMORANDUM,
)

DATA_SHARING_AGREEMENT = StartingText(
    key="data-sharing-agreement",
    tier="dsa",
    name="Data sharing agreement under a memorandum",
    explanation="For one purpose, named columns and rows, and named persons. Every source agency approves and signs "
    "it.",
    title="Data sharing agreement: {purpose}",
    capacities=("source", "recipient"),
    clauses=_DATA_SHARING,
)

STARTING_TEXTS: Mapping[str, StartingText] = MappingProxyType(
    {text.key: text for text in (OPM_MEMORANDUM, DATA_SHARING_AGREEMENT)}
)
"""By key."""
