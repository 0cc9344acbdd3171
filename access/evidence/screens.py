"""What the answers from live state share: one screen of a list, and cells for persons and times."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import TypeVar

from audit.desk.question import Asked, Cell
from exchange.clock import legal_time

Line = TypeVar("Line")


def screen(lines: Sequence[Line], key: Callable[[Line], str], asked: Asked) -> tuple[list[Line], str | None]:
    """The lines of this screen and the cursor of the next. The lines come sorted by their unique keys."""
    rest = [line for line in lines if asked.after is None or key(line) > asked.after]
    shown = list(rest[: asked.limit])
    return shown, key(shown[-1]) if len(rest) > len(shown) else None


def instant(at: datetime | None, otherwise: str = "") -> Cell:
    """An instant by Connecticut's clock, to the minute; in CSV as RFC 3339."""
    if at is None:
        return Cell(otherwise)
    return Cell(f"{legal_time(at):%Y-%m-%d %H:%M}", value=at.isoformat(timespec="seconds"))


def day(on: date | None, otherwise: str = "") -> Cell:
    """A legal day."""
    return Cell(on.isoformat() if on else otherwise)


def person(pseudonym: str, name: str) -> Cell:
    """A person, linked to what they read."""
    return Cell(name, href=f"/audit/questions/person?person={pseudonym}")


def dataset(id_: str, title: str) -> Cell:
    """A dataset, linked to who read it."""
    return Cell(title, href=f"/audit/questions/dataset?dataset={id_}", note=id_)


def agreement(id_: str, number: int) -> Cell:
    """An agreement version, linked to its page."""
    return Cell(f"{id_}, version {number}", href=f"/agreements/{id_}/{number}", value=f"{id_} v{number}")


def count(number: int) -> Cell:
    """A figure."""
    return Cell(f"{number:,}", value=str(number))
