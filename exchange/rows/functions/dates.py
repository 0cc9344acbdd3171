"""Dates. A calendar date has no zone; a fixed timestamp is an instant and needs one to become a calendar date."""

from exchange.rows.functions.table import Function, signature

_WHEN = "CAST({0} AS TIMESTAMP)"
_ZONED = "timezone({1}, {0})"
_UTC = "timezone('UTC', {0})"
_DAY = "date_diff('day', TIMESTAMP '1969-12-29', date_trunc('day', CAST({n} AS TIMESTAMP)))"
"""Days since a Monday."""

_TRUNCATED = (("y", "year", "year"), ("ym", "month", "month"), ("ymd", "day", "day"))
_PARTS = (
    ("y", "year"), ("m", "month"), ("d", "day"), ("hh", "hour"), ("mm", "minute"), ("ss", "second"), ("dow", "dow"),
    ("woy", "week"), ("iso_y", "isoyear"),
)  # fmt: skip
_PART_NAMES = {
    "year": "year", "month": "month", "day": "day", "dow": "dow", "woy": "week", "isoyear": "isoyear", "hour": "hour",
    "minute": "minute", "second": "second",
}  # fmt: skip


def _truncations() -> list[Function]:
    found = []
    for suffix, part, word in _TRUNCATED:
        name, doc = f"date_trunc_{suffix}", f"The start of the {word}."
        found += [
            signature(name, "calendar_date", "calendar_date", f"date_trunc('{part}', {_WHEN})", doc),
            signature(name, "fixed_timestamp zone", "calendar_date", f"date_trunc('{part}', {_ZONED})", doc),
            signature(
                f"datez_trunc_{suffix}", "fixed_timestamp", "fixed_timestamp",
                f"timezone('UTC', date_trunc('{part}', {_UTC}))", f"{doc[:-1]}, UTC.",
            ),
        ]  # fmt: skip
    return found


def _extracts() -> list[Function]:
    found = []
    for suffix, part in _PARTS:
        name, doc = f"date_extract_{suffix}", f"The {part} as a number."
        found += [
            signature(name, "calendar_date", "number", f"CAST(date_part('{part}', {_WHEN}) AS BIGINT)", doc),
            signature(name, "fixed_timestamp zone", "number", f"CAST(date_part('{part}', {_ZONED}) AS BIGINT)", doc),
        ]
    for field, part in _PART_NAMES.items():
        sql = f"CAST(date_part('{part}', {_WHEN}) AS BIGINT)"
        found.append(signature(f".{field}", "calendar_date", "number", sql, f"The {part} as a number."))
    return found


def _weekdays(n: int) -> str:
    monday_based = _DAY.replace("{n}", f"{{{n}}}")
    return f"(5 * (({monday_based} + 1) // 7) + least(5, ({monday_based} + 1) % 7))"


def _before(n: int) -> str:
    return _weekdays(n).replace(" + 1)", ")")


_BUSINESS = f"(CASE WHEN {{0}} <= {{1}} THEN {_weekdays(1)} - {_before(0)} ELSE {_weekdays(0)} - {_before(1)} END)"

DATES: tuple[Function, ...] = (
    *_truncations(),
    *_extracts(),
    signature(
        "date_diff_d", "calendar_date calendar_date", "number",
        "CAST(trunc((epoch(CAST({0} AS TIMESTAMP)) - epoch(CAST({1} AS TIMESTAMP))) / 86400) AS BIGINT)",
        "Whole days from the second to the first.",
    ),
    signature(
        "date_diff_business_days", "calendar_date calendar_date", "number", _BUSINESS,
        "Working days, Monday to Friday, both ends counted.",
    ),
    signature("date_add", "calendar_date interval", "calendar_date", f"TRY({_WHEN} + {{1}})", "Later by a duration."),
    signature("+", "calendar_date interval", "calendar_date", f"TRY({_WHEN} + {{1}})", "Later by a duration."),
    signature("-", "calendar_date interval", "calendar_date", f"TRY({_WHEN} - {{1}})", "Earlier by a duration."),
    signature("+", "fixed_timestamp interval", "fixed_timestamp", "TRY({0} + {1})", "Later by a duration."),
    signature("-", "fixed_timestamp interval", "fixed_timestamp", "TRY({0} - {1})", "Earlier by a duration."),
    signature("to_floating_timestamp", "fixed_timestamp zone", "calendar_date", _ZONED, "As a clock there showed it."),
    signature("epoch_seconds", "fixed_timestamp", "number", "epoch({0})", "Seconds since 1970 began, UTC."),
    signature(".date", "calendar_date", "calendar_date", f"date_trunc('day', {_WHEN})", "The day, at midnight."),
)  # fmt: skip
