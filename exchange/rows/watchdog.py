"""Stops statements that run too long or that nobody may read any more.

DuckDB discards an interrupt that comes before its query starts, so one shot is not enough: the interrupt is repeated
until the request says that it ended (reference: engine.md §1.3).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from exchange import clock

INTERVAL_S = 0.02


class Interruptible(Protocol):
    """What a watch can stop."""

    def interrupt(self) -> None:
        """Stop what runs now, if anything does."""
        ...


@dataclass(eq=False)
class Watch:
    """One request under watch. `late` says that its time was up."""

    cursor: Interruptible
    milliseconds: float
    cancel: threading.Event
    elapsed: Callable[[], float] = field(default_factory=clock.stopwatch)
    late: bool = False

    def is_over(self) -> bool:
        """Whether the statement has to stop now."""
        self.late = self.late or self.elapsed() > self.milliseconds
        return self.late or self.cancel.is_set()


class Watchdog:
    """One thread for all requests of a process; it sleeps while nothing runs."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watches: set[Watch] = set()
        self._thread: threading.Thread | None = None

    @contextmanager
    def watching(self, cursor: Interruptible, seconds: float, cancel: threading.Event) -> Iterator[Watch]:
        """Keep interrupting the cursor once the time is up or `cancel` is set, until this block ends."""
        watch = Watch(cursor, seconds * 1000, cancel)
        with self._changed:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="statement watchdog", daemon=True)
                self._thread.start()
            self._watches.add(watch)
            self._changed.notify()
        try:
            yield watch
        finally:
            with self._changed:
                self._watches.discard(watch)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait(INTERVAL_S if self._watches else None)
                for watch in self._watches:
                    if watch.is_over():
                        watch.cursor.interrupt()
