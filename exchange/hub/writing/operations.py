"""What a body asks for, row by row: cells by column, a row to delete, a row named by `:id`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exchange.errors import Invalid
from exchange.hub.csv_source import even_rows, read_lines
from exchange.hub.writing.cells import cell_text, plain_text
from exchange.hub.writing.faults import MALFORMED_CSV, BadBody, malformed, no_column, no_key
from exchange.hub.writing.json_rows import read_rows
from exchange.rows.plan.coercion import row_number
from exchange.values import field_name, is_text

JSON, CSV, TSV = "json", "csv", "tsv"
ID, DELETED = ":id", ":deleted"
TRUE = ("true", "1", "t")


@dataclass(frozen=True)
class Operation:
    """One row of a body: texts by field name (None empties the cell), what is absent stays as it is.

    `id` is the row's place in the current version, where `:id` named it.
    """

    cells: Mapping[str, str | None]
    id: int | None = None
    deleted: bool = False


def operations(path: Path, kind: str, types: Mapping[str, str]) -> Iterator[Operation]:
    """The operations of a body in order; `types` are the dataset's columns. Raises `BadBody` with the place."""
    if kind == JSON:
        for row, given in enumerate(read_rows(path), 1):
            yield _operation(row, given.items(), types)
        return
    try:
        yield from _of_lines(path, "\t" if kind == TSV else ",", types)
    except BadBody:
        raise
    except Invalid as error:
        raise BadBody(MALFORMED_CSV, f"{error.message} Nothing was changed.") from error


def _of_lines(path: Path, delimiter: str, types: Mapping[str, str]) -> Iterator[Operation]:
    lines = read_lines(path, delimiter).cells
    _, header = next(lines, (0, []))
    names = [label.strip() for label in header]
    if not any(names):
        raise BadBody(MALFORMED_CSV, "The body has no header line of field names. Nothing was changed.")
    for row, cells in enumerate(even_rows(lines, len(names)), 1):
        yield _operation(row, zip(names, cells, strict=True), types)


def _operation(row: int, given: Any, types: Mapping[str, str]) -> Operation:
    cells: dict[str, str | None] = {}
    place: int | None = None
    deleted = False
    for key, value in given:
        if key == ID:
            place = _place(row, value)
        elif key == DELETED:
            deleted = value is True or (isinstance(value, str) and value.lower() in TRUE)
        elif not key.startswith(":"):  # other system fields come back as they were read, and say nothing new
            name = _name(row, key, types)
            cells[name] = _text(row, value, types[name])
    return Operation(cells, place, deleted)


def _text(row: int, value: Any, type_: str) -> str | None:
    try:
        text = cell_text(value, type_)
    except RecursionError as error:
        raise malformed(f"row {row:,} is nested too deep") from error
    if text is None:
        return None
    if not is_text(text):
        raise malformed(f"row {row:,} has a sign that no text has (U+0000, or half of a surrogate pair)")
    return plain_text(text, type_)


def _name(row: int, key: str, types: Mapping[str, str]) -> str:
    """The column meant: its field name, or a label of which that is the field name."""
    for name in (key, key.lower(), field_name(key)):
        if name in types:
            return name
    raise no_column(row, key, tuple(types))


def _place(row: int, value: Any) -> int | None:
    if value is None or value == "":
        return None
    text = str(value)
    place = int(text) if text.isdecimal() and len(text) < 19 else row_number(text)
    if place is None:
        raise no_key(row, ID, f"{ID} is row-…, as the rows are read.")
    return place
