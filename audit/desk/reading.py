"""A question as it comes from an address: defaults filled in, names replaced by keys, what does not fit said."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from audit.days import legal_day
from audit.desk.question import AskAgain, DeskQuestion, Field

Find = Callable[[str], list[str]]
"""What a reader typed to the keys of the log that it can mean."""

Typed = Mapping[str, list[str]]

KEY = re.compile(r"[A-Za-z0-9][\w.:/-]{0,79}\Z", re.ASCII)
FIRST_YEAR, LAST_YEAR = 1971, 2999


@dataclass
class Reading:
    """What an address asks. `values` as in `Asked`; `errors` by field; `missing`: a required field is empty.

    `moved`: a name was typed, and these values are what the address must hold instead. `choices`: a name means
    several keys, by field.
    """

    values: dict[str, tuple[str, ...]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    missing: bool = False
    moved: bool = False
    choices: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def ready(self) -> bool:
        """Whether it can be answered."""
        return not (self.errors or self.missing or self.moved or self.choices)

    def one(self, name: str) -> str:
        """A field's value, "" if it is empty."""
        return next(iter(self.values.get(name, ())), "")


def read(question: DeskQuestion, typed: Typed, now: datetime, persons: Find, datasets: Find) -> Reading:
    """Read every field. A name never is a value: it becomes the keys it means, a choice of them, or an error."""
    reading = Reading()
    for each in question.fields:
        texts = [text.strip()[:200] for text in typed.get(each.name, ()) if text.strip()]
        if "\x00" in "".join(texts):
            reading.errors[each.name] = "This cannot be written."
        elif texts:
            _value(reading, each, texts, persons if each.kind == "person" else datasets)
        elif (default := _default(each, now)) and each.name not in typed:
            reading.values[each.name] = (default,)
        elif each.required:
            reading.missing = True
    _order(question, reading)
    return reading


def recorded(question: DeskQuestion, reading: Reading) -> dict[str, str | list[str]]:
    """The values as the record of the asking holds them: of a freely typed text only a digest."""
    kinds = {each.name: each.kind for each in question.fields}

    def shown(name: str, value: str) -> str:
        return value if kinds[name] != "text" else "sha256:" + hashlib.sha256(value.encode()).hexdigest()[:16]

    kept = {name: [shown(name, value) for value in values] for name, values in reading.values.items()}
    return {name: values[0] if len(values) == 1 else values for name, values in kept.items()}


def _default(each: Field, now: datetime) -> str:
    if each.kind == "day" and each.days_back is not None:
        return (legal_day(now) - timedelta(days=each.days_back)).isoformat()
    if each.kind == "choice" and not each.default:
        return each.choices[0][0]
    return each.default


def _value(reading: Reading, each: Field, texts: list[str], find: Find) -> None:
    if each.kind in ("person", "dataset"):
        _keys(reading, each, texts, find)
        return
    try:
        reading.values[each.name] = (_plain(each, texts[0]),)
    except AskAgain as wrong:
        reading.values[each.name] = (texts[0],)
        reading.errors[each.name] = wrong.message


def _keys(reading: Reading, each: Field, texts: list[str], find: Find) -> None:
    found = [(text, find(text)) for text in texts]
    if any(not keys for _, keys in found):
        what = "person" if each.kind == "person" else "dataset"
        reading.errors[each.name] = f"No {what} goes by that. {_ADVICE[what]}"
        return
    keys = tuple(dict.fromkeys(key for _, those in found for key in those))
    if all([text] == those for text, those in found):
        reading.values[each.name] = keys
    elif len(keys) == 1:
        reading.values[each.name], reading.moved = keys, True
    else:
        reading.choices[each.name] = keys


_ADVICE = {
    "person": "Type the name as the directory has it, or the pseudonym from an entry.",
    "dataset": "Type its id (four letters or digits, a hyphen, and four more) or words of its title.",
}


def _plain(each: Field, text: str) -> str:
    checks: dict[str, Callable[[Field, str], str]] = {"day": _day, "choice": _choice, "number": _number, "key": _key}
    return checks[each.kind](each, text) if each.kind in checks else text


def _day(each: Field, text: str) -> str:
    try:
        day = date.fromisoformat(text)
    except ValueError as wrong:
        raise AskAgain("Write the day as 2026-06-15.", each.name) from wrong
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise AskAgain(f"Days are from {FIRST_YEAR} to {LAST_YEAR}.", each.name)
    return day.isoformat()


def _choice(each: Field, text: str) -> str:
    if text not in (value for value, _ in each.choices):
        raise AskAgain("Choose one of the list.", each.name)
    return text


def _number(each: Field, text: str) -> str:
    digits = text.replace(",", "").replace("_", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 15):
        raise AskAgain("Write a whole number.", each.name)
    return str(int(digits))


def _key(each: Field, text: str) -> str:
    if not KEY.match(text):
        raise AskAgain("This is a key: letters, digits, hyphens, no blanks.", each.name)
    return text


def _order(question: DeskQuestion, reading: Reading) -> None:
    """Days in the wrong order answer nothing."""
    names = {each.name for each in question.fields if each.kind == "day"}
    if names >= {"since", "until"} and reading.one("since") and reading.one("until"):
        if reading.errors.keys() & {"since", "until"}:
            return
        if reading.one("until") < reading.one("since"):
            reading.errors["until"] = "The last day is before the first. Change one of them."


def by_name(keys: Iterable[str], names: Mapping[str, str]) -> dict[str, list[str]]:
    """Keys under the name that a reader knows them by; a person may have several."""
    found: dict[str, list[str]] = {}
    for key in keys:
        found.setdefault(names.get(key, key), []).append(key)
    return found
