"""What an error of the database says of the next entry: whether it would meet the same fate."""

from __future__ import annotations

from sqlalchemy.exc import OperationalError

SQLITE_STATEMENT_FAULTS = frozenset({1, 18, 19, 20, 21, 25})
"""SQLite's primary result codes that blame the statement (ERROR, TOOBIG, CONSTRAINT, MISMATCH, MISUSE, RANGE);
every other code (BUSY, FULL, IOERR, READONLY, CORRUPT …) blames the database and will meet the next entry too."""


def blames_statement(error: Exception) -> bool:
    """Whether one entry's own statement failed (its condition, its id, its types) rather than the database. Takes
    SQLAlchemy's errors and the drivers'."""
    code = getattr(getattr(error, "orig", error), "sqlite_errorcode", None)
    if code is not None:
        return (code & 0xFF) in SQLITE_STATEMENT_FAULTS
    return not isinstance(error, OperationalError | OSError)
