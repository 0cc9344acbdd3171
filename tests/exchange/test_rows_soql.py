"""Text to tree: grammar, limits, and that nothing but `SoqlError` ever comes of a bad text."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchange.errors import Invalid
from exchange.rows.soql import SoqlError, parse_parameters, parse_statement
from exchange.rows.soql.lexer import RESERVED
from exchange.rows.soql.parser import Parser
from exchange.rows.soql.tree import Between, Binary, Junction, Literal, Name, Node, Parens, Unary


def expression(text: str) -> Any:
    parser = Parser(text)
    found = parser.expression()
    parser.expect_end()
    return bare(found)


def bare(part: Any) -> Any:
    """The tree without its parentheses."""
    if isinstance(part, Parens):
        return bare(part.operand)
    if isinstance(part, tuple):
        return tuple(bare(member) for member in part)
    if not isinstance(part, Node):
        return part
    return replace(part, **{each.name: bare(getattr(part, each.name)) for each in fields(part) if each.name != "at"})


def test_operators_bind_as_the_reference_says() -> None:
    assert expression("a + b * c ^ d ^ e") == expression("a + (b * (c ^ (d ^ e)))")
    assert expression("a = 1 or b = 2 and not c = 3") == expression("(a = 1) or ((b = 2) and (not (c = 3)))")
    assert expression("a = b is null") == expression("(a = b) is null")
    assert expression("-a ^ 2") == expression("(-a) ^ 2")
    assert expression("a - b - c") == expression("(a - b) - c")
    assert expression("a::text || b") == expression("(a::text) || b")
    assert expression("a between 1 and 2 and b") == expression("(a between 1 and 2) and b")


def test_spellings_that_mean_the_same() -> None:
    assert expression("A == `b-c`") == expression("a = b_c")
    assert expression("a <> 'it''s'") == expression('a != "it\'s"')
    assert expression("a /* note */ = -- end\n 1") == expression("a = 1")
    assert expression(r'a = "\u00e9"') == expression("a = 'é'")


def test_case_is_a_name_a_function_and_an_expression() -> None:
    assert expression("case") == Name("case")
    assert expression("case(a, 1, true, 2)")
    assert expression("case when a then 1 else 2 end")


def test_long_chains_are_one_node() -> None:
    chain = expression(" or ".join(["a"] * 5000))
    assert isinstance(chain, Junction) and len(chain.members) == 5000


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("'a", "unterminated-string"),
        ('"a\n"', "unterminated-string"),
        ("a ; b", "unexpected-character"),
        ("/* a", "unexpected-eof"),
        ("`a", "unexpected-eof"),
        (r'"\q"', "unexpected-escape"),
        (r'"\uZZZZ"', "bad-unicode-escape-character"),
        (r'"\UFFFFFF"', "unicode-character-out-of-range"),
        ("a not", "bad-parse"),
        ("f(a", "bad-parse"),
        ("a b", "bad-parse"),
        ("@abcd-1234", "bad-parse"),
        ("(" * 61 + "a" + ")" * 61, "bad-parse"),
        ("a" + "+a" * 100, "bad-parse"),
        ("a" * 100_001, "bad-parse"),
    ],
)
def test_refusals(text: str, kind: str) -> None:
    with pytest.raises(SoqlError) as refused:
        expression(text)
    assert refused.value.code == f"query.soql.{kind}"


def test_a_refusal_says_where() -> None:
    with pytest.raises(SoqlError) as refused:
        parse_statement("select a\nwhere b is 5")
    assert refused.value.data["position"] == {"row": 2, "column": 12, "line": "where b is 5\n" + " " * 11 + "^"}


def test_parameters_make_the_same_query_as_a_statement() -> None:
    apart = {"$SELECT": "a, count(*) as n", "$where": "b > 1", "$group": "a", "$having": "n > 2", "$order": "n desc"}
    whole = "select a, count(*) as n where b > 1 group by a having n > 2 order by n desc limit 5 offset 6"
    assert parse_parameters({**apart, "$limit": "5", "$offset": ["6"]}) == parse_statement(whole)


def test_simple_filters_keep_every_value() -> None:
    query = parse_parameters({"town": ["Avon", "Bethel"], "year": "2020"})
    assert [(f.name.key, f.value) for f in query.filters] == [("town", "Avon"), ("town", "Bethel"), ("year", "2020")]


@pytest.mark.parametrize(
    "parameters",
    [
        {"$query": "select a", "$where": "b"},
        {"$query": "select a", "b": "c"},
        {"$limit": ["1", "2"]},
        {"$limit": "1", "$LIMIT": "2"},
        {"$limit": "1000001"},
        {"$nonsense": "1"},
        {"$$exclude_system_fields": "maybe"},
    ],
)
def test_parameters_that_contradict(parameters: dict[str, str]) -> None:
    with pytest.raises(Invalid):
        parse_parameters(parameters)


def test_nodes_compare_without_regard_to_their_place() -> None:
    assert expression("  a = 1") == Binary("=", Name("a"), Literal("number", "1"))
    assert isinstance(expression("a between -1 and 2"), Between) and isinstance(expression("-a"), Unary)


WORDS = st.sampled_from(
    [*sorted(RESERVED), "a", "b", ":id", ":*", "*", "(", ")", ",", ".", "::", "text", "=", "<", "-", "+", "||", "^", "1",
     "1.5e3", "'x'", '"y"', "count", "sum", "case", "when", "then", "else", "end", "|>", "@t", "[", "]", "%", "null"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(), st.lists(WORDS, max_size=30).map(" ".join)))
def test_any_text_parses_or_is_a_soql_error(text: str) -> None:
    for read in (parse_statement, lambda t: parse_parameters({"$where": t, "$select": t, "$order": t})):
        try:
            read(text)
        except Invalid as refused:
            assert refused.code.startswith(("query.soql.", "req."))
