"""An auditor's question asked of a session, as the desk asks it.

answer = ask(session, users.QUESTION, NOON)
texts(answer)   # the cells' texts, row by row
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy.orm import Session

from audit.desk.question import Answer, Asked, DeskQuestion
from exchange.catalog.datasets import titles_of
from exchange.directory.persons import names_of


def ask(
    session: Session, question: DeskQuestion, now: datetime, *, after: str | None = None, limit: int = 50, **values: str
) -> Answer:
    """One screen of the answer; words are the fields' values."""
    session.flush()

    def names(pseudonyms: Iterable[str]) -> Mapping[str, str]:
        return names_of(session, pseudonyms)

    def titles(ids: Iterable[str]) -> Mapping[str, str]:
        return titles_of(session, ids)

    given = {name: (value,) for name, value in values.items()}
    return question.answer(Asked(session, given, now, after, limit, names, titles))


def texts(answer: Answer) -> list[tuple[str, ...]]:
    """What the cells say. Every row has a cell for each heading, or the desk could not show it."""
    return [tuple(cell.text for cell in row) for row in answer.rows]


def every_row(
    session: Session, question: DeskQuestion, now: datetime, *, limit: int, **values: str
) -> list[tuple[str, ...]]:
    """All screens, one after the other."""
    rows, after = [], None
    while True:
        answer = ask(session, question, now, after=after, limit=limit, **values)
        assert len(answer.rows) <= limit
        rows += texts(answer)
        if answer.more is None:
            return rows
        after = answer.more
