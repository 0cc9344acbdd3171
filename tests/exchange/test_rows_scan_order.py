"""Answers in the rows' own order are not sorted; they come in that order all the same, and the engine sees to it."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from exchange.rows import store_open
from exchange.rows.engines.duckdb_file import DuckDBEngine, _in_order
from exchange.rows.plan import resolve
from exchange.rows.soql import parse_parameters
from exchange.rows.source import Source
from exchange.rows.types import ColumnInfo
from tests.conftest import NOON

COLUMNS = (
    ColumnInfo("key", "Key", "text"), ColumnInfo("amount", "Amount", "number"), ColumnInfo("place", "Place", "point"),
)  # fmt: skip
ROWS = 95_000
UNSORTED = (
    "amount > 40", "amount between 10 and 20", "key like 'k1%' or amount = 3", "not (amount < 99)", "key is not null",
    "amount is null", "amount * 2 > 150 and key != 'k7'", "key = 'k77'", "key > 'k9' and amount = 7",
    "within_circle(place, 41.5, -72.7, 20000)", "within_circle(place, 41.5, -72.7, 300)",
    "within_box(place, 41.6, -72.8, 41.5, -72.7) and amount < 3",
)  # fmt: skip
SORTED = ("amount in (1, 2, 3)", "upper(key) = 'K1'")


@pytest.fixture(scope="module")
def parquet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A version of four row groups, whose index is over keys."""
    chance, root = random.Random(3), tmp_path_factory.mktemp("scan")
    table = pa.table({
        "key": [f"k{chance.randrange(50_000)}" for _ in range(ROWS)],
        "amount": [chance.choice((None, *map(float, range(100)))) for _ in range(ROWS)],
        "place__lat": [chance.uniform(41, 42) for _ in range(ROWS)],
        "place__lon": [chance.uniform(-73.5, -72) for _ in range(ROWS)],
    })  # fmt: skip
    stored = store_open.write_version(root, "abcd-1234", 1, table, COLUMNS, row_id="key", ready_made=False)
    return root / stored.path


def rows(parquet: Path, where: str, served: bool, **more: str) -> Iterator[tuple[object, ...]]:
    plan = resolve(parse_parameters({"$where": where, "$limit": "90000", **more}), COLUMNS)
    file = parquet.with_suffix(".duckdb") if served else None
    source = Source(f"{served}", NOON, ROWS, file=file, parquet=parquet)
    running = DuckDBEngine(parquet.parent).run(plan, source, deadline_s=30, max_rows=None, cancel=threading.Event())
    for batch in running:
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


@pytest.mark.parametrize("served", [True, False])
@pytest.mark.parametrize("where", [*UNSORTED, *SORTED])
def test_rows_come_in_their_own_order(parquet: Path, where: str, served: bool) -> None:
    pages = ({"$limit": str(limit), "$offset": str(offset)} for limit, offset in ((1, 0), (50, 120), (3000, 7)))
    for more in ({}, {"$offset": "1700", "$limit": "20000"}, {"$select": "amount", "$order": ":id"}, *pages):
        plan = resolve(parse_parameters({"$where": where, "$limit": "90000", **more}), COLUMNS)
        sql, values = plan.sql("rows", NOON)
        with duckdb.connect(str(parquet.with_suffix(".duckdb")), read_only=True) as connection:
            sorted_ = connection.execute(sql, values).fetchall()
        assert "ORDER BY" in sql
        assert list(rows(parquet, where, served, **more)) == sorted_


@pytest.mark.parametrize("where", UNSORTED)
def test_they_are_not_sorted_however_many_are_asked_for(where: str) -> None:
    for limit in ("1", "90000"):
        plan = resolve(parse_parameters({"$where": where, "$limit": limit}), COLUMNS)
        assert "ORDER BY" not in plan.sql("rows", NOON, in_scan_order=True)[0]


@pytest.mark.parametrize(
    "query",
    [
        *({"$where": where} for where in SORTED), {"$q": "k1"},
        {"$where": "amount > 1", "$order": "key"}, {"$where": "amount > 1", "$order": ":id desc"},
        {"$where": "amount > 1", "$select": "distinct key"}, {"$select": "key, count(*)", "$group": "key"},
        {"$where": "amount > 1", "$select": "row_number() over (order by key)"},
    ],
)  # fmt: skip
def test_everything_else_is(query: dict[str, str]) -> None:
    plan = resolve(parse_parameters({"$limit": "90000", **query}), COLUMNS)
    assert plan.sql("rows", NOON, in_scan_order=True) == plan.sql("rows", NOON)


def test_rows_that_came_in_another_order_would_be_an_error() -> None:
    assert _in_order(pa.array([1, 2, 9]), 0) == 9
    assert _in_order(pa.array([], pa.int64()), 7) == 7
    for mixed, last in (([2, 1], -1), ([3, 3], -1), ([4, 5], 4)):
        with pytest.raises(RuntimeError):
            _in_order(pa.array(mixed), last)
