"""Single selects over the small tables: clauses, groups, nulls, types, parameters, search and implicit selections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import duckdb
import pytest

from exchange.rows.soql import SoqlError
from tests.makers.statements import connection, names, planned, run


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    """The small tables."""
    with connection() as opened:
        yield opened


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("select name where age > 30 and not happy", [("Bob",)]),
        ("select name where age > '30'", [("Bob",), ("Cid",), ("Eve",)]),
        ("select name where age between '20' and '30'", [("Ann",), ("Flo",)]),
        ("select name where born >= '1984-07-09' order by born", [("Bob",), ("Ann",), ("Flo",)]),
        ("select name where age != 40", [("Ann",), ("Cid",), ("Flo",)]),
        ("select name where age is null or height is null", [("Cid",), ("Dee",)]),
        ("select name where happy", [("Ann",), ("Dee",), ("Eve",)]),
        ("select name where happy = 'false'", [("Bob",), ("Flo",)]),
        ("select name where town in ('Avon', null)", [("Ann",), ("Cid",)]),
        ("select name where town not in ('Avon', null)", []),
        ("select name where town like 'A%n' or town not like '%e%'", [("Ann",), ("Cid",), ("Eve",)]),
        ("select name where null", []),
        ("select name where (age == 40) and (height <> 1.5)", [("Bob",)]),
        ("select name where age = age * 1 and age + 1 - 1 = age limit 1", [("Ann",)]),
        ("select name as n where n = 'Ann'", [("Ann",)]),
        ("select age + 1 as age where age = 31", [(31,)]),
        ("select age as height, height as age where name = 'Ann'", None),
        ("select 10 * 3 ^ 2 as x limit 1", [(90,)]),
        ("select 2 ^ 3 ^ 2 as x limit 1", [(512,)]),
        ("select -2 ^ 2 as x limit 1", [(4,)]),
        ("select 7 - 2 - 1 as x limit 1", [(4,)]),
        ("select 1 + 2 || 'a' as x limit 1", [("3a",)]),
        ("select case when age > 40 then 'old' when age > 25 then 'middle' end as c limit 3",
         [("middle",), ("middle",), ("old",)]),
        ("select case(age > 40, 'old', true, 'other') as c where age > 35", [("other",), ("old",), ("other",)]),
        ("select null as n, name limit 1", [(None, "Ann")]),
        ("select '' || name as x where name = 'Ann'", [("Ann",)]),
        ("select home['latitude'] as l, home.longitude where name = 'Ann'", [(41.8, -72.8)]),
        ("select '4.5'::number + 1 as x limit 1", [(5.5,)]),
        ("select age::text || '!' as x limit 1", [("30!",)]),
        ("select name order by age limit 3", [("Flo",), ("Ann",), ("Bob",)]),
        ("select name order by age desc limit 2", [("Dee",), ("Cid",)]),
        ("select name order by age desc null last limit 2", [("Cid",), ("Bob",)]),
        ("select name order by age asc nulls first limit 2", [("Dee",), ("Flo",)]),
        ("select name order by town, age desc limit 3 offset 1", [("Ann",), ("Bob",), ("Flo",)]),
        ("select name offset 4", [("Eve",), ("Flo",)]),
        ("select name offset 4 limit 1", [("Eve",)]),
        ("select name limit 0", []),
        ("select town, count(*) as n group by town having n > 1 order by town", [("Avon", 2), ("Bethel", 2)]),
        ("select town as t, max(age) group by t order by max(age) desc null last limit 1", [("Avon", 50)]),
        ("select upper(town) as t, count(*) group by t order by t limit 1", [("AVON", 2)]),
        ("select age % 20 as r, count(*) group by age % 20 order by r", [(0, 3), (10, 2), (None, 1)]),
        ("select upper(town) || '!' as x, count(*) group by upper(town) order by x limit 1", [("AVON!", 2)]),
        ("select max(age) - min(age) as span, count(town), count(distinct town)", [(30, 5, 3)]),
        ("select sum(age) where age > 1000", [(None,)]),
        ("select count(*) having count(*) > 100", []),
        ("select town group by town, happy order by town, happy limit 2", [("Avon",), ("Avon",)]),
        ("select name search 'avon' |> select count(*)", [(2,)]),
        ("select count(*) search 'avon'", [(2,)]),
        ("select name search 'avon 30'", [("Ann",)]),
        ("select name search 'avon' order by name desc", [("Cid",), ("Ann",)]),
        ("select town, count(*) group by town search 'avon'", [("Avon", 2)]),
        ("select hint(materialized, no_rollup) name limit 1", [("Ann",)]),
        ("select name -- a note\n where /* another */ name = \"Ann\"", [("Ann",)]),
        ("SELECT `name` AS `the-name` WHERE `NAME` = 'Ann'", [("Ann",)]),
        ("select :id where :id = 'row-0000-0000-0000-0002'", [("row-0000-0000-0000-0002",)]),
        ("select name where :updated_at < '2000-01-01'", []),
    ],
)  # fmt: skip
def test_selects(database: duckdb.DuckDBPyConnection, text: str, rows: list[tuple[Any, ...]] | None) -> None:
    if rows is None:
        with pytest.raises(SoqlError, match="Circular"):
            planned(text)
    else:
        assert run(database, planned(text)) == rows


@pytest.mark.parametrize(
    ("clauses", "named", "rows"),
    [
        ({"group": "town", "order": "town desc null last", "limit": "1"}, ["town", "count"], [("Canton", 1)]),
        ({"group": "town, happy", "limit": "1"}, ["town", "happy", "count"], [("Avon", True, 1)]),
        ({"order": "count(*)"}, ["count"], [(6,)]),
        ({"order": "1 + max(age) desc"}, ["count"], [(6,)]),
        ({"select": "distinct happy", "order": "happy"}, ["happy"], [(False,), (True,), (None,)]),
        ({"select": "name", "q": "canton"}, ["name"], [("Eve",)]),
        ({"select": "count(*)", "where": "(age > 30) and (happy)"}, ["count"], [(1,)]),
        ({"SELECT": "name", "LiMiT": "1"}, ["name"], [("Ann",)]),
        ({"select": "town, count(*)", "group": "town", "having": "count > 1", "order": "count desc, town"},
         ["town", "count"], [("Avon", 2), ("Bethel", 2)]),
        ({"query": "select name limit 1"}, ["name"], [("Ann",)]),
    ],
)  # fmt: skip
def test_clauses_apart(
    database: duckdb.DuckDBPyConnection, clauses: Mapping[str, str], named: list[str], rows: list[tuple[Any, ...]]
) -> None:
    assert names(clauses) == named
    assert run(database, planned(clauses)) == rows


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("select nosuch", "no-such-column"),
        ("select name, max(age)", "column-not-in-group-bys"),
        ("select name where max(age) > 3", "aggregate-in-ungrouped-context"),
        ("select name group by max(age)", "aggregate-in-ungrouped-context"),
        ("select max(max(age))", "aggregate-in-ungrouped-context"),
        ("select name where age", "type-mismatch"),
        ("select town group by town having max(age)", "type-mismatch"),
        ("select * having count(*) > 5", "column-not-in-group-bys"),
        ("select town group by town order by age", "column-not-in-group-bys"),
        ("select town group by upper(town)", "column-not-in-group-bys"),
        ("select name where age > 'x'", "type-mismatch"),
        ("select name order by home", "type-mismatch"),
        ("select nosuch(age)", "no-such-function"),
        ("select age.nosuch", "no-such-function"),
        ("select nosuch.latitude", "no-such-column"),
        ("select age[1]", "no-such-function"),
        ("select age::nosuch", "no-such-function"),
        ("select upper(age)", "type-mismatch"),
        ("select upper(distinct name)", "no-such-function"),
        ("select param('x')", "unknown-parameter"),
    ],
)
def test_what_does_not_do(text: str, kind: str) -> None:
    with pytest.raises(SoqlError) as refused:
        planned(text)
    assert refused.value.code == f"query.soql.{kind}"


@pytest.mark.parametrize(
    ("text", "parameters", "rows"),
    [
        ("select name where town = param('t')", {"t": "Canton"}, [("Eve",)]),
        ("select name where town = param(@main-0001, \"t\")", {"t": "Canton"}, [("Eve",)]),
        ("select name where town = param(@main-0001, 't')", {"main-0001": {"t": "Canton"}}, [("Eve",)]),
        ("select name where age > param('a')", {"a": 40}, [("Cid",)]),
        ("select name where age > param('a')", {"a": "40"}, [("Cid",)]),
        ("select name where happy = param('h')", {"h": False}, [("Bob",), ("Flo",)]),
        ("select coalesce(param('n'), name) as x limit 1", {"n": None}, [("Ann",)]),
        ("select name where name = param('n') |> select name || param('n') as x", {"n": "Ann"}, [("AnnAnn",)]),
        ("select name where name = param('n')", {"n": "x' or 'a' = 'a"}, []),
    ],
)  # fmt: skip
def test_parameters(
    database: duckdb.DuckDBPyConnection, text: str, parameters: Mapping[str, Any], rows: list[tuple[Any, ...]]
) -> None:
    assert run(database, planned(text, parameters)) == rows


def test_types_of_outputs() -> None:
    plan = planned("select name, age, happy, born, home, :id, :updated_at, :version, age::double as d, null as n")
    assert [field.type for field in plan.fields] == [
        "text", "number", "boolean", "floating_timestamp", "point", "row_identifier", "fixed_timestamp", "row_version",
        "double", "text",
    ]  # fmt: skip
