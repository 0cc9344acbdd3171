"""How a version is written: Parquet with a dense `_row`, row groups near 30,000 (reference: engine.md §1.2)."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from exchange.errors import Invalid
from exchange.rows.types import ROW, ColumnInfo, check_schema

ROW_GROUP = 30_000
_BLOCK = 1 << 20


def write_parquet(
    out: IO[bytes], table_or_batches: pa.Table | Iterable[pa.RecordBatch], columns: Sequence[ColumnInfo]
) -> int:
    """Write the rows with `_row` before them; returns how many. Raises `Invalid` when the columns do not fit."""
    writer: pq.ParquetWriter | None = None
    rows = 0
    for group in _row_groups(table_or_batches):
        check_schema(group.schema, columns)
        numbered = _numbered(group, rows)
        if writer is None:
            writer = pq.ParquetWriter(out, numbered.schema, compression="zstd", compression_level=3)
        writer.write_table(numbered, row_group_size=ROW_GROUP)
        rows += group.num_rows
    if writer is None:
        raise Invalid("There is not even an empty table to write; a version has columns.")
    writer.close()
    return rows


def _numbered(group: pa.Table, first: int) -> pa.Table:
    if ROW in group.schema.names:
        group = group.drop_columns([ROW])
    numbers = pa.array(range(first, first + group.num_rows), pa.int64())
    return group.add_column(0, pa.field(ROW, pa.int64(), nullable=False), numbers)


def _row_groups(table_or_batches: pa.Table | Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    if isinstance(table_or_batches, pa.Table):
        for start in range(0, max(1, table_or_batches.num_rows), ROW_GROUP):
            yield table_or_batches.slice(start, ROW_GROUP)
        return
    held: list[pa.RecordBatch] = []
    for batch in table_or_batches:
        held.append(batch)
        if sum(part.num_rows for part in held) >= ROW_GROUP:
            table = pa.Table.from_batches(held)
            whole = table.num_rows - table.num_rows % ROW_GROUP
            yield from _row_groups(table.slice(0, whole))
            held = table.slice(whole).to_batches()
    if held:
        yield pa.Table.from_batches(held)


def put_durably(folder: Path, prefix: str, suffix: str, chunks: Iterable[bytes]) -> tuple[Path, str, int]:
    """Write `<prefix>-<first 12 of its SHA-256><suffix>`, whole or not at all; returns path, hash and size."""
    folder.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".writing-")
    try:
        with os.fdopen(handle, "wb") as out:
            for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        path = folder / f"{prefix}-{digest.hexdigest()[:12]}{suffix}"
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    sync_folder(folder)
    return path, digest.hexdigest(), size


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def blocks(path: Path) -> Iterator[bytes]:
    """The bytes of a file, a block at a time."""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block
