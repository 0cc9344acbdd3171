"""A line of waiting work before one thread, which takes it batch by batch (group commit).

The hand-over is two bare locks for each piece of work: what a queue and a future for each would add is more than making
the entry costs. After a batch of several the thread waits a moment for as many again: those who were just answered are
about to ask anew, and one sync for all of them is worth more than the moment.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

GATHER_S = 0.001
"""The longest that a batch waits to become as large as the one before it; about the price of one sync."""


def _locked() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


@dataclass(slots=True, eq=False)
class Waiting:
    """A piece of work and its requester, who sleeps until it is settled or gives up."""

    settled: threading.Lock = field(default_factory=_locked, init=False)
    given_up: bool = field(default=False, init=False)

    def wait(self, patience_s: float) -> bool:
        """Whether it was settled in time. If not, and nobody has begun it, nobody will."""
        if self.settled.acquire(timeout=patience_s):
            return True
        self.given_up = True
        return False

    def settle(self) -> None:
        """Wake the requester; once."""
        self.settled.release()


Work = TypeVar("Work", bound=Waiting)


class Line(Generic[Work]):
    """The line and its thread, which the first piece of work starts, and any later one if it should have died."""

    def __init__(self, work: Callable[[Sequence[Work]], None], name: str, most_waiting: int, batch: int) -> None:
        self._work, self._name, self._most, self._batch = work, name, most_waiting, batch
        self._line: deque[Work | None] = deque()
        self._gate = threading.Lock()
        self._wake = _locked()
        self._wanted = 0
        self._thread: threading.Thread | None = None

    def put(self, item: Work) -> bool:
        """Stand in line; False if the line is full."""
        with self._gate:
            if len(self._line) >= self._most:
                return False
            self._line.append(item)
            self._call_if_enough()
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._for_ever, name=self._name, daemon=True)
                self._thread.start()
        return True

    def close(self) -> None:
        """Let what stands in line be done, then end the thread."""
        with self._gate:
            thread, self._thread = self._thread, None
            if thread is None or not thread.is_alive():
                return
            self._line.append(None)
            self._call_if_enough(at_once=True)
        thread.join()

    def _call_if_enough(self, *, at_once: bool = False) -> None:
        if self._wanted and (at_once or len(self._line) >= self._wanted):
            self._wanted = 0
            self._wake.release()

    def _for_ever(self) -> None:
        last = 1
        while True:
            batch = self._next_batch(last)
            begun = [item for item in batch if item is not None and not item.given_up]
            if begun:
                self._work(begun)
            if None in batch:
                return
            last = len(batch)

    def _next_batch(self, wanted: int) -> list[Work | None]:
        """As many as the batch before had, or those that came within `GATHER_S`; at least one, after any time."""
        if wanted > 1:
            self._sleep_until(wanted, GATHER_S)
        self._sleep_until(1, -1)
        with self._gate:
            return [self._line.popleft() for _ in range(min(self._batch, len(self._line)))]

    def _sleep_until(self, wanted: int, seconds: float) -> None:
        with self._gate:
            if len(self._line) >= wanted or None in self._line:
                return
            self._wanted = wanted
        if self._wake.acquire(timeout=seconds):
            return
        with self._gate:
            called_meanwhile, self._wanted = self._wanted == 0, 0
        if called_meanwhile:
            self._wake.acquire()
