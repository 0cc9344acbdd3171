"""Two lanes for statements, so that a costly one cannot starve the others: pages keep moving while it works.

Before a statement runs its work is estimated from above: rows that it may look at, times the parts of its expressions.
What may be much goes to the slow lane: an engine with memory of its own, few statements at once, and a short wait for a
place; then 503 with `Retry-After`. Everything else goes to the fast lane. A statement that turns out to need more
memory than the fast lane has is begun again in the slow one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa

from exchange.errors import Unavailable
from exchange.rows.engine import NO_OTHERS, Batches, Engine, TooLarge, stopped
from exchange.rows.plan import Plan
from exchange.rows.plan.shape import Combination, Dataset, Rows
from exchange.rows.source import Source

COSTLY = 40_000_000
"""Rows times parts from which a statement takes the slow lane; about a second's work."""

AT_ONCE = 3
"""Costly statements that one worker runs at once; its other threads stay free for pages."""

WAIT_S = 2.0
RETRY_S = 5
_LOOK_EVERY_S = 0.1


class Lanes:
    """An engine of two engines."""

    name = "lanes"

    def __init__(self, fast: Engine, slow: Engine, *, at_once: int = AT_ONCE, wait_s: float = WAIT_S) -> None:
        """`slow` runs `at_once` statements; another one waits so many seconds for a place."""
        self._fast, self._slow = fast, slow
        self._places = threading.BoundedSemaphore(at_once)
        self._waits = max(1, round(wait_s / _LOOK_EVERY_S))

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
        """See `Engine.run`. Raises `Unavailable` when every place is taken."""

        def start(engine: Engine) -> Batches:
            return engine.run(plan, source, others=others, deadline_s=deadline_s, max_rows=max_rows, cancel=cancel)

        if not is_costly(plan, source, others):
            try:
                return start(self._fast)
            except TooLarge as problem:
                if problem.code != TooLarge.code:
                    raise
        self._take_place(cancel)
        try:
            return _Leaving(start(self._slow), self._places.release)
        except BaseException:
            self._places.release()
            raise

    def _take_place(self, cancel: threading.Event) -> None:
        for _ in range(self._waits):
            if self._places.acquire(timeout=_LOOK_EVERY_S):
                return
            if cancel.is_set():
                raise stopped()
        error = Unavailable("Other costly queries are being answered. Try again in a moment, or ask for less.")
        error.headers = {"Retry-After": str(RETRY_S)}  # type: ignore[attr-defined]
        raise error


class _Leaving:
    """Batches that give the place back when they end or are given up."""

    def __init__(self, batches: Batches, leave: Callable[[], None]) -> None:
        self._batches = batches
        self._leave: Callable[[], None] | None = leave
        self._lock = threading.Lock()

    def __iter__(self) -> _Leaving:
        return self

    def __next__(self) -> pa.RecordBatch:
        try:
            return next(self._batches)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop and free everything. May be called twice."""
        with self._lock:
            leave, self._leave = self._leave, None
        if leave is not None:
            try:
                self._batches.close()
            finally:
                leave()

    def __del__(self) -> None:
        self.close()


def is_costly(plan: Plan, source: Source, others: Mapping[str, Source] = NO_OTHERS) -> bool:
    """Whether the statement may be much work, estimated from above."""
    counts = {"": source.rows, **{key: other.rows for key, other in others.items()}}
    return _work(plan.root, counts).parts > COSTLY


@dataclass(frozen=True)
class _Work:
    """At most so many rows come out, after at most so many parts of expressions were computed."""

    rows: int
    parts: int


def _work(rows: Rows, counts: Mapping[str, int]) -> _Work:
    if isinstance(rows, Dataset):
        return _Work(counts.get(rows.id, 0), 0)
    if isinstance(rows, Combination):
        left, right = _work(rows.left, counts), _work(rows.right, counts)
        return _Work(left.rows + right.rows, left.parts + right.parts + left.rows + right.rows)
    source = _work(rows.source, counts)
    seen, parts = source.rows, source.parts
    for joined in rows.joins:
        other = _work(joined.source, counts)
        parts += other.parts * (seen if joined.lateral else 1)
        seen *= max(1, other.rows)
    each = sum(expression.size for expression in rows.expressions())
    if rows.is_plain_page and rows.limit is not None:
        seen = min(seen, rows.limit)
    out = seen if rows.limit is None else min(seen, rows.limit)
    return _Work(out, parts + seen * max(1, each))
