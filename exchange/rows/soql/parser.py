"""Tokens to expressions: a Pratt parser over the binding powers of soda.md §4, lowest to highest.

OR · AND · NOT · IS, LIKE, BETWEEN, IN · comparison · + - || · * / % · ^ (right) · unary · :: · . [ ] · atom
"""

from __future__ import annotations

from exchange.rows.soql import nodes
from exchange.rows.soql.cursor import MAX_DEPTH, Cursor, key_of
from exchange.rows.soql.errors import SoqlError
from exchange.rows.soql.lexer import Token

MAX_ITEMS = 5_000
"""Members of one IN list, and arguments of one function."""

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


class Parser(Cursor):
    """Reads expressions."""

    def expression(self, power: int = 0) -> nodes.Node:
        """An expression whose operators all bind tighter than `power`."""
        with self.deeper():
            left = self._prefix(power)
            links = 0
            while (binding := self._binding()) > power:
                left = self._infix(left, binding)
                links += 1
                if links > MAX_DEPTH and not isinstance(left, nodes.Junction):
                    raise self.refused(f"More than {MAX_DEPTH} operators in a row")
        for level, possible in _POSSIBLE:
            if level > power or (level == COMPARISON and power < POWER):
                self.also(*possible)
        return left

    def whole_expression(self) -> nodes.Node:
        """An expression of a clause's own: a refusal behind it speaks of the clause."""
        found = self.expression()
        self.only()
        return found

    def expressions(self) -> tuple[nodes.Node, ...]:
        """One or more expressions with commas between them."""
        found = [self.expression()]
        while self.accept_or(","):
            found.append(self.expression())
            if len(found) > MAX_ITEMS:
                raise self.refused(f"More than {MAX_ITEMS:,} expressions in one list")
        return tuple(found)

    def orderings(self) -> tuple[nodes.Ordering, ...]:
        """One or more sort keys."""
        found = [self._ordering()]
        while self.accept_or(","):
            found.append(self._ordering())
            if len(found) > MAX_ITEMS:
                raise self.refused(f"More than {MAX_ITEMS:,} sort keys")
        return tuple(found)

    def _ordering(self) -> nodes.Ordering:
        expression = self.whole_expression()
        descending = self.sees("DESC")
        if not self.accept("ASC", "DESC"):
            self.also("`ASC'", "`DESC'")
        if not self.accept("NULL", "NULLS"):
            self.also("`NULL'", "`NULLS'")
            return nodes.Ordering(expression, descending)
        return nodes.Ordering(expression, descending, self.expect("FIRST", "LAST").value.upper() == "FIRST")

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

    def _case(self) -> nodes.Node:
        at = self.take().at
        branches: list[tuple[nodes.Node, nodes.Node]] = []
        self.expect("WHEN")
        while True:
            condition = self.expression()
            self.expect("THEN")
            branches.append((condition, self.expression()))
            word = self.expect("WHEN", "ELSE", "END").value.upper()
            if len(branches) > MAX_ITEMS:
                raise self.refused(f"More than {MAX_ITEMS:,} branches in one CASE")
            if word != "WHEN":
                break
        otherwise = self.expression() if word == "ELSE" else None
        if word == "ELSE":
            self.expect("END")
        return nodes.Case(tuple(branches), otherwise, at=at)

    def _parameter(self) -> nodes.Node:
        at, table = self.take().at, ""
        self.expect("(")
        if self.token.kind == "table":
            table = self.take().value[1:].lower()
            self.expect(",")
        elif self.token.kind != "text":
            raise self.unexpected("a table identifier", "a string")
        name = self.text().value
        self.expect(")")
        return nodes.Parameter(name, table, at=at)

    def _call(self) -> nodes.Node:
        name = self.take()
        self.expect("(")
        star = distinct = False
        arguments: tuple[nodes.Node, ...] = ()
        if self.accept("*"):
            star = True
        elif not self.sees(")"):
            distinct = self.accept("DISTINCT")
            arguments = (self.expression(),) if distinct else self.expressions()
        self.expect(")")
        return nodes.Call(
            key_of(name.value), arguments, distinct, star, name.value, self._filter(), self._over(), at=name.at
        )

    def _filter(self) -> nodes.Node | None:
        if not self.accept_or("FILTER"):
            return None
        self.expect("(")
        self.expect("WHERE")
        condition = self.whole_expression()
        self.expect(")")
        return condition

    def _over(self) -> nodes.Window | None:
        if not self.accept_or("OVER"):
            return None
        self.expect("(")
        partition: tuple[nodes.Node, ...] = ()
        order: tuple[nodes.Ordering, ...] = ()
        if self.accept("PARTITION"):
            self.expect("BY")
            partition = self.expressions()
        else:
            self.also("`PARTITION BY'")
        if self.accept("ORDER"):
            self.expect("BY")
            order = self.orderings()
        else:
            self.also("`ORDER BY'")
        frame = self._frame()
        self.expect(")")
        return nodes.Window(partition, order, frame)

    def _frame(self) -> nodes.Frame | None:
        if not self.sees("RANGE", "ROWS", "GROUPS"):
            self.also("`RANGE'", "`ROWS'", "`GROUPS'")
            return None
        unit = self.take().value.upper()
        if not self.accept("BETWEEN"):
            start, end = self._edge("BETWEEN"), None
        else:
            start = self._edge()
            self.expect("AND")
            end = self._edge()
        return nodes.Frame(unit, start, end, self._exclusion())

    def _edge(self, *before: str) -> str:
        if self.accept("UNBOUNDED"):
            return f"UNBOUNDED {self.expect('PRECEDING', 'FOLLOWING').value.upper()}"
        if self.accept("CURRENT"):
            return f"CURRENT {self.expect('ROW').value.upper()}"
        if not self.token.is_whole_number:
            words = (f"`{word}'" for word in (*before, "UNBOUNDED", "CURRENT"))
            raise self.unexpected(*words, "an integer")
        return f"{int(self.take().value[:15])} {self.expect('PRECEDING', 'FOLLOWING').value.upper()}"

    def _exclusion(self) -> str | None:
        if not self.accept("EXCLUDE"):
            self.also("`EXCLUDE'")
            return None
        word = self.expect("CURRENT", "GROUP", "TIES", "NO").value.upper()
        second = {"CURRENT": "ROW", "NO": "OTHERS"}.get(word)
        return f"{word} {self.expect(second).value.upper()}" if second else word
