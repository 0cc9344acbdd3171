"""The open door: rows of open, published datasets, for everybody. It cannot see the restricted store."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from exchange.catalog.models import Dataset, DatasetClass, DatasetState, Version
from exchange.errors import NotFound
from exchange.rows.door import Answer, Ask
from exchange.rows.engine import Engine
from exchange.rows.plan import Plan, resolve
from exchange.rows.store_open import open_version
from exchange.rows.types import ColumnInfo, columns_from_schema

STATEMENT_S = 60.0
"""Seconds that the engine may work on one open query."""


@dataclass(frozen=True)
class OpenVersion:
    """The current version of an open, published dataset, cut loose from the database."""

    dataset_id: str
    number: int
    path: str
    rows: int
    published_at: datetime
    row_id: str | None
    columns: tuple[ColumnInfo, ...]


@dataclass(frozen=True)
class Prepared:
    """An open answer that has not been computed yet: enough to say that the reader has it already."""

    version: OpenVersion
    plan: Plan
    etag: str
    seconds: float
    cancel: threading.Event = field(default_factory=threading.Event, compare=False)

    @property
    def last_modified(self) -> datetime:
        """When the rows were published."""
        return self.version.published_at


def open_version_of(session: Session, dataset_id: str) -> OpenVersion | None:
    """What everybody may read under this id; None for anything that is not open, published and there."""
    row = session.execute(
        select(Dataset, Version)
        .join(Version, Version.id == Dataset.current_version_id)
        .where(Dataset.id == dataset_id, Dataset.state == DatasetState.PUBLISHED.value)
        .where(Dataset.class_ == DatasetClass.OPEN.value, Version.class_ == DatasetClass.OPEN.value)
    ).one_or_none()
    if row is None:
        return None
    dataset, version = row
    columns = columns_from_schema(version.schema)
    row_id = dataset.row_id if any(column.name == dataset.row_id for column in columns) else None
    return OpenVersion(dataset.id, version.number, version.path, version.rows, version.published_at, row_id, columns)


class OpenDoor:
    """Answers for open datasets. `session` gives the database session of the request that is being answered."""

    def __init__(self, session: Callable[[], Session], root: Path, engine: Engine) -> None:
        self._session = session
        self._root = root
        self._engine = engine

    def open(self, ask: Ask) -> Answer:
        """Answer, or raise `NotFound` or what a query can raise. Nothing is recorded: everybody may read this."""
        return self.answer(self.prepare(ask))

    def prepare(self, ask: Ask) -> Prepared:
        """Find and plan, without computing. Raises `NotFound`, `SoqlError`."""
        version = open_version_of(self._session(), ask.dataset_id)
        if version is None:
            raise NotFound(f"No dataset has the id {ask.dataset_id}.", code="soda.dataset.not-found")
        return self.plan(version, ask)

    def plan(self, version: OpenVersion, ask: Ask) -> Prepared:
        """Plan over a version that was already looked up. Raises `SoqlError`."""
        plan = resolve(ask.query, version.columns)
        sql, values = plan.sql("rows", version.published_at)
        names = [field.name for field in plan.fields]
        identity = repr((version.dataset_id, version.number, version.path, ask.format, sql, values, names))
        etag = hashlib.sha256(identity.encode()).hexdigest()[:32]
        return Prepared(version, plan, etag, min(STATEMENT_S, ask.query.timeout_s or STATEMENT_S), ask.cancel)

    def answer(self, prepared: Prepared) -> Answer:
        """Compute. Raises what `Engine.run` raises."""
        version = prepared.version
        source = open_version(
            self._root,
            version.path,
            dataset_id=version.dataset_id,
            number=version.number,
            rows=version.rows,
            published_at=version.published_at,
            row_id=version.row_id,
        )
        batches = self._engine.run(
            prepared.plan, source, deadline_s=prepared.seconds, max_rows=None, cancel=prepared.cancel
        )
        return Answer(prepared.plan.fields, batches, version.number, version.published_at, prepared.etag)
