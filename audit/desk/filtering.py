"""The filter language, which narrows the log without SQL: `dataset:q5np-7r2k outcome:refused rows>1000`.

Every term must hold; `-` before a term negates it; `,` or `|` between values are alternatives; quotes hold blanks
together, and within them a backslash stands before a quote or a backslash. The parser is pure and says where it
stopped. `str(filter)` is the same filter written in the one canonical way, which is what addresses and records hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches

from sqlalchemy import ColumnElement, and_, true

from audit.desk.filter_fields import FIELDS, NAMED, FilterField, NotAValue
from audit.desk.filter_sql import condition_of, known

MOST_CHARACTERS = 4_000
MOST_TERMS = 40
MOST_VALUES = 40

_HEAD = re.compile(r'(-?)([^\s:~<>="]*)(>=|<=|[:~<>])?')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_UNWRITTEN = re.compile("[\x00\ud800-\udfff]")
"""What no database stores."""
_BARE = re.compile(r'[^\s,|"]+')


class FilterError(ValueError):
    """A text that is no filter: what is wrong, at which character (from 0), and what can be written there."""

    def __init__(self, message: str, at: int, instead: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message, self.at, self.instead = message, at, instead

    def __str__(self) -> str:
        offer = f" Write {', '.join(self.instead)}." if self.instead else ""
        return f"At character {self.at + 1}: {self.message}{offer}"


@dataclass(frozen=True)
class Term:
    """One condition: a field compared with one of `values`. `negated`: entries for which it does not hold."""

    field: str
    operator: str
    values: tuple[str, ...]
    negated: bool = False

    def __str__(self) -> str:
        return f"{'-' if self.negated else ''}{self.field}{self.operator}{','.join(map(_quoted, self.values))}"

    def condition(self) -> ColumnElement[bool]:
        """The term over the columns of `audit_entry`."""
        return condition_of(FIELDS[self.field], self.operator, self.values, self.negated)


@dataclass(frozen=True)
class Filter:
    """All of these terms. Without any it lets everything through."""

    terms: tuple[Term, ...] = ()

    def __str__(self) -> str:
        return " ".join(map(str, self.terms))

    def condition(self) -> ColumnElement[bool]:
        """The filter over the columns of `audit_entry`. A name that was not looked up matches nothing."""
        return and_(true(), *(term.condition() for term in self.terms))

    def where(self, field: str, *values: str, operator: str = ":", negated: bool = False) -> Filter:
        """This filter and one more term; without values this filter. Raises `NotAValue`."""
        if not values:
            return self
        term = Term(field, operator, tuple(dict.fromkeys(map(FIELDS[field].value, values))), negated)
        return Filter((*self.terms, term))

    def values(self, field: str) -> tuple[str, ...]:
        """The values that a field may have under this filter, if a term says so; () if none does."""
        held = (term.values for term in self.terms if (term.field, term.operator, term.negated) == (field, ":", False))
        return next(held, ())

    def names(self) -> tuple[tuple[str, str], ...]:
        """(field, name) of every value that is a name still, to be looked up before the filter is used."""
        found = ((term.field, value) for term in self.terms if term.field in NAMED for value in term.values)
        return tuple((field, value) for field, value in found if not known(field, value))

    def renamed(self, field: str, name: str, keys: Iterable[str]) -> Filter:
        """This filter with a name replaced by the keys that it means."""
        meant = tuple(keys)

        def those(term: Term) -> Term:
            if term.field != field:
                return term
            values = (key for value in term.values for key in (meant if value == name else (value,)))
            return replace(term, values=tuple(dict.fromkeys(values)))

        return Filter(tuple(map(those, self.terms)))

    def without_words(self) -> Filter:
        """This filter as it may be recorded: words that somebody typed freely are left out, keys and days stay."""
        return Filter(tuple(replace(term, values=("…",)) if term.operator == "~" else term for term in self.terms))


def parse(text: str) -> Filter:
    """Read a filter. Raises `FilterError`, whatever the text."""
    if len(text) > MOST_CHARACTERS:
        raise FilterError(f"A filter has at most {MOST_CHARACTERS} characters.", MOST_CHARACTERS)
    unwritten = _UNWRITTEN.search(text)
    if unwritten:
        raise FilterError("A filter has no NUL and no half characters.", unwritten.start())
    terms = tuple(_terms(text))
    if len(terms) > MOST_TERMS:
        raise FilterError(f"A filter has at most {MOST_TERMS} terms.", len(text))
    return Filter(terms)


def _terms(text: str) -> Iterator[Term]:
    at = _past_blanks(text, 0)
    while at < len(text):
        term, at = _term(text, at)
        yield term
        at = _past_blanks(text, at)


def _past_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _term(text: str, at: int) -> tuple[Term, int]:
    head = _HEAD.match(text, at)
    minus, name, operator = head.groups() if head else ("", "", None)
    field = _field(name, operator, at + len(minus or ""))
    if operator not in field.operators:
        start = at + len(minus) + len(name)
        offered = tuple(f"{field.name}{each}" for each in field.operators)
        raise FilterError(f"“{field.name}” cannot be compared with “{operator or ''}”.", start, offered)
    values, end = _values(field, text, at + len(head.group(0)) if head else at)
    if len(values) > 1 and operator not in (":", "~"):
        raise FilterError("A comparison has one value.", end, (field.example,))
    return Term(field.name, operator, values, bool(minus)), end


def _field(name: str, operator: str | None, at: int) -> FilterField:
    word = name.lower()
    if word in FIELDS and operator is not None:
        return FIELDS[word]
    if word in FIELDS:
        raise FilterError(f"After “{word}” comes a value.", at + len(word), (FIELDS[word].example,))
    near = get_close_matches(word, FIELDS, n=3, cutoff=0.5) or list(FIELDS)[:6]
    what = f"“{_short(name)}” is no field of the log." if name else "A term begins with the name of a field."
    raise FilterError(what, at, tuple(FIELDS[each].example for each in near))


def _values(field: FilterField, text: str, at: int) -> tuple[tuple[str, ...], int]:
    values: list[str] = []
    while True:
        value, end = _value(field, text, at)
        values.append(value)
        if len(values) > MOST_VALUES:
            raise FilterError(f"A term has at most {MOST_VALUES} values.", at)
        if end >= len(text) or text[end].isspace():
            return tuple(dict.fromkeys(values)), end
        if text[end] not in ",|":
            raise FilterError("After a value comes a blank, or a comma and another value.", end)
        at = end + 1


def _value(field: FilterField, text: str, at: int) -> tuple[str, int]:
    quoted = _QUOTED.match(text, at)
    bare = None if quoted else _BARE.match(text, at)
    if quoted:
        raw, end = re.sub(r"\\(.)", r"\1", quoted[1], flags=re.DOTALL), quoted.end()
    elif bare:
        raw, end = bare[0], bare.end()
    elif text[at : at + 1] == '"':
        raise FilterError("The quote is not closed.", at, (field.example,))
    else:
        raise FilterError(f"After “{field.name}” comes a value.", at, (field.example,))
    try:
        return field.value(raw), end
    except NotAValue as wrong:
        near = tuple(get_close_matches(raw.lower(), wrong.near, n=4, cutoff=0.4)) or wrong.near[:6]
        raise FilterError(wrong.message, at, near or (field.example,)) from wrong


def _quoted(value: str) -> str:
    if _BARE.fullmatch(value):
        return value
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _short(text: str) -> str:
    return text if len(text) <= 30 else text[:29] + "…"
