"""The first rows of an open dataset for its page, read through the open door like any reader's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, cast

from flask import current_app

from exchange.catalog.models import Column, Dataset
from exchange.errors import CharterError
from exchange.rows.cells import plain_text
from exchange.rows.door import Answer, Ask, Credentials, Door
from exchange.rows.soql import parse_parameters
from exchange.rows.types import NUMBERS, SHAPES

ROWS = 25
LONGEST, LONGEST_SHAPE = 300, 60
"""Characters of one cell, and of a shape, which has thousands and which nobody reads."""

SYMBOLS = {"suppressed": "■", "not applicable": "▢", "missing": "…"}
"""The sign beside the word of a cell without a value; the word carries the meaning."""

NOBODY = Credentials(authorization=None, proofs=(), method="GET", url="")
MIDNIGHT = "T00:00:00"


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


def open_door() -> Door:
    """The open door of this application."""
    return cast(Door, current_app.extensions["open_door"])


def preview(door: Door, dataset: Dataset) -> Preview:
    """The first rows of an open dataset's current version; a page without them rather than no page."""
    labels = tuple(column.label for column in dataset.columns)
    has_meanings = any(column.has_meanings for column in dataset.columns)
    try:
        rows = _rows(door, dataset)
    except CharterError as problem:
        return Preview(labels, (), has_meanings, f"The rows cannot be shown just now. {problem.message}")
    return Preview(labels, tuple(rows), has_meanings)


def _rows(door: Door, dataset: Dataset) -> list[tuple[Cell, ...]]:
    names = [f"`{column.name}`" for column in dataset.columns]
    meanings = [
        f"cell_meaning(`{column.name}`) as {_meaning_name(i)}"
        for i, column in enumerate(dataset.columns)
        if column.has_meanings
    ]
    text = {"$select": ", ".join([*names, *meanings]), "$limit": str(ROWS)}
    answer = door.open(Ask(dataset.id, parse_parameters(text), text["$select"], "json", NOBODY))
    with closing(cast(Any, answer.batches)):
        return [row for batch in answer.batches for row in _cells(dataset.columns, answer, batch)]


def _meaning_name(position: int) -> str:
    return f"cell_meaning_{position}"


def _cells(columns: Sequence[Column], answer: Answer, batch: Any) -> Iterable[tuple[Cell, ...]]:
    texts = {field.name: plain_text(batch.column(i), field.type).to_pylist() for i, field in enumerate(answer.fields)}
    for row in range(batch.num_rows):
        yield tuple(_cell(column, texts, i, row) for i, column in enumerate(columns))


def _cell(column: Column, texts: dict[str, list[str | None]], position: int, row: int) -> Cell:
    text = texts[column.name][row]
    meaning = texts[_meaning_name(position)][row] if column.has_meanings else None
    if text is None and meaning in SYMBOLS:
        return Cell("", meaning, SYMBOLS[meaning])
    shown = (text or "").removesuffix(MIDNIGHT) if column.type == "calendar_date" else text or ""
    most = LONGEST_SHAPE if column.type in SHAPES else LONGEST
    return Cell(shown if len(shown) <= most else shown[:most] + "…", number=column.type in NUMBERS)
