"""Tokens to expressions: a Pratt parser over the binding powers of soda.md §4, lowest to highest.

OR · AND · NOT · IS, LIKE, BETWEEN, IN · comparison · + - || · * / % · ^ (right) · unary · :: · . [ ] · atom
"""

from __future__ import annotations

from exchange.rows.soql import nodes
from exchange.rows.soql.calls import Calls
from exchange.rows.soql.cursor import key_of
from exchange.rows.soql.errors import SoqlError
from exchange.rows.soql.lexer import Token

MAX_HEIGHT = 100
"""Operators and calls of one expression from its top to its deepest leaf; a row of `a + b + c …` counts each."""

OR, AND, NOT, TEST, COMPARISON, SUM, PRODUCT, POWER, SIGN, CAST, PART = range(1, 12)
_BINARY = {
    "=": COMPARISON, "==": COMPARISON, "!=": COMPARISON, "<>": COMPARISON, "<": COMPARISON, "<=": COMPARISON,
    ">": COMPARISON, ">=": COMPARISON, "+": SUM, "-": SUM, "||": SUM, "*": PRODUCT, "/": PRODUCT, "%": PRODUCT,
    "^": POWER,
}  # fmt: skip
_TESTS = ("IS", "LIKE", "BETWEEN", "IN", "NOT")
_POSSIBLE = (
    (PART, ("`.'", "`['")), (CAST, ("`::'",)), (COMPARISON, ("an operator",)),
    (TEST, ("`IS'", "`IS NOT'", "`LIKE'", "`NOT LIKE'", "`BETWEEN'", "`NOT BETWEEN'", "`IN'", "`NOT IN'")),
    (AND, ("`AND'",)), (OR, ("`OR'",)),
)  # fmt: skip
"""What can follow an operand, the tightest first."""


class Parser(Calls):
    """Reads expressions."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._height = 0  # of the highest tree since it was last set to nothing

    def expression(self, power: int = 0) -> nodes.Node:
        """An expression whose operators all bind tighter than `power`."""
        beside, self._height = self._height, 0
        with self.deeper():
            left = self._prefix(power)
            height = self._height + 1
            while (binding := self._binding()) > power:
                self._height = 0
                left = self._infix(left, binding)
                height = max(height, self._height) + 1
                if height > MAX_HEIGHT:
                    raise self.refused(f"More than {MAX_HEIGHT} operators in a row or within one another")
        self._height = max(beside, height)
        for level, possible in _POSSIBLE:
            if level > power or (level == COMPARISON and power < POWER):
                self.also(*possible)
        return left

    def _binding(self) -> int:
        token = self.token
        if token.kind == "symbol":
            return {"::": CAST, ".": PART, "[": PART}.get(token.value) or _BINARY.get(token.value, 0)
        if token.kind == "word":
            return {"OR": OR, "AND": AND}.get(token.value) or (TEST if token.value in _TESTS else 0)
        return 0

    def _infix(self, left: nodes.Node, binding: int) -> nodes.Node:
        if binding in (OR, AND):
            return self._junction(left, binding)
        if binding == TEST:
            return self._test(left)
        token = self.take()
        if binding == CAST:
            return nodes.Cast(left, self.name(system=False).key, at=token.at)
        if binding == PART:
            return self._part(left, token)
        right = self.expression(binding - 1 if binding == POWER else binding)
        operator = {"==": "=", "<>": "!="}.get(token.value, token.value)
        return nodes.Binary(operator, left, right, token.value, at=token.at)

    def _junction(self, left: nodes.Node, binding: int) -> nodes.Node:
        operator = "OR" if binding == OR else "AND"
        members, at = [left], self.token.at
        while self.accept(operator):
            members.append(self.expression(binding))
        return nodes.Junction(operator, tuple(members), at=at)

    def _part(self, left: nodes.Node, token: Token) -> nodes.Node:
        if token.value == ".":
            return nodes.FieldOf(left, self.name(system=False).key, at=token.at)
        index = self.expression()
        self.only()
        self.expect("]")
        if isinstance(index, nodes.Literal) and index.kind == "text":
            return nodes.FieldOf(left, key_of(str(index.value)), at=token.at)
        return nodes.Subscript(left, index, at=token.at)

    def _test(self, left: nodes.Node) -> nodes.Node:
        at = self.token.at
        if self.accept("IS"):
            negated = self.accept("NOT")
            if not self.accept("NULL"):
                raise self.unexpected(*(("`NULL'",) if negated else ("`NULL'", "`NOT'")))
            return nodes.IsNull(left, negated, at=at)
        negated = self.accept("NOT")
        word = self.expect("BETWEEN", "IN", "LIKE").value
        if word == "LIKE":
            return nodes.Like(left, self.expression(TEST), negated, at=at)
        if word == "BETWEEN":
            low = self.expression(TEST)
            self.only()
            self.expect("AND")
            return nodes.Between(left, low, self.expression(TEST), negated, at=at)
        self.expect("(")
        items = self.expressions()
        self.expect(")")
        return nodes.In(left, items, negated, at=at)

    def _prefix(self, power: int) -> nodes.Node:
        token = self.token
        if token.kind == "word":
            return self._prefix_word(token, power)
        if token.kind == "symbol" and token.value in "+-":
            self.take()
            return nodes.Unary(token.value, self.expression(SIGN), at=token.at)
        if token.kind == "symbol" and token.value == "(":
            self.take()
            inner = self.expression()
            self.expect(")")
            return nodes.Parens(inner, at=token.at)
        return self._atom(token)

    def _prefix_word(self, token: Token, power: int) -> nodes.Node:
        if token.value == "NOT" and power <= NOT:
            self.take()
            return nodes.Unary("NOT", self.expression(NOT - 1), at=token.at)
        if token.value in ("TRUE", "FALSE"):
            self.take()
            return nodes.Literal("boolean", token.value == "TRUE", at=token.at)
        if token.value == "NULL":
            self.take()
            return nodes.Literal("null", None, at=token.at)
        raise self._no_expression()

    def _atom(self, token: Token) -> nodes.Node:
        if token.kind in ("number", "text"):
            self.take()
            return nodes.Literal(token.kind, token.value, at=token.at)
        if token.kind == "system":
            return self.name()
        if token.kind == "table":
            return self._qualified()
        if token.kind != "name":
            raise self._no_expression()
        if self.sees("CASE") and self.sees("WHEN", ahead=1):
            return self._case()
        if self.sees("(", ahead=1):
            return self._parameter() if self.sees("PARAM") else self._call()
        name = self.name()
        self.also("`('")
        return name

    def _no_expression(self) -> SoqlError:
        self.only()
        return self.unexpected("an expression")

    def _qualified(self) -> nodes.Node:
        table = self.take()
        self.expect(".")
        name = self.name()
        return nodes.Name(name.key, name.typed, key_of(table.value[1:]), at=table.at)
