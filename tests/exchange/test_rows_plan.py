"""Trees to SQL: what may be asked, what it is called, and that no text of a reader reaches the engine."""

from __future__ import annotations

from typing import Any

import pytest

from exchange.errors import Invalid
from exchange.rows.functions import OVERLOADS, TABLE
from exchange.rows.plan import Plan, resolve
from exchange.rows.soql import SoqlError, parse_parameters
from exchange.rows.types import ColumnInfo
from tests.conftest import NOON
from tests.makers.rows import QUAKES

VISIBLE = tuple(column for column in QUAKES if column.name != "region")


def plan(columns: tuple[ColumnInfo, ...] = QUAKES, **clauses: str) -> Plan:
    return resolve(parse_parameters({f"${name}": text for name, text in clauses.items()}), columns)


def names(**clauses: str) -> list[str]:
    return [field.name for field in plan(**clauses).fields]


def sql(plan: Plan) -> tuple[str, list[Any]]:
    return plan.sql("rows", NOON)


def test_a_column_that_was_not_given_reads_as_one_that_never_was() -> None:
    for text in ("region", "upper(region)", "cell_meaning(region)", "depth as x, region"):
        for clause in ("select", "order", "group", "where"):
            with pytest.raises(SoqlError) as hidden:
                plan(VISIBLE, **{clause: text})
            with pytest.raises(SoqlError) as never:
                plan(VISIBLE, **{clause: text.replace("region", "nothin")})
            assert hidden.value.message.replace("region", "nothin") == never.value.message
    assert "region" not in {field.name for field in plan(VISIBLE).fields}
    assert "region" not in sql(plan(VISIBLE, q="rico"))[0]


def test_the_physical_columns_are_not_columns() -> None:
    for name in ("_row", "location__lat", "depth__cell", "rowid", "t.depth"):
        with pytest.raises(SoqlError):
            plan(select=name)


def test_columns_used_are_those_named_anywhere() -> None:
    used = plan(select="upper(source) as s", where="depth > 1", order="s, felt").columns_used
    assert used == {"source", "depth", "felt"}
    assert plan().columns_used == {column.name for column in QUAKES}
    assert plan(select="count(*)").columns_used == frozenset()


@pytest.mark.parametrize(
    ("select", "name"),
    [
        ("MAX(magnitude)", "MAX_magnitude"),
        ("count(*)", "count"),
        ("magnitude * 2 + 1", "magnitude_2_1"),
        ("-depth", "depth_1"),
        ("magnitude::text", "magnitude_text"),
        ("date_trunc_ym(datetime)", "date_trunc_ym_datetime"),
        ("location.latitude", "location_latitude"),
        ("depth is not null", "depth_is_not_null"),
        ("depth between 1 and 2", "depth_between_1_and_2"),
        ("source in ('a', 'b c')", "IN_source_a_b_c"),
        ("region not like '%x%'", "NOT_LIKE_region_x"),
        ("'%'", "_"),
        ("5", "_5"),
    ],
)
def test_names_that_nobody_gave(select: str, name: str) -> None:
    assert names(select=select) == [name]


def test_names_never_collide() -> None:
    assert names(select="depth + magnitude, depth - magnitude") == ["depth_magnitude", "depth_magnitude_1"]
    assert names(select="count(*), count(*) as count") == ["count_1", "count"]


@pytest.mark.parametrize(
    ("clauses", "kind"),
    [
        ({"select": "a as b, b as a"}, "circular-alias-definition"),
        ({"select": "source as x, region as X"}, "duplicate-alias"),
        ({"select": "*, source"}, "duplicate-alias"),
        ({"select": "* (except nosuch)"}, "no-such-column"),
        ({"select": "* (except depth, depth)"}, "repeated-exception"),
        ({"select": "nosuch(depth)"}, "no-such-function"),
        ({"select": "negate(depth)"}, "no-such-function"),
        ({"select": "upper(*)"}, "no-such-function"),
        ({"select": "depth::nonsense"}, "no-such-function"),
        ({"select": "upper(depth)"}, "type-mismatch"),
        ({"select": "depth = 'abc'"}, "type-mismatch"),
        ({"select": "datetime > 'yesterday'"}, "type-mismatch"),
        ({"select": "min(felt)"}, "type-mismatch"),
        ({"select": "sum(max(depth))"}, "aggregate-in-ungrouped-context"),
        ({"group": "max(depth)"}, "aggregate-in-ungrouped-context"),
        ({"select": "source, max(depth)", "group": "region"}, "column-not-in-group-bys"),
        ({"group": "source", "order": "depth"}, "column-not-in-group-bys"),
        ({"select": "1e999"}, "type-mismatch"),
        ({"select": "within_polygon(location, 'POLYGON((0 0, 1 1))')"}, "type-mismatch"),
        ({"select": "to_floating_timestamp(:created_at, 'Mars/Olympus')"}, "type-mismatch"),
    ],
)
def test_refusals(clauses: dict[str, str], kind: str) -> None:
    with pytest.raises(SoqlError) as refused:
        plan(**clauses)
    assert refused.value.code == f"query.soql.{kind}"


def test_group_keys_may_be_expressions() -> None:
    assert names(select="date_trunc_y(datetime), count(*)", group="date_trunc_y(datetime)")
    assert names(select="date_trunc_y(datetime) as y, upper(source) || 'x', avg(depth)", group="y, source")


def test_every_value_is_bound() -> None:
    text, values = sql(
        plan(where="source = 'ZZTOP' and depth > 123456 and region like 'q%'", select="upper('WWW') as x")
    )
    assert "ZZTOP" not in text and "123456" not in text and "WWW" not in text
    assert {"ZZTOP", 123456, "q%", "WWW"} <= set(values)


def test_the_readers_names_never_reach_the_engine() -> None:
    text, _ = sql(plan(select="depth as zebra, source as `x-y`", order="zebra", where="zebra > 1"))
    assert "zebra" not in text and "x-y" not in text


def test_row_filter_is_below_everything() -> None:
    predicate = {"op": "in", "column": "region", "values": ["Québec"]}
    planned = resolve(parse_parameters({"$select": "count(*)"}), VISIBLE, row_filter=predicate, filter_columns=QUAKES)
    text, values = sql(planned)
    assert text.index('"region" IN ($') < text.rindex("AS t") and "Québec" in values
    assert "region" not in planned.columns_used


def test_invariant_2_a_row_filter_that_does_not_fit_refuses() -> None:
    for predicate in (
        {"op": "eq", "column": "nosuch", "values": ["a"]},
        {"op": "eq", "column": "depth", "values": ["deep"]},
        {"op": "wish", "column": "depth", "values": [1]},
        {"op": "and", "of": []},
    ):
        with pytest.raises(Invalid):
            resolve(parse_parameters({}), QUAKES, row_filter=predicate)


def test_invariant_8_small_groups_are_withheld_by_the_statement() -> None:
    planned = resolve(parse_parameters({"$select": "source, sum(depth)", "$group": "source"}), QUAKES, min_cell=10)
    text, values = sql(planned)
    assert "HAVING count(*) >= $" in text and 10 in values and "IS NOT NULL) >= 10 THEN" in text
    for trick in ("sum(case(source='x', depth, true, 0))", "max(upper(source))", "count(nullif(source, 'x'))"):
        with pytest.raises(SoqlError):
            resolve(parse_parameters({"$select": trick}), QUAKES, min_cell=10)
    chained = "select case(source='x', depth, true, 0) as d |> select sum(d)"
    with pytest.raises(SoqlError):
        resolve(parse_parameters({"$query": chained}), QUAKES, min_cell=10)


def test_aliases_of_aliases_cannot_grow_without_end() -> None:
    doubled = ["source || source as a0", *(f"a{n} || a{n} as a{n + 1}" for n in range(40))]
    with pytest.raises(SoqlError, match="too large"):
        plan(select=", ".join(doubled))


def test_every_function_says_what_it_does() -> None:
    assert all(function.doc.endswith(".") for function in TABLE) and len(OVERLOADS) > 100


@pytest.mark.parametrize(
    ("parameters", "totals"),
    [
        ({"$select": "count(*)"}, True),
        ({"$select": "source, sum(depth)", "$group": "source"}, True),
        ({"$select": "source"}, False),
        ({"$select": "max(depth)"}, False),
        ({"$select": "count(*)", "$where": ":id is not null"}, False),
        ({"$query": "SELECT depth ORDER BY :id LIMIT 7 |> SELECT sum(depth)"}, False),
        ({"$query": "SELECT depth LIMIT 7 |> SELECT sum(depth)"}, False),
        ({"$query": "SELECT source, sum(depth) AS s GROUP BY source |> SELECT count(*) WHERE s > 1"}, True),
    ],
)
def test_invariant_8_totals_only_means_that_no_record_shows_through(parameters: dict[str, str], totals: bool) -> None:
    query = parse_parameters({name: [value] for name, value in parameters.items()})
    assert resolve(query, QUAKES).totals_only is totals
