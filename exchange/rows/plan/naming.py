"""The names of output columns that nobody named (reference: soda.md §4; soql-brita `IdentifierFilter`)."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from exchange.rows.soql import tree
from exchange.rows.soql.parser import key_of

_IMPOSSIBLE = re.compile(r"[^\w$-]+")


def implied_name(expression: tree.Node, taken: Collection[str]) -> str:
    """The name of an unnamed expression; `taken` holds the keys of the dataset's columns and of names already given."""
    words = _IMPOSSIBLE.sub("\0", "_".join(_words(expression))).strip("\0")
    name = re.sub("_?\0_?", "_", words) or "_"
    if not (name[0].isalpha() or name[0] == "_"):
        name = f"_{name}"
    return _free(name, taken)


def _free(name: str, taken: Collection[str]) -> str:
    if key_of(name) not in taken:
        return name
    stem, number = name if name.endswith("_") else f"{name}_", 1
    while key_of(f"{stem}{number}") in taken:
        number += 1
    return f"{stem}{number}"


def _words(node: tree.Node) -> Iterator[str]:
    """The words of an expression in reading order."""
    match node:
        case tree.Name():
            yield node.typed or node.key
        case tree.Literal():
            yield (
                "null" if node.value is None else str(node.value).lower() if node.kind == "boolean" else str(node.value)
            )
        case tree.Call():
            yield f"{node.typed or node.function}{'_distinct' if node.distinct else ''}"
            for argument in node.arguments:
                yield from _words(argument)
        case tree.Unary():
            yield from ([node.operator] if node.operator != "-" else [])
            yield from _words(node.operand)
        case tree.Binary():
            yield from _words(node.left)
            yield from ([node.operator] if node.operator != "-" else [])
            yield from _words(node.right)
        case _:
            yield from _words_of_tests(node)


def _words_of_tests(node: tree.Node) -> Iterator[str]:
    negated = ["not"] if getattr(node, "negated", False) else []
    match node:
        case tree.Junction():
            for position, member in enumerate(node.members):
                yield from [node.operator.lower()] if position else []
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
        case tree.Cast():
            yield from [*_words(node.operand), node.type]
        case tree.FieldOf():
            yield from [*_words(node.operand), node.name]
        case tree.Case():
            yield "case"
            for condition, value in node.branches:
                yield from ["when", *_words(condition), "then", *_words(value)]
            yield from ["else", *_words(node.otherwise)] if node.otherwise else []
            yield "end"
