"""The names of output columns that nobody named (reference: soda.md §4; soql-brita `IdentifierFilter`).

The words of the expression are joined by underscores that give way: next to a real `_` or `-`, next to one another and
at the ends they vanish, and so does every run of characters that no identifier has.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from decimal import Decimal

import orjson

from exchange.rows.soql import tree
from exchange.rows.soql.cursor import key_of

_JOINT = "\0"
_IMPOSSIBLE = re.compile(r"[^\w$-]+")
_GIVING_WAY = re.compile(r"(?<=[_-])\0|\0(?=[_-])|^\0|\0$")
_LONGEST = 200
"""Characters of an implied name; beyond them it is cut, since some clients put names into headers."""


def implied_name(expression: tree.Node, taken: Collection[str], numbers: dict[str, int]) -> str:
    """The name of an unnamed expression; `taken` holds the keys of all columns in sight and of names already given.

    `numbers` is the memory of one selection: the last number that each name got.
    """
    words = _IMPOSSIBLE.sub(_JOINT, _JOINT.join(_words(expression)))
    name = _GIVING_WAY.sub("", re.sub(f"{_JOINT}+", _JOINT, words)).replace(_JOINT, "_")[:_LONGEST] or "_"
    if not (name[0].isalpha() or name[0] in "_-$"):
        name = f"_{name}"
    return _free(name, taken, numbers)


def _free(name: str, taken: Collection[str], numbers: dict[str, int]) -> str:
    if key_of(name) not in taken:
        return name
    stem = name if name.endswith(("_", "-")) else f"{name}_"
    number = numbers.get(key_of(stem), 1)
    while key_of(f"{stem}{number}") in taken:
        number += 1
    numbers[key_of(stem)] = number
    return f"{stem}{number}"


def _words(node: tree.Node) -> Iterator[str]:
    """The words of an expression in reading order."""
    match node:
        case tree.Name():
            yield from ([f"_{node.table}"] if node.table else [])
            yield node.typed or node.key
        case tree.Literal():
            yield _of_literal(node)
        case tree.Parameter():
            yield from ["param", *([node.table.replace("-", "_")] if node.table else []), node.name]
        case tree.Call():
            yield from _words_of_call(node)
        case tree.Parens():
            yield from _words(node.operand)
        case tree.Unary():
            yield from ([node.operator] if node.operator != "-" else [])
            yield from _words(node.operand)
        case tree.Binary():
            yield from _words(node.left)
            yield from _words(node.right)
        case tree.Cast() | tree.FieldOf() | tree.Subscript():
            yield from _words(node.operand)
            yield from _words(node.index) if isinstance(node, tree.Subscript) else [_last(node)]
        case _:
            yield from _words_of_tests(node)


def _last(node: tree.Cast | tree.FieldOf) -> str:
    return node.type if isinstance(node, tree.Cast) else node.name


def _of_literal(node: tree.Literal) -> str:
    if node.value is None:
        return "null"
    if node.kind == "number":
        return str(Decimal(str(node.value).rstrip(".")))
    if node.kind == "boolean":
        return str(node.value).upper()
    return orjson.dumps(str(node.value)).decode()


def _words_of_call(node: tree.Call) -> Iterator[str]:
    typed = node.typed or node.function
    yield f"{typed.lower()}_distinct" if node.distinct else typed
    for argument in node.arguments:
        yield from _words(argument)
    if node.filter is not None:
        yield from _words(node.filter)
    if node.over is not None:
        yield "over"
        yield from ["partition_by"] if node.over.partition else []
        for key in node.over.partition:
            yield from _words(key)
        yield from ["order_by"] if node.over.order else []
        for ordering in node.over.order:
            yield from _words(ordering.expression)
        if node.over.frame is not None:
            yield from (word for words in node.over.frame.words for word in words.split())


def _words_of_tests(node: tree.Node) -> Iterator[str]:
    negated = ["not"] if getattr(node, "negated", False) else []
    match node:
        case tree.Junction():
            for position, member in enumerate(node.members):
                yield from [node.operator] if position else []
                yield from _words(member)
        case tree.IsNull():
            yield from [*_words(node.operand), "is", *negated, "null"]
        case tree.Between():
            yield from [*_words(node.operand), *negated, "between", *_words(node.low), "and", *_words(node.high)]
        case tree.In():
            yield "NOT_IN" if negated else "IN"
            for part in (node.operand, *node.items):
                yield from _words(part)
        case tree.Like():
            yield from ["NOT_LIKE" if negated else "LIKE", *_words(node.operand), *_words(node.pattern)]
        case tree.Case():
            yield "case"
            for condition, value in node.branches:
                yield from ["when", *_words(condition), "then", *_words(value)]
            yield from ["else", *_words(node.otherwise)] if node.otherwise else []
            yield "end"
