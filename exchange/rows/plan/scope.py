"""Names to meanings: the columns that the reader may see, and the aliases of the query. Nothing else exists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from exchange.rows.functions import CELL_MEANING, CELL_MEANING_OF_OTHERS, NOT_CALLABLE, OVERLOADS
from exchange.rows.plan.coercion import number
from exchange.rows.plan.overloads import as_type, call
from exchange.rows.plan.typed import Column, Constant, SystemField, Typed, apply
from exchange.rows.soql import tree
from exchange.rows.soql.errors import SoqlError
from exchange.rows.soql.lexer import check_storable
from exchange.rows.soql.parser import key_of
from exchange.rows.types import HEADER_NAMES, ROW, header_name

ROW_ID = Column("row_identifier", ROW, None)
SYSTEM_FIELDS: Mapping[str, Typed] = {
    ":id": ROW_ID,
    ":created_at": SystemField("fixed_timestamp", ":created_at"),
    ":updated_at": SystemField("fixed_timestamp", ":updated_at"),
    ":version": SystemField("row_version", ":version"),
}
_TYPE_WORDS = {"boolean": "checkbox", **{word: type_.value for type_, word in HEADER_NAMES.items()}}
_OPERATORS = {"+": "negate", "-": "negate", "NOT": "NOT"}


@dataclass(frozen=True)
class Named:
    """A column under the name that the reader uses for it."""

    name: str
    column: Typed


class Scope:
    """The columns and aliases of one stage, and the typing of expressions over them."""

    def __init__(self, columns: Sequence[Named], system: Mapping[str, Typed]) -> None:
        self.columns = {key_of(named.name): named for named in columns}
        self._system = system
        self._aliases: dict[str, tree.Node] = {}
        self._typed: dict[str, Typed] = {}
        self._within: list[str] = []
        self.used: set[str] = set()
        self.functions: set[str] = set()

    def define(self, aliases: Mapping[str, tree.Node]) -> None:
        """Make the aliases of the selection known to every clause."""
        self._aliases = dict(aliases)

    def type_of(self, node: tree.Node) -> Typed:
        """The expression, typed. Raises `SoqlError`."""
        match node:
            case tree.Name():
                return self._name(node)
            case tree.Literal():
                return _literal(node)
            case tree.Call():
                return self._call(node)
            case tree.Unary():
                return self._unary(node)
            case tree.Binary():
                return self._apply(node.operator, (node.left, node.right), node.at)
            case tree.Junction():
                return self._apply(node.operator, node.members, node.at)
            case _:
                return self._test_or_part(node)

    def condition(self, node: tree.Node) -> Typed:
        """The expression, which has to be a condition."""
        typed = self.type_of(node)
        if typed.type != "checkbox":
            sentence = f"Type mismatch: a condition is wanted here, but this is {header_name(typed.type)}"
            raise SoqlError("type-mismatch", sentence, at=node.at, type=header_name(typed.type))
        return typed

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

    def _name(self, node: tree.Name) -> Typed:
        own = bool(self._within) and self._within[-1] == node.key
        if node.key in self._aliases and not (own and node.key in self.columns):
            if node.key in self._within:
                sentence = f"Circular reference while processing alias {node.typed}"
                raise SoqlError("circular-alias-definition", sentence, at=node.at, name=node.typed)
            return self.alias(node.key)
        return self.column(node)

    def column(self, node: tree.Name) -> Typed:
        """A column by its name; aliases do not count."""
        if node.key in self._system:
            return self._system[node.key]
        named = self.columns.get(node.key)
        if named is None:
            raise SoqlError("no-such-column", f"No such column: {node.typed}", at=node.at, column=node.typed)
        self.used.add(named.name)
        return named.column

    def _apply(self, name: str, nodes: Sequence[tree.Node], at: tree.Place, *, distinct: bool = False) -> Typed:
        self.functions.add(name)
        return call(name, [self.type_of(node) for node in nodes], at=at, distinct=distinct)

    def _call(self, node: tree.Call) -> Typed:
        name, arguments = node.function, node.arguments
        if name == "cell_meaning":
            return self._cell_meaning(node)
        if name.endswith("_distinct") and not node.distinct:
            return self._call(tree.Call(name[:-9], arguments, distinct=True, typed=node.typed, at=node.at))
        if node.star and name == "count":
            return self._apply("count(*)", (), node.at)
        overloads = OVERLOADS.get(name, ())
        if not overloads or node.star or not name[0].isalpha() or name in NOT_CALLABLE:
            raise SoqlError("no-such-function", f"No such function: {node.typed}", at=node.at, function=node.typed)
        if node.distinct and not overloads[0].aggregate:
            raise SoqlError("no-such-function", f"No such function: {name}_distinct", at=node.at, function=name)
        return self._apply(name, arguments, node.at, distinct=node.distinct)

    def _cell_meaning(self, node: tree.Call) -> Typed:
        argument = node.arguments[0] if len(node.arguments) == 1 else None
        column = self.type_of(argument) if isinstance(argument, tree.Name) else None
        if not isinstance(column, Column) or column.source is None or column.computed:
            sentence = "cell_meaning takes one column of the dataset"
            raise SoqlError("type-mismatch", sentence, at=node.at, function="cell_meaning")
        self.functions.add("cell_meaning")
        function = CELL_MEANING if column.type == "number" else CELL_MEANING_OF_OTHERS
        return apply(function, (column,), "text")

    def _unary(self, node: tree.Unary) -> Typed:
        operand = self.type_of(node.operand)
        if node.operator == "-" and isinstance(operand, Constant) and isinstance(operand.value, int | float):
            return operand if operand.type == "checkbox" else Constant(operand.type, -operand.value)
        applied = call(_OPERATORS[node.operator], [operand], at=node.at)
        return operand if node.operator == "+" else applied

    def _test_or_part(self, node: tree.Node) -> Typed:
        match node:
            case tree.IsNull():
                return self._apply("is_not_null" if node.negated else "is_null", (node.operand,), node.at)
            case tree.Like():
                return self._apply("not_like" if node.negated else "like", (node.operand, node.pattern), node.at)
            case tree.Between():
                name = "not_between" if node.negated else "between"
                return self._apply(name, (node.operand, node.low, node.high), node.at)
            case tree.In():
                return self._apply("not_in" if node.negated else "in", (node.operand, *node.items), node.at)
            case tree.Case():
                return self._case(node)
            case tree.Cast():
                return self._cast(node)
            case tree.FieldOf():
                return self._part(node)
            case _:
                raise TypeError(type(node))

    def _case(self, node: tree.Case) -> Typed:
        arguments = [part for branch in node.branches for part in branch]
        if node.otherwise is not None:
            arguments += [tree.Literal("boolean", True), node.otherwise]
        return self._apply("case", arguments, node.at)

    def _cast(self, node: tree.Cast) -> Typed:
        operand, type_ = self.type_of(node.operand), _TYPE_WORDS.get(node.type, node.type)
        if f"::{type_}" not in OVERLOADS:
            raise SoqlError("no-such-function", f"No such cast: {node.type}", at=node.at, function=node.type)
        literal = as_type(operand, type_)
        return literal if literal is not None else call(f"::{type_}", [operand], at=node.at)

    def _part(self, node: tree.FieldOf) -> Typed:
        if f".{node.name}" not in OVERLOADS:
            raise SoqlError("no-such-function", f"No such field: {node.name}", at=node.at, function=node.name)
        return self._apply(f".{node.name}", (node.operand,), node.at)


def _literal(node: tree.Literal) -> Typed:
    if node.kind == "number":
        value = number(str(node.value))
        if value is None:
            raise SoqlError("type-mismatch", "This number is too large", at=node.at)
        return Constant("number", value)
    if node.kind == "text":
        check_storable(str(node.value))
        return Constant("text", node.value)
    return Constant("checkbox", node.value) if node.kind == "boolean" else Constant("null", None)
