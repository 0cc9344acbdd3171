"""Tokens to expressions: a Pratt parser over the binding powers of soda.md §4, lowest to highest.

OR · AND · NOT · IS, LIKE, BETWEEN, IN · comparison · + - || · * / % · ^ (right) · unary · :: · . · atom
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from exchange.rows.soql import tree
from exchange.rows.soql.errors import SoqlError
from exchange.rows.soql.lexer import Token, tokens_of

MAX_DEPTH = 60
MAX_ITEMS = 5_000
"""Members of one IN list, and arguments of one function."""

OR, AND, NOT, TEST, COMPARISON, SUM, PRODUCT, POWER, SIGN, CAST, PART = range(1, 12)
_BINARY = {
    "=": COMPARISON, "==": COMPARISON, "!=": COMPARISON, "<>": COMPARISON, "<": COMPARISON, "<=": COMPARISON,
    ">": COMPARISON, ">=": COMPARISON, "+": SUM, "-": SUM, "||": SUM, "*": PRODUCT, "/": PRODUCT, "%": PRODUCT,
    "^": POWER,
}  # fmt: skip
_TESTS = ("IS", "LIKE", "BETWEEN", "IN", "NOT")


def key_of(name: str) -> str:
    """How names compare: without regard to case, and with `-` equal to `_`."""
    return name.lower().replace("-", "_")


class Parser:
    """Reads one text from its first token to its last."""

    def __init__(self, text: str) -> None:
        self._tokens = tokens_of(text)
        self._next = 0
        self._depth = 0

    @property
    def token(self) -> Token:
        """The token that comes next."""
        return self._tokens[self._next]

    def take(self) -> Token:
        """The token that comes next, consumed; the end stays where it is."""
        token = self.token
        if token.kind != "end":
            self._next += 1
        return token

    def sees(self, *values: str, ahead: int = 0) -> bool:
        """Whether a symbol or word of these comes next (words that are not reserved count too)."""
        token = self._tokens[min(self._next + ahead, len(self._tokens) - 1)]
        return token.kind in ("symbol", "word", "name") and token.value.upper() in values

    def accept(self, *values: str) -> bool:
        """Consume the next token if it is one of these."""
        if self.sees(*values):
            self._next += 1
            return True
        return False

    def expect(self, value: str) -> Token:
        """Consume exactly this; raises `SoqlError`."""
        if not self.sees(value):
            raise self.unexpected(f"`{value}'")
        return self.take()

    def expect_end(self) -> None:
        """Raise `SoqlError` if anything is left."""
        if self.token.kind != "end":
            raise self.unexpected("end of input")

    def unexpected(self, wanted: str) -> SoqlError:
        """The error that says what would have been right here."""
        return SoqlError("bad-parse", f"Expected {wanted}, but got {self.token.shown}", at=self.token.at)

    def unsupported(self, what: str) -> SoqlError:
        """The error for what the language has and this server does not answer."""
        return SoqlError("bad-parse", f"{what} is not supported here; ask one dataset at a time", at=self.token.at)

    @contextmanager
    def _deeper(self) -> Iterator[None]:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise SoqlError("bad-parse", f"The query is nested deeper than {MAX_DEPTH} levels", at=self.token.at)
        yield
        self._depth -= 1

    def name(self) -> tree.Name:
        """A column name or alias."""
        token = self.token
        if token.kind not in ("name", "system"):
            raise self.unexpected("an identifier")
        self.take()
        return tree.Name(key_of(token.value), token.value, at=token.at)

    def expression(self, power: int = 0) -> tree.Node:
        """An expression whose operators all bind tighter than `power`."""
        with self._deeper():
            left = self._prefix(power)
            links = 0
            while (binding := self._binding()) > power:
                left = self._infix(left, binding)
                links += 1
                if links > MAX_DEPTH and not isinstance(left, tree.Junction):
                    raise SoqlError("bad-parse", f"More than {MAX_DEPTH} operators in a row", at=self.token.at)
            return left

    def expressions(self) -> tuple[tree.Node, ...]:
        """One or more expressions with commas between them."""
        found = [self.expression()]
        while self.accept(","):
            found.append(self.expression())
            if len(found) > MAX_ITEMS:
                raise SoqlError("bad-parse", f"More than {MAX_ITEMS:,} expressions in one list", at=self.token.at)
        return tuple(found)

    def _binding(self) -> int:
        token = self.token
        if token.kind == "symbol":
            return {"::": CAST, ".": PART, "[": PART}.get(token.value) or _BINARY.get(token.value, 0)
        if token.kind == "word":
            return {"OR": OR, "AND": AND}.get(token.value) or (TEST if token.value in _TESTS else 0)
        return 0

    def _infix(self, left: tree.Node, binding: int) -> tree.Node:
        if binding in (OR, AND):
            return self._junction(left, binding)
        if binding == TEST:
            return self._test(left)
        token = self.take()
        if binding == CAST:
            return tree.Cast(left, self.name().key, at=token.at)
        if binding == PART:
            return self._part(left, token)
        right = self.expression(binding - 1 if binding == POWER else binding)
        operator = {"==": "=", "<>": "!="}.get(token.value, token.value)
        return tree.Binary(operator, left, right, at=token.at)

    def _junction(self, left: tree.Node, binding: int) -> tree.Node:
        operator = "OR" if binding == OR else "AND"
        members, at = [left], self.token.at
        while self.accept(operator):
            members.append(self.expression(binding))
        return tree.Junction(operator, tuple(members), at=at)

    def _part(self, left: tree.Node, token: Token) -> tree.Node:
        if token.value == "[":
            raise self.unsupported("Looking into a value with [ ]")
        return tree.FieldOf(left, self.name().key, at=token.at)

    def _test(self, left: tree.Node) -> tree.Node:
        at = self.token.at
        if self.accept("IS"):
            negated = self.accept("NOT")
            if not self.sees("NULL"):
                raise self.unexpected("`NULL'" if negated else "one of `NOT' or `NULL'")
            self.take()
            return tree.IsNull(left, negated, at=at)
        negated = self.accept("NOT")
        if self.accept("LIKE"):
            return tree.Like(left, self.expression(TEST), negated, at=at)
        if self.accept("BETWEEN"):
            low = self.expression(TEST)
            self.expect("AND")
            return tree.Between(left, low, self.expression(TEST), negated, at=at)
        if self.accept("IN"):
            self.expect("(")
            items = self.expressions()
            self.expect(")")
            return tree.In(left, items, negated, at=at)
        raise self.unexpected("one of `BETWEEN', `IN', or `LIKE'")

    def _prefix(self, power: int) -> tree.Node:
        token = self.token
        if token.kind == "word":
            return self._prefix_word(token, power)
        if token.kind == "symbol" and token.value in "+-":
            self.take()
            return tree.Unary(token.value, self.expression(SIGN), at=token.at)
        if token.kind == "symbol" and token.value == "(":
            self.take()
            inner = self.expression()
            self.expect(")")
            return inner
        readers: dict[str, Callable[[], tree.Node]] = {
            "number": self._literal, "text": self._literal, "name": self._named, "system": self.name,
        }  # fmt: skip
        if token.kind == "table":
            raise self.unsupported("Naming another table")
        if token.kind not in readers:
            raise self.unexpected("an expression")
        return readers[token.kind]()

    def _prefix_word(self, token: Token, power: int) -> tree.Node:
        if token.value == "NOT" and power <= NOT:
            self.take()
            return tree.Unary("NOT", self.expression(NOT - 1), at=token.at)
        if token.value in ("TRUE", "FALSE"):
            self.take()
            return tree.Literal("boolean", token.value == "TRUE", at=token.at)
        if token.value == "NULL":
            self.take()
            return tree.Literal("null", None, at=token.at)
        raise self.unexpected("an expression")

    def _literal(self) -> tree.Node:
        token = self.take()
        return tree.Literal(token.kind, token.value, at=token.at)

    def _named(self) -> tree.Node:
        if self.sees("CASE") and self.sees("WHEN", ahead=1):
            return self._case()
        if self._tokens[self._next + 1].value == "(" and self._tokens[self._next + 1].kind == "symbol":
            return self._call()
        return self.name()

    def _case(self) -> tree.Node:
        at = self.take().at
        branches = []
        while self.accept("WHEN"):
            condition = self.expression()
            self.expect("THEN")
            branches.append((condition, self.expression()))
        otherwise = self.expression() if self.accept("ELSE") else None
        self.expect("END")
        return tree.Case(tuple(branches), otherwise, at=at)

    def _call(self) -> tree.Node:
        name = self.take()
        self.expect("(")
        star = distinct = False
        arguments: tuple[tree.Node, ...] = ()
        if self.accept("*"):
            star = True
        elif not self.sees(")"):
            distinct = self.accept("DISTINCT")
            arguments = self.expressions()
        self.expect(")")
        if self.sees("FILTER", "OVER") and self.sees("(", ahead=1):
            raise self.unsupported(f"{self.token.value.upper()} (…)")
        return tree.Call(key_of(name.value), arguments, distinct, star, name.value, at=name.at)
