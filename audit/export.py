"""Answers as files: CSV for a spreadsheet, JSON Lines with the exact bytes that were hashed."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from audit.lookup import Line

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet would take for a formula at the start of a cell (ASVS 5.0 V1.2.10)."""

COLUMNS = (
    "index", "id", "time", "action", "outcome", "ended", "person", "name", "client", "working_group", "agency",
    "dataset", "dataset_version", "agreement", "agreement_version", "purpose", "columns", "rows", "bytes", "reason",
    "because",
)  # fmt: skip


CHUNK = 500


def as_csv(lines: Iterable[Line], names_of: Callable[[Iterable[str]], Mapping[str, str]]) -> Iterator[str]:
    """RFC 4180 with a header; every cell that a spreadsheet could run begins with an apostrophe.

    `names_of` gives the names of pseudonyms, asked for some lines at a time; the log itself holds none.
    """
    yield row(COLUMNS)
    for some in _chunks(lines):
        names = names_of({str(line.members["actor"]) for line in some if line.members.get("actor")})
        for line in some:
            yield row(_cells(line, names))


def _chunks(lines: Iterable[Line]) -> Iterator[list[Line]]:
    rest = iter(lines)
    while some := list(itertools.islice(rest, CHUNK)):
        yield some


def as_json_lines(lines: Iterable[Line]) -> Iterator[bytes]:
    """Each entry's exact bytes, one a line, an intent before its outcome; SHA-256 of 0x00 and a line is a leaf."""
    for line in lines:
        yield line.body + b"\n"
        if line.outcome_body is not None:
            yield line.outcome_body + b"\n"


def _cells(line: Line, names: Mapping[str, str]) -> Sequence[Any]:
    found = line.members
    person = found.get("actor")
    own = {
        "index": line.index,
        "time": line.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "ended": line.ended,
        "person": person,
        "name": names.get(str(person)),
        "columns": " ".join(map(str, found.get("columns", ()))),
        "because": " ".join(map(str, found.get("because", ()))),
        "rows": line.rows,
        "bytes": line.sent,
    }
    return [own.get(column, found.get(column)) for column in COLUMNS]


def row(cells: Sequence[Any]) -> str:
    """One line of CSV, each cell safe."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(["" if cell is None else safe(cell) for cell in cells])
    return buffer.getvalue()


def safe(cell: Any) -> Any:
    """A cell that no spreadsheet runs, though it trims blanks first."""
    if isinstance(cell, str) and (cell.startswith(FORMULA) or cell.lstrip().startswith(FORMULA)):
        return "'" + cell
    return cell
