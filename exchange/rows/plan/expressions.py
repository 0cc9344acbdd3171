"""The typing of expressions: which function of the table each part of a tree means. Names are the scope's business."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from exchange.rows.functions import CELL_MEANING, CELL_MEANING_OF_OTHERS, NOT_CALLABLE, OVERLOADS
from exchange.rows.plan.coercion import number
from exchange.rows.plan.overloads import as_type, call
from exchange.rows.plan.typed import Apply, Column, Constant, Over, Sort, SystemField, Typed, apply, too_large
from exchange.rows.soql import tree
from exchange.rows.soql.errors import SoqlError
from exchange.rows.soql.lexer import check_storable
from exchange.rows.types import HEADER_NAMES, header_name

_TYPE_WORDS = {"boolean": "checkbox", **{word: type_.value for type_, word in HEADER_NAMES.items()}}
_OPERATORS = {"+": "negate", "-": "negate", "NOT": "NOT"}


MAX_DEPTH = 130
"""Nested expressions, aliases put in; it keeps the recursion bounded."""


class Expressions(ABC):
    """Types expressions and remembers every function and operator that they name."""

    def __init__(self, parameters: Mapping[str, Any], functions: set[str]) -> None:
        self._parameters = parameters
        self._depth = 0
        self.functions = functions

    @abstractmethod
    def named(self, node: tree.Name) -> Typed:
        """What a name means. Raises `SoqlError`."""

    def type_of(self, node: tree.Node) -> Typed:
        """The expression, typed. Raises `SoqlError`, also for one that gets too deep once its aliases are put in."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise too_large()
        found = self._typed_node(node)
        self._depth -= 1
        return found

    def _typed_node(self, node: tree.Node) -> Typed:
        match node:
            case tree.Name():
                return self.named(node)
            case tree.Literal():
                return _literal(node)
            case tree.Parens():
                return self.type_of(node.operand)
            case tree.Call():
                return self._call(node)
            case tree.Unary():
                return self._unary(node)
            case tree.Binary():
                return self._apply(node.operator, (node.left, node.right), node.at)
            case tree.Junction():
                return self._apply(node.operator, node.members, node.at)
            case tree.Parameter():
                return self._parameter(node)
            case _:
                return self._test_or_part(node)

    def value_of(self, node: tree.Node) -> Typed:
        """The expression, typed, as something that can be given out or sorted by: a bare NULL is a text."""
        return valued(self.type_of(node))

    def condition(self, node: tree.Node) -> Typed:
        """The expression, which has to be a condition; a bare NULL is one."""
        typed = self.type_of(node)
        read = as_type(typed, "checkbox") if typed.type == "null" else typed
        if read is None or read.type != "checkbox":
            sentence = f"Type mismatch: a condition is wanted here, but this is {header_name(typed.type)}"
            raise SoqlError("type-mismatch", sentence, at=node.at, type=header_name(typed.type))
        return read

    def sort(self, ordering: tree.Ordering) -> Sort:
        """One sort key: nulls last ascending and first descending, unless it says otherwise."""
        expression = self.value_of(ordering.expression)
        first = ordering.nulls_first
        return Sort(expression, ordering.descending, ordering.descending if first is None else first)

    def _apply(self, name: str, nodes: Sequence[tree.Node], at: tree.Place, *, distinct: bool = False) -> Typed:
        self.functions.add(name)
        return call(name, [self.type_of(node) for node in nodes], at=at, distinct=distinct)

    def _call(self, node: tree.Call) -> Typed:
        name = node.function
        if name == "cell_meaning":
            return self._cell_meaning(node)
        if name.endswith("_distinct") and not node.distinct and name not in OVERLOADS:
            renamed = tree.Call(name[:-9], node.arguments, True, False, node.typed, node.filter, node.over, at=node.at)
            return self._call(renamed)
        if node.star and name == "count":
            return self._beside(self._apply("count(*)", (), node.at), node)
        overloads = OVERLOADS.get(name, ())
        if not overloads or node.star or not name[0].isalpha() or name in NOT_CALLABLE:
            raise SoqlError("no-such-function", f"No such function: {node.typed}", at=node.at, function=node.typed)
        if node.distinct and not overloads[0].aggregate:
            raise SoqlError("no-such-function", f"No such function: {name}_distinct", at=node.at, function=name)
        return self._beside(self._apply(name, node.arguments, node.at, distinct=node.distinct), node)

    def _beside(self, typed: Typed, node: tree.Call) -> Typed:
        """The call with what FILTER and OVER say."""
        if not isinstance(typed, Apply):
            return typed
        function = typed.function
        if function.window and node.over is None:
            sentence = f"Function {function.name} requires window information: {function.name}(…) OVER (…)"
            raise SoqlError("function-requires-window-info", sentence, at=node.at, function=function.name)
        if node.over is not None and not (function.window or function.aggregate):
            sentence = f"Function {function.name} does not accept window information"
            raise SoqlError("function-does-not-accept-window-info", sentence, at=node.at, function=function.name)
        if node.filter is not None and not function.aggregate:
            sentence = f"Only aggregate functions take FILTER, which {function.name} is not"
            raise SoqlError("type-mismatch", sentence, at=node.at, function=function.name)
        if node.filter is None and node.over is None:
            return typed
        condition = None if node.filter is None else self.condition(node.filter)
        over = None if node.over is None else self._over(node.over)
        return apply(function, typed.arguments, typed.type, distinct=typed.distinct, filter_=condition, over=over)

    def _over(self, window: tree.Window) -> Over:
        partition = tuple(self.value_of(key) for key in window.partition)
        order = tuple(self.sort(ordering) for ordering in window.order)
        frame = window.frame
        sorted_by = [sort.expression for sort in order if not isinstance(sort.expression, Constant | SystemField)]
        if frame is not None and frame.unit == "GROUPS" and not sorted_by:
            raise SoqlError("bad-parse", "A frame of GROUPS needs ORDER BY in its window")
        counts = frame is not None and frame.unit == "RANGE" and any(word[0].isdigit() for word in frame.words)
        if counts and (len(sorted_by) != 1 or sorted_by[0].type not in ("number", "double")):
            raise SoqlError("type-mismatch", "A RANGE by a number needs ORDER BY one number in its window")
        return Over(partition, order, "" if frame is None else " ".join(_edges(frame)))

    def _cell_meaning(self, node: tree.Call) -> Typed:
        argument = node.arguments[0] if len(node.arguments) == 1 else None
        column = self.type_of(argument) if isinstance(argument, tree.Name) else None
        plain = isinstance(column, Column) and column.source is not None and not column.computed
        if not plain or column is None or node.filter is not None or node.over is not None:
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
            case tree.Subscript() if "[]" in OVERLOADS:
                return self._apply("[]", (node.operand, node.index), node.at)
            case tree.Subscript():
                raise SoqlError("no-such-function", "No such function: []", at=node.at, function="[]")
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
            self.type_of(node.operand)
            raise SoqlError("no-such-function", f"No such field: {node.name}", at=node.at, function=node.name)
        return self._apply(f".{node.name}", (node.operand,), node.at)

    def _parameter(self, node: tree.Parameter) -> Typed:
        """The value given beside the query, as the literal that it would be."""
        given = self._parameters
        own = given.get(node.table) or given.get(f"@{node.table}") if node.table else None
        if isinstance(own, Mapping):
            given = own
        value = given.get(node.name, node)
        if isinstance(value, bool):
            return Constant("checkbox", value)
        if value is None:
            return Constant("null", None)
        if isinstance(value, int | float) or value.__class__.__name__ == "Decimal":
            return _literal(tree.Literal("number", str(value), at=node.at))
        if not isinstance(value, str):
            raise SoqlError("unknown-parameter", f"Unknown parameter {node.name}", at=node.at, name=node.name)
        return _literal(tree.Literal("text", value, at=node.at))


def valued(typed: Typed) -> Typed:
    """The expression, a bare NULL as a text."""
    return Constant("text", None) if typed.type == "null" else typed


def _edges(frame: tree.Frame) -> tuple[str, ...]:
    """The frame's words, refused where no row could lie between its ends."""
    start, end = frame.start, frame.end or "CURRENT ROW"
    if start == "UNBOUNDED FOLLOWING" or end == "UNBOUNDED PRECEDING" or _rank(start) > _rank(end):
        raise SoqlError("bad-parse", f"A frame cannot begin at {start} and end at {end}")
    return frame.words


def _rank(edge: str) -> int:
    return next(place for place, word in enumerate(("PRECEDING", "CURRENT", "FOLLOWING")) if word in edge)


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
