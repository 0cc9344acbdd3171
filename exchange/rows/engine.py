"""The seam between a plan and whatever runs it: results leave as Arrow batches, so formats are engine-blind."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Protocol

import pyarrow as pa

from exchange.errors import CharterError, Invalid
from exchange.rows.plan import Plan
from exchange.rows.source import Source

NO_OTHERS: Mapping[str, Source] = MappingProxyType({})
"""The other datasets of a plan that joins nothing."""


class RequestTimeout(CharterError):
    """The statement used up the time that one request may take."""

    status = 408
    code = "soda.request-timeout"


class Stopped(CharterError):
    """The stream was told to stop: the right to it ended, or the reader went away."""

    status = 403
    code = "permission_denied"


class TooLarge(Invalid):
    """The query wants more memory or rows than one request may use."""

    code = "query.too-large"


class NotComputable(Invalid):
    """The engine cannot compute the query over these rows. What it said stays in the server's own log."""

    code = "query.execution-failed"


class Batches(Iterator[pa.RecordBatch], Protocol):
    """Batches that can be given up early."""

    def close(self) -> None:
        """Stop and free everything. May be called twice."""
        ...


class Engine(Protocol):
    """Runs plans. One engine lives in each worker process."""

    name: str

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
        """Start the plan and return its batches; the first one is computed before this returns, so errors come here.

        `others` has the version of every dataset in `plan.datasets`, by its 4x4.
        `deadline_s` is the time the engine itself may spend, not the reader's slowness. `cancel` stops it within
        0.1 s, between batches or inside one. The iterator has `close()`; whoever stops early calls it.
        Raises `RequestTimeout`, `Stopped`, `Invalid`, `Unavailable`.
        """
        ...


def check_rows(plan: Plan, max_rows: int | None) -> None:
    """Raise `TooLarge` when the plan may give more rows than the reader may have at once."""
    if max_rows is not None and plan.limit > max_rows:
        raise TooLarge(
            f"At most {max_rows:,} rows at once; page with $limit and $offset.", code="req.row-limit-exceeded"
        )


def stopped() -> Stopped:
    """The error of a reading that was told to stop."""
    return Stopped("The reading was stopped: its reader went away, or the right to these rows has ended.")


def too_late() -> RequestTimeout:
    """The error of a statement past its deadline."""
    return RequestTimeout("The query took longer than one request may; narrow it or ask for fewer rows.")


def not_run() -> CharterError:
    """The error of a statement that failed for a reason that is not the reader's."""
    return CharterError("The query could not be run. This is our fault, and it is in the server's log.")
