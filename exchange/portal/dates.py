"""Days as pages show them: Connecticut's, in words. Handed to every template as the filter `day`."""

from __future__ import annotations

from datetime import date, datetime

from exchange.clock import legal_day


def in_words(value: date | datetime | None) -> str:
    """ "June 15, 2026": the legal day of an instant, or the day itself; nothing for nothing."""
    if value is None:
        return ""
    day = legal_day(value) if isinstance(value, datetime) else value
    return f"{day:%B} {day.day}, {day.year}"
