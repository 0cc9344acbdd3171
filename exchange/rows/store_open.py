"""The open store: `<root>/<4x4>/<number>-<sha12>.parquet`, and beside it a serving file that can always be rebuilt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from exchange.rows.source import Source, StoredVersion
from exchange.rows.types import ColumnInfo


def write_version(
    root: Path,
    dataset_id: str,
    number: int,
    table_or_batches: pa.Table | Iterable[pa.RecordBatch],
    schema: Sequence[ColumnInfo],
    *,
    row_id: str | None = None,
) -> StoredVersion:
    """Write one immutable version under `root` (`<data_dir>/open`) and build its serving file.

    The table has the physical layout of `exchange.rows.types.physical_schema(schema)`; `_row` is added. `row_id` names
    the column to index. Raises `Invalid` when the table has other columns.
    """
    raise NotImplementedError


def open_version(root: Path, path: str, *, dataset_id: str, number: int, rows: int, published_at: datetime) -> Source:
    """A version for the engine; a missing serving file is rebuilt. `path` as in `StoredVersion`."""
    raise NotImplementedError


def read_table(root: Path, path: str) -> pa.Table:
    """The whole version as an Arrow table with `_row`."""
    raise NotImplementedError
