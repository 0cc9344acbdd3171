"""Terms as sentences for people: what may be read, by whom, for what, until when, and which clause says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from agreements.bounds import Bound, Everything
from agreements.clauses.wording import day_in_words, listed
from agreements.terms import AGGREGATE, EVERY_DATASET, Terms
from exchange.clock import legal_day
from exchange.rows import predicate

_NONE: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Labels:
    """How people know what terms know by key: labels of columns, names of persons and agencies, titles of datasets."""

    columns: Mapping[str, str] = field(default_factory=lambda: _NONE)
    persons: Mapping[str, str] = field(default_factory=lambda: _NONE)
    agencies: Mapping[str, str] = field(default_factory=lambda: _NONE)
    datasets: Mapping[str, str] = field(default_factory=lambda: _NONE)


@dataclass(frozen=True)
class Sentence:
    """One limit in words. `field` is that of `Terms`; `because` are the clause versions that set it."""

    field: str
    text: str
    because: tuple[str, ...]


def in_words(terms: Terms, labels: Labels = Labels()) -> list[Sentence]:
    """The limits in the order in which a reader asks for them."""
    return [Sentence(name, say(terms, labels), _because(terms, name)) for name, say in SENTENCES.items()]


def _because(terms: Terms, name: str) -> tuple[str, ...]:
    """The window is one sentence about two fields."""
    names = ("begins", "ends") if name == "begins" else (name,)
    return tuple(sorted({clause for each in names for clause in terms.because.get(each, ())}))


def _names(bound: Bound, labels: Mapping[str, str], unbounded: str, none: str) -> str:
    if isinstance(bound, Everything):
        return unbounded
    return listed(sorted(labels.get(name, name) for name in bound)) if bound else none


def _dataset(terms: Terms, labels: Labels) -> str:
    if terms.dataset == EVERY_DATASET:
        return "Dataset: every dataset of the source agencies."
    title = labels.datasets.get(terms.dataset)
    return f"Dataset: {f'“{title}” ({terms.dataset})' if title else terms.dataset}."


def _columns(terms: Terms, labels: Labels) -> str:
    unbounded = "those that an agreement under this one schedules"
    return f"Columns: {_names(terms.columns, labels.columns, unbounded, 'none')}."


def _rows(terms: Terms, labels: Labels) -> str:
    return f"Rows: {predicate.in_words(terms.rows, labels.columns)}."


def _purposes(terms: Terms, _labels: Labels) -> str:
    return f"Purpose: {_names(terms.purposes, {}, 'any that is approved in an agreement under this one', 'none')}."


def _persons(terms: Terms, labels: Labels) -> str:
    unbounded = "those whom an agreement under this one names"
    return f"Authorized users: {_names(terms.persons, labels.persons, unbounded, 'nobody')}."


def _window(terms: Terms, _labels: Labels) -> str:
    first, last = (day_in_words(legal_day(instant).isoformat()) for instant in (terms.begins, terms.ends))
    return f"From {first} through {last}, Connecticut time."


def _min_cell(terms: Terms, _labels: Labels) -> str:
    return f"No count of persons below {terms.min_cell} is shown." if terms.min_cell else "No smallest count is set."


def _granularity(terms: Terms, _labels: Labels) -> str:
    return "Only counts and other aggregates." if terms.granularity == AGGREGATE else "Single records."


def _link(terms: Terms, labels: Labels) -> str:
    unbounded = "those that an agreement under this one names"
    return f"May be linked with: {_names(terms.link, labels.datasets, unbounded, 'no other dataset')}."


def _onward(terms: Terms, _labels: Labels) -> str:
    return "May be passed on only if the source approves." if terms.onward else "May not be passed on."


def _rate(terms: Terms, _labels: Labels) -> str:
    return "No limit to the number of queries." if terms.rate is None else f"At most {terms.rate} queries a day."


def _agencies(terms: Terms, labels: Labels) -> str:
    return f"Data of: {_names(terms.agencies, labels.agencies, 'every agency', 'no agency')}."


def _prohibited(terms: Terms, _labels: Labels) -> str:
    barred = listed(sorted(terms.prohibited)) if terms.prohibited else "none"
    return f"Legal regimes that may not be shared: {barred}."


SENTENCES: Mapping[str, Callable[[Terms, Labels], str]] = MappingProxyType(
    {
        "dataset": _dataset,
        "agencies": _agencies,
        "columns": _columns,
        "rows": _rows,
        "purposes": _purposes,
        "persons": _persons,
        "begins": _window,
        "min_cell": _min_cell,
        "granularity": _granularity,
        "link": _link,
        "onward": _onward,
        "rate": _rate,
        "prohibited": _prohibited,
    }
)
"""By field of the terms; the window stands under "begins"."""
