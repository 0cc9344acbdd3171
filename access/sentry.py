"""One thread a process that looks after every running stream, also while its worker is blocked by a slow reader."""

from __future__ import annotations

import threading

from access.watching import CutStream, Watch
from exchange.rows.connection import BreakOff

ROUND_S = 0.25
"""Seconds between two rounds; with the watch's own pace this keeps an end well under a second."""


class Sentry:
    """Knows the streams that run now. The thread lives only while there are any."""

    def __init__(self) -> None:
        self._running: dict[Watch, BreakOff] = {}
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._thread: threading.Thread | None = None

    def look_after(self, watch: Watch, break_off: BreakOff) -> None:
        """From now on, break the connection off as soon as the watch says that the right has ended."""
        with self._lock:
            self._running[watch] = break_off
            if self._thread is None:
                self._thread = threading.Thread(target=self._rounds, name="sentry", daemon=True)
                self._thread.start()

    def let_go(self, watch: Watch) -> None:
        """The stream has ended: its connection is no longer ours to break."""
        with self._lock:
            self._running.pop(watch, None)
            self._wake.notify()

    def _rounds(self) -> None:
        while True:
            with self._lock:
                self._wake.wait(ROUND_S)
                if not self._running:
                    self._thread = None
                    return
                running = list(self._running)
            for watch in running:
                self._look(watch)

    def _look(self, watch: Watch) -> None:
        try:
            watch.check()
        except CutStream:
            with self._lock:
                break_off = self._running.pop(watch, None)
                if break_off is not None:
                    break_off()
