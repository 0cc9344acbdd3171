"""The engine: right rows, locked down, stoppable, and bounded in time and memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchange.errors import CharterError
from exchange.rows import store_open
from exchange.rows.engine import NotComputable, RequestTimeout, Stopped, TooLarge
from exchange.rows.engines.duckdb_file import DuckDBEngine, open_source
from exchange.rows.functions import NOT_CALLABLE, OVERLOADS
from exchange.rows.instance import Instance
from exchange.rows.plan import Plan, resolve
from exchange.rows.soql import SoqlError, parse_parameters
from exchange.rows.soql.lexer import RESERVED
from exchange.rows.source import Source
from exchange.rows.types import ColumnInfo
from exchange.rows.watchdog import Watchdog
from tests.conftest import NOON
from tests.makers.rows import QUAKES, make_quakes


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for an open store."""
    return tmp_path_factory.mktemp("open")


@pytest.fixture(scope="module")
def quakes(root: Path) -> Source:
    """The earthquakes, in the store."""
    return stored(root, make_quakes(), QUAKES)


@pytest.fixture(scope="module")
def engine(root: Path) -> DuckDBEngine:
    """An engine that may read the store."""
    return DuckDBEngine(root)


@pytest.fixture(scope="module")
def wide(root: Path) -> Source:
    """300,000 rows of two numbers, enough for a query to last."""
    numbers = pa.array(range(300_000), pa.int64())
    columns = (ColumnInfo("a", "A", "number"), ColumnInfo("b", "B", "text"))
    table = pa.table({"a": numbers, "b": pa.array([f"{n:040}" for n in range(300_000)])})
    return stored(root, table, columns, dataset_id="wide-0001")


WIDE = (ColumnInfo("a", "A", "number"), ColumnInfo("b", "B", "text"))


def stored(root: Path, table: pa.Table, columns: tuple[ColumnInfo, ...], dataset_id: str = "abcd-1234") -> Source:
    written = store_open.write_version(root, dataset_id, 1, table, columns)
    return store_open.open_version(
        root, written.path, dataset_id=dataset_id, number=1, rows=written.rows, published_at=NOON
    )


def planned(columns: tuple[ColumnInfo, ...] = QUAKES, *, min_cell: int = 0, **clauses: str) -> Plan:
    return resolve(parse_parameters({f"${n}": text for n, text in clauses.items()}), columns, min_cell=min_cell)


def run(engine: DuckDBEngine, plan: Plan, source: Source, **options: Any) -> list[dict[str, Any]]:
    chosen = {"deadline_s": 20.0, "max_rows": None, "cancel": threading.Event(), **options}
    return [row for batch in engine.run(plan, source, **chosen) for row in batch.to_pylist()]


def one(engine: DuckDBEngine, source: Source, expression: str) -> Any:
    return run(engine, planned(select=f"{expression} as x", limit="1"), source)[0]["x"]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("round(10.3012,3)", 10.301),
        ("substring('world',2)", "orld"),
        ("substring('world',2,1)", "o"),
        ("unaccent('Sainte-Thérèse, Québec')", "Sainte-Therese, Quebec"),
        ("date_diff_business_days('2024-08-05T12:00:00.000','2024-08-09T12:00:00.000')", 5),
        ("date_diff_business_days('2024-08-09','2024-08-12')", 2),
        ("date_diff_business_days('2024-08-09','2024-08-09')", 1),
        ("date_diff_business_days('2024-08-10','2024-08-11')", 0),
        ("date_diff_d('2024-08-09','2024-08-01')", 8),
        ("signed_magnitude_10(0)", 0),
        ("signed_magnitude_10(9.9)", 1),
        ("signed_magnitude_10(-9.8)", -1),
        ("1 / 0", None),
        ("ln(0)", None),
        ("5 % 3", 2),
        ("1.1 + 2.2", 3.3),
        ("'a' || 1 || true || null", None),
        ("'a' || 1.50 || true", "a1.5true"),
        ("'abc'::number", None),
        ("'4.50'::number", 4.5),
        ("left_pad('7', 3, '0')", "007"),
        ("split_part('a,b,c', ',', 2)", "b"),
        ("caseless_one_of('Avon', 'BETHEL', 'avon')", True),
        ("iif(1 > 2, 'a', 'b')", "b"),
        ("case(1 > 2, 'a', true, 'b')", "b"),
        ("coalesce(null, 'b')", "b"),
        ("nullif('a', 'a')", None),
        ("greatest(1, null, 3)", 3),
        ("width_bucket(5.35, 0.024, 10.06, 5)", 3),
        ("chr(233)", "é"),
        ("date_extract_woy('2024-12-30T00:00:00'::floating_timestamp)", 1),
        ("date_extract_iso_y('2024-12-30T00:00:00'::floating_timestamp)", 2025),
        ("date_add('2024-01-31', 'P1M')::text", "2024-02-29T00:00:00.000"),
        ("('2024-01-31'::floating_timestamp - 'PT1S')::text", "2024-01-30T23:59:59.000"),
        ("to_floating_timestamp('2024-07-01T12:00:00Z','US/Eastern')::text", "2024-07-01T08:00:00.000"),
        ("date_extract_hh('2024-07-01T12:00:00Z'::fixed_timestamp, 'US/Eastern')", 8),
        ("point_longitude(make_point(41.5, -72.5))", -72.5),
        ("2 ^ -1", 0.5),
        ("not 1 = 2", True),
        ("-5 ^ 2", 25),
    ],
)
def test_functions_give_what_their_documentation_says(
    engine: DuckDBEngine, quakes: Source, expression: str, value: Any
) -> None:
    assert one(engine, quakes, expression) == value


VALUES = ["source", "depth", "magnitude", "felt", "datetime", "location", ":id", ":updated_at", "'a'", "'2015-01-01'",
          "1", "0.5", "-7", "1e300", "true", "null", "'P1D'", "'US/Eastern'", "'POINT (1 2)'",
          "'POLYGON((-73 41,-72 41,-72 42,-73 41))'"]  # fmt: skip
CALLABLE = sorted(
    n for n in OVERLOADS if n[0].isalpha() and n.islower() and n.upper() not in RESERVED and n not in NOT_CALLABLE
)
OPERATORS = ["=", "<", "+", "-", "*", "/", "%", "^", "||", "and", "or", "like"]
PARTS = st.one_of(
    st.tuples(st.sampled_from(CALLABLE), st.lists(st.sampled_from(VALUES), max_size=5)).map(
        lambda call: f"{call[0]}({', '.join(call[1])})"
    ),
    st.tuples(st.sampled_from(VALUES), st.sampled_from(OPERATORS), st.sampled_from(VALUES)).map(" ".join),
    st.tuples(st.sampled_from(VALUES), st.sampled_from([n for n in OVERLOADS if n.startswith("::")])).map("".join),
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(["select", "where", "order", "group"]), PARTS)
def test_any_typed_expression_runs(engine: DuckDBEngine, quakes: Source, clause: str, text: str) -> None:
    try:
        plan = planned(**{clause: text})
    except SoqlError:
        return
    try:
        run(engine, plan, quakes)
    except NotComputable:
        return


def test_every_callable_function_runs_somewhere(engine: DuckDBEngine, quakes: Source) -> None:
    columns = {"text": "source", "number": "depth", "checkbox": "felt", "calendar_date": "datetime", "point": "location",
               "fixed_timestamp": ":updated_at", "any": "source", "same": "source", "ordered": "depth",
               "interval": "'P1M'", "zone": "'US/Eastern'", "polygon": "'POLYGON((-73 41,-72 41,-72 42,-73 41))'",
               "double": "depth::double", "real": "depth", "geo": "location", "points": "location",
               "line": "'LINESTRING(-73 41,-72 41)'", "multiline": "'MULTILINESTRING((-73 41,-72 41))'",
               "multipoint": "'MULTIPOINT(-73 41,-72 41)'", "url": "'https://ct.gov'",
               "multipolygon": "'MULTIPOLYGON(((-73 41,-72 41,-72 42,-73 41)))'",
               "location": "location(location,'','','','')"}  # fmt: skip
    columns |= {"polygons": columns["polygon"], "lines": columns["line"]}
    for name in CALLABLE:
        for function in OVERLOADS[name]:
            if function.window:
                continue
            arguments = ", ".join(columns[parameter] for parameter in function.parameters)
            assert run(engine, planned(select=f"{name}({arguments}) as x", limit="2"), quakes), name


def test_a_guarded_aggregate_hides_small_groups(engine: DuckDBEngine, quakes: Source) -> None:
    everyone = run(engine, planned(select="depth, count(*) as n", group="depth", limit="10000"), quakes)
    kept = run(engine, planned(select="depth, count(*) as n", group="depth", limit="10000", min_cell=2), quakes)
    assert kept == [row for row in everyone if row["n"] >= 2] and 0 < len(kept) < len(everyone)
    few = planned(select="sum(magnitude), count(distinct source)", where="earthquake_id < 'q0000003'", min_cell=5)
    assert run(engine, few, quakes) == []
    row = run(engine, planned(select="sum(magnitude) as s, count(*) as n", where="depth < 50", min_cell=5), quakes)[0]
    assert row["s"] > 0 and row["n"] > 5


def test_restricted_row_ids_count_only_visible_rows(engine: DuckDBEngine, quakes: Source) -> None:
    ak = {"op": "eq", "column": "source", "values": ["ak"]}
    plan = resolve(parse_parameters({"$select": ":id, source", "$limit": "5"}), QUAKES, row_filter=ak)
    rows = run(engine, plan, quakes)
    assert [row[":id"][-4:] for row in rows] == ["0000", "0001", "0002", "0003", "0004"]
    assert {row["source"] for row in rows} == {"ak"}


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "SELECT * FROM read_csv('{root}/../secret.csv')",
        "ATTACH '/tmp/elsewhere.db' AS x",
        "COPY (SELECT 1) TO '/tmp/elsewhere.csv'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET memory_limit = '100GB'",
        "PRAGMA database_list; SET threads = 8",
        "SELECT * FROM 'https://example.org/a.parquet'",
        "SELECT * FROM sniff_csv('/etc/passwd')",
        "SELECT * FROM table_in_python",
    ],
)
def test_the_instance_is_locked_even_for_statements_of_our_own(root: Path, statement: str) -> None:
    table_in_python = pa.table({"a": [1]})
    instance = Instance(root, "100MB", 1 << 20, open_source)
    with pytest.raises(duckdb.Error), instance.cursor() as cursor:
        cursor.execute(statement.replace("{root}", str(root))).fetchall()
    assert table_in_python.num_rows == 1


def test_a_long_statement_is_stopped_in_time(engine: DuckDBEngine, wide: Source) -> None:
    slow = planned(WIDE, select="count(*)", where=" or ".join(f"ln(a + {n}) = 5.5" for n in range(1500)))
    began = time.process_time()
    with pytest.raises(RequestTimeout):
        run(engine, slow, wide, deadline_s=0.3)
    assert time.process_time() - began < 3  # of work, not of the clock: understanding the statement cannot be stopped


def test_texts_cannot_be_made_to_grow_without_end() -> None:
    for grown in (
        "replace(" * 40 + "b" + ", '0', '00')" * 40,
        " || ".join(["left_pad(b, 1000, 'x')"] * 50),
        "b" + "::text::number" * 10,
        "signed_magnitude_10(" * 20 + "a" + ")" * 20,
    ):
        with pytest.raises(SoqlError, match="too large|operators in a row"):
            planned(WIDE, select=grown)
    assert planned(WIDE, select=" || ', ' || ".join(["b"] * 12))


def test_the_most_text_that_a_query_may_make_fits_into_memory(engine: DuckDBEngine, wide: Source) -> None:
    grown = "replace(replace(replace(b, '0', '" + "x" * 2000 + "'), 'x', 'yy'), 'y', 'zz')"
    assert run(engine, planned(WIDE, select=f"max(length({grown})) as m"), wide)


def test_cancel_stops_a_running_stream(engine: DuckDBEngine, wide: Source) -> None:
    cancel = threading.Event()
    batches = engine.run(planned(WIDE, limit="300000"), wide, deadline_s=20, max_rows=None, cancel=cancel)
    next(batches)
    cancel.set()
    with pytest.raises(Stopped):
        next(batches)
    with pytest.raises(StopIteration):
        next(batches)


def test_cancel_before_the_start_computes_nothing(engine: DuckDBEngine, quakes: Source) -> None:
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Stopped):
        run(engine, planned(), quakes, cancel=cancel)


class _Recorder:
    def __init__(self) -> None:
        self.count = 0

    def interrupt(self) -> None:
        self.count += 1


def test_the_watchdog_repeats_its_interrupt_until_the_request_ends() -> None:
    watchdog, cursor = Watchdog(), _Recorder()
    with watchdog.watching(cursor, 0.0, threading.Event()) as watch:
        time.sleep(0.3)
    repeated = cursor.count
    assert watch.late and repeated >= 3
    time.sleep(0.1)
    assert cursor.count == repeated


def test_an_interrupt_before_the_statement_starts_is_not_lost(root: Path) -> None:
    instance = Instance(root, "1GB", 1 << 20, open_source)
    cancel = threading.Event()
    cancel.set()
    with instance.cursor() as cursor, instance.watchdog.watching(cursor, 60, cancel):
        time.sleep(0.1)
        with pytest.raises(duckdb.InterruptException):
            cursor.execute("SELECT count(*) FROM range(100000) a, range(100000) b").fetchall()


def test_a_cross_join_runs_out_of_its_own_memory_only(root: Path) -> None:
    instance = Instance(root, "200MB", 1 << 20, open_source)
    with instance.cursor() as cursor, pytest.raises(duckdb.OutOfMemoryException):
        cursor.execute("SELECT a.range, b.range FROM range(1000000) a, range(1000000) b ORDER BY 1, 2").fetchall()
    with instance.cursor() as cursor:
        assert cursor.execute("SELECT 1").fetchall() == [(1,)]


def test_memory_of_one_request_is_bounded(root: Path, wide: Source) -> None:
    engine = DuckDBEngine(root, memory="20MB")
    with pytest.raises(TooLarge):
        run(engine, planned(WIDE, select="b || b || b as x, count(*)", group="x", limit="300000"), wide)


def test_more_rows_than_allowed_are_refused_not_cut(engine: DuckDBEngine, quakes: Source) -> None:
    with pytest.raises(TooLarge):
        run(engine, planned(limit="11"), quakes, max_rows=10)


def test_errors_of_the_engine_say_nothing_of_the_data(engine: DuckDBEngine, quakes: Source) -> None:
    renamed = (ColumnInfo("nothere", "x", "text"),)
    with pytest.raises(CharterError) as failed:
        run(engine, planned(renamed), quakes)
    assert "nothere" not in failed.value.message and failed.value.status == 500


def test_versions_are_closed_when_too_many_and_open_again(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exchange.rows.instance.MAX_ATTACHED", 2)
    engine = DuckDBEngine(root)
    sources = [stored(root, make_quakes(10 + n), QUAKES, f"lru{n}-0001") for n in range(4)]
    for _ in range(2):
        for n, source in enumerate(sources):
            assert run(engine, planned(select="count(*) as n"), source) == [{"n": 10 + n}]


def test_a_missing_serving_file_is_rebuilt(root: Path) -> None:
    source = stored(root, make_quakes(20), QUAKES, "gone-0001")
    assert source.file is not None
    source.file.unlink()
    again = store_open.open_version(
        root, f"gone-0001/{source.file.with_suffix('.parquet').name}", dataset_id="gone-0001", number=1, rows=20,
        published_at=NOON,
    )  # fmt: skip
    assert again.file is not None and again.file.exists()
    assert run(DuckDBEngine(root), planned(select="count(*) as n"), again) == [{"n": 20}]


def test_requests_in_parallel_do_not_disturb_one_another(engine: DuckDBEngine, quakes: Source) -> None:
    failures: list[BaseException] = []

    def ask() -> None:
        try:
            for _ in range(20):
                assert run(engine, planned(select="count(*) as n"), quakes) == [{"n": 2500}]
        except BaseException as problem:
            failures.append(problem)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def batches_of(table: pa.Table) -> Iterator[pa.RecordBatch]:
    yield from table.to_batches(max_chunksize=777)


def test_a_stream_of_batches_is_stored_as_the_same_version_as_a_table(tmp_path: Path) -> None:
    table = make_quakes(65_000)
    whole = store_open.write_version(tmp_path / "a", "abcd-1234", 1, table, QUAKES)
    parts = store_open.write_version(tmp_path / "b", "abcd-1234", 1, batches_of(table), QUAKES)
    assert (whole.sha256, whole.rows, whole.path) == (parts.sha256, parts.rows, parts.path)
    assert store_open.read_table(tmp_path / "a", whole.path)["_row"].to_pylist() == list(range(65_000))
