"""Joins: what they give, in which order, under which names; and which are refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from exchange.rows.plan import no_tables
from exchange.rows.soql import SoqlError
from tests.conftest import NOON
from tests.makers.statements import LATER, connection, planned, run


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    """The small tables."""
    with connection() as opened:
        yield opened


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (
            "select name, @t.county join @town-0001 as t on town = @t.town",
            [("Ann", "Hartford"), ("Bob", "Fairfield"), ("Cid", "Hartford"), ("Flo", "Fairfield")],
        ),
        (
            "select name, @town-0001.county join @town-0001 on @town-0001.town = town order by name desc limit 2",
            [("Flo", "Fairfield"), ("Cid", "Hartford")],
        ),
        (
            "select name, @t.county left join @town-0001 as t on town = @t.town where @t.county is null",
            [("Dee", None), ("Eve", None)],
        ),
        (
            "select name, @t.county right outer join @town-0001 as @t on town = @t.town where name is null",
            [(None, "Middlesex")],
        ),
        (
            "select name, @t.town full outer join @town-0001 as t on town = @t.town where name is null or @t.town is null",
            [("Dee", None), ("Eve", None), (None, "Essex")],
        ),
        ("select @t.* join @town-0001 as t on name = 'Ann' and @t.people > 18000", [("Bethel", "Fairfield", 20000)]),
        (
            "select @t.* (except people), name join @town-0001 as t on true where name = 'Dee'",
            [("Avon", "Hartford", "Dee"), ("Bethel", "Fairfield", "Dee"), ("Essex", "Middlesex", "Dee")],
        ),
        (
            "select name, @p.kind, @t.county join @pets-0001 as p on @p.owner = name join @town-0001 as t on @t.town = town",
            [("Ann", "cat", "Hartford"), ("Ann", "dog", "Hartford"), ("Bob", "cat", "Fairfield")],
        ),
        (
            "select @t.county, count(*), avg(age) join @town-0001 as t on town = @t.town group by @t.county order by county",
            None,
        ),
        (
            "select @t.county as county, count(*), avg(age) join @town-0001 as t on town = @t.town group by county",
            [("Fairfield", 2, 30), ("Hartford", 2, 40)],
        ),
        (
            "select name, @k.n join (select owner, count(*) as n from @pets-0001 group by owner) as k on @k.owner = name",
            [("Ann", 2), ("Bob", 1)],
        ),
        (
            "select name, @k.kind left join (select owner, kind from @pets-0001 order by age desc limit 1 |> select *) as k"
            " on @k.owner = name where happy",
            [("Ann", None), ("Dee", None), ("Eve", None)],
        ),
        (
            "select name, @u.owner join (select owner from @pets-0001 union select town from @town-0001) as u"
            " on @u.owner = town or @u.owner = name",
            [("Ann", "Ann"), ("Ann", "Avon"), ("Bob", "Bethel"), ("Bob", "Bob"), ("Cid", "Avon"), ("Flo", "Bethel")],
        ),
        (
            "select name, @q.kind from @this as m join lateral"
            " (select kind from @pets-0001 where owner = @m.name order by age desc limit 1) as q on true",
            [("Ann", "dog"), ("Bob", "cat")],
        ),
        (
            "select name, @q.n from @this as m left join lateral"
            " (select count(*) as n from @pets-0001 as p where @p.owner = @m.name) as q on @q.n > 0 limit 3",
            [("Ann", 2), ("Bob", 1), ("Cid", None)],
        ),
        (
            "select name |> select name, @p.age as pet from @this as s join @pets-0001 as p on @p.owner = @s.name"
            " |> select max(pet)",
            [(7,)],
        ),
        ("select name from @main-0001 as m where @m.age > 40", [("Cid",)]),
        ("select county from @town-0001 order by people limit 1", [("Middlesex",)]),
        ("select @t.county, @t.people from @town-0001 as t where town = 'Avon'", [("Hartford", 18000)]),
        ("select count(*) join @pets-0001 as p on true join @town-0001 as t on true", [(72,)]),
    ],
)
def test_joined_rows(database: duckdb.DuckDBPyConnection, text: str, rows: list[tuple[Any, ...]] | None) -> None:
    if rows is None:
        with pytest.raises(SoqlError, match="No such column: county"):
            planned(text)
    else:
        assert run(database, planned(text)) == rows


def test_system_fields_are_of_their_own_dataset(database: duckdb.DuckDBPyConnection) -> None:
    joined = "join @town-0001 as t on town = @t.town where name = 'Bob'"
    text = f"select :id, @t.:id as other, :version, @t.:version as v, :updated_at, @t.:updated_at as u {joined}"
    [row] = run(database, planned(text))
    assert row[:4] == ("row-0000-0000-0000-0001", "row-0000-0000-0000-0001", "rv-people", "rv-towns")
    assert row[4:] == (NOON, LATER)


def test_pages_of_a_join_never_overlap(database: duckdb.DuckDBPyConnection) -> None:
    text = "select name, @p.kind join @pets-0001 as p on true order by happy"
    whole = run(database, planned(text))
    pages = [run(database, planned(f"{text} limit 5 offset {start}")) for start in range(0, 25, 5)]
    assert len(whole) == 24 and [row for page in pages for row in page] == whole


def test_a_plan_says_what_it_reads() -> None:
    plan = planned(
        "select name, @p.kind join @pets-0001 as p on @p.owner = name join (select town from @town-0001 union all"
        " select owner from @pets-0001) as t on @t.town = town where @p.age > 1"
    )
    assert plan.datasets == ("pets-0001", "town-0001") and plan.columns_used == {"name", "town"}
    assert not plan.totals_only and not planned("select count(*) join @pets-0001 as p on true").totals_only
    assert planned("select count(*) from @main-0001").totals_only


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("select name join @town-0001 as t on @t.nosuch = 1", "no-such-column"),
        ("select name join @town-0001 as t on @x.town = town", "no-such-column"),
        ("select @t.* (except nosuch) join @town-0001 as t on true", "no-such-column"),
        ("select @x.* join @town-0001 as t on true", "no-such-table"),
        ("select name join @nosuch on true", "no-such-table"),
        ("select name join @town-0001 as t on town", "type-mismatch"),
        ("select name join @town-0001 as t on count(*) > 1", "aggregate-in-ungrouped-context"),
        ("select name join @town-0001 as t on row_number() over () = 1", "window-function-not-allowed"),
        ("select name join @town-0001 as t on true join @pets-0001 as t on true", "duplicate-alias"),
        ("select name from @this as t join @town-0001 as t on true", "duplicate-alias"),
        ("select name join @town-0001 as t on @p.age = 1 join @pets-0001 as p on true", "no-such-table"),
        ("select name join @this as t on true", "bad-parse"),
        ("select name join (select county) as t on true", "bad-parse"),
        ("select name join (select county from @this as x) as t on true", "bad-parse"),
        ("select name from @this as m join (select kind from @pets-0001 where owner = @m.name) as p on true",
         "no-such-column"),
        ("select name right join lateral (select kind from @pets-0001) as p on true", "bad-parse"),
        ("select name |> select name from @town-0001", "bad-parse"),
        ("select name, @t.county, count(*) join @town-0001 as t on true group by name", "column-not-in-group-bys"),
        ("select 1" + " join @town-0001 as t on true" * 7, "bad-parse"),
    ],
)  # fmt: skip
def test_joins_that_do_not_do(text: str, kind: str) -> None:
    with pytest.raises(SoqlError) as refused:
        planned(text)
    assert refused.value.code == f"query.soql.{kind}"


def test_datasets_that_the_reader_may_not_see_are_not_there() -> None:
    for text in ("select name join @gone-0001 as g on true", "select a from @gone-0001"):
        with pytest.raises(SoqlError, match="No dataset has the id gone-0001") as refused:
            planned(text)
        assert refused.value.code == "query.soql.no-such-table" and "position" in refused.value.data


def test_one_dataset_at_a_time_says_so() -> None:
    for text in (
        "select name join @town-0001 as t on true",
        "select name union select town from @town-0001",
        "select county from @town-0001",
    ):
        with pytest.raises(SoqlError, match="@town-0001 cannot be read here") as refused:
            planned(text, tables=no_tables)
        assert refused.value.code == "query.soql.no-such-table"
    assert planned("select name from @main-0001 union select town from @this as t", tables=no_tables).datasets == ()
