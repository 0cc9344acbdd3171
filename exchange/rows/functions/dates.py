"""Dates. A calendar date has no zone; a fixed timestamp is an instant and needs one to become a calendar date."""

from dataclasses import replace

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


_WHOLE = "CAST(date_part('{part}', {when}) AS BIGINT)"
_SECONDS = "(CAST(date_part('microsecond', {when}) AS DOUBLE) / 1000000)"
"""Seconds of the minute with what is finer, as the vendor gives them: the part holds the seconds too."""

_FLOATING, _FIXED = "'2024-08-05T12:30:00'::floating_timestamp", "'2024-08-05T12:30:00Z'::fixed_timestamp"
_ZONE_NAME = "'US/Eastern'"


def _of_both(name: str, result: str, sql: str, doc: str) -> tuple[Function, Function]:
    """The function of a calendar date, and that of an instant in a named time zone."""
    return (
        signature(name, "calendar_date", result, sql.format(when=_WHEN), doc, f"{name}({_FLOATING})"),
        signature(
            name, "fixed_timestamp zone", result, sql.format(when=_ZONED), f"{doc[:-1]}, as a clock in the zone shows.",
            f"{name}({_FIXED}, {_ZONE_NAME})",
        ),
    )  # fmt: skip


def _truncations() -> list[Function]:
    found: list[Function] = []
    for suffix, part, word in _TRUNCATED:
        doc = f"The start of the {word}."
        found += _of_both(f"date_trunc_{suffix}", "calendar_date", f"date_trunc('{part}', {{when}})", doc)
        name = f"datez_trunc_{suffix}"
        utc = f"timezone('UTC', date_trunc('{part}', {_UTC}))"
        found.append(
            signature(name, "fixed_timestamp", "fixed_timestamp", utc, f"{doc[:-1]}, UTC.", f"{name}({_FIXED})")
        )
    return found


def _extracts() -> list[Function]:
    found: list[Function] = []
    for suffix, part in _PARTS:
        doc = _NOTES.get(part, f"The {part} as a number.")
        found += _of_both(f"date_extract_{suffix}", "number", _part(part), doc)
    for field, part in _PART_NAMES.items():
        doc = _NOTES.get(part, f"The {part} as a number.")
        found += _field(field, "number", _part(part).format(when=_WHEN), doc)
    return found


def _part(part: str) -> str:
    """The part of `{when}`, whole except for seconds."""
    return _SECONDS if part == "second" else _WHOLE.replace("{part}", part)


def _field(field: str, result: str, sql: str, doc: str) -> list[Function]:
    name = f"floating_timestamp_{field}"
    return [
        signature(f".{field}", "calendar_date", result, sql, doc, f"{_FLOATING}.{field}"),
        signature(name, "calendar_date", result, sql, doc, f"{name}({_FLOATING})"),
    ]


_NOTES = {
    "dow": "The day of the week: Sunday is 0, Saturday 6.",
    "week": "The ISO 8601 week of the year.",
    "isoyear": "The ISO 8601 year, to which that week belongs.",
    "second": "The seconds of the minute, with what is finer.",
}


def _weekdays(n: int) -> str:
    monday_based = _DAY.replace("{n}", f"{{{n}}}")
    return f"(5 * (({monday_based} + 1) // 7) + least(5, ({monday_based} + 1) % 7))"


def _before(n: int) -> str:
    return _weekdays(n).replace(" + 1)", ")")


def _business(earlier: str, later: str) -> str:
    count = f"(CASE WHEN {{0}} <= {{1}} THEN {_weekdays(1)} - {_before(0)} ELSE {_weekdays(0)} - {_before(1)} END)"
    return count.replace("{0}", earlier).replace("{1}", later)


_BUSINESS_DOC = "Working days, Monday to Friday, both ends counted; holidays are not known."


def _shift(name: str, sign: str, doc: str, example: str) -> tuple[Function, ...]:
    return tuple(
        signature(name, f"{type_} interval", type_, f"TRY({value} {sign} {{1}})", doc, example.replace("#", sample))
        for type_, value, sample in (("calendar_date", _WHEN, _FLOATING), ("fixed_timestamp", "{0}", _FIXED))
    )


def _days(a: str, b: str) -> str:
    return f"CAST(trunc((epoch({a}) - epoch({b})) / 86400) AS BIGINT)"


DATES: tuple[Function, ...] = (
    *_truncations(),
    *_extracts(),
    *_field("date", "calendar_date", f"date_trunc('day', {_WHEN})", "The day, at midnight."),
    *_field("time", "text", f"strftime({_WHEN}, '%H:%M:%S.%g')", "The time of day, a text."),
    signature(
        "date_diff_d", "calendar_date calendar_date", "number",
        _days("CAST({0} AS TIMESTAMP)", "CAST({1} AS TIMESTAMP)"), "Whole days from the second to the first.",
        "date_diff_d('2024-08-09'::floating_timestamp, '2024-08-05'::floating_timestamp)",
    ),
    signature(
        "date_diff_d", "fixed_timestamp fixed_timestamp", "number", _days("{0}", "{1}"),
        "Whole days of 24 hours from the second to the first.",
        f"date_diff_d({_FIXED}, '2024-08-01T00:00:00Z'::fixed_timestamp)",
    ),
    signature(
        "date_diff_business_days", "calendar_date calendar_date", "number", _business("{0}", "{1}"), _BUSINESS_DOC,
        "date_diff_business_days('2024-08-05'::floating_timestamp, '2024-08-09'::floating_timestamp)",
    ),
    signature(
        "date_diff_business_days", "fixed_timestamp fixed_timestamp zone", "number",
        _business("timezone({2}, {0})", "timezone({2}, {1})"), _BUSINESS_DOC,
        f"date_diff_business_days({_FIXED}, '2024-08-09T12:00:00Z'::fixed_timestamp, {_ZONE_NAME})",
    ),
    *_shift("date_add", "+", "Later by an ISO 8601 duration.", "date_add(#, 'P1M')"),
    *_shift("+", "+", "Later by an ISO 8601 duration.", "# + 'P1DT2H'"),
    *_shift("-", "-", "Earlier by an ISO 8601 duration.", "# - 'PT1S'"),
    signature(
        "to_floating_timestamp", "fixed_timestamp zone", "calendar_date", _ZONED, "As a clock there showed it.",
        f"to_floating_timestamp({_FIXED}, {_ZONE_NAME})",
    ),
    signature(
        "epoch_seconds", "fixed_timestamp", "number", "epoch({0})", "Seconds since 1970 began, UTC.",
        f"epoch_seconds({_FIXED})",
    ),
    replace(
        signature(
            "get_utc_date", "", "fixed_timestamp", "date_trunc('millisecond', now())",
            "The present moment. It changes, so such an answer is not kept by caches.", "get_utc_date()",
        ),
        volatile=True,
    ),
)  # fmt: skip
