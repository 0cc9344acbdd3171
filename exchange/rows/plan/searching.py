"""Full-text search: `$q` and SEARCH (soda.md §5).

Rows match in which every term stands: a word of some text or url column has the term's English stem, or some number
column equals it. A word is a run of letters and digits, whatever its case. The row is looked at as a whole: its
searched columns are read as one text. Where an index lies in the serving file (`exchange.rows.search_index`) the same
words are looked up there; which way is taken is decided when the statement is written, and the rows are the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from exchange.rows.functions import Function
from exchange.rows.plan.overloads import as_type, call
from exchange.rows.plan.typed import Column, Constant, Typed, apply
from exchange.rows.plan.word_forms import forms
from exchange.rows.soql.errors import SoqlError
from exchange.rows.types import ROW

MAX_TERMS = 16
"""Different terms of one search."""

MOST_ENTRIES = 2_000_000
"""Entries of the index that are put in order to find the first rows; for more, every row found is looked at."""

TEXT_TYPES = frozenset({"text", "url"})
NUMBER_TYPES = frozenset({"number", "double"})
LOOKED_AT = TEXT_TYPES | NUMBER_TYPES
"""The types of columns that a search reads."""

COMMON = frozenset({
    "a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "in", "is", "of", "on", "or", "that", "the", "this",
    "to", "was", "were", "with",
})  # fmt: skip
"""Words that are passed over, unless nothing else is asked for."""

_TERM = re.compile(r"(?<!\S)-?[0-9]+(?:\.[0-9]+)?(?![.]?[^\W_])|[^\W_]+")
_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_BEFORE, _AFTER = r"(?:^|[^\pL\pN])", r"(?:$|[^\pL\pN])"
_AS_ONE = Function("search text", ("text",), "text", "lower(concat_ws(' ', {all}))", "One text.", repeats=True)
_MATCHES = Function(
    "search", ("text", "text", "text"), "checkbox", "(contains({0}, {1}) AND regexp_matches({0}, {2}))", "A word."
)
_EQUALS = Function("search", ("number", "number"), "checkbox", "coalesce({0} = {1}, false)", "A number.")


@dataclass(frozen=True)
class SearchIndex:
    """Where the words of a version lie: `table` as SQL, with `word` and `row`; and of which columns they are."""

    table: str
    columns: frozenset[str]


@dataclass(frozen=True)
class Searched(Typed):
    """Rows of the dataset that was asked for in which one of these words stands. `scan` finds them without an index.

    `relation` is what the statement calls the rows of the dataset. With `first` only so many of them are wanted, the
    first in their own order; more may be found, and none but these is missing.
    """

    words: tuple[str, ...]
    columns: frozenset[str]
    relation: str
    scan: Typed
    first: int | None = None

    @property
    def arguments(self) -> tuple[Typed, ...]:
        """What it is made of."""
        return (self.scan,)

    @property
    def size(self) -> int:
        """Number of parts that are written to the engine."""
        return self.scan.size

    @property
    def levels(self) -> int:
        """How deeply it is nested."""
        return self.scan.levels


def search(words: str, columns: Sequence[Typed], *, relation: str | None = None) -> Typed | None:
    """The condition on rows; None where nothing is asked for. Raises `SoqlError` for too many terms.

    `relation` is what the statement calls the dataset that was asked for, when these are its columns and nothing lies
    between (no row filter, no join, no earlier stage): only then an index can be used.
    """
    terms = list(dict.fromkeys(term.lower() for term in _TERM.findall(words)))
    terms = [term for term in terms if term not in COMMON] or terms
    if len(terms) > MAX_TERMS:
        raise SoqlError("bad-parse", f"A search takes at most {MAX_TERMS} different words, not {len(terms)}")
    found = [_term(term, columns, relation) for term in terms]
    return _all(found) if found else None


def searched_sql(
    found: Searched, text: Callable[[Typed], str], bind: Callable[[Any], str], index: SearchIndex | None
) -> str:
    """The condition as SQL, by the index if there is one over just these columns."""
    if index is None or index.columns != found.columns:
        return text(found.scan)
    listed = ", ".join(bind(word) for word in found.words)
    near = f"word >= {bind(found.words[0])} AND word <= {bind(found.words[-1])}"
    rows = f"SELECT {ROW} FROM {index.table} WHERE {near} AND word IN ({listed})"
    return f"({found.relation}.{ROW} IN ({_first(rows, found)}))"


def _first(rows: str, found: Searched) -> str:
    """The look-up, ended where the first rows are found: no row stands in it more often than there are words.

    The engine passes over the blocks of later rows, so a word of every row costs little more than one of a few.
    """
    entries = (found.first or 0) * len(found.words)
    if found.first is None or entries > MOST_ENTRIES:
        return rows
    nearest = f"SELECT {ROW} FROM ({rows}) ORDER BY {ROW} LIMIT {entries}"
    return f"SELECT DISTINCT {ROW} FROM ({nearest}) ORDER BY {ROW} LIMIT {found.first}"


def _term(term: str, columns: Sequence[Typed], relation: str | None) -> Typed:
    texts = tuple(column for column in columns if column.type in TEXT_TYPES)
    places = [_all([_word(word, texts, relation) for word in _WORD.findall(term)])] if texts else []
    for column in columns:
        value = as_type(Constant("text", term), "number") if _NUMBER.fullmatch(term) else None
        if value is not None and column.type in NUMBER_TYPES:
            places.append(apply(_EQUALS, (column, value), "checkbox"))
    if not places:
        return Constant("checkbox", False)
    return places[0] if len(places) == 1 else call("OR", places)


def _word(word: str, texts: tuple[Typed, ...], relation: str | None) -> Typed:
    words = tuple(sorted(forms(word)))
    common = _shared_start(words[0], words[-1])
    endings = "|".join(re.escape(form[len(common) :]) for form in words)
    pattern = f"{_BEFORE}{re.escape(common)}(?:{endings}){_AFTER}"
    whole = apply(_AS_ONE, texts, "text")
    scan = apply(_MATCHES, (whole, Constant("text", common), Constant("text", pattern)), "checkbox")
    plain = frozenset(column.source for column in texts if isinstance(column, Column) and column.name == column.source)
    if relation is None or None in plain or len(plain) != len(texts):
        return scan
    return Searched("checkbox", words, frozenset(str(name) for name in plain), relation, scan)


def _shared_start(first: str, last: str) -> str:
    """What the first and the last of sorted words begin with, and so all between."""
    length = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:length]


def _all(found: Sequence[Typed]) -> Typed:
    return found[0] if len(found) == 1 else call("AND", list(found))
