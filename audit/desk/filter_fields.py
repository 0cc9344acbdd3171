"""The words of the filter language: each field of an entry that can be asked for, what may stand there, an example.

The same table makes the parser, the SQL and the help on the page.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime

from audit.actions import Action, Outcome
from audit.codes import Code
from audit.days import LEGAL_ZONE

FOUR_BY_FOUR = re.compile(r"[a-z0-9]{4}-[a-z0-9]{4}\Z")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_KEY = re.compile(r"[^\s\x00-\x20\x7f@]{1,80}\Z")
_DIGITS = re.compile(r"[0-9]{1,15}\Z")

FIRST_YEAR, LAST_YEAR = 1971, 2999
MOST_DIGITS = {"version": 9}

EQUALS = (":",)
COMPARES = (":", ">=", "<=", ">", "<")
CONTAINS = ("~",)

WORDS: dict[str, tuple[str, ...]] = {
    "action": tuple(str(action) for action in Action),
    "outcome": tuple(str(outcome) for outcome in Outcome),
    "code": tuple(str(code) for code in Code),
}
"""The fields whose values are a closed list."""


class NotAValue(ValueError):
    """What stands after a field cannot stand there. `near` are values of the closed list, if there is one."""

    def __init__(self, message: str, near: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message, self.near = message, near


@dataclass(frozen=True)
class FilterField:
    """One field: its word, the column of the log that it selects on, how it may be compared, and help."""

    name: str
    column: str
    kind: str
    operators: tuple[str, ...]
    meaning: str
    example: str

    def value(self, text: str) -> str:
        """What was typed in the one way that it is kept. Raises `NotAValue`."""
        return _KINDS[self.kind](self.name, text)


def _word(name: str, text: str) -> str:
    value = text.strip().lower()
    if value in WORDS[name] or (value.endswith("*") and any(each.startswith(value[:-1]) for each in WORDS[name])):
        return value
    raise NotAValue(f"“{text}” is no {name} that the log knows.", WORDS[name])


def matching_words(name: str, value: str) -> tuple[str, ...]:
    """The words of a closed list that a value means: itself, or with a star at the end all that begin so."""
    if not value.endswith("*"):
        return (value,)
    return tuple(each for each in WORDS[name] if each.startswith(value[:-1]))


def _key(name: str, text: str) -> str:
    if _KEY.match(text):
        return text
    raise NotAValue(f"A {name} is a key of up to 80 characters without blanks and without @.")


def _uuid(name: str, text: str) -> str:
    if UUID.match(text.strip().lower()):
        return text.strip().lower()
    raise NotAValue(f"An {name} is a UUID, as on the page of an entry.")


def _named(name: str, text: str) -> str:
    """A key, or a name that is looked up before the filter is used; a name never stays."""
    value = text.strip()
    known = (UUID if name == "person" else FOUR_BY_FOUR).match(value.lower())
    if not value or len(value) > 200:
        raise NotAValue(f"Write the {name}’s id, or its name in quotes.")
    return value.lower() if known else value


def _text(name: str, text: str) -> str:
    if text.strip() and len(text) <= 200:
        return text
    raise NotAValue(f"Write one to 200 characters that the {name} contains.")


def _number(name: str, text: str) -> str:
    value = text.replace("_", "")
    if _DIGITS.match(value) and len(value) <= MOST_DIGITS.get(name, 15):
        return str(int(value))
    raise NotAValue(f"Write a whole number after {name}.")


def _day(name: str, text: str) -> str:
    try:
        day = date.fromisoformat(text)
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise ValueError(text)
        return day.isoformat()
    except ValueError as wrong:
        raise NotAValue(f"Write the day after {name} as 2026-06-15.") from wrong


def _instant(name: str, text: str) -> str:
    """A day (its first instant in Connecticut) or a time; one without a zone is Connecticut's. Kept in UTC."""
    try:
        instant = datetime.fromisoformat(text)
        instant = instant if instant.tzinfo else instant.replace(tzinfo=LEGAL_ZONE)
        if not FIRST_YEAR <= instant.year <= LAST_YEAR:
            raise ValueError(text)
        return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except ValueError as wrong:
        raise NotAValue(f"Write the time after {name} as 2026-06-15 or 2026-06-15T14:30 (Connecticut).") from wrong


_KINDS = {
    "word": _word,
    "key": _key,
    "uuid": _uuid,
    "named": _named,
    "text": _text,
    "number": _number,
    "day": _day,
    "instant": _instant,
}


def instant_in(value: str) -> datetime:
    """The instant that `FilterField.value` wrote."""
    return datetime.fromisoformat(value)


FIELDS = {
    field.name: field
    for field in (
        FilterField("person", "actor", "named", EQUALS, "who: a name, or the pseudonym", 'person:"H. Quimby"'),
        FilterField("dataset", "dataset", "named", EQUALS, "what of: the id, or a title", "dataset:q5np-7r2k"),
        FilterField("action", "action", "word", EQUALS, "what was done; a star is any ending", "action:access:*"),
        FilterField("outcome", "outcome", "word", EQUALS, "how it came out", "outcome:refused,failed"),
        FilterField("code", "code", "word", EQUALS, "why it was refused", "code:roster,person-left"),
        FilterField("since", "t", "day", EQUALS, "from this day on, in Connecticut", "since:2026-01-01"),
        FilterField("until", "t", "day", EQUALS, "through this day, in Connecticut", "until:2026-01-31"),
        FilterField("t", "t", "instant", COMPARES, "to the minute or finer", "t>=2026-01-05T18:00"),
        FilterField("agreement", "agreement", "key", EQUALS, "under which agreement", "agreement:DSA-2026-01"),
        FilterField("version", "agreement_version", "number", COMPARES, "which version of it", "version:2"),
        FilterField("purpose", "purpose", "key", EQUALS, "for which purpose", "purpose:evaluation"),
        FilterField("group", "working_group", "key", EQUALS, "which working group", "group:early-childhood"),
        FilterField("agency", "agency", "key", EQUALS, "the agency that acted", "agency:sde"),
        FilterField("source", "source", "key", EQUALS, "the agency whose data it was", "source:dcf"),
        FilterField("client", "client", "key", EQUALS, "through which program", "-client:hhs-notebook"),
        FilterField("rows", "rows", "number", COMPARES, "rows that left, in the entry that ends a read", "rows>1000"),
        FilterField("bytes", "bytes", "number", COMPARES, "bytes that left, likewise", "bytes>=1_000_000"),
        FilterField("reason", "reason", "text", CONTAINS, "words in a reason", 'reason~"not on the roster"'),
        FilterField("index", "idx", "number", COMPARES, "the entry’s number in the log", "index<500"),
        FilterField("id", "id", "uuid", EQUALS, "one entry", "id:019ecc3e-b802-7000-8000-000000000002"),
        FilterField("ref", "ref", "uuid", EQUALS, "what belongs to it", "ref:019ecc3e-b802-7000-8000-000000000002"),
    )
}  # fmt: skip

NAMED = ("person", "dataset")
"""The fields in which a name may be typed, to be replaced before anything is asked."""
