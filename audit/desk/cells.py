"""The cells that most answers share: a moment, a person, a dataset, an agreement, an entry and what became of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from audit import words
from audit.codes import words_for_code
from audit.days import LEGAL_ZONE
from audit.desk.question import Asked, Cell, Heading, Row
from audit.lookup import Line

NOTHING = Cell("–", value="")

ENTRY_HEADINGS: tuple[Heading, ...] = (
    ("Entry", "num"), "When (Connecticut)", "Act", "Person", "Dataset", "Agreement version", "Purpose",
    ("Rows", "num"), ("Bytes", "num"), "Outcome",
)  # fmt: skip
"""Of the rows that `entry_rows` makes."""


def moment(at: datetime) -> Cell:
    """An instant: Connecticut's clock on the page, UTC in the file."""
    local = at.astimezone(LEGAL_ZONE).strftime("%Y-%m-%d %H:%M:%S")
    return Cell(local, value=at.isoformat(timespec="milliseconds").replace("+00:00", "Z"))


def number(value: int | None) -> Cell:
    """A figure; empty if it is not known."""
    return NOTHING if value is None else Cell(f"{value:,}", value=str(value))


def person(pseudonym: object, names: Mapping[str, str], nobody: str = "nobody signed in", note: str = "") -> Cell:
    """Who; the pseudonym stays in the file beside the name."""
    if not pseudonym:
        return Cell(nobody, note=note, value="")
    key = str(pseudonym)
    shown = names.get(key, key)
    return Cell(shown, f"/audit/questions/person?person={key}", note, value=key if shown == key else f"{shown} ({key})")


def dataset(id_: object, titles: Mapping[str, str]) -> Cell:
    """What of."""
    if not id_:
        return NOTHING
    title = titles.get(str(id_))
    return Cell(title or str(id_), f"/audit/questions/dataset?dataset={id_}", str(id_) if title else "")


def agreement(id_: object, version: object) -> Cell:
    """Under what."""
    if not id_:
        return NOTHING
    return Cell(f"{id_}, version {version}" if version else str(id_), f"/register/{id_}")


def code(word: str | None) -> Cell:
    """Why it was refused: in words, and the log's own word."""
    return Cell(words_for_code(word), note=word or "", value=word or "")


def entry(line: Line) -> Cell:
    """The entry's number, leading to its page; its id in the file."""
    return Cell(str(line.index), f"/audit/entries/{line.id}", value=line.id)


def outcome(line: Line) -> Cell:
    """How it came out, and the reason if there is one."""
    reason = line.members.get("reason")
    return Cell(words.ending(line.outcome, line.ended), note=str(reason) if reason else "", badge=True)


def entry_row(line: Line, names: Mapping[str, str], titles: Mapping[str, str], why: str = "") -> Row:
    """One entry under `ENTRY_HEADINGS`; `why` is said below the act."""
    found: dict[str, Any] = line.members
    client = f"through {found['client']}" if found.get("client") else ""
    return (
        entry(line),
        moment(line.at),
        Cell(words.words_for(line.action), note=why),
        person(found.get("actor"), names, words.without_actor(line.action), client),
        dataset(found.get("dataset"), titles),
        agreement(found.get("agreement"), found.get("agreement_version")),
        Cell(str(found["purpose"])) if found.get("purpose") else NOTHING,
        number(line.rows),
        number(line.sent),
        outcome(line),
    )


def entry_rows(asked: Asked, lines: Iterable[Line]) -> tuple[Row, ...]:
    """One row for each entry, with the names of those who occur."""
    lines = tuple(lines)
    names, titles = naming(asked, lines)
    return tuple(entry_row(line, names, titles) for line in lines)


def naming(asked: Asked, lines: Iterable[Line]) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Names of the persons and titles of the datasets in these entries."""
    found = [line.members for line in lines]
    actors = {str(each["actor"]) for each in found if each.get("actor")}
    datasets = {str(each["dataset"]) for each in found if each.get("dataset")}
    return asked.names_of(actors), asked.titles_of(datasets)
