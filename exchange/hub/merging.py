"""Merge: the new rows with the version before, by replacement or by row identifier; and what that changes, counted.

Rows are compared on the columns that both versions have in the same type. Without a row identifier rows have no
identity, so a changed row counts as one removed and one added.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from exchange.errors import Invalid
from exchange.hub.conforming import CONFORMED
from exchange.hub.staging import Staging, write_whole
from exchange.rows.types import ROW
from exchange.values import counted

MERGED = "merged.parquet"
ROW_GROUP = 30_000


class Merge(enum.StrEnum):
    """replace: the source is the whole dataset. upsert: it holds new and changed rows, by row identifier."""

    REPLACE = "replace"
    UPSERT = "upsert"


def merge(staging: Staging, before: pa.Table | None, row_id: str | None, how: Merge) -> dict[str, Any]:
    """Leave the rows of the new version in a file; returns its name and the counts.

    Raises `Invalid` if the row identifier is absent, empty somewhere or not unique, or if an upsert has none.
    """
    if how is Merge.UPSERT and row_id is None:
        raise Invalid("New and changed rows can be merged only by a row identifier. Name the column that has it.")
    with duckdb.connect(":memory:") as engine:
        engine.execute(f"CREATE VIEW fresh AS SELECT * FROM read_parquet({_quoted(staging.path(CONFORMED))})")  # noqa: S608
        if row_id is not None:
            _require_unique(engine, row_id)
        if before is None:
            return {"file": CONFORMED, **_counts(added=_one(engine, "SELECT count(*) FROM fresh"))}
        engine.register("before", before.drop_columns([ROW]) if ROW in before.column_names else before)
        fresh = pq.read_schema(staging.path(CONFORMED))
        shared = _shared(fresh, before.schema)
        counts = _by_identity(engine, row_id, shared) if row_id in shared else _by_content(engine, shared)
        if how is Merge.REPLACE:
            return {"file": CONFORMED, **counts}
        _require_alike(fresh, before.schema, shared)
        _upsert(engine, staging, row_id or "", fresh)
        return {"file": MERGED, **counts, "removed": 0}


def _counts(added: int = 0, changed: int = 0, removed: int = 0) -> dict[str, int]:
    return {"added": added, "changed": changed, "removed": removed}


def _shared(fresh: pa.Schema, before: pa.Schema) -> list[str]:
    return [name for name in fresh.names if name in before.names and _alike(fresh.field(name), before.field(name))]


def _require_alike(fresh: pa.Schema, before: pa.Schema, shared: Sequence[str]) -> None:
    unlike = [name for name in fresh.names if name in before.names and name not in shared]
    if unlike:
        raise Invalid(
            f"Rows cannot be merged: {', '.join(unlike)} has another type now. Replace the whole dataset instead."
        )


def _alike(one: pa.Field, other: pa.Field) -> bool:
    numbers = pa.types.is_integer, pa.types.is_floating
    both = all(any(is_(field.type) for is_ in numbers) for field in (one, other))
    return bool(one.type == other.type) or both


def _require_unique(engine: duckdb.DuckDBPyConnection, row_id: str) -> None:
    key = _name(row_id)
    empty = _one(engine, f"SELECT count(*) FROM fresh WHERE {key} IS NULL")  # noqa: S608 - a quoted column name of ours
    if empty:
        raise Invalid(
            f"The row identifier {row_id} is empty in {counted(empty, 'row', 'rows')}. Choose another column, or none."
        )
    twice = _one(engine, f"SELECT count(*) FROM (SELECT 1 FROM fresh GROUP BY {key} HAVING count(*) > 1)")  # noqa: S608
    if twice:
        raise Invalid(
            f"{counted(twice, 'value', 'values')} of the row identifier {row_id} "
            f"{'stands' if twice == 1 else 'stand'} on more than one row. "
            "An identifier names one row: choose another column, or none."
        )


def _by_identity(engine: duckdb.DuckDBPyConnection, row_id: str | None, shared: Sequence[str]) -> dict[str, int]:
    key = _name(row_id or "")
    differs = " OR ".join(f"f.{_name(c)} IS DISTINCT FROM b.{_name(c)}" for c in shared)
    return _counts(
        added=_one(engine, f"SELECT count(*) FROM fresh f ANTI JOIN before b ON f.{key} = b.{key}"),  # noqa: S608
        changed=_one(engine, f"SELECT count(*) FROM fresh f JOIN before b ON f.{key} = b.{key} WHERE {differs}"),  # noqa: S608
        removed=_one(engine, f"SELECT count(*) FROM before b ANTI JOIN fresh f ON f.{key} = b.{key}"),  # noqa: S608
    )


def _by_content(engine: duckdb.DuckDBPyConnection, shared: Sequence[str]) -> dict[str, int]:
    if not shared:
        rows = [_one(engine, f"SELECT count(*) FROM {table}") for table in ("fresh", "before")]  # noqa: S608
        return _counts(added=rows[0], removed=rows[1])
    columns = ", ".join(map(_name, shared))
    query = "SELECT count(*) FROM (SELECT {0} FROM {1} EXCEPT ALL SELECT {0} FROM {2})"
    return _counts(
        added=_one(engine, query.format(columns, "fresh", "before")),
        removed=_one(engine, query.format(columns, "before", "fresh")),
    )


def _upsert(engine: duckdb.DuckDBPyConnection, staging: Staging, row_id: str, fresh: pa.Schema) -> None:
    """Old rows keep their order, with their new content where there is one; new rows follow."""
    key, columns = _name(row_id), ", ".join(map(_name, fresh.names))
    place = "row_number() OVER () AS place"
    engine.execute(
        f"""CREATE VIEW merged AS
        SELECT {columns} FROM (
            SELECT f.*, b.place FROM fresh f JOIN (SELECT {key}, {place} FROM before) b USING ({key})
            UNION ALL BY NAME
            SELECT o.* FROM (SELECT *, {place} FROM before) o ANTI JOIN fresh f ON o.{key} = f.{key}
            UNION ALL BY NAME
            SELECT f.*, 9223372036854775807 AS place FROM fresh f ANTI JOIN before b ON f.{key} = b.{key}
        ) ORDER BY place"""  # noqa: S608 - quoted column names of ours
    )

    def write(part: Path) -> None:
        with pq.ParquetWriter(part, fresh, compression="zstd") as writer:
            for batch in engine.sql("SELECT * FROM merged").to_arrow_reader(ROW_GROUP):
                writer.write_table(pa.Table.from_batches([batch]).cast(fresh))

    write_whole(staging.path(MERGED), write)


def _one(engine: duckdb.DuckDBPyConnection, query: str) -> int:
    return int(engine.execute(query).fetchall()[0][0])


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
