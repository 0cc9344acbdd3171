"""The seam between a plan and whatever runs it: results leave as Arrow batches, so formats are engine-blind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from exchange.rows.plan import Plan
from exchange.rows.source import Source


class Engine(Protocol):
    """Runs plans. One engine lives in each worker process."""

    name: str

    def run(
        self, plan: Plan, source: Source, *, deadline_s: float, max_rows: int | None, cancel: threading.Event
    ) -> Iterator[pa.RecordBatch]:
        """Start the plan and return its batches; the first one is computed before this returns, so errors come here.

        `deadline_s` is the time the engine itself may spend, not the reader's slowness. `cancel` stops it within
        0.1 s, between batches or inside one. The iterator has `close()`; whoever stops early calls it.
        Raises `RequestTimeout`, `Stopped`, `Invalid`, `Unavailable`.
        """
        ...


class DuckDBEngine:
    """DuckDB, one locked-down instance per process, opened at first use."""

    name = "duckdb"

    def __init__(self, files: Path | None) -> None:
        """`files` is the only folder from which versions may be attached; None for an engine of memory only."""

    def run(
        self, plan: Plan, source: Source, *, deadline_s: float, max_rows: int | None, cancel: threading.Event
    ) -> Iterator[pa.RecordBatch]:
        """See `Engine.run`."""
        raise NotImplementedError
