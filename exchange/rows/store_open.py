"""The open store: `<root>/<4x4>/<number>-<sha12>.parquet`, and beside it what serves it, which can always be rebuilt.

`.duckdb` has the columns, `.pages` has whole rows (`exchange.rows.store_pages`).
"""

from __future__ import annotations

import logging
import os
import tempfile
import threading
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from exchange.errors import Unavailable
from exchange.rows.downloads import build_downloads
from exchange.rows.layout import blocks, put_durably, write_parquet
from exchange.rows.object_store import LocalCopies
from exchange.rows.search_index import build_search_index
from exchange.rows.source import Source, StoredVersion
from exchange.rows.store_pages import build_pages
from exchange.rows.types import ROW, ColumnInfo

SERVING = ".duckdb"
BUILT_AT_ONCE = 4 << 20
"""Bytes of Parquet whose serving file is built while the request waits: a fraction of a second."""

_log = logging.getLogger(__name__)


def write_version(
    root: Path,
    dataset_id: str,
    number: int,
    table_or_batches: pa.Table | Iterable[pa.RecordBatch],
    schema: Sequence[ColumnInfo],
    *,
    row_id: str | None = None,
    ready_made: bool = True,
) -> StoredVersion:
    """Write one immutable version under `root` (`<data_dir>/open`) and build its serving file and its pages.

    The table has the physical layout of `exchange.rows.types.physical_schema(schema)`; `_row` is added. `row_id` names
    the column to index. Without `ready_made` there are neither pages nor downloads beside it, which cost most of the
    time, nor a search index; answers are then computed. Raises `Invalid` when the table has other columns.
    """
    folder = root / dataset_id
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=folder, prefix=".rows-") as whole:
        rows = write_parquet(whole, table_or_batches, schema)
        whole.flush()
        path, sha256, size = put_durably(folder, str(number), ".parquet", blocks(Path(whole.name)))
    serving = build_serving_file(path, row_id=row_id, columns=schema if ready_made else ())
    if ready_made:
        build_pages(serving, schema, row_id=row_id)
        build_downloads(path, number, schema)
    return StoredVersion(str(path.relative_to(root)), sha256, size, rows)


def open_version(
    root: Path,
    path: str,
    *,
    dataset_id: str,
    number: int,
    rows: int,
    published_at: datetime,
    row_id: str | None = None,
    content: str = "",
    engine: str | None = None,
    columns: Sequence[ColumnInfo] = (),
    copies: LocalCopies | None = None,
) -> Source:
    """A version for the engine. `path` and `content` (its hash) as it was stored.

    Rows that are not on this machine are fetched once, by `copies`. A missing serving file is rebuilt: at once where
    that is quick, else beside the answers, which come from the Parquet until it is there.
    """
    parquet = root / path
    if copies is not None and not parquet.exists():
        parquet = copies.parquet(content)
    serving = parquet.with_suffix(SERVING)
    if not serving.exists():
        _REBUILDING.rebuild(parquet, row_id, columns)
    key = f"{dataset_id}/{number}/{parquet.stem}"
    return Source(key, published_at, rows, file=serving, parquet=parquet, path=path, content=content, engine=engine)


class _Rebuilding:
    """Serving files that are being built, each once at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: set[Path] = set()

    def rebuild(self, parquet: Path, row_id: str | None, columns: Sequence[ColumnInfo]) -> None:
        """Now if it takes a moment, else in a thread of its own. Raises `Unavailable` when there are no rows."""
        if not parquet.exists() or parquet.stat().st_size <= BUILT_AT_ONCE:
            build_serving_file(parquet, row_id=row_id, columns=columns)
            return
        with self._lock:
            if parquet in self._under_way:
                return
            self._under_way.add(parquet)
        threading.Thread(target=self._run, args=(parquet, row_id, columns), name="serving file", daemon=True).start()

    def _run(self, parquet: Path, row_id: str | None, columns: Sequence[ColumnInfo]) -> None:
        try:
            build_serving_file(parquet, row_id=row_id, columns=columns)
        except Exception:
            _log.exception("no serving file for %s; its rows are read from the Parquet", parquet.name)
        finally:
            with self._lock:
                self._under_way.discard(parquet)


_REBUILDING = _Rebuilding()


def read_table(root: Path, path: str, columns: Sequence[str] | None = None) -> pa.Table:
    """The version as an Arrow table with `_row`, or these of its physical columns."""
    return pq.read_table(root / path, columns=list(columns) if columns is not None else None)


def forget_serving(root: Path, path: str) -> None:
    """Delete what serves a version that nobody reads any more; its rows stay, and all can be rebuilt from them."""
    parquet = root / path
    for file in parquet.parent.glob(f"{parquet.stem}.*"):
        if file != parquet:
            file.unlink(missing_ok=True)


def build_serving_file(
    parquet: Path, *, row_id: str | None = None, columns: Sequence[ColumnInfo] = (), memory: str | None = None
) -> Path:
    """Build the DuckDB file beside a version's Parquet; it appears whole or not at all.

    The index is made only where the column is there and near-unique keys can profit (engine.md §1.2). Of large versions
    the words of `columns` are indexed for full-text search. `memory` is what DuckDB may use, by default most of it.
    """
    if not parquet.exists():
        raise Unavailable("The rows of this version are not in the store; restore the store from its backup.")
    serving = parquet.with_suffix(SERVING)
    temporary = serving.with_name(f".{serving.name}.{os.getpid()}.{os.urandom(4).hex()}")
    names = pq.read_schema(parquet).names
    try:
        with duckdb.connect(str(temporary), config={"threads": 1}) as connection:
            if memory is not None:
                connection.execute(f"SET memory_limit = '{memory}'")
            connection.execute("CREATE TABLE rows AS SELECT * FROM read_parquet($1)", [str(parquet)])
            if row_id in names and row_id != ROW:
                quoted = str(row_id).replace('"', '""')
                connection.execute(f'CREATE INDEX by_row_id ON rows ("{quoted}")')
            build_search_index(connection, columns, pq.read_metadata(parquet).num_rows)
            connection.execute("CHECKPOINT")
        temporary.replace(serving)
    finally:
        temporary.unlink(missing_ok=True)
    return serving
