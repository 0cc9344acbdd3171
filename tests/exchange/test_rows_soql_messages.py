"""What a refusal of the grammar says: the forms of Socrata's own parser, which scripts and people know."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from exchange.rows.soql import SoqlError, parse_parameters, parse_statement
from exchange.rows.soql.parser import Parser


def expression(text: str) -> None:
    parser = Parser(text)
    parser.whole_expression()
    parser.expect_end()


def sentence(read: Callable[[str], object], text: str, kind: str = "bad-parse") -> str:
    with pytest.raises(SoqlError) as refused:
        read(text)
    assert refused.value.code == f"query.soql.{kind}"
    return refused.value.sentence


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x between", "Expected an expression, but got end of input"),
        ("x between a", "Expected `AND', but got end of input"),
        ("x between a and", "Expected an expression, but got end of input"),
        ("x not", "Expected one of `BETWEEN', `IN', or `LIKE', but got end of input"),
        ("x not between", "Expected an expression, but got end of input"),
        ("x not between a", "Expected `AND', but got end of input"),
        ("x is", "Expected one of `NULL' or `NOT', but got end of input"),
        ("x is not", "Expected `NULL', but got end of input"),
        ("x is not 5", "Expected `NULL', but got `5'"),
        ("x is 5", "Expected one of `NULL' or `NOT', but got `5'"),
        ("not", "Expected an expression, but got end of input"),
        ("x y", "Expected end of input, but got `y'"),
        ("", "Expected an expression, but got end of input"),
        ("a.", "Expected an identifier, but got end of input"),
        ("a.:id", "Expected a non-system identifier, but got `:id'"),
        ("a.b.", "Expected an identifier, but got end of input"),
        ("a[", "Expected an expression, but got end of input"),
        ("a[2 * b", "Expected `]', but got end of input"),
        ("a[2 * b].", "Expected an identifier, but got end of input"),
        ("source in ()", "Expected an expression, but got `)'"),
        ("source in 5", "Expected `(', but got `5'"),
        ("(a", "Expected one of `)', `OR', `AND', `IS', `IS NOT', `LIKE', `NOT LIKE', `BETWEEN', `NOT BETWEEN', `IN', "
               "`NOT IN', an operator, `::', `.', `[', or `(', but got end of input"),
        ("@a.", "Expected an identifier, but got end of input"),
        ("@a", "Expected `.', but got end of input"),
        ("select", "Expected an expression, but got `SELECT'"),
        ("case when a then 1", "Expected one of `WHEN', `ELSE', `END', `OR', `AND', `IS', `IS NOT', `LIKE', `NOT LIKE', "
                               "`BETWEEN', `NOT BETWEEN', `IN', `NOT IN', an operator, `::', `.', or `[', "
                               "but got end of input"),
        ("param(5)", "Expected one of a table identifier or a string, but got `5'"),
        ("f(a) over (order b)", "Expected `BY', but got `b'"),
        (
            "avg(x) over(order by m row 123 PRECEDING)",
            "Expected one of `)', `RANGE', `ROWS', `GROUPS', `,', `NULL', `NULLS', `ASC', or `DESC', but got `row'",
        ),
        ("avg(x) over(rows x)", "Expected one of `BETWEEN', `UNBOUNDED', `CURRENT', or an integer, but got `x'"),
        ("avg(x) over(rows between 1 x)", "Expected one of `PRECEDING' or `FOLLOWING', but got `x'"),
        ("avg(x) over(rows 1 preceding exclude x)", "Expected one of `CURRENT', `GROUP', `TIES', or `NO', but got `x'"),
    ],
)  # fmt: skip
def test_an_expression_says_what_it_expected(text: str, said: str) -> None:
    assert sentence(expression, text) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Expected one of `SELECT' or `(', but got end of input"),
        ("selec a", "Expected one of `SELECT' or `(', but got `selec'"),
        ("select a,", "Expected an expression, but got end of input"),
        ("select a, *", "Star selections must come at the start of the select-list"),
        ("select *, :*", "System column star selections must come before user column star selections"),
        ("select * (a)", "Expected `EXCEPT', but got `a'"),
        ("select * (except :id)", "Expected a non-system identifier, but got `:id'"),
        ("select :* (except a)", "Expected a system identifier, but got `a'"),
        ("select a as :b", "Expected a non-system identifier, but got `:b'"),
        ("select a as", "Expected an identifier, but got end of input"),
        ("select a from b", "Expected a table identifier, but got `b'"),
        ("select a from @this", "Expected an alias for `@this', but got end of input"),
        ("select a from @x as @this", "@this is a reserved table name"),
        ("select a left @x on b", "Expected `JOIN', but got `@x'"),
        ("select a join @x as y", "Expected `ON', but got end of input"),
        ("select a join (select b from @x) on c", "Expected `AS', but got `ON'"),
        ("select a group b", "Expected `BY', but got `b'"),
        ("select a order by b null", "Expected one of `FIRST' or `LAST', but got end of input"),
        ("select a limit b", "Expected an integer, but got `b'"),
        ("select a limit 1.5", "Expected an integer, but got `1.5'"),
        ("select a limit 12e1", "Expected an integer, but got `12e1'"),
        ("select a search b", "Expected a string, but got `b'"),
        ("select hint(x) a", "Expected a hint, but got `x'"),
        ("select a |> (select b union select c)", "Expected a non-compound query on the right side of a pipe operator"),
        ("select a |> (select b |> select c)", "Expected a non-compound query on the right side of a pipe operator"),
        (
            "select a limit 1 limit 2",
            "Expected one of end of input, `|>', `UNION', `INTERSECT', `MINUS', `UNION ALL', `INTERSECT ALL', "
            "`MINUS ALL', or `OFFSET', but got `LIMIT'",
        ),
    ],
)
def test_a_statement_says_what_it_expected(text: str, said: str) -> None:
    assert sentence(parse_statement, text) == said


def test_the_visible_messages_of_the_clauses() -> None:
    def where(text: str) -> object:
        return parse_parameters({"$where": text})

    assert sentence(where, "source in()") == "Expected an expression, but got `)'"
    assert sentence(where, "magnitude is not 5") == "Expected `NULL', but got `5'"
    assert sentence(where, "'a", "unterminated-string") == "Unterminated string"


def test_a_clause_twice_is_refused_after_the_one_that_ends_it() -> None:
    for text in ("order by x search 'w' order by x", "search 'w' order by x search 'w'", "where a where b"):
        with pytest.raises(SoqlError, match="Expected one of end of input"):
            parse_statement(f"select * {text}")
