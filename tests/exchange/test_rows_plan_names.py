"""What outputs are called (soda.md §4), and every rule about names that are given."""

from __future__ import annotations

import pytest

from exchange.rows.soql import SoqlError
from tests.makers.statements import names, planned


@pytest.mark.parametrize(
    ("selected", "name"),
    [
        ("(age)", "age_1"),
        ("((age))", "age_1"),
        ("-age", "age_1"),
        ("+age", "age_1"),
        ("age + height", "age_height"),
        ("age - height", "age_height"),
        ("age * 2 + 1", "age_2_1"),
        ("age % 2 ^ 3", "age_2_3"),
        ("name || '-' || town", "name-town"),
        ("age = 5", "age_5"),
        ("age == 5", "age_5"),
        ("age <> 5", "age_5"),
        ("happy and age > 5", "happy_AND_age_5"),
        ("happy or not happy", "happy_OR_NOT_happy"),
        ("MAX(age)", "MAX_age"),
        ("Max(Age)", "Max_Age"),
        ("count(*)", "count"),
        ("COUNT(*)", "COUNT"),
        ("count(distinct town)", "count_distinct_town"),
        ("COUNT(DISTINCT town)", "count_distinct_town"),
        ("age::text", "age_text"),
        ("date_trunc_ym(born)", "date_trunc_ym_born"),
        ("home.latitude", "home_latitude"),
        ("home['latitude']", "home_latitude"),
        ("age is null", "age_is_null"),
        ("age is not null", "age_is_not_null"),
        ("age between 1 and 2", "age_between_1_and_2"),
        ("age not between 1 and 2", "age_not_between_1_and_2"),
        ("name in ('a', 'b c')", "IN_name_a_b_c"),
        ("name not in ('a')", "NOT_IN_name_a"),
        ("name like 'x%'", "LIKE_name_x"),
        ("name not like '%x%'", "NOT_LIKE_name_x"),
        ("case when happy then 1 else 2 end", "case_when_happy_then_1_else_2_end"),
        ("case when happy then 1 end", "case_when_happy_then_1_end"),
        ("case(happy, 1, true, 2)", "case_happy_1_TRUE_2"),
        ("'%'", "_"),
        ("5", "_5"),
        ("1.50", "_1_50"),
        ("1e5", "_1E_5"),
        ("null", "null"),
        ("true", "TRUE"),
        ("'été'", "été"),
        ("'a\nb'", "a_nb"),
        ("'_a_' || 'b'", "_a_b"),
        ("'a-' || 'b'", "a-b"),
        ("coalesce(name, 'x')", "coalesce_name_x"),
        ("sum(age) filter (where happy)", "sum_age_happy"),
        ("count(*) over (partition by town)", "count_over_partition_by_town"),
        ("row_number() over (partition by town, happy order by age desc)",
         "row_number_over_partition_by_town_happy_order_by_age"),
        ("sum(age) over (order by age rows between 1 preceding and current row)",
         "sum_age_over_order_by_age_ROWS_BETWEEN_1_PRECEDING_AND_CURRENT_ROW"),
        ("count(*) over ()", "count_over"),
    ],
)  # fmt: skip
def test_a_name_that_nobody_gave(selected: str, name: str) -> None:
    assert names({"select": selected}) == [name]


@pytest.mark.parametrize(
    ("selected", "given"),
    [
        ("age + height, age - height", ["age_height", "age_height_1"]),
        ("age as c, age + 1, -age, -height", ["c", "age_1", "age_2", "height_1"]),
        ("age as age_height, age - height", ["age_height", "age_height_1"]),
        ("count(*), count(*) as count", ["count_1", "count"]),
        ("AGE, Town as `x-y`", ["age", "x-y"]),
        ("'a' || '_', 'a_'", ["a_", "a_1"]),
        ("age as town", ["town"]),
        ("* (except age), age + 1 as age", ["name", "town", "height", "born", "happy", "home", "age"]),
        (":*, name", [":id", ":created_at", ":updated_at", ":version", "name"]),
        (":* (except :version, :created_at), name", [":id", ":updated_at", "name"]),
        ("min(:updated_at) as :updated_at", [":updated_at"]),
        (":version as :version", [":version"]),
    ],
)
def test_names_of_several(selected: str, given: list[str]) -> None:
    assert names({"select": selected}) == given


def test_names_with_joins() -> None:
    joined = "from @this as p join @town-0001 as t on town = @t.town"
    assert names(f"select name, @t.county {joined}") == ["name", "county"]
    assert names(f"select @t.* (except town), name {joined}") == ["county", "people", "name"]
    assert names(f"select *, @t.people {joined}")[-1] == "people"
    assert names(f"select @t.:id, name {joined}") == [":id", "name"]
    assert names(f"select @t.county || '!' {joined}") == ["_t_county"]
    assert names(f"select upper(@t.town) as town {joined}") == ["town"]
    # a name of any joined dataset is taken
    assert names(f"select name || '' as x, (people_) as y, 'county' {joined}".replace("people_", "age")) == [
        "x", "y", "county_1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("selected", "kind"),
    [
        ("name as x, town as X", "duplicate-alias"),
        ("name as `a-b`, town as a_b", "duplicate-alias"),
        ("name, town as name", "duplicate-alias"),
        ("name, name", "duplicate-alias"),
        ("*, age + 1 as age", "duplicate-alias"),
        ("*, *", "duplicate-alias"),
        ("a as b, b as a", "circular-alias-definition"),
        ("b + 1 as a, c + 1 as b, a + 1 as c", "circular-alias-definition"),
        ("* (except nosuch)", "no-such-column"),
        (":* (except :nosuch)", "no-such-column"),
        ("* (except age, AGE)", "repeated-exception"),
        ("name as :name", "bad-parse"),
        ("nosuch + 1 as nosuch", "no-such-column"),
        ("@p.age", "no-such-column"),
        ("@p.*", "no-such-table"),
    ],
)
def test_names_that_do_not_do(selected: str, kind: str) -> None:
    with pytest.raises(SoqlError) as refused:
        planned({"select": selected})
    assert refused.value.code == f"query.soql.{kind}"


def test_a_joined_column_is_not_an_alias_unless_it_was_given_one() -> None:
    joined = "join @town-0001 as t on town = @t.town"
    with pytest.raises(SoqlError, match="No such column: county"):
        planned(f"select @t.county {joined} where county = 'x'")
    assert planned(f"select @t.county as county {joined} where county = 'x'")
    with pytest.raises(SoqlError, match="No such column: county"):
        planned(f"select county {joined}")
