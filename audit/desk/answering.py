"""From a filter to one screen of an answer: what the questions that list entries share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from urllib.parse import urlencode

from audit.days import LEGAL_ZONE
from audit.desk.cells import entry_rows
from audit.desk.filtering import Filter
from audit.desk.question import Answer, Asked, Row
from audit.desk.searching import Cursor, Screen, Search, prepare
from audit.lookup import Line

Rows = Callable[[Asked, Iterable[Line]], tuple[Row, ...]]


def within(asked: Asked, found: Filter) -> Filter:
    """The filter within the days that were asked for."""
    for name in ("since", "until"):
        found = found.where(name, *asked.all(name))
    return found


def search_of(asked: Asked, found: Filter) -> Search:
    """The filter made ready, of the log as it stood when it was asked."""
    return prepare(asked.session.connection(), found, asked.through)


def listed(asked: Asked, found: Filter, rows: Rows = entry_rows) -> tuple[Search, Answer]:
    """One screen of the entries under a filter, how many there are, and where to take them as files."""
    connection = asked.session.connection()
    search = search_of(asked, found)
    screen = search.screen(connection, Cursor.read(asked.after), asked.limit)
    answer = Answer(
        rows(asked, screen.lines),
        more=str(screen.more) if screen.more else None,
        summary=(("Entries that answer", str(search.count(connection))),) if asked.after is None else (),
        notes=looked(screen),
        links=links(found),
    )
    return search, answer


def looked(screen: Screen) -> tuple[str, ...]:
    """That a search stopped before its screen was full, and how to go on."""
    if screen.back_to is None:
        return ()
    when = screen.back_to.astimezone(LEGAL_ZONE).strftime("%Y-%m-%d %H:%M")
    return (
        f"This screen looked back to {when} and found no more by then. Go on to the next screen, or narrow the "
        "question by a dataset, a person, an agreement or days.",
    )


def links(found: Filter) -> tuple[tuple[str, str], ...]:
    """The same entries elsewhere on the desk."""
    query = urlencode({"filter": str(found)})
    return (
        ("The same as a filter of entries", f"/audit/entries?{query}"),
        ("JSON Lines, the exact bytes that were hashed", f"/audit/entries.jsonl?{query}"),
        ("Draw a sample", f"/audit/sample?{query}"),
    )
