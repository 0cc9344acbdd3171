"""What an agreement permits, compiled from its clauses, and the meet of two such permissions.

Terms are the policy half of an agreement: the limits in which rows of one dataset may be read. They only ever narrow:
`meet` of a DSA with the E-MOU above it, or with a request below it, permits exactly what both permit (invariant 2).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import rfc8785

from agreements.bounds import EVERYTHING, Bound, bound_of, narrower
from agreements.bounds import to_json as bound_to_json
from agreements.clauses.library import UnknownTerm as UnknownTerm
from agreements.clauses.library import get
from agreements.clauses.rules import RULES
from exchange.errors import Invalid
from exchange.rows.predicate import Predicate

EVERY_DATASET = "*"
"""The key of terms that bound every dataset of the agencies they name: those of an E-MOU."""

RECORD, AGGREGATE = "record", "aggregate"
GRANULARITIES = (RECORD, AGGREGATE)
"""From the freer to the stricter: single records, or only counts and other aggregates."""


@dataclass(frozen=True)
class Terms:
    """The limits for one dataset under one agreement version, or under a chain of them.

    `columns`, `purposes` (codes), `persons` (person ids), `link` (datasets it may be joined with) and `agencies` (whose
    data) are bounds: a set, or `EVERYTHING`. `rows` None is every row. `begins`/`ends` are instants, both included.
    `min_cell` is the smallest count that may be shown (0: no floor). `onward`: may be passed on with the source's approval.
    `rate`: queries a day, None unlimited. `regimes` govern the data; `prohibited` may not be shared at all.
    `because` maps each field to the clause versions that set it.
    """

    dataset: str
    columns: Bound
    rows: Predicate | None
    purposes: Bound
    persons: Bound
    begins: datetime
    ends: datetime
    min_cell: int
    granularity: str
    link: Bound
    onward: bool
    rate: int | None
    because: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    agencies: Bound = EVERYTHING
    regimes: frozenset[str] = frozenset()
    prohibited: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        """Hold rows and reasons in their normal form, so that equal limits are equal values. Raises `UnknownTerm`."""
        if self.granularity not in GRANULARITIES:
            raise UnknownTerm(f"“{self.granularity}” is not a granularity; known are {', '.join(GRANULARITIES)}.")
        object.__setattr__(self, "rows", all_of((self.rows,)))
        object.__setattr__(self, "because", {name: tuple(sorted(set(ids))) for name, ids in self.because.items() if ids})


@dataclass(frozen=True)
class Use:
    """What somebody wants to do with a dataset: the question that terms answer."""

    dataset: str
    columns: frozenset[str]
    purpose: str
    person: str
    at: datetime
    agency: str = ""
    granularity: str = RECORD
    link: frozenset[str] = frozenset()
    onward: bool = False


def all_of(rows: Iterable[Predicate | None]) -> Predicate | None:
    """The AND of row filters in one normal form: flat, without doubles, in the order of their canonical bytes."""
    members = {rfc8785.dumps(_plain(member)): _plain(member) for each in rows if each is not None for member in _conjuncts(each)}
    ordered = [members[key] for key in sorted(members)]
    if len(ordered) < 2:
        return ordered[0] if ordered else None
    return {"op": "and", "of": ordered}


def _conjuncts(rows: Predicate) -> list[Predicate]:
    if rows.get("op") != "and":
        return [rows]
    return [part for member in rows["of"] for part in _conjuncts(member)]


def _plain(rows: Predicate) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(rfc8785.dumps(dict(rows)))
    return plain


def meet(first: Terms, second: Terms) -> Terms:
    """What both permit. Commutative, associative, idempotent, never wider than either.

    Raises `Invalid` for terms of two different datasets: linking is a permission of its own (invariant 4).
    """
    return Terms(
        dataset=_one_dataset(first.dataset, second.dataset),
        columns=narrower(first.columns, second.columns),
        rows=all_of((first.rows, second.rows)),
        purposes=narrower(first.purposes, second.purposes),
        persons=narrower(first.persons, second.persons),
        begins=max(first.begins, second.begins),
        ends=min(first.ends, second.ends),
        min_cell=max(first.min_cell, second.min_cell),
        granularity=max(first.granularity, second.granularity, key=GRANULARITIES.index),
        link=narrower(first.link, second.link),
        onward=first.onward and second.onward,
        rate=min((rate for rate in (first.rate, second.rate) if rate is not None), default=None),
        because=_merged(first.because, second.because),
        agencies=narrower(first.agencies, second.agencies),
        regimes=first.regimes | second.regimes,
        prohibited=first.prohibited | second.prohibited,
    )


def _one_dataset(first: str, second: str) -> str:
    if EVERY_DATASET in (first, second):
        return first if second == EVERY_DATASET else second
    if first != second:
        raise Invalid(f"The terms of {first} and of {second} are never put together; ask for each dataset by itself.")
    return first


def _merged(first: Mapping[str, tuple[str, ...]], second: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    return {name: (*first.get(name, ()), *second.get(name, ())) for name in sorted({*first, *second})}


def outside(terms: Terms, use: Use) -> tuple[str, ...]:
    """The fields of the terms that do not permit this use, in the order of the fields; empty when it is permitted.

    Rows, `min_cell` and `rate` are not questions of yes or no: they are applied while the query runs.
    """
    answers = {
        "dataset": terms.dataset in (EVERY_DATASET, use.dataset),
        "columns": use.columns <= terms.columns,
        "purposes": use.purpose in terms.purposes,
        "persons": use.person in terms.persons,
        "begins": terms.begins <= use.at,
        "ends": use.at <= terms.ends,
        "granularity": GRANULARITIES.index(use.granularity) >= GRANULARITIES.index(terms.granularity),
        "link": use.link <= terms.link,
        "onward": terms.onward or not use.onward,
        "agencies": use.agency in terms.agencies,
        "prohibited": not terms.regimes & terms.prohibited,
    }
    return tuple(name for name, permitted in answers.items() if not permitted)
