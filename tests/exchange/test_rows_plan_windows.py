"""OVER and FILTER: frames, partitions, ties, groups; and where windows may not stand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from exchange.rows.soql import SoqlError
from tests.makers.statements import connection, planned, run


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    """The small tables."""
    with connection() as opened:
        yield opened


@pytest.mark.parametrize(
    ("selected", "values"),
    [
        ("row_number() over ()", [1, 2, 3, 4, 5, 6]),
        ("row_number() over (order by age)", [2, 3, 5, 6, 4, 1]),
        ("row_number() over (order by age desc)", [5, 3, 2, 1, 4, 6]),
        ("row_number() over (order by age desc null last)", [4, 2, 1, 6, 3, 5]),
        ("row_number() over (partition by town)", [1, 1, 2, 1, 1, 2]),
        ("rank() over (order by age)", [2, 3, 5, 6, 3, 1]),
        ("dense_rank() over (order by age)", [2, 3, 4, 5, 3, 1]),
        ("ntile(3) over (order by :id)", [1, 1, 2, 2, 3, 3]),
        ("lag(name) over (order by :id)", [None, "Ann", "Bob", "Cid", "Dee", "Eve"]),
        ("lag(name, 2) over (order by :id)", [None, None, "Ann", "Bob", "Cid", "Dee"]),
        ("lead(age, 1, 0) over (partition by town order by :id)", [50, 20, 0, 0, 0, 0]),
        ("first_value(name) over (partition by town order by age desc)", ["Cid", "Bob", "Cid", "Dee", "Eve", "Bob"]),
        ("last_value(name) over (partition by town)", ["Cid", "Flo", "Cid", "Dee", "Eve", "Flo"]),
        ("count(*) over ()", [6] * 6),
        ("count(age) over (partition by town)", [2, 2, 2, 0, 1, 2]),
        ("sum(age) over (order by :id)", [30, 70, 120, 120, 160, 180]),
        ("sum(age) over (order by :id rows 1 preceding)", [30, 70, 90, 50, 40, 60]),
        ("sum(age) over (order by :id rows between 1 following and unbounded following)", [150, 110, 60, 60, 20, None]),
        ("sum(age) over (order by :id rows between unbounded preceding and unbounded following exclude current row)",
         [150, 140, 130, 180, 140, 160]),
        ("sum(age) over (order by age range between 10 preceding and current row)", [50, 110, 130, None, 110, 20]),
        ("count(*) over (order by age groups between 1 preceding and current row)", [2, 3, 3, 2, 3, 1]),
        ("sum(age) filter (where happy) over (order by :id)", [30, 30, 30, 30, 70, 70]),
        ("max(age) over (partition by happy) - age", [10, 0, 0, None, 0, 20]),
        ("avg(height) over (partition by town)", [1.6, 1.85, 1.6, 1.7, 1.5, 1.85]),
    ],
)  # fmt: skip
def test_windows_over_rows(database: duckdb.DuckDBPyConnection, selected: str, values: list[Any]) -> None:
    assert [row[0] for row in run(database, planned({"select": f"{selected} as x", "order": ":id"}))] == values


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("select town, sum(count(*)) over () as s group by town order by town limit 2", [("Avon", 6), ("Bethel", 6)]),
        ("select town, rank() over (order by count(*) desc) as r group by town order by r, town",
         [("Avon", 1), ("Bethel", 1), ("Canton", 3), (None, 3)]),
        ("select town, row_number() over (order by count(*)) as r group by town order by r",
         [("Canton", 1), (None, 2), ("Avon", 3), ("Bethel", 4)]),
        ("select name, row_number() over (partition by town order by age desc) as r where age > 0 |> select name where r = 1",
         [("Bob",), ("Cid",), ("Eve",)]),
        ("select name order by row_number() over (order by age desc null last) limit 2", [("Cid",), ("Bob",)]),
        ("select name order by rank() over (order by age) desc limit 2 |> select *", [("Dee",), ("Cid",)]),
        ("select distinct count(*) over (partition by town) as n order by n", [(1,), (2,)]),
        ("select name, count(*) over () as n limit 1", [("Ann", 6)]),
        ("select name, count(*) over () as n limit 1 offset 5", [("Flo", 6)]),
        ("select count(*) filter (where happy), sum(age) filter (where age > 30), count(*)", [(3, 130, 6)]),
        ("select town, count(distinct happy) filter (where age > 20) as n group by town order by n desc, town limit 2",
         [("Avon", 1), ("Bethel", 1)]),
        ("select max(age) filter (where town = 'Nowhere') as m, min(name) filter (where not happy)", [(None, "Bob")]),
    ],
)  # fmt: skip
def test_windows_and_filters_in_statements(
    database: duckdb.DuckDBPyConnection, text: str, rows: list[tuple[Any, ...]]
) -> None:
    assert run(database, planned(text)) == rows


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("select name where row_number() over () = 1", "window-function-not-allowed"),
        ("select count(*) group by row_number() over ()", "window-function-not-allowed"),
        ("select town group by town having rank() over (order by town) = 1", "window-function-not-allowed"),
        ("select sum(rank() over (order by age))", "window-function-not-allowed"),
        ("select rank() over (order by row_number() over ())", "window-function-not-allowed"),
        ("select lag(lag(age) over ()) over ()", "window-function-not-allowed"),
        ("select row_number()", "function-requires-window-info"),
        ("select lag(age)", "function-requires-window-info"),
        ("select upper(name) over ()", "function-does-not-accept-window-info"),
        ("select upper(name) filter (where happy)", "type-mismatch"),
        ("select row_number() filter (where happy) over ()", "type-mismatch"),
        ("select count(*) filter (where age)", "type-mismatch"),
        ("select count(*) filter (where max(age) > 1)", "aggregate-in-ungrouped-context"),
        ("select town, sum(age) over () group by town", "column-not-in-group-bys"),
        ("select sum(age) over (order by name range 1 preceding)", "type-mismatch"),
        ("select sum(age) over (range 1 preceding)", "type-mismatch"),
        ("select sum(age) over (groups 1 preceding)", "bad-parse"),
        ("select sum(age) over (order by age rows unbounded following)", "bad-parse"),
        ("select sum(age) over (order by age rows between 1 following and 1 preceding)", "bad-parse"),
        ("select sum(age) over (order by age rows between current row and unbounded preceding)", "bad-parse"),
        ("select nosuch(age) over ()", "no-such-function"),
        ("select cell_meaning(age) over ()", "type-mismatch"),
    ],
)
def test_where_windows_may_not_stand(text: str, kind: str) -> None:
    with pytest.raises(SoqlError) as refused:
        planned(text)
    assert refused.value.code == f"query.soql.{kind}"


def test_a_window_makes_no_group_and_no_total() -> None:
    assert not planned("select count(*) over ()").grouped
    assert not planned("select sum(count(*)) over () as s group by town").totals_only
    assert planned("select count(*) filter (where happy)").totals_only
