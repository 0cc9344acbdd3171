"""Which engine answers: DuckDB on this machine up to a size, Spark beyond it, with an override for each dataset.

The address is the same whichever answers, and so are the rows: the differential tests hold the engines equal.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from importlib import import_module
from typing import Protocol, cast

from flask import Flask
from flask.sansio.app import App
from sqlalchemy.orm import Session

from audit import ledger
from audit.actions import Action, Outcome
from audit.entry import Entry
from exchange.catalog.models import Dataset
from exchange.errors import Invalid, NotFound, Unavailable
from exchange.rows.engine import NO_OTHERS, Batches, Engine
from exchange.rows.engines.duckdb_file import DuckDBEngine
from exchange.rows.lanes import Lanes
from exchange.rows.plan import Plan
from exchange.rows.source import Source
from exchange.rows.whereabouts import EngineName, Whereabouts
from exchange.settings import Settings, SettingsError

BY_SIZE = "auto"
"""The order to take whichever engine is for a dataset's size."""

FAST_MEMORY = "512MB"
"""What DuckDB may use for the statements that are not costly."""


class Checked(Engine, Protocol):
    """An engine elsewhere, which may not answer."""

    def check(self) -> None:
        """Raise `Unavailable` if it does not answer."""
        ...


class Router:
    """An engine that hands each plan to one of two."""

    name = "router"

    def __init__(self, local: Engine, spark: Engine | None, whereabouts: Whereabouts) -> None:
        self._local, self._spark, self._whereabouts = local, spark, whereabouts

    def run(
        self,
        plan: Plan,
        source: Source,
        *,
        others: Mapping[str, Source] = NO_OTHERS,
        deadline_s: float,
        max_rows: int | None,
        cancel: threading.Event,
    ) -> Batches:
        """See `Engine.run`. A join is answered by Spark when one of its datasets is."""
        chosen = self.engine_for([source, *others.values()])
        return chosen.run(plan, source, others=others, deadline_s=deadline_s, max_rows=max_rows, cancel=cancel)

    def engine_for(self, sources: list[Source]) -> Engine:
        """The engine for a query of these. Raises `Unavailable` where Spark was ordered and there is none."""
        if self._spark is not None and any(self._whereabouts.is_for_spark(one.rows, one.engine) for one in sources):
            return self._spark
        if self._spark is None and any(one.engine == EngineName.SPARK for one in sources):
            raise Unavailable("This dataset is answered by Spark, and no Spark is set up here; tell the operator.")
        return self._local


def open_engine(app: App, whereabouts: Whereabouts) -> Engine:
    """The engine of the open door, as the settings say. Raises `SettingsError` when Spark is set up without client."""
    settings: Settings = app.config["SETTINGS"]
    root = settings.data_dir / "open"
    local = Lanes(DuckDBEngine(root, memory=FAST_MEMORY), DuckDBEngine(root))
    if not settings.spark_remote:
        return Router(local, None, whereabouts)
    spark = _spark(settings)
    app.extensions["spark"] = spark
    return Router(local, Lanes(spark, spark), whereabouts)


def health(app: Flask) -> dict[str, bool]:
    """For `/readyz`: whether Spark answers, where one is set up; it never takes longer than a statement may."""
    spark: Checked | None = app.extensions.get("spark")
    if spark is None:
        return {}
    try:
        spark.check()
    except Unavailable:
        return {"spark": False}
    return {"spark": True}


def order_engine(session: Session, dataset_id: str, engine: str | None, now: datetime) -> None:
    """Give the dataset to an engine, or to whichever its size says (None), with an entry. The caller commits.

    An order that changes nothing is not recorded. Raises `NotFound`, `Invalid` for an engine that there is not.
    """
    dataset = session.get(Dataset, dataset_id)
    if dataset is None:
        raise NotFound(f"No dataset has the id {dataset_id}.")
    if engine is not None and engine not in set(EngineName):
        raise Invalid(f"The engines are {', '.join(EngineName)}; {engine!r} is none.")
    if dataset.engine == engine:
        return
    entry = Entry(
        Action.DATASET_ENGINE_ORDER, Outcome.DONE, agency=dataset.agency_id, dataset=dataset.id,
        dataset_class=dataset.class_, details={"engine": engine or BY_SIZE, "before": dataset.engine or BY_SIZE},
        at=now,
    )  # fmt: skip
    dataset.engine = engine
    session.flush()
    ledger.append(session.connection(), entry)


def where_spark_looks(settings: Settings) -> Callable[[Source], str]:
    """Where Spark finds a version: in the object store by its content, else in the open store by its path."""
    by_content = bool(settings.object_store)
    base = settings.spark_rows or settings.object_store or str(settings.data_dir / "open")

    def place(source: Source) -> str:
        return f"{base}/rows/{source.content}.parquet" if by_content else f"{base}/{source.path}"

    return place


def _spark(settings: Settings) -> Checked:
    try:
        room = import_module("exchange.rows.engines.spark")
    except ImportError as missing:
        raise SettingsError(
            "Cannot start:\n  - EXCHANGE_SPARK_REMOTE is set, but the client of Spark is not installed:"
            " pip install --require-hashes -r requirements-spark.txt"
        ) from missing
    return cast(Checked, room.SparkEngine(settings.spark_remote, where_spark_looks(settings)))
