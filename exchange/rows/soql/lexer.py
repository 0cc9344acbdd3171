"""Text to tokens. One regular expression, no backtracking that a hostile text could use."""

from __future__ import annotations

import re
from dataclasses import dataclass

from exchange.rows.soql.errors import SoqlError
from exchange.rows.soql.tree import Place

MAX_LENGTH = 100_000
"""Characters of one query text."""

MAX_TOKENS = 20_000

RESERVED = frozenset({
    "SELECT", "DISTINCT", "EXCEPT", "AS", "WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "SEARCH", "ASC",
    "DESC", "FILTER", "FROM", "FULL", "IN", "INNER", "JOIN", "LEFT", "RIGHT", "ON", "OUTER", "LATERAL", "AND", "OR",
    "NOT", "IS", "BETWEEN", "LIKE", "TRUE", "FALSE", "NULL", "UNION", "INTERSECT", "MINUS",
})  # fmt: skip
"""Words that cannot be column names unless quoted (reference: soda.md §4)."""

_TOKEN = re.compile(
    r"""(?P<space>(?:\s|--[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)+)
      | (?P<number>[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)
      | (?!/\*)(?P<symbol>\|>|\|\||::|:\*|==|!=|<>|<=|>=|[=<>+\-*/%^(),.\[\]])
      | (?P<system>:@?[^\W\d]\w*)
      | (?P<table>@[^\W_]\w*(?:-\w+)?)
      | (?P<name>[^\W\d]\w*)
      | `(?P<quoted>[^`\n]+)`
      | '(?P<string>(?:[^']|'')*)'
      | "(?P<json>(?:[^"\\\n]|\\.)*)"
    """,
    re.VERBOSE,
)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|U[0-9a-fA-F]{6}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "/": "/", "\\": "\\", '"': '"', "'": "'"}
_UNSTORABLE = re.compile("[\ud800-\udfff\x00]")


@dataclass(frozen=True)
class Token:
    """One word. `kind`: name, word (reserved, upper case), system, table, number, text, symbol, end."""

    kind: str
    value: str
    at: Place

    @property
    def shown(self) -> str:
        """The token as an error message names it."""
        return "end of input" if self.kind == "end" else f"`{self.value[:60]}'"


def tokens_of(text: str) -> list[Token]:
    """All tokens, closed by one of kind "end". Raises `SoqlError`."""
    if len(text) > MAX_LENGTH:
        raise SoqlError("bad-parse", f"The query is longer than {MAX_LENGTH:,} characters; send a shorter one")
    check_storable(text)
    tokens: list[Token] = []
    offset = 0
    while offset < len(text):
        match = _TOKEN.match(text, offset)
        if match is None:
            raise _unreadable(text, offset)
        if match.lastgroup != "space":
            tokens.append(_token(match, Place(text, offset)))
        if len(tokens) > MAX_TOKENS:
            raise SoqlError("bad-parse", f"The query has more than {MAX_TOKENS:,} words; send a shorter one")
        offset = match.end()
    tokens.append(Token("end", "", Place(text, len(text))))
    return tokens


def check_storable(text: str) -> None:
    """Raise `SoqlError` for characters that no stored text can hold, so that nothing later has to think of them."""
    found = _UNSTORABLE.search(text)
    if found:
        sentence = f"Unexpected character: \\u{ord(found.group()):04x}"
        raise SoqlError("unexpected-character", sentence, character=f"\\u{ord(found.group()):04x}")


def _token(match: re.Match[str], at: Place) -> Token:
    kind, value = str(match.lastgroup), str(match[str(match.lastgroup)])
    if kind == "string":
        return Token("text", value.replace("''", "'"), at)
    if kind == "json":
        return Token("text", _unescape(value, at), at)
    if kind == "quoted":
        return Token("name", value, at)
    if kind == "name" and value.upper() in RESERVED:
        return Token("word", value.upper(), at)
    return Token(kind, value, at)


def _unescape(value: str, at: Place) -> str:
    def replacement(match: re.Match[str]) -> str:
        code = match[1]
        if len(code) == 1:
            if code in "uU":
                raise SoqlError("bad-unicode-escape-character", "Bad character in unicode escape", at=at)
            if code not in _ESCAPES:
                raise SoqlError("unexpected-escape", f"Unexpected escape character: {code}", at=at, character=code)
            return _ESCAPES[code]
        point = int(code[1:], 16)
        if point > 0x10FFFF or 0xD800 <= point <= 0xDFFF or point == 0:
            raise SoqlError("unicode-character-out-of-range", f"Unicode character out of range: {point}", at=at)
        return chr(point)

    return _ESCAPE.sub(replacement, value)


def _unreadable(text: str, offset: int) -> SoqlError:
    at = Place(text, offset)
    if text[offset] in "'\"":
        return SoqlError("unterminated-string", "Unterminated string", at=at)
    if text[offset] == "`" or text.startswith("/*", offset):
        return SoqlError("unexpected-eof", "Unexpected end of input", at=at)
    return SoqlError("unexpected-character", f"Unexpected character: {text[offset]}", at=at, character=text[offset])
