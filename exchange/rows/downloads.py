"""Whole tables as files, made once for each open version beside its Parquet (engine.md §1.7).

`<stem>.soda.csv`, `<stem>.soda.json` and `<stem>.download.csv`, each also packed, and `<stem>.manifest.json`, which
says how many rows and bytes each has and its SHA-256, so that a reader can see that a copy was cut. They are functions
of the version alone: building them twice gives the same bytes. They are named by the version's stem, and go with it.
A file that is missing or of another length than its manifest says is not sent; its rows are then streamed instead.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from exchange.rows.door import Field
from exchange.rows.formats import FORMATS, PLAIN, Format, Options
from exchange.rows.formats.packing import packer
from exchange.rows.plan import Plan, resolve
from exchange.rows.soql import Query
from exchange.rows.soql.selects import MAX_LIMIT
from exchange.rows.types import ColumnInfo, SodaType, header_name

SODA_CSV, SODA_JSON, DOWNLOAD_CSV = "soda.csv", "soda.json", "download.csv"
FORMAT_OF = {SODA_CSV: FORMATS["csv"], SODA_JSON: FORMATS["json"], DOWNLOAD_CSV: FORMATS["csv"]}
PACKED = ".gz"
BATCH_ROWS = 16_384
_NO_MOMENT = datetime(1970, 1, 1, tzinfo=UTC)
"""Stands for the time of publication, which no column of the data shows."""


@dataclass(frozen=True)
class Stored:
    """One file that is whole: as large as its manifest says. `packed`: it is gzip."""

    path: Path
    format: Format
    bytes: int
    sha256: str
    packed: bool


def fields_of(columns: Sequence[ColumnInfo]) -> tuple[Field, ...]:
    """What a query for everything would give."""
    return tuple(Field(column.name, header_name(column.type)) for column in columns)


def options_for_people(parquet: Path, columns: Sequence[ColumnInfo], options: Options = PLAIN) -> Options:
    """The choices of a download of this version: display names, American dates, quotes where needed.

    Dates of a column are all written alike: with their time of day if any of them has one.
    """
    labels = tuple((column.name, column.label) for column in columns)
    kept = (manifest_of(parquet) or {}).get("timed")
    timed = frozenset(_timed(parquet, columns) if kept is None else kept)
    return options.changed(for_people=True, labels=labels, timed=timed)


def _timed(parquet: Path, columns: Sequence[ColumnInfo]) -> Iterator[str]:
    file = pq.ParquetFile(parquet)
    for name in [column.name for column in columns if column.type == SodaType.CALENDAR_DATE]:
        groups = (file.read_row_group(group, columns=[name])[name] for group in range(file.num_row_groups))
        if any(_has_time(dates) for dates in groups):
            yield name


def _has_time(dates: pa.ChunkedArray) -> bool:
    return pc.any(pc.not_equal(pc.floor_temporal(dates, unit="day"), dates)).as_py() is True


def build_downloads(parquet: Path, version: int, columns: Sequence[ColumnInfo]) -> Path:
    """Write the files of an open version and, last, their manifest; returns its path. Each appears whole or not at all.

    `parquet` is the version as stored, `version` its number. A table of more rows than one query may ask for has only
    the download. Raises `OSError`.
    """
    rows = pq.read_metadata(parquet).num_rows
    plan = resolve(Query(limit=rows), columns)
    people = options_for_people(parquet, columns)
    files = {}
    asked_for = FORMAT_OF if rows <= MAX_LIMIT else {DOWNLOAD_CSV: FORMAT_OF[DOWNLOAD_CSV]}
    for name, format_ in asked_for.items():
        options = people if name == DOWNLOAD_CSV else PLAIN
        parts = format_.write(plan.fields, _batches(parquet, plan), options)
        files[name] = {"rows": rows, **_write(_beside(parquet, name), parts)}
    manifest = {
        "version": version, "rows": rows, "parquet": parquet.name, "timed": sorted(people.timed), "files": files,
    }  # fmt: skip
    path = _beside(parquet, "manifest.json")
    _put(path, iter([(json.dumps(manifest, indent=1, sort_keys=True) + "\n").encode()]))
    return path


def manifest_of(parquet: Path) -> dict[str, Any] | None:
    """The manifest beside a version; None if its files were not made."""
    try:
        found: dict[str, Any] = json.loads(_beside(parquet, "manifest.json").read_bytes())
    except (OSError, ValueError):
        return None
    return found


def find(parquet: Path, name: str, *, packed: bool) -> Stored | None:
    """A file of the version, if it is there and whole."""
    entry = ((manifest_of(parquet) or {}).get("files") or {}).get(name)
    if entry is None:
        return None
    described = entry["gzip"] if packed else entry
    path = _beside(parquet, name + PACKED if packed else name)
    try:
        whole = path.stat().st_size == described["bytes"]
    except OSError:
        return None
    return Stored(path, FORMAT_OF[name], described["bytes"], described["sha256"], packed) if whole else None


def are_whole(parquet: Path) -> bool:
    """Whether the version has its manifest and every file that this names."""
    files = (manifest_of(parquet) or {}).get("files") or {}
    return bool(files) and all(find(parquet, name, packed=packed) for name in files for packed in (False, True))


def _beside(parquet: Path, name: str) -> Path:
    return parquet.with_suffix(f".{name}")


def _batches(parquet: Path, plan: Plan) -> Iterator[pa.RecordBatch]:
    """The rows as the plan gives them, a row group at a time: nothing large is ever sorted or held."""
    file = pq.ParquetFile(parquet)
    sql, values = plan.sql("rows", _NO_MOMENT)
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for group in range(file.num_row_groups):
            connection.register("rows", file.read_row_group(group))
            yield from connection.sql(sql, params=values).to_arrow_reader(BATCH_ROWS)
            connection.unregister("rows")


def _write(path: Path, parts: Iterator[bytes]) -> dict[str, Any]:
    """Write the file and its packed twin in one pass; returns what the manifest says of both."""
    packing, packed = packer(), _Growing(path.with_name(path.name + PACKED))
    plain = _Growing(path)
    try:
        for part in parts:
            plain.add(part)
            packed.add(packing.compress(part))
        packed.add(packing.flush())
        return {**plain.finish(), "gzip": packed.finish()}
    finally:
        plain.forget()
        packed.forget()


def _put(path: Path, parts: Iterator[bytes]) -> None:
    file = _Growing(path)
    try:
        for part in parts:
            file.add(part)
        file.finish()
    finally:
        file.forget()


class _Growing:
    """A file under a temporary name until it is whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        self._temporary: Path | None = Path(temporary)
        self._file = os.fdopen(handle, "wb")
        self._digest, self._bytes = hashlib.sha256(), 0

    def add(self, part: bytes) -> None:
        """Write on."""
        self._digest.update(part)
        self._bytes += len(part)
        self._file.write(part)

    def finish(self) -> dict[str, Any]:
        """Give it its name; returns its size and hash."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        if self._temporary is not None:
            self._temporary.replace(self._path)
            self._temporary = None
        return {"bytes": self._bytes, "sha256": self._digest.hexdigest()}

    def forget(self) -> None:
        """Remove what was not finished."""
        self._file.close()
        if self._temporary is not None:
            self._temporary.unlink(missing_ok=True)
            self._temporary = None
