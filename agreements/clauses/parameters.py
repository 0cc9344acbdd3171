"""Typed parameters of clauses: what a drafter fills in, read into values that can be signed and compiled.

`Parameter.read` takes what a form or a stored agreement holds and gives the one JSON value that is hashed; reading that
value again gives the same value. What cannot be understood raises `Invalid` with a sentence; nothing is ignored.
"""

from __future__ import annotations

import enum
import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import rfc8785

from agreements.bounds import ANY
from exchange.errors import Invalid
from exchange.rows import predicate
from exchange.values import is_four_by_four

KEY = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*\Z")
REGIME = re.compile(r"[A-Z0-9]+(-[A-Z0-9]+)*\Z")
MAX_TEXT = 8000
MAX_INTEGER = 1_000_000


class ParameterType(enum.StrEnum):
    """The kinds of value a clause can hold."""

    TEXT = "text"
    INTEGER = "integer"
    DATE = "date"
    CHOICE = "choice"
    AGENCIES = "agencies"
    DATASETS = "datasets"
    PERSONS = "persons"
    PREDICATE = "predicate"
    PURPOSES = "purposes"
    REGIMES = "regimes"
    SCHEDULE = "schedule"


@dataclass(frozen=True)
class Parameter:
    """One blank in a clause.

    `absent` is what the text says when an optional blank is left empty; `unbounded` is what it says for the word "any",
    and None forbids that word; `choices` maps the value of a choice to its words.
    """

    name: str
    label: str
    type: ParameterType
    required: bool = True
    help: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    absent: str = ""
    unbounded: str | None = None

    def read(self, raw: object) -> Any:
        """The JSON value of what was filled in; None for an optional blank left empty. Raises `Invalid`."""
        if raw is None or raw == "" or (raw == [] and self.required):
            if self.required:
                raise Invalid(f"“{self.label}” is empty; fill it in.")
            return None
        if raw == ANY and self.type in UNBOUNDABLE:
            if self.unbounded is None:
                raise Invalid(f"“{self.label}” cannot be “{ANY}” here; name what it covers.")
            return ANY
        return READERS[self.type](self, raw)


UNBOUNDABLE = {
    ParameterType.AGENCIES,
    ParameterType.DATASETS,
    ParameterType.PERSONS,
    ParameterType.PURPOSES,
    ParameterType.SCHEDULE,
}


def _text(parameter: Parameter, raw: object) -> str:
    if not isinstance(raw, str) or not raw.strip():
        raise Invalid(f"“{parameter.label}” is a text; write it in words.")
    text = re.sub(r"[^\S\n]+", " ", unicodedata.normalize("NFC", raw).replace("\r\n", "\n")).strip()
    if len(text) > MAX_TEXT:
        raise Invalid(f"“{parameter.label}” is longer than {MAX_TEXT} characters; shorten it.")
    if not all(letter.isprintable() or letter == "\n" for letter in text):
        raise Invalid(f"“{parameter.label}” holds a character that cannot be printed; type it again.")
    return text


def _integer(parameter: Parameter, raw: object) -> int:
    if isinstance(raw, bool) or not re.fullmatch(r"[0-9]{1,7}", str(raw).strip()):
        raise Invalid(f"“{parameter.label}” is a whole number from 0 to {MAX_INTEGER}, not “{raw}”.")
    number = int(str(raw))
    if number > MAX_INTEGER:
        raise Invalid(f"“{parameter.label}” is at most {MAX_INTEGER}, not {number}.")
    return number


def _date(parameter: Parameter, raw: object) -> str:
    try:
        return date.fromisoformat(raw.isoformat() if isinstance(raw, date) else str(raw)).isoformat()
    except ValueError:
        raise Invalid(f"“{parameter.label}” is a day such as 2026-07-01, not “{raw}”.") from None


def _choice(parameter: Parameter, raw: object) -> str:
    known = dict(parameter.choices)
    if not isinstance(raw, str) or raw not in known:
        raise Invalid(f"“{parameter.label}” is one of {', '.join(known)}, not “{raw}”.")
    return raw


def _names(parameter: Parameter, raw: object) -> list[str]:
    """Texts from a list, or from a form field that holds them between commas, spaces or line ends."""
    texts = re.split(r"[\s,;]+", raw.strip()) if isinstance(raw, str) else raw
    if not isinstance(texts, list | tuple | set | frozenset) or not all(
        isinstance(text, str) and text for text in texts
    ):
        raise Invalid(f"“{parameter.label}” is a list of names.")
    return sorted(set(texts))


def _list_of(good: Callable[[str], object], kind: str) -> Callable[[Parameter, object], list[str]]:
    """A reader of lists whose every member passes `good`."""

    def read(parameter: Parameter, raw: object) -> list[str]:
        names = _names(parameter, raw)
        for name in names:
            if not good(name):
                raise Invalid(f"“{name}” in “{parameter.label}” is not {kind}.")
        return names

    return read


def _from_json(parameter: Parameter, raw: object) -> object:
    if not isinstance(raw, str):
        return raw
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise Invalid(f"“{parameter.label}” is not well-formed; choose it again on the page.") from None


def _predicate(parameter: Parameter, raw: object) -> dict[str, Any]:
    value = _from_json(parameter, raw)
    if not isinstance(value, Mapping):
        raise Invalid(f"“{parameter.label}” is a row filter, or empty for all rows.")
    return plain_predicate(value)


def plain_predicate(value: Mapping[str, Any], depth: int = 0) -> dict[str, Any]:
    """The row filter as plain JSON, its shape checked; whether its columns exist is checked against the schedule."""
    if depth == 0:
        predicate.check(value, _AnyColumn())
    if "of" in value:
        return {"op": value["op"], "of": [plain_predicate(member, depth + 1) for member in value["of"]]}
    try:  # canonical JSON holds IEEE 754 doubles, no NaN and no infinity (RFC 8785 §3.2.2.3)
        rfc8785.dumps(value["values"])
    except rfc8785.CanonicalizationError:
        raise Invalid("The row filter compares with a number that cannot be written exactly; use another.") from None
    return {"op": value["op"], "column": value["column"], "values": list(value["values"])}


class _AnyColumn(frozenset[str]):
    """Stands for columns not known yet."""

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and bool(name)


def _schedule(parameter: Parameter, raw: object) -> list[dict[str, Any]]:
    """Lines of Schedule A: which columns and which rows of which dataset."""
    lines = _from_json(parameter, raw)
    if not isinstance(lines, list):
        raise Invalid(f"“{parameter.label}” is a list of datasets with their columns.")
    read = sorted((_schedule_line(parameter, line) for line in lines), key=lambda line: str(line["dataset"]))
    if len({line["dataset"] for line in read}) != len(read):
        raise Invalid(f"“{parameter.label}” names a dataset twice; put its columns in one line.")
    return read


def _schedule_line(parameter: Parameter, line: object) -> dict[str, Any]:
    if not isinstance(line, Mapping) or not set(line) <= {"dataset", "columns", "rows"}:
        raise Invalid(
            f"Each line of “{parameter.label}” has a dataset, its columns and, if wanted, a row filter; no more."
        )
    dataset, columns = line.get("dataset"), line.get("columns")
    if not isinstance(dataset, str) or not is_four_by_four(dataset):
        raise Invalid(f"“{parameter.label}” names “{dataset}”, which is not a dataset id such as abcd-2345.")
    if (
        not isinstance(columns, list | tuple)
        or not columns
        or not all(isinstance(name, str) and name for name in columns)
    ):
        raise Invalid(f"“{parameter.label}” names no columns of {dataset}; choose at least one.")
    rows = line.get("rows")
    if rows is not None and not isinstance(rows, Mapping):
        raise Invalid(f"The row filter of {dataset} in “{parameter.label}” is not a row filter.")
    return {
        "dataset": dataset,
        "columns": sorted(set(columns)),
        "rows": None if rows is None else plain_predicate(rows),
    }


READERS: Mapping[ParameterType, Callable[[Parameter, object], Any]] = {
    ParameterType.TEXT: _text,
    ParameterType.INTEGER: _integer,
    ParameterType.DATE: _date,
    ParameterType.CHOICE: _choice,
    ParameterType.AGENCIES: _list_of(KEY.match, "the key of an agency"),
    ParameterType.DATASETS: _list_of(is_four_by_four, "a dataset id such as abcd-2345"),
    ParameterType.PERSONS: _list_of(bool, "a person"),
    ParameterType.PREDICATE: _predicate,
    ParameterType.PURPOSES: _list_of(KEY.match, "a purpose code such as chronic-absence-planning"),
    ParameterType.REGIMES: _list_of(REGIME.match, "the code of a legal regime such as FERPA"),
    ParameterType.SCHEDULE: _schedule,
}
"""One reader per type; a type without a reader fails at import of the library's test."""
