"""Pages and columns say the same: equal bytes for every plan of the narrow class, and nothing outside it."""

from __future__ import annotations

import hashlib
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchange.rows import store_pages
from exchange.rows.formats import FORMATS, PLAIN
from exchange.rows.pages_reading import Pages, PagesReader
from exchange.rows.plan import Plan, resolve
from exchange.rows.planner import Condition, Page, page_of
from exchange.rows.soql import parse_parameters
from exchange.rows.store_open import build_serving_file
from exchange.rows.store_pages import PAGES, build_pages
from exchange.rows.types import ColumnInfo, physical_schema
from tests.conftest import NOON
from tests.makers.rows import QUAKES, make_quakes

COLUMNS = (
    ColumnInfo("name", "Name", "text", has_meanings=True),
    ColumnInfo("amount", "Amount", "number"),
    ColumnInfo("day", "Day", "calendar_date"),
    ColumnInfo("at", "At", "fixed_timestamp"),
    ColumnInfo("yes", "Yes", "checkbox"),
    ColumnInfo("place", "Place", "point"),
    ColumnInfo("link", "Link", "url"),
)
START = datetime(1969, 12, 31, 23, 59, 58, 500_000)  # noqa: DTZ001 - a calendar date has no zone
TEXTS = ("", "a", "A", "é", "é", "b\nc", 'q"\\', "\u2028", "😀", "aa", "\x1f", "z" * 40)
NUMBERS = (0.0, -0.0, 1.0, -1.5, 2.0**53, 1e-7, 1e21, 0.1 + 0.2, 100.0)


def _days(zone: str | None) -> st.SearchStrategy[Any]:
    return st.integers(0, 4_000).map(lambda ms: START + timedelta(milliseconds=ms)) | st.none()


ROWS = st.fixed_dictionaries({
    "name": st.sampled_from(TEXTS) | st.none(),
    "name__cell": st.sampled_from(("suppressed", "missing")) | st.none(),
    "amount": st.sampled_from(NUMBERS) | st.none(),
    "day": _days(None),
    "at": _days("UTC"),
    "yes": st.booleans() | st.none(),
    "place__lat": st.sampled_from((41.5, -90.0)) | st.none(),
    "place__lon": st.sampled_from((-72.5, 180.0)) | st.none(),
    "link": st.sampled_from(("https://ct.gov/a?b=c", None)),
})  # fmt: skip

MOMENT = st.integers(0, 4_000).map(lambda ms: (START + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds"))
TEXT = st.sampled_from([text for text in TEXTS if "\x1f" not in text]).map(
    lambda text: "'" + text.replace("'", "''") + "'"
)
NUMBER = st.sampled_from(NUMBERS).map(lambda number: format(number, "f").replace("-0.000000", "0"))
CONDITIONS = st.one_of(
    st.tuples(st.just("name"), st.sampled_from(("=", "<", "<=", ">", ">=")), TEXT),
    st.tuples(st.just("amount"), st.sampled_from(("=", "<", "<=", ">", ">=")), NUMBER),
    st.tuples(st.just("day"), st.sampled_from(("=", "<", ">=")), MOMENT.map(lambda text: f"'{text}'")),
    st.tuples(st.just("at"), st.sampled_from(("=", "<", ">=")), MOMENT.map(lambda text: f"'{text}Z'")),
    st.tuples(st.just("yes"), st.just("="), st.sampled_from(("true", "false"))),
).map(" ".join) | st.lists(TEXT, min_size=1, max_size=3).map(lambda texts: f"name in({', '.join(texts)})")
QUERIES = st.fixed_dictionaries(
    {"$limit": st.integers(0, 12).map(str), "$offset": st.integers(0, 12).map(str)},
    optional={
        "$where": st.lists(CONDITIONS, min_size=1, max_size=3).map(" AND ".join),
        "$order": st.sampled_from((":id", "name", "amount DESC", "day", "at DESC NULL LAST", "name NULL FIRST", "yes")),
    },
)


def build(folder: Path, table: pa.Table, columns: tuple[ColumnInfo, ...], row_id: str | None = None) -> Path:
    """The serving file and the pages of a table; returns the serving file."""
    numbered = table.add_column(0, "_row", pa.array(range(table.num_rows), pa.int64()))
    parquet = folder / f"{len(list(folder.iterdir()))}.parquet"
    with duckdb.connect() as connection:
        connection.register("t", numbered)
        connection.execute(f"COPY t TO '{parquet}' (FORMAT parquet)")
    serving = build_serving_file(parquet, row_id=row_id)
    assert build_pages(serving, columns, row_id=row_id) is not None
    return serving


def by_columns(serving: Path, plan: Plan) -> bytes:
    """What the columns answer."""
    sql, values = plan.sql("rows", NOON)
    with duckdb.connect(str(serving), read_only=True) as connection:
        table = connection.sql(sql, params=values).to_arrow_table()
    batches = table.rename_columns([field.name for field in plan.fields]).combine_chunks().to_batches()
    return b"".join(FORMATS["json"].write(plan.fields, iter(batches), PLAIN))


def by_pages(serving: Path, plan: Plan, columns: tuple[ColumnInfo, ...]) -> bytes | None:
    """What the pages answer; None if they leave it to the columns."""
    reader = PagesReader()
    pages = reader.find(serving.with_suffix(PAGES), columns)
    page = page_of(plan, columns)
    assert pages is not None
    return reader.read(pages, page) if page is not None else None


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(ROWS, min_size=0, max_size=12), queries=st.lists(QUERIES, min_size=8, max_size=8))
def test_pages_equal_columns(tmp_path: Path, rows: list[dict[str, Any]], queries: list[dict[str, str]]) -> None:
    serving = build(tmp_path, pa.Table.from_pylist(rows, physical_schema(COLUMNS)), COLUMNS, "name")
    for query in queries:
        plan = resolve(parse_parameters(query), COLUMNS)
        ours = by_pages(serving, plan, COLUMNS)
        assert ours is None or ours == by_columns(serving, plan), query


@pytest.fixture(scope="module")
def quakes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2,500 earthquakes with indexes."""
    return build(tmp_path_factory.mktemp("quakes"), make_quakes(), QUAKES, "earthquake_id")


ANSWERED = (
    {"$limit": "100"},
    {"$limit": "7", "$offset": "2495"},
    {"$offset": "1000000"},
    {"source": "pr"},
    {"source": "none of them"},
    {"earthquake_id": "q0001000"},
    {"$where": "region = 'Québec' AND magnitude > 2.5", "$limit": "50", "$offset": "10"},
    {"$where": "magnitude between '2' and '3' and felt = true"},
    {"$where": "datetime >= '2014-01-01' and datetime < '2014-02-01T12:00:00'"},
    {"$where": "source in('pr','ak') and depth < 10", "$limit": "20"},
    {"$order": "datetime", "$limit": "10"},
    {"$order": "datetime DESC, :id", "$limit": "10", "$offset": "3"},
    {"$query": "SELECT * WHERE 2 < magnitude LIMIT 5"},
)


@pytest.mark.parametrize("query", ANSWERED, ids=str)
def test_the_narrow_class_is_answered_by_the_pages(quakes: Path, query: dict[str, str]) -> None:
    plan = resolve(parse_parameters(query), QUAKES)
    assert by_pages(quakes, plan, QUAKES) == by_columns(quakes, plan)


LEFT = (
    {"$select": "source"},
    {"$select": "*, :id"},
    {"$$exclude_system_fields": "false"},
    {"$group": "source"},
    {"$q": "islands"},
    {"$where": "source = 'pr' OR felt"},
    {"$where": "region is null"},
    {"$where": "upper(source) = 'PR'"},
    {"$where": "within_circle(location, 41.7, -72.7, 1000)"},
    {"$order": "source, depth"},
    {"$order": "magnitude + 1"},
    {"$query": "SELECT * |> SELECT *"},
    {"$query": "SELECT DISTINCT *"},
    {"$limit": "20000"},
)


@pytest.mark.parametrize("query", LEFT, ids=str)
def test_everything_else_is_the_columns(query: dict[str, str]) -> None:
    assert page_of(resolve(parse_parameters(query), QUAKES), QUAKES) is None


def test_a_row_filter_is_never_answered_by_pages() -> None:
    filter_ = {"op": "eq", "column": "source", "values": ["pr"]}
    assert page_of(resolve(parse_parameters({}), QUAKES, row_filter=filter_), QUAKES) is None
    assert page_of(resolve(parse_parameters({}), QUAKES[:3]), QUAKES) is None


def test_a_page_that_takes_too_much_work_is_left_and_not_tried_again(
    quakes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exchange.rows.pages_reading.MOST_STEPS", 0)
    monkeypatch.setattr("exchange.rows.pages_reading.STEPS_AT_ONCE", 50)
    reader = PagesReader()
    pages = reader.find(quakes.with_suffix(PAGES), QUAKES)
    assert isinstance(pages, Pages)
    page = Page((Condition("felt", "=", (True,)),), None, 500, 0)
    assert pages.statement(page) is not None
    assert reader.read(pages, page) is None
    assert pages.statement(page) is None


def test_files_of_another_layout_or_other_columns_are_not_read(tmp_path: Path) -> None:
    serving = build(tmp_path, make_quakes(10), QUAKES)
    path = serving.with_suffix(PAGES)
    assert PagesReader().find(path, QUAKES) is not None
    assert PagesReader().find(path, QUAKES[:3]) is None
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE facts SET value = replace(value, '\"layout\":', '\"layout\":9')")
    connection.close()
    assert PagesReader().find(path, QUAKES) is None
    path.write_bytes(b"not a database")
    assert PagesReader().find(path, QUAKES) is None


def test_what_fails_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serving = build(tmp_path, make_quakes(10), QUAKES)
    serving.with_suffix(PAGES).unlink()
    monkeypatch.setattr(store_pages, "MOST_BUILD_S", -1.0)
    assert build_pages(serving, QUAKES) is None
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".duckdb", ".parquet"]


def test_the_layout_number_grows_with_the_json_writer(tmp_path: Path) -> None:
    """Pages hold finished JSON: whoever changes how a cell is written raises `LAYOUT` and puts the new hash here."""
    rows = [
        {"name": "é\n\"", "amount": 1e21, "day": START, "at": START, "yes": True, "place__lat": 41.5,
         "place__lon": -72.0, "link": "https://ct.gov"},
        {"amount": 0.1, "yes": False, "day": datetime(2026, 1, 2, tzinfo=UTC).replace(tzinfo=None)},
    ]  # fmt: skip
    serving = build(tmp_path, pa.Table.from_pylist(rows, physical_schema(COLUMNS)), COLUMNS)
    written = by_columns(serving, resolve(parse_parameters({}), COLUMNS))
    assert (store_pages.LAYOUT, hashlib.sha256(written).hexdigest()[:16]) == (1, "bd866fafe236f8d3"), written
