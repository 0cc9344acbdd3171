"""The words of a version, sorted, in its serving file: what `$q` looks up where reading every row would take too long.

One table, `search_words(word, _row)`, in the order of its columns: the words of one stem are neighbours, so a look-up
reads a few blocks of it. A second, `search_columns(name)`, says which columns were read, so that an index over others
than are searched is never used. Words are cut as `exchange.rows.plan.searching` cuts them, by the engine itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from exchange.rows.plan.searching import TEXT_TYPES, SearchIndex
from exchange.rows.types import ROW, ColumnInfo

FROM_ROWS = 100_000
"""Versions with fewer rows are read whole: that takes tens of milliseconds."""

WORDS, COLUMNS = "search_words", "search_columns"
_CUT = r"list_distinct(regexp_extract_all(lower(concat_ws(' ', {columns})), '[\pL\pN]+'))"


def build_search_index(
    connection: Any, columns: Sequence[ColumnInfo], rows: int, *, from_rows: int | None = None
) -> bool:
    """Build the index of table `rows` beside it; False, and nothing built, for few rows or no text.

    About ten seconds for a million rows; sorting spills to the database's own temporary folder.
    """
    names = _indexed(columns, rows, from_rows)
    if not names:
        return False
    quoted = ", ".join('"' + name.replace('"', '""') + '"' for name in names)
    words = f"SELECT unnest({_CUT.format(columns=quoted)}) AS word, {ROW} FROM rows"
    connection.execute(f"CREATE TABLE {WORDS} AS SELECT word, {ROW} FROM ({words}) ORDER BY word, {ROW}")
    connection.execute(f"CREATE TABLE {COLUMNS} (name VARCHAR)")
    connection.executemany(f"INSERT INTO {COLUMNS} VALUES ($1)", [[name] for name in names])
    return True


def _indexed(columns: Sequence[ColumnInfo], rows: int, from_rows: int | None = None) -> list[str]:
    """The columns whose words are worth an index; none of a version with few rows."""
    few = rows < (FROM_ROWS if from_rows is None else from_rows)
    return [] if few else [column.name for column in columns if column.type in TEXT_TYPES]


def is_complete(serving: Path, columns: Sequence[ColumnInfo], rows: int) -> bool:
    """Whether the serving file has the index that a version of these columns and so many rows is worth."""
    names = _indexed(columns, rows)
    if not names:
        return True
    try:
        with duckdb.connect(str(serving), read_only=True, config={"threads": 1}) as connection:
            index = find_index(connection, serving.stem)
    except duckdb.Error:
        return False
    return index is not None and index.columns >= set(names)


def find_index(connection: Any, database: str) -> SearchIndex | None:
    """The index in an attached serving file; None where there is none."""
    quoted = '"' + database.replace('"', '""') + '"'
    try:
        names = connection.execute(f"SELECT name FROM {quoted}.{COLUMNS}").fetchall()
    except duckdb.CatalogException:
        return None
    return SearchIndex(f"{quoted}.{WORDS}", frozenset(name for (name,) in names))
