"""What the story will do with a file, decided from the file alone: what is withheld, asked for and filtered."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from exchange.errors import Invalid
from exchange.hub.source import names_for, tidy_labels

SENSITIVE = re.compile(
    r"race|ethnic|sex|age\b|birth|name|address|student|person|key|value|count|score|absent|wage|ssn|death|rate", re.I
)
NAMES_A_PERSON = re.compile(r"(student|worker|person|client|case)_?(key|id|number)\Z")
FEWEST, MOST = 2, 60
SAMPLE = 200_000
LEAST_COLUMNS = 3


@dataclass(frozen=True)
class Plot:
    """The columns by field name. `withheld` are restricted; `granted` holds one of them; `never` another, or None.

    Rows are those in which `filter_column` has one of `filter_values`; None reads all rows.
    """

    file: Path
    title: str
    names: tuple[str, ...]
    withheld: tuple[str, ...]
    granted: tuple[str, ...]
    never: str
    filter_column: str | None
    filter_values: tuple[str, ...]
    rows: int
    subject: str | None
    """A person's key from a row that the filter lets through, if `never` is the column that names persons."""


def plot_of(file: Path, stamp: str) -> Plot:
    """Read the file once and decide. Raises `Invalid` for a file of fewer than three columns or without rows."""
    with file.open(newline="", encoding="utf-8", errors="replace") as handle:
        reader = csv.reader(handle)
        names = names_for(tidy_labels(next(reader, [])))
        rows = [row for row, _ in zip(reader, range(SAMPLE), strict=False) if len(row) == len(names)]
    if len(names) < LEAST_COLUMNS or not rows:
        raise Invalid(
            f"The story needs a file with at least {LEAST_COLUMNS} columns and one row; "
            f"{file.name} has {len(names)} and {len(rows)}."
        )
    withheld = _withheld(names)
    never, kept = withheld[0], withheld[-1]
    granted = tuple(name for name in names if name != never)
    column, values = _filter(names, rows, exclude={never, kept})
    return Plot(
        file,
        f"{file.stem.replace('_', ' ').capitalize()} (story {stamp})",
        names,
        withheld,
        granted,
        never,
        column,
        values,
        len(rows),
        _subject(names, rows, never, column, values),
    )


def _subject(
    names: tuple[str, ...], rows: list[list[str]], never: str, column: str | None, values: tuple[str, ...]
) -> str | None:
    if not NAMES_A_PERSON.search(never):
        return None
    seen = (row for row in rows if column is None or row[names.index(column)] in values)
    return next((row[names.index(never)] for row in seen), None)


def _withheld(names: tuple[str, ...]) -> tuple[str, ...]:
    """At least two columns, at most half: those whose names speak of persons, and the last."""
    sensitive = [name for name in names if SENSITIVE.search(name)][: max(2, len(names) // 2)]
    chosen = dict.fromkeys([*sensitive, names[-1]])
    if len(chosen) < 2:
        chosen = dict.fromkeys([names[-2], names[-1]])
    ordered = tuple(name for name in names if name in chosen)
    return ordered if len(ordered) < len(names) else ordered[1:]


def _filter(names: tuple[str, ...], rows: list[list[str]], exclude: set[str]) -> tuple[str | None, tuple[str, ...]]:
    """The first column with a handful of values, and the commoner half of them."""
    for place, name in enumerate(names):
        counts = Counter(row[place] for row in rows if row[place])
        if name not in exclude and FEWEST <= len(counts) <= MOST and not any(";" in value for value in counts):
            return name, tuple(value for value, _ in counts.most_common(max(1, len(counts) // 2)))
    return None, ()
