"""Text to tokens. One regular expression, no backtracking that a hostile text could use (lexis: soda.md §4)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from exchange.rows.soql.errors import SoqlError
from exchange.rows.soql.nodes import Place

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
      | (?!/\*)(?P<symbol>\|>|\|\||::|:\*|==|!=|<>|<=|>=|[=<>+\-*/%^(),.\[\]!~])
      | (?P<system>:@?[\w$]+)
      | (?P<table>@[-\w$]+)
      | (?P<name>[^\W\d][\w$]*|\$[\w$]*)
      | (?P<hole>\?[^\W\d]\w*)
      | `(?P<quoted>(?::@?[-\w$]+|[^\W\d][-\w$]*|[-$][-\w$]*))`
      | '(?P<string>(?:[^']|'')*)'
      | (?P<json>")
    """,
    re.VERBOSE,
)
_PLAIN = re.compile(r'[^"\\\n]*')
_HEX = re.compile(r"[0-9a-fA-F]*")
_BAD_QUOTED = re.compile(r"`(?::@?[-\w$]*|[^\W\d][-\w$]*|[-$][-\w$]*)?")
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "/": "/", "\\": "\\", '"': '"'}
_UNSTORABLE = re.compile("[\ud800-\udfff\x00]")


@dataclass(frozen=True)
class Token:
    """One word. `kind`: name, word (reserved, upper case), system, table, number, text, symbol, hole, end."""

    kind: str
    value: str
    at: Place
    quoted: bool = False

    @property
    def shown(self) -> str:
        """The token as an error message names it."""
        if self.kind == "end":
            return "end of input"
        shown = self.value.lower() if self.value in ("TRUE", "FALSE") and self.kind == "word" else self.value[:60]
        return f"``{shown}`'" if self.quoted else f"`{shown}'"

    @property
    def is_whole_number(self) -> bool:
        """Whether it is a number written with digits alone."""
        return self.kind == "number" and self.value.isascii() and self.value.isdigit()


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
        start, offset = offset, match.end()
        if match.lastgroup == "json":
            value, offset = _double_quoted(text, offset)
            tokens.append(Token("text", value, Place(text, start)))
        elif match.lastgroup != "space":
            tokens.append(_token(match, Place(text, start)))
        if len(tokens) > MAX_TOKENS:
            raise SoqlError("bad-parse", f"The query has more than {MAX_TOKENS:,} words; send a shorter one")
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
    if kind == "quoted":
        return Token("system" if value.startswith(":") else "name", value, at, quoted=True)
    if kind == "name" and value.upper() in RESERVED:
        return Token("word", value.upper(), at)
    return Token(kind, value, at)


def _double_quoted(text: str, offset: int) -> tuple[str, int]:
    """The string whose opening quote stands before `offset`, with its escapes read, and where it ends."""
    found: list[str] = []
    while True:
        plain = str(_PLAIN.match(text, offset)[0])  # type: ignore[index]
        found.append(plain)
        offset += len(plain)
        if offset >= len(text) or text[offset] == "\n":
            raise SoqlError("unterminated-string", "Unterminated string", at=Place(text, offset))
        if text[offset] == '"':
            return _joined("".join(found), Place(text, offset)), offset + 1
        character, offset = _escaped(text, offset + 1)
        found.append(character)


def _escaped(text: str, offset: int) -> tuple[str, int]:
    """The character that the escape at `offset` (after the backslash) stands for, and where it ends."""
    code = text[offset : offset + 1]
    if code in _ESCAPES:
        return _ESCAPES[code], offset + 1
    at = Place(text, offset)
    if not code:
        raise SoqlError("unexpected-eof", "Unexpected end of input", at=at)
    if code not in "uU":
        raise SoqlError("unexpected-escape", f"Unexpected escape character: {code}", at=at, character=code)
    wanted = 4 if code == "u" else 6
    digits = str(_HEX.match(text, offset + 1, offset + 1 + wanted)[0])  # type: ignore[index]
    end = offset + 1 + len(digits)
    if len(digits) < wanted:
        if end >= len(text):
            raise SoqlError("unexpected-eof", "Unexpected end of input", at=Place(text, end))
        sentence = f"Bad character in unicode escape: {text[end]}"
        raise SoqlError("bad-unicode-escape-character", sentence, at=Place(text, end), character=text[end])
    point = int(digits, 16)
    if point > 0x10FFFF or point == 0 or (code == "U" and 0xD800 <= point <= 0xDFFF):
        raise _out_of_range(point, Place(text, offset))
    return chr(point), end


def _joined(value: str, at: Place) -> str:
    r"""The text with each pair of `\u` halves made one character; a lone half is no character."""
    found = _UNSTORABLE.search(value)
    if found is None:
        return value
    try:
        return value.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise _out_of_range(ord(found.group()), at) from None


def _out_of_range(point: int, at: Place) -> SoqlError:
    return SoqlError("unicode-character-out-of-range", f"Unicode character out of range: {point}", at=at, value=point)


def _unreadable(text: str, offset: int) -> SoqlError:
    at = Place(text, offset)
    if text[offset] == "'":
        return SoqlError("unterminated-string", "Unterminated string", at=at)
    if text.startswith("/*", offset):
        return SoqlError("unexpected-eof", "Unexpected end of input", at=at)
    if text[offset] == "`":
        offset = _BAD_QUOTED.match(text, offset).end()  # type: ignore[union-attr]
        if offset >= len(text):
            return SoqlError("unexpected-eof", "Unexpected end of input", at=Place(text, offset))
    character = text[offset]
    return SoqlError(
        "unexpected-character", f"Unexpected character: {character}", at=Place(text, offset), character=character
    )
