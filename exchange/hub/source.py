"""What a source is: something given by a person, and rows of text that come out of it.

Every source gives text, exactly as it stands in the file or as the database's value reads when written out. Types are
proposed afterwards, from the values, and confirmed by a person; so no source can destroy a code by guessing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from exchange.errors import Invalid
from exchange.hub.shipped import shipped_recipes
from exchange.values import field_name

Row = Sequence[str | None]
"""One row of cells, in the header's order; None and the empty text both mean an empty cell."""

MAX_COLUMNS = 2_000
MAX_LABEL = 300
MAX_NAME = 100


@dataclass(frozen=True)
class FileGiven:
    """A file: where it lies now and the name it came with (the name's ending says what it is)."""

    path: Path
    name: str


@dataclass(frozen=True)
class SqlGiven:
    """A database by SQLAlchemy URL, and either a table (with schema, `schema.table`) or a SELECT."""

    url: str
    table: str | None = None
    query: str | None = None


Given = FileGiven | SqlGiven


@dataclass(frozen=True)
class Rows:
    """A header and a stream of rows. `declared` are the source's own types by label, `notes` are for the steward."""

    labels: tuple[str, ...]
    rows: Iterator[Row]
    declared: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def tidy_labels(labels: Sequence[str | None]) -> tuple[str, ...]:
    """Column labels without surrounding blanks.

    Raises `Invalid` for a column without a name, a label that occurs twice, too many or too long labels.
    """
    tidied = tuple(" ".join((label or "").split()) for label in labels)
    if len(tidied) > MAX_COLUMNS:
        raise Invalid(f"The header has {len(tidied):,} columns; at most {MAX_COLUMNS:,} can be published.")
    nameless = [str(place) for place, label in enumerate(tidied, 1) if not label]
    if nameless:
        raise Invalid(
            f"The header gives no name to {'column' if len(nameless) == 1 else 'columns'} {_several(nameless)}. "
            f"Name every column, or describe the layout with a recipe (shipped: {', '.join(shipped_recipes())}), "
            "for example --recipe smarter_balanced for an EdSight export with three header lines."
        )
    for label in tidied:
        if len(label) > MAX_LABEL:
            raise Invalid(
                f"A column's name is longer than {MAX_LABEL} characters: {label[:60]}… Is the header missing?"
            )
    _refuse_twins(tidied)
    return tidied


def _refuse_twins(labels: tuple[str, ...]) -> None:
    places: dict[str, list[str]] = {}
    for place, label in enumerate(labels, 1):
        places.setdefault(label, []).append(str(place))
    twins = [f"{label!r} (columns {_several(where)})" for label, where in places.items() if len(where) > 1]
    if twins:
        raise Invalid(f"The header names the same column more than once: {_several(twins)}. Rename one of them.")


def names_for(labels: Sequence[str]) -> tuple[str, ...]:
    """The API field name of each label, as Socrata makes them; labels that collide get `_2`, `_3` in order."""
    names: list[str] = []
    for label in labels:
        base = field_name(label)[:MAX_NAME].rstrip("_")
        name, number = base, 2
        while name in names:
            name, number = f"{base}_{number}", number + 1
        names.append(name)
    return tuple(names)


def _several(items: Sequence[str], most: int = 8) -> str:
    shown = ", ".join(items[:most])
    return shown if len(items) <= most else f"{shown} and {len(items) - most} more"
