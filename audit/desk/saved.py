"""Searches that auditors keep: a filter or a standing question with what it was asked of, under a name."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl, urlencode

from sqlalchemy import Connection, delete, func, insert, or_, select

from audit.actions import Action, Outcome
from audit.days import instant_of, milliseconds
from audit.desk.tables import saved_searches
from audit.entry import Entry
from audit.ledger import append
from audit.plain import visible

MOST = 200
MOST_NAME = 80
ENTRIES = "entries"
"""The word in `question` for a filter of entries."""

LEFT_OUT = ("after", "before", "csrf_token")

s = saved_searches.c


class CannotSave(Exception):
    """A search that is not kept, and why."""


@dataclass(frozen=True)
class Saved:
    """One saved search. `address` runs it; `owner` is a pseudonym."""

    id: str
    owner: str
    name: str
    question: str
    asked: str
    shared: bool
    at: datetime

    @property
    def address(self) -> str:
        """Where it is answered."""
        path = "/audit/entries" if self.question == ENTRIES else f"/audit/questions/{self.question}"
        return f"{path}?{self.asked}" if self.asked else path


def save(
    connection: Connection, owner: str, name: str, question: str, asked: str, shared: bool, now: datetime
) -> Saved:
    """Keep a search, in the caller's transaction, with its entry. `asked` is an address's query that holds no name."""
    shown = visible(" ".join(name.split()))
    if not 1 <= len(shown) <= MOST_NAME:
        raise CannotSave(f"Give the search a name of up to {MOST_NAME} characters.")
    held = connection.execute(select(func.count()).where(s.owner == owner)).scalar_one()
    if held >= MOST:
        raise CannotSave(f"You keep {MOST} searches; delete one first.")
    kept = Saved(str(uuid.uuid4()), owner, shown, question, _tidy(asked), shared, now)
    values = {**kept.__dict__, "t": milliseconds(now)}
    connection.execute(insert(saved_searches), {column.name: values[column.name] for column in saved_searches.columns})
    append(connection, _entry(Action.LOG_SEARCH_SAVE, owner, kept, now))
    return kept


def forget(connection: Connection, owner: str, id_: str, now: datetime) -> bool:
    """Delete one's own search, with its entry; False if it is not there or another's."""
    row = connection.execute(select(saved_searches).where(s.id == id_, s.owner == owner)).one_or_none()
    if row is None:
        return False
    connection.execute(delete(saved_searches).where(s.id == id_))
    append(connection, _entry(Action.LOG_SEARCH_DELETE, owner, _saved(row), now))
    return True


def listed(connection: Connection, owner: str) -> tuple[Saved, ...]:
    """One's own searches and those that others share, by name."""
    chosen = select(saved_searches).where(or_(s.owner == owner, s.shared)).order_by(s.name, s.id)
    return tuple(_saved(row) for row in connection.execute(chosen))


def _saved(row: object) -> Saved:
    found = row._mapping  # type: ignore[attr-defined]
    members = {name: found[name] for name in ("id", "owner", "name", "question", "asked", "shared")}
    return Saved(**members, at=instant_of(found["t"]))


def _entry(action: Action, owner: str, kept: Saved, now: datetime) -> Entry:
    """That a search was saved or deleted: which question, never its name, which somebody typed."""
    details = {"search": kept.id, "question": kept.question, "shared": kept.shared}
    return Entry(action, Outcome.DONE, actor=owner, details=details, at=now)


def _tidy(asked: str) -> str:
    pairs = parse_qsl(asked, keep_blank_values=True)
    return urlencode([(name, value) for name, value in pairs if name not in LEFT_OUT])
