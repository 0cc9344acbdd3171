"""The restricted store: every version sealed (AES-256-GCM), opened into memory only. Reference: security.md §6.

Only the restricted door, publishing and the open cut may import this room.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

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
    key_file: Path,
) -> StoredVersion:
    """Seal one immutable version under `root` (`<data_dir>/restricted`); `key_file` is `settings.store_key_file`.

    The table has the physical layout of `exchange.rows.types.physical_schema(schema)`; `_row` is added.
    """
    raise NotImplementedError


def open_version(
    root: Path,
    path: str,
    *,
    dataset_id: str,
    number: int,
    sha256: str,
    rows: int,
    sealed_key: Mapping[str, Any],
    published_at: datetime,
    key_file: Path,
) -> Source:
    """A version for the engine. Nothing is decrypted until the engine needs the rows."""
    raise NotImplementedError


def read_table(
    root: Path,
    path: str,
    *,
    dataset_id: str,
    number: int,
    sha256: str,
    sealed_key: Mapping[str, Any],
    key_file: Path,
) -> pa.Table:
    """The whole version as an Arrow table with `_row`. Raises `SealBroken` when one byte differs."""
    raise NotImplementedError
