"""Versions of an open cut that nobody may read any more: their files leave this machine and the object store.

A version is withdrawn when it holds a column that is no longer open, or when its cut is retired. It stays listed with
its hash, so that it can still be said what was public and when; its rows can be derived again from the dataset that it
was cut from. Doing it again changes nothing, so a store that is away is asked again by the next `flask rows build`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from exchange.catalog.models import Dataset, DatasetClass, Version
from exchange.errors import Unavailable
from exchange.rows.object_store import FETCHED, forget_copies, forget_object
from exchange.settings import Settings

FORGOTTEN = ".forgotten"
"""The folder, inside the open store, of what the object store was asked to delete, so that it is asked only once."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Withdrawn:
    """A version that is to be forgotten. `alone` says that no version which may be read has the same bytes."""

    dataset_id: str
    number: int
    path: str
    sha256: str
    alone: bool


def withdrawn(session: Session, cuts: Iterable[Dataset]) -> list[Withdrawn]:
    """The withdrawn versions of these open cuts."""
    found = [version for cut in cuts for version in cut.versions if _is_withdrawn(version)]
    same = select(Version).where(
        Version.sha256.in_([version.sha256 for version in found]), Version.class_ == DatasetClass.OPEN.value
    )
    needed = {version.sha256 for version in session.scalars(same) if not _is_withdrawn(version)} if found else set()
    return [Withdrawn(v.dataset_id, v.number, v.path, v.sha256, v.sha256 not in needed) for v in found]


def every_withdrawn(session: Session) -> list[Withdrawn]:
    """The withdrawn versions of every open cut. Ends the transaction, so that nothing is held meanwhile."""
    cuts = select(Dataset).where(Dataset.cut_of_id.is_not(None))
    try:
        return withdrawn(
            session, session.scalars(cuts.options(selectinload(Dataset.versions), selectinload(Dataset.columns)))
        )
    finally:
        session.rollback()


def _is_withdrawn(version: Version) -> bool:
    cut = version.dataset
    if cut.cut_of_id is None or version.id == cut.current_version_id:
        return False
    names = {column.name for column in cut.columns} if cut.current_version_id else set()
    return not {column["name"] for column in version.schema} <= names


def forget(settings: Settings, versions: Sequence[Withdrawn]) -> list[str]:
    """Delete their files here, then in the object store; the names of the files that went from here.

    A store that does not answer is in the server's own log, and is asked again the next time.
    """
    root = settings.data_dir / "open"
    gone = [file.name for version in versions for file in _forget_here(root, version)]
    if settings.object_store:
        _forget_there(settings, root / FORGOTTEN, versions)
    return gone


def _forget_here(root: Path, version: Withdrawn) -> list[Path]:
    stored = root / version.path
    files = sorted(stored.parent.glob(f"{stored.stem}*"))
    for file in files:
        file.unlink(missing_ok=True)
    return [*files, *(forget_copies(root / FETCHED, version.sha256) if version.alone else ())]


def _forget_there(settings: Settings, marks: Path, versions: Sequence[Withdrawn]) -> None:
    for version in versions:
        mark = marks / f"{version.dataset_id}-{version.number}"
        if not version.alone or mark.exists():
            continue
        try:
            forget_object(settings.object_store, version.sha256)
        except Unavailable as problem:
            _log.warning("withdrawn versions are still in the object store; asked again later", exc_info=problem)
            return
        marks.mkdir(parents=True, exist_ok=True)
        mark.touch()
