"""The shape of an auditor's question: one screen, one address, one CSV, whoever answers it.

A question is data. Those that the log answers alone are in this folder; those that need live state (grants, agreements,
datasets) are written where that state lives and handed in as `app.extensions["audit_questions"]`. One view shows all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from audit.days import end_of, start_of

Heading = str | tuple[str, str]
"""A column's heading, or the heading and its class: ("Rows", "num") for figures."""

Naming = Callable[[Iterable[str]], Mapping[str, str]]
"""Keys of the log (pseudonyms, dataset ids) to what a reader calls them, as far as it is known."""


class AskAgain(Exception):
    """A question that cannot be answered as it was asked. `field` is the field to change; "" means the whole form."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.message, self.field = message, field


@dataclass(frozen=True)
class Field:
    """One field of a question's form.

    `kind` is one of:
    "key": a key of ours, without blanks; "day"; "number"; "choice": one of `choices`, pairs of value and words, the
    first of which is the default;
    "person": the reader may type a name, the address then holds the pseudonyms, several if a person has several;
    "dataset": an id or a title, the address holds the id;
    "text": free words, of which the record of the asking keeps a digest only;
    "secret": what may be in no address: it is sent in the body of a POST, and `seal` turns it into what the address and
    the record hold.

    `days_back` fills an empty "day" with that many days before today, `default` any other kind: an empty form is
    answered at once unless a `required` field is empty.
    """

    name: str
    label: str
    kind: str = "key"
    hint: str = ""
    required: bool = False
    default: str = ""
    days_back: int | None = None
    choices: tuple[tuple[str, str], ...] = ()
    seal: Callable[[Session, str], str] | None = None


@dataclass(frozen=True)
class Cell:
    """One cell. `href` makes its text a link within this site; `note` is small print below it, in CSV in brackets.

    `badge` shows the text as a state; `value` is what CSV gets instead of the text ("1234" for "1,234").
    """

    text: str
    href: str = ""
    note: str = ""
    badge: bool = False
    value: str | None = None

    @property
    def plain(self) -> str:
        """The cell in CSV."""
        if self.value is not None:
            return self.value
        return f"{self.text} ({self.note})" if self.note else self.text


Row = tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """A further table above the answer's own: the same in short."""

    caption: str
    headings: tuple[Heading, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Answer:
    """One screen of the answer.

    `more` is the cursor of the next screen, None on the last: any text from which `answer` can go on (the last row's
    key, never an offset). `summary` are (term, value) above the table, `notes` sentences below it that say how to
    read it and what to do next. `also` are shown on the first screen only, and are not in the CSV. `empty` says what
    no rows mean, if that depends on what was asked. `links` are (words, href) beside the CSV: where to go on.
    """

    rows: tuple[Row, ...]
    more: str | None = None
    summary: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    also: tuple[Table, ...] = ()
    empty: str = ""
    links: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Asked:
    """A question as it was asked. `values` are the fields' texts, defaults filled in; empty ones are left out.

    `session` only reads and is closed before the asking is recorded. `after` is the cursor of the screen before, None
    on the first. At most `limit` rows are wanted. `through` is the highest index of the log when the question was
    asked: answers from the log stay at or below it, so that a CSV ends.
    """

    session: Session
    values: Mapping[str, tuple[str, ...]]
    now: datetime
    after: str | None
    limit: int
    names_of: Naming
    titles_of: Naming
    through: int = -1

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a field; several only for "person"."""
        return self.values.get(name, ())

    def one(self, name: str) -> str:
        """The value of a field, "" if it is empty."""
        return next(iter(self.all(name)), "")

    def start(self, name: str) -> datetime | None:
        """The first instant of a "day" field, in UTC; None if it is empty."""
        return start_of(_day(self.one(name), name))

    def end(self, name: str) -> datetime | None:
        """The last millisecond of a "day" field, in UTC; None if it is empty."""
        return end_of(_day(self.one(name), name))

    def number(self, name: str) -> int | None:
        """The value of a "number" field; None if it is empty."""
        text = self.one(name).replace(",", "")
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and len(text) <= 15):
            raise AskAgain("Write a whole number.", name)
        return int(text)


@dataclass(frozen=True)
class DeskQuestion:
    """A standing question of the auditors.

    `number` is its place in the list, `key` its word in the address (/audit/questions/<key>); `asks` says in a sentence
    what it answers, `law` what asks for it ("CGS 4-193(c)"); `empty` what it means that there is no row, and what to
    do next.
    """

    number: int
    key: str
    title: str
    asks: str
    law: tuple[str, ...]
    fields: tuple[Field, ...]
    headings: tuple[Heading, ...]
    answer: Callable[[Asked], Answer]
    empty: str = "Nothing is like that."


def _day(text: str, field: str) -> date | None:
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as wrong:
        raise AskAgain("Write the day as 2026-06-15.", field) from wrong
