"""The parts of expressions that are written with words and lists: calls, CASE, `param`, FILTER and OVER."""

from __future__ import annotations

from abc import abstractmethod

from exchange.rows.soql import nodes
from exchange.rows.soql.cursor import Cursor, key_of

MAX_SORT_KEYS = 200

MAX_ITEMS = 5_000
"""Members of one IN list, and arguments of one function."""


class Calls(Cursor):
    """Reads lists of expressions and what is called with them."""

    @abstractmethod
    def expression(self, power: int = 0) -> nodes.Node:
        """An expression whose operators all bind tighter than `power`."""

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
            if len(found) > MAX_SORT_KEYS:
                raise self.refused(f"More than {MAX_SORT_KEYS} sort keys")
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
