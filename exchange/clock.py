"""The only reader of time. Instants are UTC and aware; legal days are Connecticut's."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from zoneinfo import ZoneInfo

LEGAL_ZONE = ZoneInfo("America/New_York")

Clock = Callable[[], datetime]


def now() -> datetime:
    """The present instant, UTC, to the microsecond."""
    return datetime.now(UTC)


def milliseconds(instant: datetime) -> int:
    """Milliseconds since 1970-01-01T00:00:00Z."""
    return int(instant.timestamp() * 1000)


def stopwatch() -> Callable[[], float]:
    """Milliseconds since this call, each time the result is called; for figures shown to people."""
    start = time.perf_counter()
    return lambda: (time.perf_counter() - start) * 1000


def legal_day(instant: datetime) -> date:
    """The calendar day on which this instant falls in Connecticut."""
    return instant.astimezone(LEGAL_ZONE).date()


def legal_time(instant: datetime) -> datetime:
    """This instant by Connecticut's clock."""
    return instant.astimezone(LEGAL_ZONE)


def legal_instant(written: datetime) -> datetime:
    """The instant, in UTC, of a time that somebody wrote without a zone, by Connecticut's clock."""
    return written.replace(tzinfo=LEGAL_ZONE).astimezone(UTC)


def start_of_day(day: date) -> datetime:
    """The first instant of a legal day, in UTC."""
    return datetime.combine(day, time_of_day.min, LEGAL_ZONE).astimezone(UTC)


def end_of_day(day: date) -> datetime:
    """The last whole second of a legal day, in UTC: "ends on 30 June" means through 23:59:59 New York."""
    return datetime.combine(day, time_of_day(23, 59, 59), LEGAL_ZONE).astimezone(UTC)
