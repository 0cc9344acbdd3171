"""The restricted store: every version sealed (AES-256-GCM), opened into memory only. Reference: security.md §6.

Only the restricted door, publishing and the open cut may import this room.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from exchange.errors import Unavailable
from exchange.rows.layout import put_durably, write_parquet
from exchange.rows.sealed import FileKeys, SealBroken, about, seal, unseal
from exchange.rows.source import Source, StoredVersion
from exchange.rows.types import ColumnInfo

SUFFIX = ".parquet.sealed"


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

    The table has the physical layout of `exchange.rows.types.physical_schema(schema)`; `_row` is added. A missing key
    is made only in the installation's own `keys` folder, which is where the demo keeps it.
    """
    plain = io.BytesIO()
    rows = write_parquet(plain, table_or_batches, schema)
    own_folder = key_file.parent.resolve() == (root.parent / "keys").resolve()
    key = FileKeys(key_file, create=own_folder).generate(about(dataset_id, number))
    path, sha256, size = put_durably(root / dataset_id, str(number), SUFFIX, seal(plain.getbuffer(), key.plain))
    return StoredVersion(str(path.relative_to(root)), sha256, size, rows, key.wrapped)


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

    def load() -> pa.Table:
        return read_table(
            root, path, dataset_id=dataset_id, number=number, sha256=sha256, sealed_key=sealed_key, key_file=key_file
        )

    return Source(key=f"{dataset_id}/{number}/{sha256}", published_at=published_at, rows=rows, load=load)


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
    try:
        sealed = (root / path).read_bytes()
    except OSError as missing:
        raise Unavailable("The rows of this version are not in the store; restore it from its backup.") from missing
    if hashlib.sha256(sealed).hexdigest() != sha256:
        raise SealBroken("The sealed file is not the one that was published; restore it from its backup.")
    key = FileKeys(key_file).unwrap(sealed_key, about(dataset_id, number))
    return pq.read_table(pa.BufferReader(pa.py_buffer(unseal(memoryview(sealed), key))))
