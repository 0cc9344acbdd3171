"""A request for rows, read: which dataset, which query, which format, which choices, and who says so.

Used by every address that answers rows. Nothing is looked up here.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TypeVar

from flask import request
from werkzeug.datastructures import MIMEAccept

from exchange import web
from exchange.rows.connection import breaker, reader_gone
from exchange.rows.door import Ask, Credentials
from exchange.rows.formats import FORMATS, SCRIPT, Format, Options
from exchange.rows.refusing import NotAcceptable, no_dataset
from exchange.rows.soql import Name, ParameterError, Query, parse_parameters, parse_statement
from exchange.values import is_four_by_four

V = TypeVar("V")

OF_THE_ANSWER = frozenset(
    {"$$bom", "$$app_token", "$$formula_safe", "$$row_count", "$$version", "$$read_from_nbe", "$jsonp"}
)
"""Parameters that are no part of the query, in lower case."""

MAX_CALLBACK = 100
_CALLBACK = re.compile(r"[A-Za-z_$][A-Za-z0-9_.$]*\Z")
_PAGE = "text/html"
_QUERIES: dict[bytes, Query] = {}
_PARAMETERS: dict[bytes, dict[str, str]] = {}
_MOST_QUERIES, _MOST_KEPT = 2_000, 1_000
"""How many parsed queries a worker keeps, and the longest query string (bytes) that is worth it."""

_PROOFS = ("HTTP_AUTHORIZATION", "HTTP_DPOP")
_NO_PROOF = Credentials(None, (), "", "")
"""Of a request that brings none: nothing will be checked against its method and address."""

_WITH_IDS = parse_statement("SELECT *, :id")


def split_address(address: str) -> tuple[str, str | None]:
    """The id and the extension of `abcd-1234.json`. Raises `NotFound`, `NotAcceptable` for an unknown extension."""
    dataset_id, dot, extension = address.partition(".")
    require_id(dataset_id)
    if dot and extension not in FORMATS:
        raise not_written(f"as .{extension[:20]}")
    return dataset_id, extension if dot else None


def require_id(dataset_id: str) -> None:
    """Raise `NotFound` unless this can be a dataset's id."""
    if not is_four_by_four(dataset_id):
        raise no_dataset(dataset_id)


def not_written(what: str) -> NotAcceptable:
    """406 with the formats that there are."""
    known = ", ".join(f".{extension}" for extension in FORMATS)
    return NotAcceptable(f"Rows cannot be had {what}. They can be had as {known}.")


def format_of(extension: str | None) -> Format:
    """The format that the address names, else the one that `Accept` likes best, else JSON. Raises `NotAcceptable`."""
    if parameter("$jsonp") is not None:
        if extension not in (None, "json"):
            raise ParameterError("query.soql.bad-parse", f"$jsonp is for JSON; .{extension} cannot be a script.")
        return SCRIPT
    if extension is not None:
        return FORMATS[extension]
    accepts = request.accept_mimetypes
    return _accepted(accepts) if accepts else FORMATS["json"]


def _accepted(accepts: MIMEAccept) -> Format:
    """A browser asks for a page first, and then for anything: it gets JSON, as everybody who takes anything does."""
    if accepts[_PAGE] > 0 and accepts["*/*"] > 0 and accepts.quality("application/json") > 0:
        return FORMATS["json"]
    by_type = {media_type: format_ for format_ in FORMATS.values() for media_type in format_.media_types}
    best = accepts.best_match(by_type)
    if best is None:
        raise not_written(f"as {str(accepts)[:80]}")
    return by_type[best]


def query_of_address() -> Query:
    """The query that the address asks. Raises `SoqlError`, `ParameterError`.

    Equal addresses give the same object, by which a door knows a plan that it made before.
    """
    text = request.query_string
    query = _QUERIES.get(text)
    if query is None:
        given = {name: values for name, values in request.args.lists() if name.lower() not in OF_THE_ANSWER}
        query = parse_parameters(given)
        _keep(_QUERIES, text, query)
    return query


def with_ids(query: Query, format_: Format) -> tuple[Query, bool]:
    """The query with `:id` for a format that names rows, where rows are what it asks for; and whether it was added."""
    asks = query.names_something or query.system_fields or query.source is not None
    computes = query.group or query.having is not None or any(not isinstance(o.expression, Name) for o in query.order)
    if not format_.needs_ids or asks or computes:
        return query, False
    return replace(query, stars=_WITH_IDS.stars, selections=_WITH_IDS.selections), True


def options_of_address(dataset_id: str, format_: Format, *, ids_added: bool = False) -> Options:
    """What the address says about the writing of the answer. Raises `ParameterError`."""
    return Options(
        byte_order_mark=flag("$$bom"),
        formula_safe=flag("$$formula_safe"),
        callback=_callback() if format_ is SCRIPT else "",
        origin=web.settings().origin,
        dataset_id=dataset_id,
        ids_asked=not ids_added,
        gzip=format_.compressible and accepts_gzip(),
        legacy_types=parameter("$$version") == "2.0",
    )


def _callback() -> str:
    name = parameter("$jsonp") or ""
    if not _CALLBACK.match(name) or len(name) > MAX_CALLBACK:
        sentence = f"$jsonp is the name of a function: at most {MAX_CALLBACK} letters, digits, _, $ and dots."
        raise ParameterError("query.soql.bad-parse", sentence)
    return name


def accepts_gzip() -> bool:
    """Whether the reader asked for gzip; nothing said means no."""
    return "HTTP_ACCEPT_ENCODING" in request.environ and request.accept_encodings["gzip"] > 0


def parameter(name: str) -> str | None:
    """The value of the parameter with this name (in lower case), in any case; None where it is not given."""
    return _lowered().get(name)


def _lowered() -> dict[str, str]:
    """The first value of every parameter by its name in lower case."""
    text = request.query_string
    found = _PARAMETERS.get(text)
    if found is None:
        found = {key.lower(): value for key, value in reversed(list(request.args.items()))}
        _keep(_PARAMETERS, text, found)
    return found


def _keep(kept: dict[bytes, V], text: bytes, value: V) -> None:
    """Keep what a query string says, if it is short; the oldest goes."""
    if len(text) <= _MOST_KEPT:
        while len(kept) >= _MOST_QUERIES:
            kept.pop(next(iter(kept), text), None)
        kept[text] = value


def flag(name: str) -> bool:
    """Whether the parameter of this name, in any case, says true."""
    return (parameter(name) or "").lower() in ("true", "1")


def ask_of(dataset_id: str, query: Query, format_: Format) -> Ask:
    """The request for a door: the query, with the proofs that came with it."""
    return Ask(
        dataset_id=dataset_id,
        query=query,
        query_text=request.query_string.decode("utf-8", "replace"),
        format=format_.extension,
        credentials=credentials(),
        break_off=breaker(request.environ),
        cancel=reader_gone(request.environ),
    )


def credentials() -> Credentials:
    """What came with this request to prove who asks, unchecked. A script of a page is nobody (soda.md §9)."""
    if not any(proof in request.environ for proof in _PROOFS):
        return _NO_PROOF
    nobody = parameter("$jsonp") is not None
    return Credentials(
        authorization=None if nobody else request.headers.get("Authorization"),
        proofs=tuple(request.headers.getlist("DPoP")),
        method=request.method,
        url=own_url(),
    )


def own_url() -> str:
    """Scheme, host and path as the client addressed us: by our public address, or in the demo by any loopback name."""
    settings = web.settings()
    return request.base_url if settings.demo else settings.origin + request.path
