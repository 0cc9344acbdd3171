"""Where a parser stands in a text, and what would have been right there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from exchange.rows.soql.errors import SoqlError
from exchange.rows.soql.lexer import Token, tokens_of
from exchange.rows.soql.nodes import Name

MAX_DEPTH = 60


def key_of(name: str) -> str:
    """How names compare: without regard to case, and with `-` equal to `_`."""
    return name.lower().replace("-", "_")


class Cursor:
    """Reads the tokens of one text from the first to the last.

    A rule that may stop where it stands says with `also` what it would have taken; a refusal at that token then names
    these too, the latest first (the form of the messages is Socrata's: "Expected one of `a', `b', or `c', but got …").
    """

    def __init__(self, text: str) -> None:
        self._tokens = tokens_of(text)
        self._next = 0
        self._depth = 0
        self._also: list[tuple[str, ...]] = []

    @property
    def token(self) -> Token:
        """The token that comes next."""
        return self._tokens[self._next]

    def ahead(self, count: int) -> Token:
        """The token that comes after so many others; the end stands for all behind it."""
        return self._tokens[min(self._next + count, len(self._tokens) - 1)]

    def take(self) -> Token:
        """The token that comes next, consumed; the end stays where it is."""
        token = self.token
        if token.kind != "end":
            self._next += 1
            self._also.clear()
        return token

    def sees(self, *values: str, ahead: int = 0) -> bool:
        """Whether a symbol or word of these comes next (words that are not reserved count too, unless quoted)."""
        token = self.ahead(ahead)
        return token.kind in ("symbol", "word", "name") and not token.quoted and token.value.upper() in values

    def accept(self, *values: str) -> bool:
        """Consume the next token if it is one of these."""
        if self.sees(*values):
            self.take()
            return True
        return False

    def accept_or(self, value: str) -> bool:
        """The same for one, and remember it as possible if it is not there."""
        if self.accept(value):
            return True
        self.also(f"`{value}'")
        return False

    def expect(self, *values: str) -> Token:
        """Consume exactly one of these; raises `SoqlError`."""
        if not self.sees(*values):
            raise self.unexpected(*(f"`{value}'" for value in values))
        return self.take()

    def expect_end(self) -> None:
        """Raise `SoqlError` if anything is left."""
        if self.token.kind != "end":
            raise self.unexpected("end of input")

    def also(self, *wanted: str) -> None:
        """Remember what would have been right at the next token too."""
        self._also.append(wanted)

    def only(self) -> None:
        """Forget it again: a refusal here names what it wants alone."""
        self._also.clear()

    def unexpected(self, *wanted: str) -> SoqlError:
        """The error that says what would have been right here."""
        possible = dict.fromkeys(each for group in ((wanted), *reversed(self._also)) for each in group)
        return self.refused(f"Expected {_one_of(list(possible))}, but got {self.token.shown}")

    def refused(self, sentence: str) -> SoqlError:
        """An error of the grammar at the next token."""
        return SoqlError("bad-parse", sentence, at=self.token.at)

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """One level of nesting; raises `SoqlError` at the bound."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self.refused(f"The query is nested deeper than {MAX_DEPTH} levels")
        yield
        self._depth -= 1

    def name(self, *, system: bool = True) -> Name:
        """A column name or alias, one beginning with `:` only if `system` ones may stand here."""
        token = self.token
        if token.kind == "system" and not system:
            raise self.unexpected("a non-system identifier")
        if token.kind not in ("name", "system"):
            raise self.unexpected("an identifier")
        self.take()
        return Name(key_of(token.value), token.value, at=token.at)

    def whole_number(self) -> Token:
        """A number of digits alone."""
        if not self.token.is_whole_number:
            raise self.unexpected("an integer")
        return self.take()

    def text(self) -> Token:
        """A string."""
        if self.token.kind != "text":
            raise self.unexpected("a string")
        return self.take()


def _one_of(wanted: list[str]) -> str:
    if len(wanted) == 1:
        return wanted[0]
    if len(wanted) == 2:
        return f"one of {wanted[0]} or {wanted[1]}"
    return f"one of {', '.join(wanted[:-1])}, or {wanted[-1]}"
