"""Days and moments as pages show them: Connecticut's, in words. The templates' filters `day` and `moment`."""

from __future__ import annotations

from datetime import date, datetime

from exchange.clock import legal_day, legal_time


def in_words(value: date | datetime | str | None) -> str:
    """ "June 15, 2026": the legal day of an instant, or the day itself, also as ISO 8601 text; nothing for nothing."""
    if not value:
        return ""
    if isinstance(value, str):
        value = date.fromisoformat(value)
    day = legal_day(value) if isinstance(value, datetime) else value
    return f"{day:%B} {day.day}, {day.year}"


def moment_in_words(value: datetime | None) -> str:
    """ "June 15, 2026, 12:00 PM": an instant by Connecticut's clock; nothing for nothing."""
    if value is None:
        return ""
    local = legal_time(value)
    return f"{in_words(value)}, {local.hour % 12 or 12}:{local:%M %p}"
