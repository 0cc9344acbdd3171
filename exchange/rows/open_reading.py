"""The open door: rows of open, published datasets, for everybody. It cannot see the restricted store.

What is remembered, and why it stays true: a version is immutable, so plans and bytes are kept under what names it; that
a dataset is open and which version is current is remembered only while the catalogue's counter stands
(`exchange.catalog.state`), which every request reads first. So what is withdrawn is gone at the next request.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from flask import current_app
from sqlalchemy import select
from sqlalchemy.orm import Session

from exchange.catalog.models import Dataset, DatasetClass, DatasetState, Version
from exchange.catalog.state import Remembered, state_of
from exchange.errors import NotFound
from exchange.rows.door import Answer, Ask
from exchange.rows.engine import Engine
from exchange.rows.functions import VOLATILE
from exchange.rows.plan import Plan, resolve
from exchange.rows.planner import Page, page_of
from exchange.rows.soql import Query
from exchange.rows.source import Source
from exchange.rows.store_open import open_version
from exchange.rows.types import ColumnInfo, columns_from_schema
from exchange.rows.whereabouts import EVERYTHING_HERE, Whereabouts

STATEMENT_S = 60.0
"""Seconds that the engine may work on one open query."""

MOST_VERSIONS = 5_000
"""Look-ups of datasets that a worker remembers, those that found nothing too."""

MOST_PLANS = 2_000
"""Plans that a worker keeps."""


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
    sha256: str = ""
    engine: str | None = None

    @property
    def key(self) -> str:
        """What names the rows: equal keys, equal rows."""
        return f"{self.dataset_id}/{self.number}/{self.path}"


@dataclass(frozen=True)
class Prepared:
    """An open answer that has not been computed yet: enough to say that the reader has it already.

    `page` is the plan as the pages of the version can answer it, None where they cannot. `keepable` says that equal
    etags mean equal bytes for ever. `others` are the versions of the datasets that the plan joins.
    """

    version: OpenVersion
    plan: Plan
    etag: str
    seconds: float
    cancel: threading.Event = field(default_factory=threading.Event, compare=False)
    page: Page | None = None
    keepable: bool = True
    others: Mapping[str, OpenVersion] = field(default_factory=dict)

    @property
    def last_modified(self) -> datetime:
        """When the rows were published; of joined rows, when the last of them were."""
        return max(version.published_at for version in (self.version, *self.others.values()))


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
    return OpenVersion(
        dataset.id, version.number, version.path, version.rows, version.published_at, row_id, columns,
        version.sha256, dataset.engine,
    )  # fmt: skip


class OpenDoor:
    """Answers for open datasets. `session` gives the database session of the request that is being answered."""

    def __init__(
        self, session: Callable[[], Session], root: Path, engine: Engine, whereabouts: Whereabouts = EVERYTHING_HERE
    ) -> None:
        self._session = session
        self._whereabouts = whereabouts
        self.root = root
        self._engine = engine
        self._versions: Remembered[OpenVersion | None] | None = None
        self._plans: dict[tuple[int, int, str], tuple[Query, Prepared]] = {}
        self._shapes: dict[str, Prepared] = {}

    def version_of(self, dataset_id: str) -> OpenVersion | None:
        """As `open_version_of`, remembered while the catalogue does not change. Needs an application context."""
        if self._versions is None:
            self._versions = Remembered(state_of(current_app), MOST_VERSIONS)
        return self._versions.get(dataset_id, self._session, lambda session: open_version_of(session, dataset_id))

    def stands(self, version: OpenVersion) -> bool:
        """Whether this is what `version_of` would give from memory at this moment."""
        return self._versions is not None and self._versions.known(version.dataset_id) is version

    def open(self, ask: Ask) -> Answer:
        """Answer, or raise `NotFound` or what a query can raise. Nothing is recorded: everybody may read this."""
        return self.answer(self.prepare(ask))

    def prepare(self, ask: Ask) -> Prepared:
        """Find and plan, without computing. Raises `NotFound`, `SoqlError`."""
        return self.plan(self._required(ask.dataset_id), ask)

    def plan(self, version: OpenVersion, ask: Ask) -> Prepared:
        """Plan over a version that was already looked up. Raises `SoqlError`, `NotFound` for a joined dataset."""
        key = id(ask.query), id(version), ask.format
        query, kept = self._plans.get(key, (None, None))
        if kept is not None and query is ask.query and kept.version is version:
            return replace(kept, cancel=ask.cancel)
        shape = repr((version.key, ask.format, replace(ask.query, limit=None, offset=0)))
        alike = self._shapes.get(shape)
        prepared = self._planned(version, ask, shape) if alike is None else _at(alike, version, ask, shape)
        if prepared.keepable and not prepared.others:
            _keep(self._plans, key, (ask.query, prepared))
            if alike is None and _ends_with(prepared.plan, ask.query):
                _keep(self._shapes, shape, prepared)
        return prepared

    def _planned(self, version: OpenVersion, ask: Ask, shape: str) -> Prepared:
        others: dict[str, OpenVersion] = {}

        def columns_of(dataset_id: str) -> Sequence[ColumnInfo]:
            others[dataset_id] = self._required(dataset_id)
            return others[dataset_id].columns

        plan = resolve(ask.query, version.columns, tables=columns_of, name=version.dataset_id)
        read = {dataset_id: others[dataset_id] for dataset_id in plan.datasets}
        keepable = not plan.functions & VOLATILE
        etag = _etag(shape, ask.query, read) if keepable else secrets.token_hex(16)
        page = page_of(plan, version.columns) if ask.format == "json" else None
        seconds = min(STATEMENT_S, ask.query.timeout_s or STATEMENT_S)
        return Prepared(version, plan, etag, seconds, ask.cancel, page, keepable, read)

    def answer(self, prepared: Prepared) -> Answer:
        """Compute. Raises what `Engine.run` raises."""
        version = prepared.version
        batches = self._engine.run(
            prepared.plan,
            self._source(version),
            others={dataset_id: self._source(other) for dataset_id, other in prepared.others.items()},
            deadline_s=prepared.seconds,
            max_rows=None,
            cancel=prepared.cancel,
        )
        return Answer(prepared.plan.fields, batches, version.number, prepared.last_modified, prepared.etag)

    def _required(self, dataset_id: str) -> OpenVersion:
        version = self.version_of(dataset_id)
        if version is None:
            raise NotFound(f"No dataset has the id {dataset_id}.", code="soda.dataset.not-found")
        return version

    def _source(self, version: OpenVersion) -> Source:
        if self._whereabouts.is_for_spark(version.rows, version.engine):
            return Source(
                version.key, version.published_at, version.rows,
                path=version.path, content=version.sha256, engine=version.engine,
            )  # fmt: skip
        return open_version(
            self.root,
            version.path,
            dataset_id=version.dataset_id,
            number=version.number,
            rows=version.rows,
            published_at=version.published_at,
            row_id=version.row_id,
            columns=version.columns,
            content=version.sha256,
            engine=version.engine,
            copies=self._whereabouts.copies,
        )


def _etag(shape: str, query: Query, others: Mapping[str, OpenVersion] = MappingProxyType({})) -> str:
    """One word for rows, query and format. The parsed query is its own normal form: spaces and case are gone."""
    identity = repr((shape, query.limit, query.offset, [version.key for version in others.values()]))
    return hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _ends_with(plan: Plan, query: Query) -> bool:
    """Whether limit and offset of the query stand at the plan's very end and nowhere else."""
    return query.source is None and (plan.root.limit, plan.root.offset) == (query.limit, query.offset)


def _at(alike: Prepared, version: OpenVersion, ask: Ask, shape: str) -> Prepared:
    """The answer that was prepared for another page of the same query."""
    limit, offset = ask.query.limit, ask.query.offset
    plan = replace(alike.plan, root=replace(alike.plan.root, limit=limit, offset=offset))
    page = page_of(plan, version.columns) if ask.format == "json" else None
    etag = _etag(shape, ask.query)
    return replace(alike, version=version, plan=plan, etag=etag, cancel=ask.cancel, page=page)


K = TypeVar("K")
V = TypeVar("V")


def _keep(kept: dict[K, V], key: K, value: V) -> None:
    while len(kept) >= MOST_PLANS:
        kept.pop(next(iter(kept), key), None)
    kept[key] = value
