"""DuckDB on a version's Parquet itself: slower than its serving file, and there as soon as the version is."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def view_parquet(cursor: Any, parquet: Path, name: str) -> None:
    """Make the file the relation `"<name>"."rows"`; nothing of it is held in memory."""
    path = str(parquet).replace("'", "''")
    cursor.execute(f"ATTACH ':memory:' AS \"{name}\"")
    cursor.execute(f'CREATE VIEW "{name}"."rows" AS SELECT * FROM read_parquet(\'{path}\')')
