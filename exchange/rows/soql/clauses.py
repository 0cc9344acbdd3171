"""From the parameters of an address, or one whole statement, to a `Query` (reference: soda.md §3 and §4)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from exchange.rows.soql import tree
from exchange.rows.soql.errors import ParameterError
from exchange.rows.soql.lexer import RESERVED, check_storable
from exchange.rows.soql.parser import Parser, key_of

MAX_LIMIT = 1_000_000
"""The documented cap of `$limit`; larger ones are refused, never silently cut."""

MAX_STAGES = 5
_WHOLE = re.compile(r"[0-9]{1,15}\Z")
_FLAGS = {"true": True, "1": True, "false": False, "0": False}
_IGNORED = frozenset({"$$app_token", "$$bom", "$$row_count", "$$version", "$$read_from_nbe"})
_CONNECTING = ("UNION", "INTERSECT", "MINUS", "JOIN", "LEFT", "RIGHT", "FULL", "INNER", "OUTER")


def parse_parameters(parameters: Mapping[str, str | Sequence[str]]) -> tree.Query:
    """The query that these parameters ask. Values may be one text or several. Raises `SoqlError`, `ParameterError`."""
    options, filters = _sorted(parameters)
    system_fields = _flag(options.pop("$$exclude_system_fields", "true"), "$$exclude_system_fields") is False
    timeout = options.pop("querytimeoutseconds", None)
    for name in [name for name in options if name in _IGNORED]:
        del options[name]
    query = _whole_statement(options, filters) if "$query" in options else _from_clauses(options, filters)
    seconds = _timeout(timeout)
    return replace(query, system_fields=system_fields, timeout_s=seconds)


def parse_statement(text: str) -> tree.Query:
    """One whole SoQL statement, as in `$query`; stages may be joined by `|>`. Raises `SoqlError`."""
    parser = Parser(text)
    query = _select(parser)
    stages = 1
    while parser.accept("|>"):
        stages += 1
        if stages > MAX_STAGES:
            raise parser.unsupported(f"A chain of more than {MAX_STAGES} queries")
        query = replace(_select(parser), source=query)
    parser.expect_end()
    return query


def _sorted(
    parameters: Mapping[str, str | Sequence[str]],
) -> tuple[dict[str, str], tuple[tree.SimpleFilter, ...]]:
    options: dict[str, str] = {}
    filters = []
    for name, given in parameters.items():
        values = [given] if isinstance(given, str) else list(given)
        key = name.lower()
        if key.startswith("$") or key == "querytimeoutseconds":
            if key in options or len(values) != 1:
                raise ParameterError("query.soql.bad-parse", f"The parameter {name[:60]} is given more than once.")
            options[key] = values[0]
        else:
            check_storable(name)
            filters += [tree.SimpleFilter(tree.Name(key_of(name), name), value) for value in values]
    for filter_ in filters:
        check_storable(filter_.value)
    return options, tuple(filters)


def _whole_statement(options: Mapping[str, str], filters: tuple[tree.SimpleFilter, ...]) -> tree.Query:
    others = sorted({*options, *(filter_.name.typed for filter_ in filters)} - {"$query"})
    if others:
        sentence = f"With $query no other clause may be given; put {others[0][:60]} into the statement."
        raise ParameterError("query.soql.bad-parse", sentence)
    return parse_statement(options["$query"])


def _from_clauses(options: dict[str, str], filters: tuple[tree.SimpleFilter, ...]) -> tree.Query:
    parts: dict[str, Any] = {"filters": filters}
    for name, text in options.items():
        if name not in _CLAUSES:
            raise ParameterError("req.unrecognized-parameter", f"There is no parameter {name[:60]}; is it misspelt?")
        if text.strip() or name in ("$limit", "$offset", "$where", "$having"):
            parts |= _CLAUSES[name](text)
    return tree.Query(**parts)


def _clause(read: Callable[[Parser], dict[str, Any]]) -> Callable[[str], dict[str, Any]]:
    def parse(text: str) -> dict[str, Any]:
        parser = Parser(text)
        found = read(parser)
        parser.expect_end()
        return found

    return parse


def _checked(text: str) -> str:
    check_storable(text)
    return text


def _whole(text: str, name: str, largest: int | None = None) -> int:
    if not _WHOLE.match(text.strip()):
        raise ParameterError("query.soql.bad-parse", f"{name} is a whole number from 0, not {text[:40]!r}.")
    if largest is not None and int(text) > largest:
        sentence = f"{name} is at most {largest:,}; ask for further rows with $offset."
        raise ParameterError("req.row-limit-exceeded", sentence)
    return int(text)


def _flag(text: str, name: str) -> bool:
    if text.lower() not in _FLAGS:
        raise ParameterError("query.soql.bad-parse", f"{name} is true or false, not {text[:40]!r}.")
    return _FLAGS[text.lower()]


def _timeout(text: str | None) -> float | None:
    return None if text is None else float(_whole(text, "queryTimeoutSeconds"))


def _select(parser: Parser) -> tree.Query:
    parser.expect("SELECT")
    parts = _selected(parser)
    if parser.accept("FROM") and parser.take().value.lower() != "@this":
        raise parser.unsupported("FROM another table")
    if parser.sees(*_CONNECTING):
        raise parser.unsupported(parser.token.value)
    if parser.accept("WHERE"):
        parts["where"] = parser.expression()
    if parser.accept("GROUP"):
        parser.expect("BY")
        parts["group"] = parser.expressions()
    if parser.accept("HAVING"):
        parts["having"] = parser.expression()
    parts |= _ordered_and_searched(parser) | _paged(parser)
    if parser.sees(*_CONNECTING):
        raise parser.unsupported(parser.token.value)
    return tree.Query(**parts)


def _ordered_and_searched(parser: Parser) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    while parser.sees("ORDER", "SEARCH") and parser.token.value not in parts:
        word = parser.take().value
        if word == "ORDER":
            parser.expect("BY")
            parts[word] = _orderings(parser)
        elif parser.token.kind == "text":
            parts[word] = parser.take().value
        else:
            raise parser.unexpected("a string")
    return {word.lower(): value for word, value in parts.items()}


def _paged(parser: Parser) -> dict[str, int]:
    parts: dict[str, int] = {}
    while parser.sees("LIMIT", "OFFSET") and parser.token.value.lower() not in parts:
        word = parser.take().value.lower()
        if parser.token.kind != "number":
            raise parser.unexpected("a number")
        parts[word] = _whole(parser.take().value, word.upper(), MAX_LIMIT if word == "limit" else None)
    return parts


def _selected(parser: Parser) -> dict[str, Any]:
    distinct = parser.accept("DISTINCT")
    if distinct and parser.sees("ON"):
        raise parser.unsupported("DISTINCT ON")
    stars: list[tree.Star] = []
    selections: list[tree.Selection] = []
    while parser.token.kind != "end" and not (parser.token.kind == "word" and _opens_clause(parser.token.value)):
        if parser.sees(":*", "*"):
            stars.append(_star(parser, stars, bool(selections)))
        else:
            selections.append(_selection(parser))
        if not parser.accept(","):
            break
        if parser.token.kind == "end":
            raise parser.unexpected("an expression")
    return {"distinct": distinct, "stars": tuple(stars), "selections": tuple(selections)}


def _opens_clause(word: str) -> bool:
    return word in RESERVED - {"NOT", "TRUE", "FALSE", "NULL"}


def _star(parser: Parser, before: list[tree.Star], late: bool) -> tree.Star:
    system = parser.token.value == ":*"
    if late or any(star.system == system or system for star in before):
        raise parser.unexpected("an expression")
    parser.take()
    excepted: tuple[tree.Name, ...] = ()
    if parser.sees("(") and parser.sees("EXCEPT", ahead=1):
        parser.take(), parser.take()
        names = [parser.name()]
        while parser.accept(","):
            names.append(parser.name())
        parser.expect(")")
        excepted = tuple(names)
    return tree.Star(system, excepted)


def _selection(parser: Parser) -> tree.Selection:
    expression = parser.expression()
    if not parser.accept("AS"):
        return tree.Selection(expression)
    if parser.token.kind == "system" and parser.token.value.lower() not in (":id", ":created_at", ":updated_at"):
        raise parser.unexpected("an identifier")
    return tree.Selection(expression, parser.name())


def _orderings(parser: Parser) -> tuple[tree.Ordering, ...]:
    found = [_ordering(parser)]
    while parser.accept(","):
        found.append(_ordering(parser))
    return tuple(found)


def _ordering(parser: Parser) -> tree.Ordering:
    expression = parser.expression()
    descending = not parser.accept("ASC") and parser.accept("DESC")
    nulls_first = None
    if parser.accept("NULL", "NULLS"):
        if not parser.sees("FIRST", "LAST"):
            raise parser.unexpected("one of `FIRST' or `LAST'")
        nulls_first = parser.take().value.upper() == "FIRST"
    return tree.Ordering(expression, descending, nulls_first)


_CLAUSES: dict[str, Callable[[str], dict[str, Any]]] = {
    "$select": _clause(_selected),
    "$where": _clause(lambda parser: {"where": parser.expression()}),
    "$group": _clause(lambda parser: {"group": parser.expressions()}),
    "$having": _clause(lambda parser: {"having": parser.expression()}),
    "$order": _clause(lambda parser: {"order": _orderings(parser)}),
    "$limit": lambda text: {"limit": _whole(text, "$limit", MAX_LIMIT)},
    "$offset": lambda text: {"offset": _whole(text, "$offset")},
    "$q": lambda text: {"search": _checked(text)},
}
