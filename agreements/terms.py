"""What an agreement permits, compiled from its clauses, and the meet of two such permissions.

Terms are the policy half of an agreement: the limits in which rows of one dataset may be read. They only ever narrow:
`meet` of a DSA with the E-MOU above it, or with a request below it, permits exactly what both permit (invariant 2).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

import rfc8785

from agreements.bounds import ANY, EVERYTHING, Bound, bound_of, narrower
from agreements.bounds import to_json as bound_to_json
from agreements.clauses.library import ClauseVersion, UnknownTerm, get
from agreements.clauses.rules import REASON_ONLY, RULES, Matter
from exchange.errors import Invalid
from exchange.rows.predicate import Predicate

__all__ = ["EVERYTHING", "EVERY_DATASET", "Terms", "UnknownTerm", "Use"]
__all__ += ["compile_document", "from_json", "meet", "outside", "to_json"]

EVERY_DATASET = "*"
"""The key of terms that bound every dataset of the agencies they name: those of an E-MOU."""

RECORD, AGGREGATE = "record", "aggregate"
GRANULARITIES = (RECORD, AGGREGATE)
"""From the freer to the stricter: single records, or only counts and other aggregates."""

BOUNDS = ("columns", "purposes", "persons", "link", "agencies")
INSTANT = "%Y-%m-%dT%H:%M:%SZ"
CLAUSE_FIELDS = frozenset({"code", "version", "title", "paragraphs", "parameters"})

NEEDED: Mapping[str, str] = {
    "agencies": "C01",
    "purposes": "C03",
    "columns": "C06",
    "granularity": "C07",
    "persons": "C08",
    "min_cell": "C18",
    "begins": "C28",
}
"""Limits that are never assumed, each with its clause. Linking and passing on need a clause that permits them."""


@dataclass(frozen=True)
class Terms:
    """The limits for one dataset under one agreement version, or under a chain of them.

    `columns`, `purposes` (codes), `persons` (person ids), `link` (datasets it may be joined with) and `agencies` (whose
    data) are bounds: a set, or `EVERYTHING`. `rows` None is every row. `begins`/`ends` are instants, both included.
    `min_cell` is the smallest count that may be shown (0: no floor). `onward`: may be passed on if the source approves.
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
        object.__setattr__(
            self, "because", {name: tuple(sorted(set(ids))) for name, ids in self.because.items() if ids}
        )


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
    members = {
        rfc8785.dumps(_plain(member)): _plain(member)
        for each in rows
        if each is not None
        for member in _conjuncts(each)
    }
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


def to_json(terms: Terms) -> dict[str, Any]:
    """The stored form; instants as `2026-07-01T04:00:00Z`, sets sorted, an unbounded set as "any"."""
    return {
        "dataset": terms.dataset,
        **{name: bound_to_json(getattr(terms, name)) for name in BOUNDS},
        **{name: getattr(terms, name).astimezone(UTC).strftime(INSTANT) for name in ("begins", "ends")},
        **{name: getattr(terms, name) for name in ("rows", "min_cell", "granularity", "onward", "rate")},
        **{name: sorted(getattr(terms, name)) for name in ("regimes", "prohibited")},
        "because": {name: list(ids) for name, ids in terms.because.items()},
    }


def from_json(stored: Mapping[str, Any]) -> Terms:
    """The terms of a stored form. Raises `UnknownTerm` when a field is missing or not known: nothing is ignored."""
    known = {item.name for item in fields(Terms)}
    if strange := sorted(known ^ set(stored)):
        raise UnknownTerm(f"Stored terms lack, or do not know, the field “{strange[0]}”; they are not applied.")
    read: dict[str, Any] = dict(stored)
    read |= {name: bound_of(stored[name]) for name in BOUNDS}
    read |= {name: datetime.strptime(stored[name], INSTANT).replace(tzinfo=UTC) for name in ("begins", "ends")}
    read |= {name: frozenset(stored[name]) for name in ("regimes", "prohibited")}
    read["because"] = {name: tuple(ids) for name, ids in stored["because"].items()}
    return Terms(**read)


def compile_document(document: Mapping[str, Any]) -> dict[str, Terms]:
    """The terms of each dataset of a document (`agreements.document`); of an E-MOU, under `EVERY_DATASET`.

    Raises `UnknownTerm` for a clause, version, parameter or field that is not known, and `Invalid` where a limit is
    missing or two parts of the document contradict each other. What the document stores under "terms" is not read.
    """
    clauses = read_clauses(document["clauses"])
    sources = frozenset(party["agency"] for party in document["parties"] if party["capacity"] == "source")
    lines = document["schedule"] or [None]
    compiled = {
        EVERY_DATASET if line is None else line["dataset"]: _compile_one(
            clauses, Matter(document["tier"], sources, line)
        )
        for line in lines
    }
    _agrees(clauses, compiled)
    return compiled


def _agrees(clauses: Iterable[tuple[ClauseVersion, Mapping[str, Any]]], compiled: Mapping[str, Terms]) -> None:
    """Every dataset that a clause schedules has terms, so that no line is dropped in silence."""
    for clause, parameters in clauses:
        schedule = parameters.get("schedule", ANY)
        named = {EVERY_DATASET} if schedule == ANY else {line["dataset"] for line in schedule}
        if clause.rule == "columns" and named != set(compiled):
            raise Invalid("Schedule A and clause C06 name different datasets; build the document again.")


def read_clauses(entries: Iterable[Mapping[str, Any]]) -> list[tuple[ClauseVersion, dict[str, Any]]]:
    """The clauses of a document with their values read again. Raises `UnknownTerm` or `Invalid`."""
    read = []
    for entry in entries:
        if strange := sorted(set(entry) - CLAUSE_FIELDS):
            raise UnknownTerm(f"Clause {entry.get('code')} carries “{strange[0]}”, which this system does not know.")
        clause = get(entry["code"], entry["version"])
        read.append((clause, clause.read(entry["parameters"])))
    codes = [clause.code for clause, _ in read]
    if doubled := sorted({code for code in codes if codes.count(code) > 1}):
        raise Invalid(f"Clause {doubled[0]} stands in the agreement twice; keep one.")
    return read


def _compile_one(clauses: Iterable[tuple[ClauseVersion, Mapping[str, Any]]], matter: Matter) -> Terms:
    dataset = EVERY_DATASET if matter.line is None else matter.line["dataset"]
    limits: dict[str, Any] = {"link": frozenset(), "onward": False, "rate": None}
    because: dict[str, tuple[str, ...]] = {}
    for clause, parameters in clauses:
        for name, value in _apply(clause, parameters, matter).items():
            if value is not REASON_ONLY:
                limits[name] = value
            because[name] = (*because.get(name, ()), clause.id)
    for name, code in NEEDED.items():
        if name not in limits:
            raise Invalid(
                f"The agreement says nothing of {name.replace('_', ' ')}; add clause {code} ({get(code, 1).title})."
            )
    return Terms(dataset=dataset, because=because, **limits)


def _apply(clause: ClauseVersion, parameters: Mapping[str, Any], matter: Matter) -> Mapping[str, Any]:
    if clause.rule is None:
        return {}
    if clause.rule not in RULES:
        raise UnknownTerm(f"Clause {clause.id} names the rule “{clause.rule}”, which this system does not know.")
    return RULES[clause.rule](parameters, matter)
