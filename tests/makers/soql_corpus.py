"""One corpus of queries and the table that they are asked of: nulls, ties, dates, Unicode, very large and small numbers.

The differential tests ask every engine all of it and want the same rows in the same order.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from exchange.rows.types import ColumnInfo

COLUMNS = tuple(
    ColumnInfo(name, name.title(), type_)
    for name, type_ in {
        "id": "number", "town": "text", "kind": "text", "code": "text", "note": "text", "amount": "number",
        "share": "number", "big": "number", "count_of": "number", "day": "calendar_date", "seen": "fixed_timestamp",
        "open": "checkbox", "place": "point",
    }.items()
)  # fmt: skip
OTHER_COLUMNS = tuple(
    ColumnInfo(name, name.title(), type_)
    for name, type_ in {"kind": "text", "label": "text", "weight": "number", "since": "calendar_date"}.items()
)
OTHER = "kind-0001"
"""The 4x4 of the table to join."""

ROWS = 240
_TOWNS = (
    "Avon",
    "Bethel",
    "Québec",
    "Ängelholm",
    "zürich",
    "Straße",
    "  Kent ",
    "o'Brien",
    "東京",
    "😀 fun",
    "avon",
    "",
    None,
)
_NOTES = ("a,b,c", 'say "hi"', "100%", "under_score", "back\\slash", "line\nbreak", "tab\there", "é", None, "x" * 40)
_BIG = (0, 1, -1, 2**53, -(2**53), 1e15, 999999999999999.0, 123456789012345.0, 1e300, -1e300, 1e-300, 5e-7, None, 0.1)


def rows() -> pa.Table:
    """The table: deterministic, a null in every column but `id`."""
    chance = random.Random(11)
    first = datetime(2023, 12, 29, 22, 15)  # noqa: DTZ001 - a calendar date has no zone
    n = range(ROWS)
    days = [None if k % 17 == 0 else first + timedelta(hours=31 * (k % 90), milliseconds=k % 3 * 250) for k in n]
    seen = [None if k % 19 == 0 else datetime(2024, 3, 10, 5, tzinfo=UTC) + timedelta(hours=7 * k) for k in n]
    return pa.table({
        "id": pa.array(n, pa.int64()),
        "town": [_TOWNS[chance.randrange(len(_TOWNS))] for _ in n],
        "kind": [chance.choice(("red", "green", "blue", None)) for _ in n],
        "code": [f"{chance.randrange(400):05}" for _ in n],
        "note": [_NOTES[chance.randrange(len(_NOTES))] for _ in n],
        "amount": [None if k % 7 == 0 else round(chance.uniform(-50, 200), chance.randrange(4)) for k in n],
        "share": [None if k % 23 == 0 else chance.random() for k in n],
        "big": pa.array([_BIG[chance.randrange(len(_BIG))] for _ in n], pa.float64()),
        "count_of": pa.array([None if k % 29 == 0 else chance.randrange(-3, 9) for k in n], pa.int64()),
        "day": pa.array(days, pa.timestamp("ms")),
        "seen": pa.array(seen, pa.timestamp("ms", tz="UTC")),
        "open": [None if k % 13 == 0 else chance.random() < 0.5 for k in n],
        "place__lat": [None if k % 11 == 0 else round(chance.uniform(41, 42), 4) for k in n],
        "place__lon": [None if k % 11 == 0 else round(chance.uniform(-73.7, -71.8), 4) for k in n],
    })  # fmt: skip


def other_rows() -> pa.Table:
    """The table to join: one kind twice, one not at all, one null."""
    since = [datetime(2020, month, 1) for month in range(1, 6)]  # noqa: DTZ001 - a calendar date has no zone
    return pa.table({
        "kind": ["red", "blue", "blue", "violet", None],
        "label": ["Rot", "Blau", "Azul", "Lila", "Nichts"],
        "weight": pa.array([1.5, 2.0, None, 4.0, 5.0], pa.float64()),
        "since": pa.array(since, pa.timestamp("ms")),
    })  # fmt: skip


_NUMBERS = (
    "amount", "share", "count_of", "id", "amount + share", "amount * 3 - count_of", "amount / count_of", "id % 7",
    "amount % 2.5", "-amount", "abs(amount)", "ceil(amount)", "floor(amount)", "round(amount, 1)", "round(amount, -1)",
    "round(share, 3)", "count_of ^ 2", "2 ^ count_of", "share ^ 0.5", "ln(amount)", "coalesce(amount, -1)", "length(town)",
    "width_bucket(amount, -50, 200, 10)", "signed_magnitude_10(amount)", "signed_magnitude_linear(amount, 25)",
    "date_extract_y(day)", "date_extract_m(day)", "date_extract_d(day)", "date_extract_dow(day)",
    "date_extract_woy(day)", "date_extract_hh(day)", "date_extract_mm(day)", "date_extract_ss(day)",
    "date_diff_d(day, '2024-01-15')", "greatest(amount, count_of, 0)", "least(amount, count_of, 5)",
    "nullif(count_of, 3)", "case(amount > 100, 1, amount > 0, 2, true, 3)", "iif(open, amount, share)",
    "'12.50'::number + amount", "(count_of::text || '5')::number", "amount / 0", "big", "big / 3", "big + 1",
    "distance_in_meters(place, 'POINT (-72.5 41.5)')", "date_diff_business_days('2024-01-05', day)",
)  # fmt: skip
_TEXTS = (
    "town", "kind", "code", "note", "upper(town)", "lower(town)", "trim(town)", "town || '-' || kind",
    "kind || count_of", "amount::text", "share::text", "big::text", "open::text", "day::text", "seen::text", "id::text",
    "substring(town, 2)", "substring(note, 2, 3)", "split_part(note, ',', 2)", "replace(note, 'b', 'ß')",
    "left_pad(code, 8, '*')", "right_pad(kind, 6, '.')", "unaccent(town)", "coalesce(kind, town, 'none')",
    "nullif(kind, 'red')", "greatest(kind, code)", "least(town, kind)", "chr(id + 60)", "iif(open, town, kind)",
    "case(open, 'yes', open is null, 'unknown', true, 'no')", "trim_leading(town)", "trim_trailing(town)",
    "count_of::text || ':' || amount::text", ":id", "upper('straße')", "town || null",
)  # fmt: skip
_CONDITIONS = (
    "amount > 10", "amount >= 10.5 and amount < 99", "amount is null", "amount is not null", "not open", "open",
    "open is null or amount < 0", "town = 'Avon'", "town != 'Avon'", "town in ('Avon', 'Québec', '東京')",
    "kind not in ('red', 'blue')", "town like 'A%'", "note like '%\\%'", "note like '%_s%'", "town not like '%n%'",
    "amount between 5 and 50", "amount not between 5 and 50", "day > '2024-01-05'", "day = '2024-01-01T10:15:00'",
    "day between '2024-01-01' and '2024-02-01T12:00:00'", "seen >= '2024-03-12T00:00:00Z'", "starts_with(town, 'B')",
    "contains(note, '\"')", "caseless_eq(town, 'AVON')", "caseless_one_of(town, 'avon', 'ZÜRICH')",
    "within_circle(place, 41.5, -72.7, 30000)", "within_box(place, 41.8, -73, 41.2, -72)", "place is null",
    "date_extract_dow(day) in (0, 6)", "count_of = 0", "count_of > 3 or (kind = 'red' and share < 0.25)",
    "town > 'a'", "big > 1e14", "big = 9007199254740992", "share * 4 > 3", "length(note) > 5", "caseless_contains(town, 'É')",
    "caseless_starts_with(town, 'ä')", "amount > count_of", "town is null and kind is null", "coalesce(open, false)",
    "within_polygon(place, 'MULTIPOLYGON(((-73 41.1,-72 41.2,-72.3 41.9,-72.9 41.8,-73 41.1)))')",
)  # fmt: skip
_DATES = (
    "day", "date_trunc_y(day)", "date_trunc_ym(day)", "date_trunc_ymd(day)", "date_trunc_ym(seen, 'US/Eastern')",
    "to_floating_timestamp(seen, 'US/Eastern')", "seen", "datez_trunc_ymd(seen)", "day + 'P1M'", "day - 'P2DT3H'",
    "date_add(day, 'P1Y')", "seen + 'PT90M'", "'2024-02-30'::floating_timestamp", "coalesce(day, '2000-01-01')",
    "greatest(day, '2024-02-01T00:00:00')", "note::floating_timestamp",
)  # fmt: skip
_AGGREGATES = (
    "count(*)", "count(amount)", "count(distinct kind)", "sum(amount)", "avg(amount)", "min(amount)", "max(amount)",
    "min(town)", "max(day)", "min(seen)", "median(amount)", "median(town)", "sum(share)", "avg(share)", "sum(count_of)",
    "stddev_pop(count_of)", "stddev_samp(count_of)", "sum(distinct count_of)", "bool_and(open)", "bool_or(open)",
    "regr_slope(count_of, id)", "regr_intercept(count_of, id)", "regr_r2(count_of, id)", "max(length(note))",
    "sum(amount * 2) / count(*)", "avg(amount) + 1", "max(amount) - min(amount)", "count(distinct date_trunc_ym(day))",
)  # fmt: skip
_KEYS = (
    "kind", "town", "open", "date_trunc_ym(day)", "date_extract_y(seen, 'UTC')", "count_of", "length(town)",
    "upper(town)", "round(amount, -1)", "case(amount > 50, 'high', true, 'low')", "kind || '/' || open", "day",
)  # fmt: skip
_HAND_PICKED = (
    "select * order by id limit 20", "select *", "select :*, * limit 5", "select * offset 230", "select id, town limit 0",
    "select * order by town, amount desc, id", "select town order by town desc", "select kind, id order by kind asc null first, id",
    "select kind, id order by kind desc null last, id desc limit 30", "select id order by :id desc limit 7",
    "select distinct kind", "select distinct kind, open order by kind desc", "select distinct round(amount, -1) as a order by a",
    "select count(*)", "select count(*) where id < 0", "select sum(amount), avg(amount) where id < 0",
    "select max(id) having max(id) > 5", "select kind group by kind", "select kind, count(*) as n group by kind order by n desc, kind",
    "select kind, open, sum(amount) as s group by kind, open having s > 100 order by s",
    "select town, count(*) as n group by town having count(*) > 15 order by n desc limit 5",
    "select kind, count(*) as n group by kind |> select max(n) as most, sum(n) as all_of_them",
    "select town, amount where amount > 50 |> select town, max(amount) as m group by town order by m desc limit 4",
    "select id, amount / 3 as third |> select id, third where third > 20 order by third desc limit 9",
    "select kind, avg(amount) as a group by kind |> select kind, round(a, 2) as r order by r",
    "select place, id where place is not null order by id limit 12", "select distinct place limit 8",
    "select place.latitude as lat, count(*) group by place.latitude order by lat limit 5",
    "select town, place limit 10 |> select place.longitude as x order by x", "select id, ('1e3')::number as n limit 1",
    "select * search 'avon'", "select id, town search 'québec 100' order by id", "select '' as empty, id limit 3",
    "select 1.1 + 2.2 as x, 0.1 * 3 as y, 2 / 3 as z limit 1", "select 'it''s' as q, '\\\\' as b limit 1",
    "select day, date_extract_iso_y(day) as y, date_extract_woy(day) as w order by day desc, id limit 40",
    "select id order by amount * share desc, id limit 25", "select town where town > 'Z' order by town",
    "select kind, median(amount) as m, stddev_pop(count_of) as s group by kind order by kind",
    "select date_trunc_ym(day) as m, kind, count(*) as n, sum(amount) as s group by m, kind order by m desc, kind",
)  # fmt: skip
LATER = (
    "select kind, @k.label join @kind-0001 as @k on kind = @k.kind order by id, @k.label limit 40",
    "select id, @k.label, @k.weight left outer join @kind-0001 as @k on kind = @k.kind order by id, @k.label",
    "select @k.label, count(*) as n, sum(amount) as s join @kind-0001 as @k on kind = @k.kind group by @k.label order by n",
    "select kind union select kind from @kind-0001",
    "select kind union all select kind from @kind-0001",
    "select id, row_number() over (partition by kind order by id) as n order by id limit 50",
    "select id, rank() over (order by count_of) as r order by r, id limit 60",
    "select id, sum(amount) over (partition by kind) as s order by id limit 60",
    "select id, lag(amount) over (order by id) as before, lead(amount) over (order by id) as after order by id limit 30",
    "select kind, count(*) filter (where open) as o, sum(amount) filter (where amount > 0) as p group by kind order by kind",
)
"""Joins, unions, windows and filtered aggregates."""


def generated(count: int, seed: int = 3) -> list[str]:
    """So many queries put together from expressions, conditions, groups and orders."""
    chance = random.Random(seed)
    return [chance.choice((_plain, _plain, _grouped, _chained, _distinct))(chance) for _ in range(count)]


def corpus() -> list[str]:
    """Every expression once, what was picked by hand, and 240 generated queries."""
    single = [f"select id, {text} as x order by id" for text in (*_NUMBERS, *_TEXTS, *_DATES)]
    sorted_ = [f"select id, {text} as x order by x desc, id limit 60" for text in (*_NUMBERS, *_TEXTS, *_DATES)]
    where = [f"select id where {condition} order by id" for condition in _CONDITIONS]
    grouped = [f"select kind, {aggregate} as x group by kind order by kind" for aggregate in _AGGREGATES]
    whole = [f"select {aggregate} as x where id > 40" for aggregate in _AGGREGATES]
    return [*_HAND_PICKED, *single, *sorted_, *where, *grouped, *whole, *generated(240)]


def _expression(chance: random.Random) -> str:
    return chance.choice(chance.choice((_NUMBERS, _TEXTS, _DATES)))


def _condition(chance: random.Random) -> str:
    parts = [chance.choice(_CONDITIONS) for _ in range(chance.randrange(1, 4))]
    return chance.choice((" and ", " or ")).join(
        f"({'not ' if chance.random() < 0.2 else ''}({part}))" for part in parts
    )


def _where(chance: random.Random) -> str:
    return f" where {_condition(chance)}" if chance.random() < 0.7 else ""


def _plain(chance: random.Random) -> str:
    outputs = [f"{_expression(chance)} as x{n}" for n in range(chance.randrange(1, 5))]
    order = [f"{_expression(chance)} {chance.choice(('asc', 'desc'))}" for _ in range(chance.randrange(0, 3))]
    sorting = f" order by {', '.join(order)}" if order else ""
    offset = f" offset {chance.randrange(60)}" if chance.random() < 0.3 else ""
    return f"select id, {', '.join(outputs)}{_where(chance)}{sorting} limit {chance.randrange(1, 80)}{offset}"


def _grouped(chance: random.Random) -> str:
    keys = chance.sample(_KEYS, chance.randrange(1, 3))
    outputs = [f"{key} as k{n}" for n, key in enumerate(keys)]
    outputs += [
        f"{aggregate} as a{n}" for n, aggregate in enumerate(chance.sample(_AGGREGATES, chance.randrange(1, 4)))
    ]
    having = " having count(*) > 2" if chance.random() < 0.4 else ""
    order = f" order by a0 {chance.choice(('asc', 'desc'))}" if chance.random() < 0.5 else ""
    return f"select {', '.join(outputs)}{_where(chance)} group by {', '.join(keys)}{having}{order} limit 50"


def _chained(chance: random.Random) -> str:
    key, number = chance.choice(_KEYS), chance.choice(_NUMBERS[:24])
    return (
        f"select {key} as k, {number} as v, id{_where(chance)} order by id limit {chance.randrange(20, 200)}"
        f" |> select k, count(*) as n, max(v) as most group by k |> select k, n, most where n > 1 order by n desc limit 20"
    )


def _distinct(chance: random.Random) -> str:
    outputs = ", ".join(f"{_expression(chance)} as x{n}" for n in range(chance.randrange(1, 3)))
    return f"select distinct {outputs}{_where(chance)} limit 60"
