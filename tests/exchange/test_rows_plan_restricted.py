"""The whole language for readers of restricted rows: their filter below everything, small groups withheld, no way round."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from exchange.rows.plan import no_tables, resolve
from exchange.rows.soql import SoqlError
from tests.makers.statements import PEOPLE, connection, parsed, planned, run

AVON = {"op": "eq", "column": "town", "values": ["Avon"]}
VISIBLE = tuple(column for column in PEOPLE if column.name != "town")


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    """The small tables."""
    with connection() as opened:
        yield opened


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("select name", [("Ann",), ("Cid",)]),
        ("select :id, name", [("row-0000-0000-0000-0000", "Ann"), ("row-0000-0000-0000-0001", "Cid")]),
        ("select name from @main-0001 as m where @m.age > 0 or true", [("Ann",), ("Cid",)]),
        ("select name union all select name from @this as t", [("Ann",), ("Ann",), ("Cid",), ("Cid",)]),
        ("select name union select name from @main-0001", [("Ann",), ("Cid",)]),
        ("(select name minus select 'Ann') |> select count(*)", [(1,)]),
        ("select count(*) over () as n limit 1", [(2,)]),
        ("select distinct on (happy) name", [("Ann",), ("Cid",)]),
        ("select name limit 1 offset 1 |> select *", [("Cid",)]),
        ("select :id as i order by age desc |> select i", [("row-0000-0000-0000-0001",), ("row-0000-0000-0000-0000",)]),
        ("select max(age), count(*)", [(50, 2)]),
    ],
)
def test_invariant_2_the_row_filter_is_below_everything(
    database: duckdb.DuckDBPyConnection, text: str, rows: list[tuple[Any, ...]]
) -> None:
    plan = resolve(
        parsed(text), VISIBLE, row_filter=AVON, filter_columns=PEOPLE, tables=no_tables, name="main-0001"
    )  # fmt: skip
    assert run(database, plan) == rows and "town" not in plan.columns_used


@pytest.mark.parametrize(
    "text",
    [
        "select name join @main-0001 as m on true",
        "select name from @this as t join (select name from @main-0001) as m on true",
        "select name join @town-0001 as t on true",
        "select town from @town-0001",
        "select name union select town from @town-0001",
    ],
)
def test_restricted_rows_are_read_alone(text: str) -> None:
    with pytest.raises(SoqlError) as refused:
        planned(text, tables=no_tables)
    assert refused.value.code == "query.soql.no-such-table"


@pytest.mark.parametrize(
    "text",
    [
        "select {} over (partition by town)",
        "select count(*) filter (where {} = 'a')",
        "select rank() over (order by {})",
        "select distinct on ({}) name",
        "select name union select {}",
        "select name |> select {}",
        "select name from @this as m where @m.{} = 'a'",
        "select * (except {})",
        "select name as x where x = 'a' order by {}",
    ],
)
def test_invariant_2_a_column_that_was_not_given_reads_as_one_that_never_was(text: str) -> None:
    def refusal(name: str) -> str:
        with pytest.raises(SoqlError) as refused:
            resolve(parsed(text.replace("{} over", "max({}) over").format(name)), VISIBLE, name="main-0001")
        return refused.value.message

    assert refusal("town").replace("town", "nosu").replace("Town", "nosu") == refusal("nosu").replace("town", "nosu")


@pytest.mark.parametrize(
    "text",
    [
        "select town, sum(age) over () group by town, age",
        "select age, count(*) over (partition by town)",
        "select sum(sum(age)) over () group by town",
        "select count(*) filter (where name = 'Ann')",
        "select age, row_number() over (order by age) |> select count(*)",
        "select town, count(*) group by town union select town, count(*) group by town",
        "select age union all select age |> select sum(age)",
        "select count(*) join @town-0001 as t on true",
        "select count(*) from @this as a join (select town from @town-0001) as t on true",
        "select sum(x) from @this as a join lateral (select 1 as x from @town-0001) as t on true",
        "select count(*) group by town having sum(age) filter (where happy) > 1",
        "select town group by town order by count(*) filter (where happy)",
        "select distinct on (town) sum(age) over ()",
    ],
)
def test_invariant_8_nothing_goes_round_the_smallest_cell(text: str) -> None:
    with pytest.raises(SoqlError):
        planned(text, min_cell=2)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("select town, count(*) as n group by town", [("Avon", 2), ("Bethel", 2)]),
        ("select town, count(*) as n group by town |> select count(*), sum(n)", [(2, 4)]),
        ("select distinct town group by town", [("Avon",), ("Bethel",)]),
        ("select distinct on (town) town, max(age) as m group by town order by town", [("Avon", 50), ("Bethel", 40)]),
        ("select town, sum(height) as s group by town order by s", [("Bethel", 3.7), ("Avon", None)]),
        ("select town, sum(height) group by town having sum(height) > 0", [("Bethel", 3.7)]),
        ("select town, count(*) group by town search 'avon'", [("Avon", 2)]),
        ("select town, count(*) group by town search '2'", []),
    ],
)
def test_invariant_8_small_groups_stay_out_of_every_shape(
    database: duckdb.DuckDBPyConnection, text: str, rows: list[tuple[Any, ...]]
) -> None:
    assert run(database, planned(text, min_cell=2)) == rows


@pytest.mark.parametrize(
    ("text", "totals"),
    [
        ("select town, count(*) group by town", True),
        ("select town, count(*) group by town |> select count(*)", True),
        ("select town, count(*) group by town limit 1", True),
        ("select name limit 3 |> select count(*)", False),
        ("select distinct on (town) name |> select count(*)", False),
        ("select name, row_number() over () as r |> select count(*) where r < 3", False),
        ("select town, rank() over (order by count(*)) group by town", False),
        ("select count(*) union select count(*)", False),
        ("(select name union select town) |> select count(*)", False),
        ("select count(*) filter (where :id = 'row-0000-0000-0000-0001')", False),
        ("select count(*) from @main-0001 as m", True),
        ("select count(*) join @town-0001 as t on true", False),
        ("select max(age)", False),
    ],
)
def test_invariant_8_totals_only(text: str, totals: bool) -> None:
    assert planned(text).totals_only is totals
