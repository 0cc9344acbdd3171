"""The clause library: every version of every clause C01–C36, never changed once an agreement uses it.

A new wording is a new version beside the old one; agreements keep the version they were signed with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from agreements.clauses import disclosure, ending, people_and_security, purpose_and_data
from agreements.clauses.demands import regimes_demanding
from agreements.clauses.version import ClauseVersion, UnknownTerm

__all__ = ["CLAUSES", "CODES", "ClauseVersion", "UnknownTerm", "get", "latest"]


def _shelve(clauses: Iterable[ClauseVersion]) -> Mapping[tuple[str, int], ClauseVersion]:
    """The clauses by code and version, each with the regimes that demand it (one source: `clauses.demands`)."""
    return MappingProxyType(
        {
            (clause.code, clause.version): replace(clause, demanded_by=regimes_demanding(clause.code))
            for clause in clauses
        }
    )


CLAUSES: Mapping[tuple[str, int], ClauseVersion] = _shelve(
    (*purpose_and_data.CLAUSES, *people_and_security.CLAUSES, *disclosure.CLAUSES, *ending.CLAUSES)
)
CODES: tuple[str, ...] = tuple(sorted({code for code, _ in CLAUSES}))


def get(code: str, version: int) -> ClauseVersion:
    """The clause version. Raises `UnknownTerm`."""
    try:
        return CLAUSES[code, version]
    except KeyError:
        raise UnknownTerm(
            f"The clause library has no {code}@{version}; choose a clause from the list in docs/clauses.md."
        ) from None


def latest(code: str) -> ClauseVersion:
    """The newest version of a clause. Raises `UnknownTerm`."""
    return get(code, max((version for known, version in CLAUSES if known == code), default=0))
