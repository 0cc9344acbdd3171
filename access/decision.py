"""The decision: may this reader put this query to this dataset under this grant now, and how much of it. Pure.

One grant per query (invariant 4), never wider than the grant and the token (invariant 2). The database says at the same
moment, by `access.permit`, whether the grant is in force at all; here is what it holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from audit.codes import Code
from exchange.rows.predicate import Predicate

READ_SCOPE = "data.query"
AGGREGATE = "aggregate"
ANYBODY = "*"
"""In a grant's persons: every member of the working group, since no clause names persons."""


@dataclass(frozen=True)
class Reader:
    """Who asks: the person who answers for the client, and what the token in hand was issued for."""

    person_id: str
    client_id: str
    working_group: str
    grant_id: str
    scopes: frozenset[str]
    columns: frozenset[str]
    min_cell: int = 0


@dataclass(frozen=True)
class GrantTerms:
    """What a grant holds, as fixed when it was given. The window is [begins, ends], both included."""

    grant_id: str
    dataset: str
    working_group: str
    purpose: str
    columns: frozenset[str]
    rows: Predicate | None
    persons: frozenset[str]
    min_cell: int
    granularity: str
    begins: datetime
    ends: datetime
    because: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """The answer. `columns`, `row_filter` and `min_cell` bound the query; a refusal has no columns and says why.

    `code` is the refusal's short word in the log; a permit has none.
    """

    allowed: bool
    columns: frozenset[str]
    row_filter: Predicate | None
    min_cell: int
    reason: str
    because: tuple[str, ...]
    code: Code | None = None


def readable(reader: Reader, terms: GrantTerms) -> frozenset[str]:
    """The columns that exist for this reader: granted, and in the token."""
    return terms.columns & reader.columns


def floor(reader: Reader, terms: GrantTerms) -> int:
    """The smallest count that may be shown: the stricter of grant and token."""
    return max(reader.min_cell, terms.min_cell)


def decide(
    reader: Reader, dataset: str, used: frozenset[str], grouped: bool, terms: GrantTerms, now: datetime
) -> Decision:
    """Decide one query. `used` are the columns that it names anywhere; `grouped` whether totals alone leave."""
    for refused, code, reason, field_name in _objections(reader, dataset, used, grouped, terms, now):
        if refused:
            return Decision(False, frozenset(), None, 0, reason, terms.because.get(field_name, ()), code)
    reason = f"Granted to {terms.working_group} for {terms.purpose}."
    return Decision(True, readable(reader, terms), terms.rows, floor(reader, terms), reason, all_clauses(terms))


def _objections(
    reader: Reader, dataset: str, used: frozenset[str], grouped: bool, terms: GrantTerms, now: datetime
) -> tuple[tuple[bool, Code, str, str], ...]:
    beyond = ", ".join(sorted(used - readable(reader, terms)))
    return (
        (reader.grant_id != terms.grant_id, Code.TOKEN, "The token is for another grant.", ""),
        (
            dataset != terms.dataset,
            Code.DATASET,
            "The token is for another dataset; ask for a token for this one.",
            "columns",
        ),
        (reader.working_group != terms.working_group, Code.GROUP, "The grant is another working group's.", ""),
        (READ_SCOPE not in reader.scopes, Code.SCOPE, f"The token does not have the scope {READ_SCOPE}.", ""),
        (now < terms.begins, Code.WINDOW, "The grant has not begun yet.", "begins"),
        (now > terms.ends, Code.WINDOW, "The grant has ended.", "ends"),
        (
            not terms.persons & {reader.person_id, ANYBODY},
            Code.ROSTER,
            "The person is not on the roster of the agreement.",
            "persons",
        ),
        (bool(beyond), Code.COLUMN_WITHHELD, f"These columns are not granted: {beyond}.", "columns"),
        (
            terms.granularity == AGGREGATE and not grouped,
            Code.TOTALS_ONLY,
            "The agreement allows totals only: use count, sum or avg over all rows of a condition or group. "
            "Single records would show through row ids, limits before a total, min, max and median.",
            "granularity",
        ),
    )


def all_clauses(terms: GrantTerms) -> tuple[str, ...]:
    """Every clause that shaped the grant, each once, in order."""
    return tuple(sorted({clause for clauses in terms.because.values() for clause in clauses}))
