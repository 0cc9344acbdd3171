"""Names to meanings: the columns that the reader may see, and the aliases of the query. Nothing else exists."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from exchange.rows.plan.expressions import Expressions
from exchange.rows.plan.typed import MAX_SIZE, Typed, parts, too_large
from exchange.rows.plan.visible import Named, Visible, row_id
from exchange.rows.soql import tree
from exchange.rows.soql.errors import SoqlError

ROW_ID = row_id()
MAX_STATEMENT = 3 * MAX_SIZE
"""Parts of all expressions of one statement as the engine gets them."""


@dataclass
class Record:
    """What a query was seen to use: columns of the dataset that was asked for, functions, other datasets."""

    used: set[str] = field(default_factory=set)
    functions: set[str] = field(default_factory=set)
    datasets: list[str] = field(default_factory=list)
    size: int = 0

    def grow(self, expressions: Iterable[Typed]) -> None:
        """Count the parts of these expressions; raise `SoqlError` when the whole statement gets too large."""
        self.size += sum(expression.size for expression in expressions)
        if self.size > MAX_STATEMENT:
            raise too_large()


class Scope(Expressions):
    """The columns and aliases of one select, and the typing of expressions over them.

    A name without a qualifier is of the first relation. `outer` are the relations around a lateral sub-query.
    """

    def __init__(
        self,
        relations: Sequence[Visible],
        record: Record,
        parameters: Mapping[str, Any],
        outer: Sequence[Visible] = (),
    ) -> None:
        super().__init__(parameters, record.functions)
        self.relations = tuple(relations)
        self._outer = tuple(outer)
        self.record = record
        self._aliases: dict[str, tree.Node] = {}
        self._typed: dict[str, Typed] = {}
        self._within: list[str] = []

    @property
    def columns(self) -> Mapping[str, Named]:
        """The columns that need no qualifier, by key."""
        return self.relations[0].columns

    @property
    def taken(self) -> set[str]:
        """The keys that no implied name may have."""
        return {key for each in self.relations for key in (*each.columns, *each.system)}

    def define(self, aliases: Mapping[str, tree.Node]) -> None:
        """Make the aliases of the selection known to every clause."""
        self._aliases = dict(aliases)

    def alias(self, key: str) -> Typed:
        """An alias of the selection, typed once."""
        if key not in self._typed:
            with self._inside(key):
                self._typed[key] = self.type_of(self._aliases[key])
        return self._typed[key]

    @contextmanager
    def _inside(self, key: str) -> Iterator[None]:
        self._within.append(key)
        yield
        self._within.pop()

    def named(self, node: tree.Name) -> Typed:
        """An alias, or else a column. An alias that is defined by its own name means the column of that name."""
        own = bool(self._within) and self._within[-1] == node.key
        if node.table or node.key not in self._aliases or own:
            return self.column(node)
        if node.key in self._within:
            sentence = f"Circular reference while processing alias {node.typed}"
            raise SoqlError("circular-alias-definition", sentence, at=node.at, name=node.typed)
        return self.alias(node.key)

    def column(self, node: tree.Name) -> Typed:
        """A column by its name; aliases do not count."""
        shown = f"@{node.table}.{node.typed}" if node.table else node.typed
        for relation in self._qualified(node.table):
            found = relation.find(node.key)
            if found is not None:
                self.see(relation, node.key)
                return found
        raise SoqlError("no-such-column", f"No such column: {shown}", at=node.at, column=shown)

    def see(self, relation: Visible, *keys: str) -> None:
        """Remember that these columns were named."""
        if relation.own:
            self.record.used.update(relation.columns[key].name for key in keys if key in relation.columns)

    def relation(self, qualifier: str, at: tree.Place) -> Visible:
        """The relation of a qualified star."""
        for relation in self._qualified(qualifier):
            return relation
        raise SoqlError("no-such-table", f"No such table: @{qualifier}", at=at, table=qualifier)

    def _qualified(self, qualifier: str) -> Sequence[Visible]:
        if not qualifier:
            return self.relations[:1]
        return [each for each in (*self.relations, *self._outer) if each.qualifier == qualifier][:1]

    def only_over(self, expression: Typed, unjoined: Collection[str], at: tree.Place) -> None:
        """Raise `SoqlError` if the expression names a relation that is joined only later."""
        for part in parts(expression):
            alias = getattr(part, "relation", None)
            if alias in unjoined:
                name = next(each.qualifier for each in self.relations if each.alias == alias)
                raise SoqlError("no-such-table", f"No such table: @{name} is joined only later", at=at, table=name)
