"""Whole statements: selects, joins, chains by `|>`, and UNION, INTERSECT and MINUS (soda.md §4).

`|>` and the set operators bind equally, from the left: `a UNION b |> c` reads the union.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from exchange.rows.soql import tree
from exchange.rows.soql.cursor import key_of
from exchange.rows.soql.errors import ParameterError, SoqlError
from exchange.rows.soql.lexer import RESERVED
from exchange.rows.soql.parser import Parser

MAX_LIMIT = 1_000_000
"""The documented cap of `$limit`; larger ones are refused, never silently cut."""

MAX_OFFSET = 10**15
MAX_SELECTS = 16
"""Selects of one statement, those in joins included."""

MAX_JOINS = 6
"""Joins of one statement."""

MAX_SELECTED = 2_000
"""Expressions of one selection."""

_SET_OPERATORS = ("UNION", "INTERSECT", "MINUS")
_HINTS = ("MATERIALIZED", "NO_ROLLUP", "NO_CHAIN_MERGE", "COMPOUND_ROLLUP", "ROLLUP_AT_JOIN")


class StatementParser(Parser):
    """Reads statements."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._selects = self._joins = 0

    def statement(self) -> tree.Query:
        """One whole statement; a set operation at its top is a select of everything over it."""
        found = self._compound()
        self.expect_end()
        return found if isinstance(found, tree.Query) else tree.Query(source=found)

    def _compound(self) -> tree.Rows:
        left = self._leaf()
        while True:
            at = self.token.at
            if self.accept("|>"):
                left = self._piped(left)
            elif self.sees(*_SET_OPERATORS):
                operator = self.take().value.upper()
                every = self.accept("ALL")
                left = tree.Combined(operator, every, left, self._leaf(), at=at)
            else:
                every_operator = [f"`{word}'" for word in _SET_OPERATORS]
                self.also("`|>'", *every_operator, *(f"`{word} ALL'" for word in _SET_OPERATORS))
                return left

    def _piped(self, left: tree.Rows) -> tree.Query:
        start = self.token
        right = self._leaf()
        if not isinstance(right, tree.Query) or right.source is not None:
            sentence = "Expected a non-compound query on the right side of a pipe operator"
            raise SoqlError("bad-parse", sentence, at=start.at)
        return replace(right, source=left)

    def _leaf(self) -> tree.Rows:
        if not self.sees("("):
            self.also("`('")
            return self.select()
        with self.deeper():
            self.take()
            found = self._compound()
            self.expect(")")
            return found

    def select(self) -> tree.Query:
        """One select."""
        self.expect("SELECT")
        self._selects += 1
        if self._selects > MAX_SELECTS:
            raise self.refused(f"More than {MAX_SELECTS} selects in one statement")
        self._hints()
        parts = self._distinctness() | self.selected()
        parts["table"] = self._from()
        parts["joins"] = self._every_join()
        parts["where"] = self._clause("WHERE")
        parts["group"] = self._group()
        parts["having"] = self._clause("HAVING")
        parts |= self._ordered_and_searched() | self._paged()
        return tree.Query(**parts)

    def _hints(self) -> None:
        """Hints are the vendor's to its own engine; they are read and change nothing."""
        if not (self.sees("HINT") and self.sees("(", ahead=1)):
            return
        self.take(), self.take()
        if self.accept(")"):
            return
        while True:
            if not self.accept(*_HINTS):
                raise self.unexpected("a hint")
            if self.expect(",", ")").value == ")":
                return

    def _distinctness(self) -> dict[str, Any]:
        if not self.accept_or("DISTINCT"):
            return {}
        if not self.accept("ON"):
            return {"distinct": True}
        self.expect("(")
        keys = self.expressions()
        self.expect(")")
        return {"distinct_on": keys}

    def selection_clause(self) -> dict[str, Any]:
        """What stands in `$select`."""
        return self._distinctness() | self.selected()

    def selected(self) -> dict[str, Any]:
        """Stars first, then expressions; possibly nothing."""
        stars: list[tree.Star] = []
        selections: list[tree.Selection] = []
        more = self._opens_selection()
        while more:
            if self._sees_star():
                stars.append(self._star(stars, late=bool(selections)))
            else:
                selections.append(self._selection())
            more = self.accept_or(",")
            if len(selections) > MAX_SELECTED:
                raise self.refused(f"More than {MAX_SELECTED:,} selected expressions")
        return {"stars": tuple(stars), "selections": tuple(selections)}

    def _opens_selection(self) -> bool:
        """Whether a selection begins here. A word of the grammar, or nothing that begins one, means an empty list."""
        token = self.token
        reserved = token.kind == "word" and token.value in RESERVED - {"NOT", "TRUE", "FALSE", "NULL"}
        closing = token.kind == "symbol" and token.value not in ("(", "+", "-", "*", ":*")
        if token.kind in ("end", "hole") or reserved or closing:
            self.also("a table identifier", "`:*'", "`*'", "an expression")
            return False
        return True

    def _sees_star(self) -> bool:
        if self.token.kind == "table" and self.sees(".", ahead=1):
            return self.sees("*", ":*", ahead=2)
        return self.sees("*", ":*")

    def _star(self, before: list[tree.Star], *, late: bool) -> tree.Star:
        start, table = self.token, ""
        if start.kind == "table":
            table = key_of(self.take().value[1:])
            self.take()
        system = self.token.value == ":*"
        if late:
            raise SoqlError("bad-parse", "Star selections must come at the start of the select-list", at=start.at)
        if system and before:
            sentence = "System column star selections must come before user column star selections"
            raise SoqlError("bad-parse", sentence, at=start.at)
        self.take()
        return tree.Star(system, self._exceptions(system=system), table, at=start.at)

    def _exceptions(self, *, system: bool) -> tuple[tree.Name, ...]:
        if not self.sees("("):
            self.also("`('")
            return ()
        self.take()
        self.expect("EXCEPT")
        names = []
        while True:
            if system and self.token.kind != "system":
                raise self.unexpected("a system identifier")
            names.append(self.name(system=system))
            if self.expect(",", ")").value == ")":
                return tuple(names)

    def _selection(self) -> tree.Selection:
        expression = self.whole_expression()
        if not self.accept_or("AS"):
            return tree.Selection(expression)
        token = self.token
        own = isinstance(expression, tree.Name) and expression.key == token.value.lower()
        if token.kind == "system" and token.value.lower() not in (":id", ":created_at", ":updated_at") and not own:
            raise self.unexpected("a non-system identifier")
        return tree.Selection(expression, self.name())

    def _from(self) -> tree.Table | None:
        if not self.accept_or("FROM"):
            return None
        table = self._table()
        if table.name == "this" and not table.alias:
            self.only()
            raise self.unexpected("an alias for `@this'")
        return table

    def _table(self) -> tree.Table:
        token = self.token
        if token.kind != "table":
            raise self.unexpected("a table identifier")
        self.take()
        alias = self._table_alias() if self.accept_or("AS") else ""
        return tree.Table(token.value[1:].lower(), alias, at=token.at)

    def _table_alias(self) -> str:
        token = self.token
        if token.kind not in ("table", "name"):
            raise self.unexpected("a table identifier")
        alias = key_of(self.take().value.removeprefix("@"))
        if alias in ("this", "single_row"):
            raise SoqlError("bad-parse", f"@{alias} is a reserved table name", at=token.at)
        return alias

    def _every_join(self) -> tuple[tree.Join, ...]:
        found = []
        while self.sees("LEFT", "RIGHT", "FULL", "INNER", "JOIN"):
            self._joins += 1
            if self._joins > MAX_JOINS:
                raise self.refused(f"More than {MAX_JOINS} joins in one statement")
            found.append(self._join())
        self.also("`LEFT'", "`RIGHT'", "`FULL'", "`JOIN'")
        return tuple(found)

    def _join(self) -> tree.Join:
        kind = "INNER" if self.sees("JOIN") else self.take().value
        if kind != "INNER":
            self.accept("OUTER")
        self.expect("JOIN")
        lateral = self.accept("LATERAL")
        relation = self._table() if self.token.kind == "table" else self._sub_query()
        self.expect("ON")
        return tree.Join(kind, lateral, relation, self.whole_expression())

    def _sub_query(self) -> tree.SubQuery:
        at = self.token.at
        self.also("a table identifier")
        with self.deeper():
            found = self._leaf()
        self.expect("AS")
        return tree.SubQuery(found, self._table_alias(), at=at)

    def _clause(self, word: str) -> tree.Node | None:
        return self.whole_expression() if self.accept_or(word) else None

    def _group(self) -> tuple[tree.Node, ...]:
        if not self.accept("GROUP"):
            self.also("`GROUP BY'")
            return ()
        self.expect("BY")
        keys = self.expressions()
        self.only()
        return keys

    def _ordered_and_searched(self) -> dict[str, Any]:
        parts: dict[str, Any] = {}
        for word in ("SEARCH", "ORDER", "SEARCH"):
            if word.lower() in parts or not self.accept(word):
                self.also("`ORDER BY'" if word == "ORDER" else "`SEARCH'")
            elif word == "ORDER":
                self.expect("BY")
                parts["order"] = self.orderings()
            else:
                parts["search"] = self.text().value
        return parts

    def _paged(self) -> dict[str, int]:
        parts: dict[str, int] = {}
        while self.sees("LIMIT", "OFFSET") and self.token.value.lower() not in parts:
            word = self.take().value.lower()
            parts[word] = counted(self.whole_number().value, word.upper(), MAX_LIMIT if word == "limit" else None)
        self.also(*(f"`{word.upper()}'" for word in ("limit", "offset") if word not in parts))
        return parts


def counted(digits: str, name: str, largest: int | None = None) -> int:
    """The number of rows that these digits say, within the bounds. Raises `ParameterError`."""
    value = int(digits) if len(digits) <= 16 else MAX_OFFSET + 1
    if largest is not None and value > largest:
        sentence = f"{name} is at most {largest:,}; ask for further rows with $offset."
        raise ParameterError("req.row-limit-exceeded", sentence)
    if value > MAX_OFFSET:
        raise ParameterError("query.soql.bad-parse", f"{name} is at most {MAX_OFFSET:,}.")
    return value
