"""What a SODA 3 request asks: a statement with a page, parameters and choices, posted as JSON or in the address.

Reference: soda.md §10. Pure reading: nothing is looked up here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from exchange.errors import Invalid
from exchange.rows.soql import Query, parse_statement

EVERYTHING = "SELECT *"
ORDERINGS = ("total", "no_preserve", "discard")
"""How much order the reader needs. Ours is always total, so that pages never overlap."""

MAX_PAGE = 50_000_000
MAX_STATEMENT = 100 * 1024
"""Characters of one statement."""

WHOLE = 1_000_000_000
"""The limit of an export whose statement names none."""

MALFORMED = "req.body.malformed-json"
_SYSTEM = parse_statement("SELECT :*").stars[0]
_NUMBERS = ("pageNumber", "pageSize", "timeout")
_SWITCHES = ("includeSystem", "includeSynthetic")


@dataclass(frozen=True)
class Posted:
    """A checked request. `page` is its number, from 1, and its size; None where the whole is wanted."""

    query: str = EVERYTHING
    page: tuple[int, int] | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    timeout_s: float | None = None
    system_fields: bool = True
    separator: str = ","
    byte_order_mark: bool = False


def read_body(body: bytes, *, export: bool) -> Posted:
    """The request in a body. Raises `Invalid` naming the member that is wrong."""
    try:
        members = orjson.loads(body) if body.strip() else {}
    except orjson.JSONDecodeError:
        raise Invalid('The body is not JSON. Send an object such as {"query": "SELECT *"}.', code=MALFORMED) from None
    return _checked(_object(members, "The body"), export)


def read_address(given: Mapping[str, str], *, export: bool) -> Posted:
    """The request in an address: the members of the body under their names, the page's beside them."""
    members: dict[str, Any] = {name: given[name] for name in ("query", "orderingSpecifier") if name in given}
    members |= {name: _number(name, given[name]) for name in _NUMBERS if name in given}
    members |= {name: _switch(name, given[name]) for name in _SWITCHES if name in given}
    for name in ("parameters", "serializationOptions"):
        if name in given:
            try:
                members[name] = orjson.loads(given[name])
            except orjson.JSONDecodeError:
                raise Invalid(f"{name} is not JSON.", code=MALFORMED) from None
    page = {name: members.pop(name) for name in ("pageNumber", "pageSize") if name in members}
    return _checked(members | ({"page": page} if page else {}), export)


def query_of(posted: Posted, *, export: bool) -> Query:
    """The query with its page, of which the statement's own LIMIT and OFFSET are the outer bounds.

    An export that names no limit is whole; a query that names neither limit nor page has the usual 1000. Raises
    `SoqlError`.
    """
    query = parse_statement(posted.query)
    if posted.page is not None:
        number, size = posted.page
        skipped = (number - 1) * size
        left = size if query.limit is None else max(0, min(size, query.limit - skipped))
        query = replace(query, limit=left, offset=query.offset + skipped)
    elif export and query.limit is None:
        query = replace(query, limit=WHOLE)
    if posted.system_fields:
        query = _with_system_fields(query)
    return replace(query, timeout_s=posted.timeout_s, parameters=dict(posted.parameters))


def _with_system_fields(query: Query) -> Query:
    """`SELECT *` of the dataset itself gives its system fields first; what is named or derived has none."""
    derived = query.source is not None or query.joins or query.table is not None
    if derived or not query.stars or any(star.system for star in query.stars):
        return query
    return replace(query, stars=(_SYSTEM, *query.stars))


def _checked(members: Mapping[str, Any], export: bool) -> Posted:
    query = members.get("query") or EVERYTHING
    if not isinstance(query, str):
        raise Invalid("query is one SoQL statement, a text.")
    if len(query) > MAX_STATEMENT:
        raise Invalid(f"The statement has more than {MAX_STATEMENT:,} characters.", code="req.body.too-large")
    if members.get("orderingSpecifier") not in (None, *ORDERINGS):
        raise Invalid(f"orderingSpecifier is one of {', '.join(ORDERINGS)}.")
    written = _object(members.get("serializationOptions") or {}, "serializationOptions")
    return Posted(
        query=query,
        page=_page(members.get("page"), export),
        parameters=_object(members.get("parameters") or {}, "parameters"),
        timeout_s=_timeout(members.get("timeout")),
        system_fields=_truth("includeSystem", members.get("includeSystem", not export)),
        separator=_separator(written.get("separator", ",")),
        byte_order_mark=_truth("bom", written.get("bom", False)),
    )


def _object(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise Invalid(f"{what} is a JSON object.", code=MALFORMED)
    return value


def _page(value: Any, export: bool) -> tuple[int, int] | None:
    if value is None:
        return None
    if export:
        raise Invalid("An export is whole and has no pages. Page with query.json, or give the statement a LIMIT.")
    page = _object(value, "page")
    return _counted("pageNumber", page.get("pageNumber", 1)), _counted("pageSize", page.get("pageSize", 1000))


def _counted(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= MAX_PAGE:
        raise Invalid(f"{name} is a whole number from 1 to {MAX_PAGE:,}.")
    return value


def _timeout(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
        raise Invalid("timeout is a number of seconds above 0.")
    return float(value)


def _truth(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise Invalid(f"{name} is true or false.")
    return value


def _separator(value: Any) -> str:
    if not isinstance(value, str) or len(value) != 1 or not value.isascii() or value in '"\r\n\0':
        raise Invalid("separator is one sign, such as a comma, a semicolon or a tab.")
    return value


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Invalid(f"{name} is a whole number, not {text[:40]!r}.")
    return int(text)


def _switch(name: str, text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise Invalid(f"{name} is true or false, not {text[:40]!r}.")
    return text.lower() == "true"
