"""What can be wrong with a body that a program sends: the codes of soda.md §9 and §11, with row and column in `data`.

Rows count from 1, the header line of a CSV not counted. The value itself is never repeated: it may be about a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from exchange.errors import CharterError, Conflict, Invalid

MALTYPED = "soda.column.maltyped"
NO_COLUMN = "soda.row.column-not-found"
NO_KEY = "soda.row.primary-key-nonexistent-or-null"
NO_ROW = "soda.row.not-found"
NOT_AN_OBJECT = "soda.row.upsert-row-not-an-object"
MALFORMED = "req.body.malformed-json"
MALFORMED_CSV = "req.body.malformed-csv"
UNPARSABLE = "req.content-type.unparsable"
TOO_LARGE = "req.body.too-large"


class NobodyWrites(Conflict):
    """Nobody may write to this dataset, whatever the body says; the refusal is recorded."""


class BadBody(Invalid):
    """The body cannot be applied; nothing was changed. `data` names the place."""

    def __init__(self, code: str, message: str, data: Mapping[str, Any] | None = None, status: int = 400) -> None:
        super().__init__(message, code=code)
        self.data = dict(data or {})
        self.status = status

    def to_problem(self) -> dict[str, Any]:
        """The fault as its run keeps it."""
        return {"kind": "fault", "code": self.code, "status": self.status, "data": self.data, "words": self.message}


def from_problem(problem: Mapping[str, Any]) -> BadBody:
    """The fault that a run kept."""
    return BadBody(problem["code"], problem["words"], problem["data"], problem["status"])


def fault_of(error: CharterError) -> BadBody | None:
    """The fault that an error of a step says of the body; None for what is not the body's fault."""
    if isinstance(error, BadBody):
        return error
    return BadBody(error.code, error.message) if isinstance(error, Invalid) else None


def maltyped(row: int, column: str, type_: str) -> BadBody:
    """A cell that does not read as its column's type."""
    words = f"Row {row:,}: {column} does not read as {type_.replace('_', ' ')}. Nothing was changed."
    return BadBody(MALTYPED, words, {"row": row, "column": column, "type": type_})


def no_column(row: int, column: str, known: tuple[str, ...]) -> BadBody:
    """A key that is no column."""
    words = f"Row {row:,}: there is no column {column[:120]}. The columns are: {', '.join(known)}. Nothing was changed."
    return BadBody(NO_COLUMN, words, {"row": row, "column": column[:120]})


def no_key(row: int, column: str, why: str) -> BadBody:
    """A row that cannot be told from the others."""
    return BadBody(NO_KEY, f"Row {row:,}: {why} Nothing was changed.", {"row": row, "column": column})


def not_an_object(row: int) -> BadBody:
    """An element of the array that is no object."""
    return BadBody(NOT_AN_OBJECT, f"Row {row:,} is not a JSON object. Nothing was changed.", {"row": row})


def malformed(message: str) -> BadBody:
    """A body that is not JSON."""
    return BadBody(MALFORMED, f"The body is not JSON: {message}. Nothing was changed.")
