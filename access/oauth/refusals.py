"""How many refusals of clients that did not prove themselves are recorded one by one: so many a minute in a process.

Anybody can ask with a wrong key, as fast as the network carries it, and the log is kept for ever. Beyond the budget the
answer is 429 and the minute gets one entry with the count. Refusals of clients that proved themselves are no part of
this: they are always recorded.
"""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from audit.entry import Entry
from audit.ledger import Ledger, LogUnavailable
from exchange import clock

log = logging.getLogger(__name__)

A_MINUTE = 60
PERIOD_S = 60.0

Summary = Callable[[int, float, datetime], Entry]
"""The entry for so many refusals, within so many seconds, that were not recorded one by one; at an instant."""


class RefusalBudget:
    """The budget of one process. A process that is killed takes the count of its last minute with it."""

    def __init__(self, ledger: Ledger, summary: Summary, most: int = A_MINUTE, period_s: float = PERIOD_S) -> None:
        self._ledger, self._summary, self._most, self._period_s = ledger, summary, most, period_s
        self._lock = threading.Lock()
        self._ends: datetime | None = None
        self._taken = self._beyond = 0

    def wait_s(self, now: datetime) -> int:
        """Take one from the budget: 0 if there was one left, else in how many whole seconds there will be."""
        with self._lock:
            if self._ends is None or now >= self._ends:
                self._ends, self._taken = now + timedelta(seconds=self._period_s), 0
            if self._taken < self._most:
                self._taken += 1
                return 0
            self._beyond += 1
            left = (self._ends - now).total_seconds()
            if self._beyond == 1:
                self._sum_up_in(left)
            return max(1, math.ceil(left))

    def _sum_up_in(self, seconds: float) -> None:
        timer = threading.Timer(seconds, self.sum_up)
        timer.daemon = True
        timer.start()

    def sum_up(self) -> None:
        """Record how many were not recorded one by one. While the log cannot be written, they count on."""
        with self._lock:
            count, self._beyond = self._beyond, 0
        try:
            if count:
                self._ledger.record(self._summary(count, self._period_s, clock.now()))
        except LogUnavailable:
            log.warning("the log cannot be written; %d refusals wait for their summary", count)
            with self._lock:
                if not self._beyond:
                    self._sum_up_in(self._period_s)
                self._beyond += count
