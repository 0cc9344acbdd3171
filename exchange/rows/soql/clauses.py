"""From the parameters of an address, or one whole statement, to a `Query` (reference: soda.md §3 and §4)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from exchange.rows.soql import tree
from exchange.rows.soql.cursor import key_of
from exchange.rows.soql.errors import ParameterError
from exchange.rows.soql.lexer import check_storable
from exchange.rows.soql.selects import MAX_LIMIT, StatementParser, counted

_WHOLE = re.compile(r"[0-9]+\Z")
_FLAGS = {"true": True, "1": True, "false": False, "0": False}
_IGNORED = frozenset({"$$app_token", "$$bom", "$$row_count", "$$version", "$$read_from_nbe"})


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
    """One whole SoQL statement, as in `$query` or in SODA 3. Raises `SoqlError`."""
    return StatementParser(text).statement()


def _sorted(
    parameters: Mapping[str, str | Sequence[str]],
) -> tuple[dict[str, str], tuple[tree.SimpleFilter, ...]]:
    options: dict[str, str] = {}
    filters = []
    for written, given in parameters.items():
        values = [given] if isinstance(given, str) else list(given)
        name = written.replace("%24", "$")
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


def _clause(read: Callable[[StatementParser], dict[str, Any]]) -> Callable[[str], dict[str, Any]]:
    def parse(text: str) -> dict[str, Any]:
        parser = StatementParser(text)
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
    return counted(text.strip(), name, largest)


def _flag(text: str, name: str) -> bool:
    if text.lower() not in _FLAGS:
        raise ParameterError("query.soql.bad-parse", f"{name} is true or false, not {text[:40]!r}.")
    return _FLAGS[text.lower()]


def _timeout(text: str | None) -> float | None:
    return None if text is None else float(_whole(text, "queryTimeoutSeconds"))


_CLAUSES: dict[str, Callable[[str], dict[str, Any]]] = {
    "$select": _clause(StatementParser.selection_clause),
    "$where": _clause(lambda parser: {"where": parser.whole_expression()}),
    "$group": _clause(lambda parser: {"group": parser.expressions()}),
    "$having": _clause(lambda parser: {"having": parser.whole_expression()}),
    "$order": _clause(lambda parser: {"order": parser.orderings()}),
    "$limit": lambda text: {"limit": _whole(text, "$limit", MAX_LIMIT)},
    "$offset": lambda text: {"offset": _whole(text, "$offset")},
    "$q": lambda text: {"search": _checked(text)},
}
