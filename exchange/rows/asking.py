"""A request for rows, read: which dataset, which query, which format, which choices, and who says so.

Used by every address that answers rows. Nothing is looked up here.
"""

from __future__ import annotations

from flask import request
from werkzeug.datastructures import MIMEAccept

from exchange import web
from exchange.rows.connection import breaker, reader_gone
from exchange.rows.door import Ask, Credentials
from exchange.rows.formats import FORMATS, Format, Options
from exchange.rows.refusing import NotAcceptable, no_dataset
from exchange.rows.soql import Query, parse_parameters
from exchange.values import is_four_by_four

OF_THE_ANSWER = frozenset({"$$bom", "$$app_token"})
"""Parameters that are no part of the query, in lower case."""


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
    if extension is not None:
        return FORMATS[extension]
    accepts = request.accept_mimetypes
    return _accepted(accepts) if accepts else FORMATS["json"]


def _accepted(accepts: MIMEAccept) -> Format:
    return FORMATS["csv"] if accepts["text/csv"] > accepts["application/json"] else FORMATS["json"]


def query_of_address() -> Query:
    """The query that the address asks. Raises `SoqlError`, `ParameterError`."""
    given = {name: values for name, values in request.args.lists() if name.lower() not in OF_THE_ANSWER}
    return parse_parameters(given)


def options_of_address(dataset_id: str) -> Options:
    """What the address says about the writing of the answer."""
    return Options(byte_order_mark=flag("$$bom"), origin=web.settings().origin, dataset_id=dataset_id)


def flag(name: str) -> bool:
    """Whether the parameter of this name, in any case, says true."""
    return any(key.lower() == name and value.lower() in ("true", "1") for key, value in request.args.items())


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
    """What came with this request to prove who asks, unchecked."""
    return Credentials(
        authorization=request.headers.get("Authorization"),
        proofs=tuple(request.headers.getlist("DPoP")),
        method=request.method,
        url=own_url(),
    )


def own_url() -> str:
    """Scheme, host and path as the client addressed us: by our public address, or in the demo by any loopback name."""
    settings = web.settings()
    return request.base_url if settings.demo else settings.origin + request.path
