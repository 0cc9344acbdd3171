"""Chains by `|>` and set operations: their columns, limits and order; DISTINCT and DISTINCT ON."""

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
    ("text", "rows"),
    [
        ("select town, count(*) as c group by town |> select max(c)", [(2,)]),
        ("select name, age * 2 as twice |> select name where twice > 90", [("Cid",)]),
        ("select name limit 4 |> select name limit 2 offset 1", [("Bob",), ("Cid",)]),
        ("select name limit 2 |> select count(*)", [(2,)]),
        ("select name order by name desc |> select *", [(n,) for n in ("Flo", "Eve", "Dee", "Cid", "Bob", "Ann")]),
        ("select name, town order by name desc |> select name where town = 'Avon'", [("Cid",), ("Ann",)]),
        ("select name, town order by name desc |> select name order by town limit 3", [("Cid",), ("Ann",), ("Flo",)]),
        ("select name order by age desc limit 3 |> select name |> select name offset 1", [("Cid",), ("Bob",)]),
        ("select town, max(age) as m group by town order by m desc null last |> select town limit 2",
         [("Avon",), ("Bethel",)]),
        ("select distinct town order by town desc |> select * limit 2", [(None,), ("Canton",)]),
        ("(select name) |> (select name limit 1)", [("Ann",)]),
        ("select name as n from @this as a |> select @b.n from @this as b limit 1", [("Ann",)]),
        ("select :id, name |> select * limit 1", [("Ann",)]),
        ("select :id, name |> select :*, * limit 1", [("row-0000-0000-0000-0000", "Ann")]),
        ("select :id as i, name |> select i where i = 'row-0000-0000-0000-0003'", [("row-0000-0000-0000-0003",)]),
        ("select home, name |> select home.latitude where name = 'Ann'", [(41.8,)]),
        ("select count(*) as n |> select n + 1 |> select n_1 * 2", [(14,)]),
    ],
)  # fmt: skip
def test_chains(database: duckdb.DuckDBPyConnection, text: str, rows: list[tuple[Any, ...]]) -> None:
    assert run(database, planned(text)) == rows


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("select town from @town-0001 union select town", [("Avon",), ("Bethel",), ("Canton",), ("Essex",), (None,)]),
        ("select town union all select town from @town-0001 |> select count(*)", [(9,)]),
        ("select town intersect select town from @town-0001", [("Avon",), ("Bethel",)]),
        ("select town minus select town from @town-0001", [("Canton",), (None,)]),
        ("select town minus all select town from @town-0001",
         [("Avon",), ("Bethel",), ("Canton",), (None,)]),
        ("select town intersect all select town", [("Avon",), ("Avon",), ("Bethel",), ("Bethel",), ("Canton",), (None,)]),
        ("(select name order by age desc limit 1) union all (select name order by age limit 1)", [("Dee",), ("Flo",)]),
        ("select name union select 'Zoe' |> select name order by name desc limit 2", [("Zoe",), ("Flo",)]),
        ("select name limit 1 union (select town from @town-0001 |> select town limit 1)", [("Ann",), ("Avon",)]),
        ("select name minus (select owner from @pets-0001 union select 'Cid') limit 2", None),
        ("(select name minus (select owner from @pets-0001 union select 'Cid')) |> select name limit 2",
         [("Dee",), ("Eve",)]),
        ("select name, age union select kind, age from @pets-0001 |> select name where age < 4", [("cat",)]),
        ("select age, name union select age, kind from @pets-0001 |> select count(age), count(*)", [(8, 10)]),
        ("select home where name = 'Ann' union select home where name = 'Ann' |> select count(*)", [(1,)]),
    ],
)  # fmt: skip
def test_set_operations(database: duckdb.DuckDBPyConnection, text: str, rows: list[tuple[Any, ...]] | None) -> None:
    if rows is None:
        with pytest.raises(SoqlError, match="Expected"):
            planned(text)
    else:
        assert run(database, planned(text)) == rows


def test_a_set_operation_has_the_names_of_its_left_side_and_a_page_of_its_own() -> None:
    plan = planned("select name as who, age union select kind, age from @pets-0001")
    assert [(field.name, field.type) for field in plan.fields] == [("who", "text"), ("age", "number")]
    assert plan.limit == 1000 and plan.datasets == ("pets-0001",) and not plan.totals_only
    assert planned("(select name limit 2) union (select name limit 3) |> select * limit 4").limit == 4


def test_groups_in_sets_are_groups_only_on_both_sides() -> None:
    assert planned("select count(*) union select count(*) where happy").grouped
    assert not planned("select count(*) union select age").grouped
    assert not planned("select count(*) union select count(*) where happy").totals_only


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("select name, age union select name", "number-of-columns-mismatch"),
        ("select name union select age", "type-of-columns-mismatch"),
        ("select name |> select age", "no-such-column"),
        ("select name |> select :id", "no-such-column"),
        ("select name as n |> select name", "no-such-column"),
        ("select name union select name from @this as x where @y.name = 'a'", "no-such-column"),
        ("select 1" + " union select 1" * 20, "bad-parse"),
        ("select 1 as a" + " |> select a" * 20, "bad-parse"),
    ],
)
def test_what_does_not_do(text: str, kind: str) -> None:
    with pytest.raises(SoqlError) as refused:
        planned(text)
    assert refused.value.code == f"query.soql.{kind}"


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("select distinct town order by town desc null last", [("Canton",), ("Bethel",), ("Avon",), (None,)]),
        ("select distinct town, happy is null as h order by h desc, town limit 2", [("Avon", True), ("Avon", False)]),
        ("select distinct on (town) town, name order by town, age desc",
         [("Avon", "Cid"), ("Bethel", "Bob"), ("Canton", "Eve"), (None, "Dee")]),
        ("select distinct on (town) name", [("Ann",), ("Bob",), ("Dee",), ("Eve",)]),
        ("select distinct on (town, happy) name order by happy, town", [("Bob",), ("Ann",), ("Eve",), ("Dee",), ("Cid",)]),
        ("select distinct on (town) name order by town limit 2 offset 1", [("Bob",), ("Eve",)]),
        ("select distinct on (t) town as t, count(*) group by town, happy order by t |> select count(*)", [(4,)]),
        ("select distinct on (town) name, rank() over (order by age) as r order by town, r |> select name",
         [("Ann",), ("Flo",), ("Eve",), ("Dee",)]),
    ],
)  # fmt: skip
def test_distinct(database: duckdb.DuckDBPyConnection, text: str, rows: list[tuple[Any, ...]]) -> None:
    assert run(database, planned(text)) == rows


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("select distinct town order by name", "order-by-must-be-selected-when-distinct"),
        ("select distinct on (town) name order by name", "distinct-on-not-prefix-of-order-by"),
        ("select distinct on (town, happy) name order by town, name", "distinct-on-not-prefix-of-order-by"),
        ("select distinct on (town) count(*) group by happy", "column-not-in-group-bys"),
    ],
)
def test_distinct_and_order_have_to_agree(text: str, kind: str) -> None:
    with pytest.raises(SoqlError) as refused:
        planned(text)
    assert refused.value.code == f"query.soql.{kind}"
