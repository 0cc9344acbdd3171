"""Words of the language: names, numbers, strings in both forms, comments; and what is wrong with others."""

from __future__ import annotations

from typing import Any

import pytest

from exchange.rows.soql import SoqlError
from exchange.rows.soql.lexer import MAX_LENGTH, MAX_TOKENS, RESERVED, tokens_of


def words(text: str) -> list[tuple[str, str]]:
    return [(token.kind, token.value) for token in tokens_of(text)[:-1]]


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("_abc$1", "name", "_abc$1"),
        ("étäøîn", "name", "étäøîn"),
        ("`hither-thither`", "name", "hither-thither"),
        ("`where`", "name", "where"),
        ("`:id`", "system", ":id"),
        (":id", "system", ":id"),
        (":@computed_region", "system", ":@computed_region"),
        ("@abcd-1234", "table", "@abcd-1234"),
        ("@a", "table", "@a"),
        ("WhErE", "word", "WHERE"),
        ("when", "name", "when"),
        ("12", "number", "12"),
        ("12.", "number", "12."),
        ("1.5e-3", "number", "1.5e-3"),
        ("1E+5", "number", "1E+5"),
        ("'it''s'", "text", "it's"),
        (r"'a\n'", "text", r"a\n"),
        ("'two\nlines'", "text", "two\nlines"),
        ("''", "text", ""),
        (r'"\" \\ \/ \b \f \n \r \t"', "text", '" \\ / \b \f \n \r \t'),
        (r'"\u00e9"', "text", "é"),
        (r'"\U01F600"', "text", "\U0001f600"),
        (r'"\ud83d\ude00"', "text", "\U0001f600"),
        ('"it\'s"', "text", "it's"),
        ("|>", "symbol", "|>"),
        ("<>", "symbol", "<>"),
    ],
)
def test_one_word(text: str, kind: str, value: str) -> None:
    assert words(text) == [(kind, value)]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a/* b */c", ["a", "c"]),
        ("a /* * / ** */ c", ["a", "c"]),
        ("a -- b\nc", ["a", "c"]),
        ("a--b", ["a"]),
        ("a - -b", ["a", "-", "-", "b"]),
        ("a::text", ["a", "::", "text"]),
        ("a.b[1]", ["a", ".", "b", "[", "1", "]"]),
        ("x<=y>=z==w", ["x", "<=", "y", ">=", "z", "==", "w"]),
        (":*,*", [":*", ",", "*"]),
        ("@a.*", ["@a", ".", "*"]),
        ("1a", ["1", "a"]),
    ],
)
def test_several_words(text: str, values: list[str]) -> None:
    assert [value for _, value in words(text)] == values


@pytest.mark.parametrize(
    ("text", "kind", "column"),
    [
        ("a 'b", "unterminated-string", 3),
        ('a "b', "unterminated-string", 5),
        ('a "b\n"', "unterminated-string", 5),
        ("a ; b", "unexpected-character", 3),
        ("a # b", "unexpected-character", 3),
        ("a : b", "unexpected-character", 3),
        ("`a b`", "unexpected-character", 3),
        ("``", "unexpected-character", 2),
        ("`a", "unexpected-eof", 3),
        ("a /* b", "unexpected-eof", 3),
        (r'"\q"', "unexpected-escape", 3),
        ('"\\\'"', "unexpected-escape", 3),
        ('"a\\\n"', "unexpected-escape", 4),
        ('"\\', "unexpected-eof", 3),
        (r'"\u00', "unexpected-eof", 6),
        (r'"\u00g0"', "bad-unicode-escape-character", 6),
        (r'"\U00g0"', "bad-unicode-escape-character", 6),
        (r'"\U110000"', "unicode-character-out-of-range", 3),
        (r'"\U00D800"', "unicode-character-out-of-range", 3),
        (r'"\ud83d"', "unicode-character-out-of-range", 8),
        (r'"\u0000"', "unicode-character-out-of-range", 3),
    ],
)
def test_what_is_no_word(text: str, kind: str, column: int) -> None:
    with pytest.raises(SoqlError) as refused:
        tokens_of(text)
    data: dict[str, Any] = refused.value.data
    assert (refused.value.code, data["position"]["column"]) == (f"query.soql.{kind}", column)


def test_characters_that_no_text_can_hold() -> None:
    for text in ("a\x00", "'\ud800'"):
        with pytest.raises(SoqlError) as refused:
            tokens_of(text)
        assert refused.value.code == "query.soql.unexpected-character"


def test_texts_are_bounded() -> None:
    for text in ("a" * (MAX_LENGTH + 1), "a " * (MAX_TOKENS + 1)):
        with pytest.raises(SoqlError) as refused:
            tokens_of(text)
        assert refused.value.code == "query.soql.bad-parse"
    assert len(tokens_of("'" + "a" * (MAX_LENGTH - 2) + "'")) == 2


def test_reserved_words_are_those_of_the_reference() -> None:
    assert {"SELECT", "SEARCH", "MINUS", "LATERAL"} <= RESERVED and len(RESERVED) == 36
    free = "CASE WHEN THEN ELSE END OVER PARTITION BY RANGE ROWS GROUPS NULLS FIRST LAST ALL HINT"
    assert {kind for kind, _ in words(free)} == {"name"} and not RESERVED & {value for _, value in words(free)}
