"""Serving files that nobody made are built beside the answers, one version at a time; those of old versions removed.

A program's write of a large dataset leaves its version without pages, downloads and search index, and a restored store
has none of them. They are functions of the version, so whoever finds one missing may make it: here, by a command that
runs every few minutes, at a low priority, one at a time on a machine. Each file appears whole or not at all, and
workers use it from their next request on.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa
from sqlalchemy import select
from sqlalchemy.orm import Session, aliased

from exchange.catalog.models import Dataset, DatasetClass, DatasetState, Version
from exchange.errors import CharterError
from exchange.rows import downloads, pages_reading, search_index, store_open, store_pages
from exchange.rows.types import ColumnInfo, columns_from_schema
from exchange.rows.whereabouts import EVERYTHING_HERE, Whereabouts

LOCK = ".upkeep"
GRACE = timedelta(hours=1)
"""How long the serving files of a superseded version stay for readers who have begun; a request ends in minutes."""

LEFT_BEHIND = timedelta(days=1)
"""Age at which an unfinished file was left by a process that is gone."""

MEMORY = "2GB"
"""What DuckDB may use to build a serving file and its index; beyond it sorts on disk."""

GIVEN_UP = ".pages-given-up"
"""Beside a version whose pages could not be made, so that they are not tried again every few minutes."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Current:
    """A version that readers see."""

    dataset_id: str
    number: int
    parquet: Path
    rows: int
    row_id: str | None
    columns: tuple[ColumnInfo, ...]


@contextlib.contextmanager
def alone(root: Path) -> Iterator[bool]:
    """Whether nobody else on this machine builds; the kernel lets go of the lock of a process that is killed."""
    root.mkdir(parents=True, exist_ok=True)
    with (root / LOCK).open("ab") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def build_missing(
    session: Session,
    root: Path,
    whereabouts: Whereabouts = EVERYTHING_HERE,
    said: Callable[[str], None] = lambda _sentence: None,
) -> int:
    """Build what current open versions lack, the oldest version first; returns how many versions got something.

    `root` is `<data_dir>/open`. Versions are looked up anew before each, since building takes minutes. What fails is
    in the server's own log and is tried again at the next call. Holds no transaction while it builds.
    """
    tried: set[Path] = set()
    built = 0
    while (version := _next(session, root, whereabouts, tried)) is not None:
        tried.add(version.parquet)
        try:
            made = _build(version)
        except (CharterError, OSError, duckdb.Error, pa.ArrowException) as problem:
            _log.warning("no serving files for %s", version.parquet.name, exc_info=problem)
            continue
        built += 1
        said(f"{version.dataset_id} version {version.number}: {', '.join(made)}")
    return built


def _next(session: Session, root: Path, whereabouts: Whereabouts, tried: set[Path]) -> Current | None:
    try:
        for version in _current(session, root, whereabouts):
            if version.parquet not in tried and version.parquet.exists() and any(_lacks(version)):
                return version
    finally:
        session.rollback()
    return None


def _current(session: Session, root: Path, whereabouts: Whereabouts) -> Iterator[Current]:
    found = session.execute(
        select(Dataset, Version)
        .join(Version, Version.id == Dataset.current_version_id)
        .where(Dataset.state == DatasetState.PUBLISHED.value, Dataset.class_ == DatasetClass.OPEN.value)
        .where(Version.class_ == DatasetClass.OPEN.value)
        .order_by(Version.published_at, Version.id)
    )
    for dataset, version in found:
        if not whereabouts.is_for_spark(version.rows, dataset.engine):
            columns = columns_from_schema(version.schema)
            row_id = dataset.row_id if any(column.name == dataset.row_id for column in columns) else None
            yield Current(version.dataset_id, version.number, root / version.path, version.rows, row_id, columns)


def _lacks(version: Current) -> tuple[bool, bool, bool]:
    """Whether the serving file with its index, the pages, the downloads are missing or of an earlier release."""
    serving = version.parquet.with_suffix(store_open.SERVING)
    pages = serving.with_suffix(store_pages.PAGES)
    tried = serving.with_suffix(GIVEN_UP).exists()
    return (
        not serving.exists() or not search_index.is_complete(serving, version.columns, version.rows),
        not tried and not pages_reading.are_readable(pages, version.columns),
        not downloads.are_whole(version.parquet),
    )


def _build(version: Current) -> list[str]:
    """Build what is missing; returns its names."""
    serving_missing, pages_missing, downloads_missing = _lacks(version)
    serving, made = version.parquet.with_suffix(store_open.SERVING), []
    if serving_missing:
        store_open.build_serving_file(version.parquet, row_id=version.row_id, columns=version.columns, memory=MEMORY)
        made.append("serving file")
    if pages_missing:
        if store_pages.build_pages(serving, version.columns, row_id=version.row_id) is None:
            serving.with_suffix(GIVEN_UP).touch()
        made.append("pages")
    if downloads_missing:
        downloads.build_downloads(version.parquet, version.number, version.columns)
        made.append("downloads")
    return made


def remove_superseded(session: Session, root: Path, now: datetime, grace: timedelta = GRACE) -> int:
    """Remove what served versions that were superseded so long ago; returns how many files went.

    The rows (Parquet) of every version stay. Whoever has a file open goes on reading it: its name goes, not its bytes.
    """
    old, current = aliased(Version), aliased(Version)
    superseded = session.execute(
        select(old.path)
        .join(Dataset, Dataset.id == old.dataset_id)
        .join(current, current.id == Dataset.current_version_id)
        .where(old.class_ == DatasetClass.OPEN.value, old.number < current.number, current.published_at < now - grace)
    )
    in_use = select(Version.path).join(Dataset, Dataset.current_version_id == Version.id)
    paths = set(superseded.scalars()) - set(session.scalars(in_use))
    session.rollback()
    removed = 0
    for folder in {(root / path).parent for path in paths}:
        stems = {Path(path).stem for path in paths if (root / path).parent == folder}
        removed += sum(_removed(file, stems, now) for file in (folder.iterdir() if folder.is_dir() else ()))
    return removed


def _removed(file: Path, stems: set[str], now: datetime) -> bool:
    """Whether it served one of these versions, or was never finished, and is gone."""
    stem, _, kind = file.name.partition(".")
    serves = stem in stems and f".{kind}" != ".parquet"
    with contextlib.suppress(OSError):
        if serves or (file.name.startswith(".") and file.stat().st_mtime < (now - LEFT_BEHIND).timestamp()):
            file.unlink()
            return True
    return False


def step_back() -> None:
    """Leave the processors to whoever answers."""
    os.nice(10)
