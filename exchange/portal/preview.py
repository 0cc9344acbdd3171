"""The first rows of an open dataset for its page, read through the open door like any reader's."""

from __future__ import annotations

from dataclasses import dataclass

from exchange.catalog.models import Dataset

ROWS = 25
SYMBOLS = {"suppressed": "■", "not applicable": "▢", "missing": "…"}
"""The sign beside the word of a cell without a value; the word carries the meaning."""


@dataclass(frozen=True)
class Cell:
    """One cell as shown: its text, or the words for why there is none."""

    text: str
    words: str = ""
    symbol: str = ""
    number: bool = False


@dataclass(frozen=True)
class Preview:
    """The table; `problem` says in a sentence why there is none."""

    labels: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    has_meanings: bool
    problem: str = ""


def preview(dataset: Dataset) -> Preview:
    """The first rows of an open dataset's current version."""
    return Preview((), (), False, "The rows cannot be shown just now. The addresses below work as soon as they can.")
