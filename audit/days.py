"""Days as the law counts them: in Connecticut, whatever zone the machine is in."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from zoneinfo import ZoneInfo

LEGAL_ZONE = ZoneInfo("America/New_York")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def start_of(day: date | None) -> datetime | None:
    """The first instant of a day in Connecticut; None for None."""
    return datetime.combine(day, time_of_day.min, LEGAL_ZONE).astimezone(UTC) if day else None


def end_of(day: date | None) -> datetime | None:
    """The last millisecond of a day in Connecticut; None for None."""
    following = start_of(day + timedelta(days=1)) if day else None
    return following - timedelta(milliseconds=1) if following else None


def legal_day(instant: datetime) -> date:
    """The day that it is in Connecticut at this instant."""
    return instant.astimezone(LEGAL_ZONE).date()


def instant_of(milliseconds: int) -> datetime:
    """An entry's `t` as an instant."""
    return _EPOCH + timedelta(milliseconds=milliseconds)


def milliseconds(instant: datetime) -> int:
    """An instant as an entry's `t`."""
    return (instant - _EPOCH) // timedelta(milliseconds=1)
