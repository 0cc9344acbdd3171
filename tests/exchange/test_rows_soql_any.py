"""Any text parses or is a `SoqlError`; any statement that is understood runs, twice alike; nothing takes long or deep.

`SOQL_EXAMPLES` multiplies the number of examples.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchange.errors import Invalid
from exchange.rows.plan import resolve
from exchange.rows.soql import SoqlError, parse_parameters, parse_statement
from exchange.rows.soql.lexer import RESERVED
from tests.conftest import NOON
from tests.makers.random_soql import RandomSoql
from tests.makers.statements import PEOPLE, connection, planned, run

TIMES = int(os.environ.get("SOQL_EXAMPLES", "1"))
WORDS = st.sampled_from(
    [*sorted(RESERVED), "name", "age", "happy", ":id", ":*", "*", "(", ")", ",", ".", "::", "text", "=", "<", "-", "+",
     "||", "^", "1", "1.5e3", "'x'", '"y"', "count", "sum", "case", "when", "then", "else", "end", "|>", "@t", "[", "]",
     "%", "over", "partition", "by", "rows", "preceding", "unbounded", "row_number", "@town-0001", "@this", "param",
     "hint", "all", "nulls", "first", "`a-b`", "!", "~", "?x", "count(*)", "over ()", "@t.*", "order by", "group by"]
)  # fmt: skip
TEXTS = st.one_of(
    st.text(),
    st.lists(WORDS, max_size=30).map(" ".join),
    st.lists(WORDS, max_size=12).map(lambda words: "select " + " ".join(words)),
)


@settings(max_examples=250 * TIMES, deadline=None)
@given(TEXTS)
def test_any_text_parses_or_is_a_soql_error(text: str) -> None:
    for read in (parse_statement, lambda t: parse_parameters({"$where": t, "$select": t, "$order": t, "$group": t})):
        try:
            query = read(text)
            resolve(query, PEOPLE).sql("people", NOON)
        except Invalid as refused:
            assert refused.code.startswith(("query.soql.", "req."))


@pytest.fixture(scope="module")
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    """The small tables."""
    with connection() as opened:
        yield opened


@settings(max_examples=150 * TIMES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 1 << 40))
def test_any_statement_that_is_understood_runs_and_gives_the_same_rows_again(
    database: duckdb.DuckDBPyConnection, seed: int
) -> None:
    text = RandomSoql(seed).statement()
    try:
        plan = planned(text)
    except SoqlError:
        return
    try:
        rows = run(database, plan)
    except (duckdb.ConversionException, duckdb.OutOfRangeException):
        return
    assert repr(run(database, plan)) == repr(rows) and len(rows) <= plan.limit


HOSTILE = {
    "parentheses": "select " + "(" * 15_000 + "1",
    "closed parentheses": "select " + "(" * 50 + "age" + ")" * 50,
    "spine": "select " + "(" * 40 + "age" + ("+1" * 50 + ")") * 40,
    "nots": "select " + "not " * 15_000 + "happy",
    "minuses": "select " + "- " * 15_000 + "age",
    "cases": "select " + "case when happy then " * 4_000,
    "parts": "select age" + ".a" * 9_000,
    "casts": "select age" + "::text" * 9_000,
    "brackets": "select " + "a[" * 9_000,
    "nested selects": "(" * 15_000 + "select 1",
    "joined selects": "select 1 join (select 1 join " * 1_000,
    "unions": "select 1 " + "union select 1 " * 3_000,
    "pipes": "select 1 as a " + "|> select a " * 3_000,
    "joins": "select 1 " + "join @town-0001 as t on true " * 500,
    "aliases downwards": "select " + ", ".join(f"a{n + 1} + 1 as a{n}" for n in range(1_500)) + ", 1 as a1500",
    "aliases upwards": "select 1 as a0, " + ", ".join(f"a{n} + 1 as a{n + 1}" for n in range(1_500)),
    "aliases doubled": "select 1 as a0, " + ", ".join(f"a{n} + a{n} as a{n + 1}" for n in range(60)),
    "a wide fan": "select age+age as a, a+a+a+a as b, b+b+b+b as c, c+c+c+c as d, d+d+d+d as e, "
    + ", ".join(f"e + {n}" for n in range(1_500)),
    "equal names": "select " + ", ".join(["count(*)"] * 1_999),
    "windows": "select " + ", ".join(["sum(age) over (order by age)"] * 1_400),
    "sort keys": "select * order by " + ", ".join(["age"] * 5_000),
    "comments": "select 1 " + "/* " * 30_000,
    "quotes": "select '" + "a''" * 30_000,
    "escapes": 'select "' + "\\n" * 40_000,
    "backquotes": "select " + "`" * 50_000,
    "digits": "select " + "9" * 90_000,
    "exponents": "select 1" + "e1" * 40_000,
    "a long limit": "select 1 limit " + "9" * 90_000,
    "a long frame": "select sum(age) over (rows " + "9" * 90_000 + " preceding)",
}


@pytest.mark.parametrize("what", sorted(HOSTILE))
def test_a_hostile_text_is_refused_or_harmless(what: str) -> None:
    text = HOSTILE[what][:100_000]
    try:
        assert len(planned(text).sql("people", NOON)[0]) < 2_000_000
    except Invalid as refused:
        assert refused.code.startswith(("query.soql.", "req.row-limit-exceeded"))


def test_long_lists_are_fine() -> None:
    assert planned("select * where age in (" + ", ".join(map(str, range(4_000))) + ")")
    assert planned("select * where " + " or ".join(["happy"] * 5_000))
    assert planned("select " + ", ".join(f"age + {n} as a{n}" for n in range(1_000)))
    assert planned("select 1 as a" + " |> select a" * 10) and planned("select 1" + " union select 1" * 15)
