"""Errors of the rows API in the form of soda.md §11: never HTML, SQL or a stack.

`install(blueprint)` makes every error of a blueprint answer so; each blueprint of the old interface calls it.
"""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException

from audit.ledger import LogUnavailable
from exchange import web
from exchange.errors import CharterError, NotFound, Unauthenticated, Unavailable
from exchange.rows.formats import JSON_TYPE
from exchange.values import is_four_by_four

NO_DATASET = "soda.dataset.not-found"
NO_ROW = "soda.row.not-found"
NOT_THIS_FORMAT = "soda.schema-invalid-for-mime-type"

EXPOSED = ", ".join((
    "X-SODA2-Fields", "X-SODA2-Types", "X-SODA2-Legacy-Types", "X-SODA2-Row-Count", "X-SODA2-Truth-Last-Modified",
    "X-SODA2-Data-Out-Of-Date", "X-SODA2-Secondary-Last-Modified", "X-SODA2-Warning", "ETag", "Last-Modified",
    "Content-Disposition", "Repr-Digest",
    "RateLimit", "RateLimit-Policy", "Retry-After",
))  # fmt: skip
"""Headers that scripts of other sites may read."""

PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "X-App-Token, Content-Type, If-None-Match, If-Modified-Since, Range",
    "Access-Control-Max-Age": "86400",
}
"""What a browser is told that asks before it sends a page's request. Credentials are not among it."""

CHALLENGE = 'DPoP algs="ES256 Ed25519"'
_PROTOCOL_CODES = {
    404: NO_DATASET,
    405: "soda.method-not-allowed",
    406: NOT_THIS_FORMAT,
    408: "soda.request-timeout",
    412: "soda.precondition-failed",
    413: "req.body.too-large",
    414: "req.url.too-long",
    415: "req.content-type.unparsable",
    416: "req.range-not-satisfiable",
    429: "soda.too-many-requests",
    503: Unavailable.code,
}
_SENTENCES = {
    404: "There is nothing at this address.",
    405: "This address does not take that method; see Allow for those that it takes.",
    412: "The rows have changed since the version that you named.",
    413: "What you sent is larger than this address takes. Send it in parts.",
    416: "The file has no such range of bytes. Ask for it without Range to learn its length.",
}


class MethodNotAllowed(CharterError):
    """An address that is read only."""

    status = 405
    code = "soda.method-not-allowed"

    def __init__(self) -> None:
        super().__init__("Rows are read here with GET. Agencies publish by a publishing run.")
        self.headers = {"Allow": "GET, HEAD, OPTIONS"}


class NotAcceptable(CharterError):
    """A format that we do not write, or not for these rows."""

    status = 406
    code = NOT_THIS_FORMAT

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.headers: dict[str, str] = {}


def no_dataset(dataset_id: str) -> NotFound:
    """404 for an id that no dataset has, as far as this reader may know."""
    return NotFound(f"No dataset has the id {dataset_id[:40]}.", code=NO_DATASET)


def install(blueprint: Blueprint) -> None:
    """Answer every error of this blueprint in the form of soda.md §11."""
    blueprint.after_request(_preflight)
    blueprint.register_error_handler(CharterError, _on_error)
    blueprint.register_error_handler(LogUnavailable, _on_log_unavailable)
    blueprint.register_error_handler(HTTPException, _on_http_error)


def _preflight(response: Response) -> Response:
    """The answer to OPTIONS: the same for every address, so that it tells nothing about one."""
    if request.method == "OPTIONS":
        for_every_site(response).headers.update(PREFLIGHT)
    return response


def _on_error(error: CharterError) -> Response:
    web.session().rollback()
    return _for_whom(error_response(error, _dataset_in_address()))


def _on_log_unavailable(_error: LogUnavailable) -> Response:
    """What cannot be recorded is not read (invariant 1)."""
    return _on_error(Unavailable("The log cannot record this now, so no rows were read. Try again in a minute."))


def _on_http_error(error: HTTPException) -> Response:
    return _for_whom(protocol_error(error, _dataset_in_address()))


def _for_whom(response: Response) -> Response:
    """What is said to nobody in particular may be read by pages of any site; it tells what any reader is told."""
    return response if "Authorization" in request.headers else for_every_site(response)


def for_every_site(response: Response) -> Response:
    """Scripts of every site may read this, without credentials (Fetch standard, CORS)."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = EXPOSED
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def _dataset_in_address() -> str | None:
    arguments: dict[str, Any] = request.view_args or {}
    address = str(arguments.get("dataset_id") or arguments.get("address") or "")[:9]
    return address if is_four_by_four(address) else None


def json_response(value: Any, status: int = 200) -> Response:
    """A value as JSON."""
    return Response(json.dumps(value, ensure_ascii=False) + "\n", status, content_type=JSON_TYPE)


def error_response(error: CharterError, dataset_id: str | None) -> Response:
    """An error in the form of soda.md §11. Nothing of a query's engine or of a hidden column is ever in it."""
    code = NO_DATASET if error.status == 404 and error.code == NotFound.code else error.code
    data = dict(getattr(error, "data", {}))
    if dataset_id is not None:
        data["dataset"] = dataset_id
    body = {"code": code, "error": True, "errorCode": code, "message": error.message, "data": data}
    if error.status == 404 and code == NO_DATASET:
        body["message"] = f"No dataset has the id {dataset_id}." if dataset_id else error.message
    if error.because:
        body["because"] = list(error.because)
    response = json_response(body, error.status)
    response.headers["Cache-Control"] = "no-store"
    if isinstance(error, Unauthenticated):
        response.headers["WWW-Authenticate"] = CHALLENGE
    if error.status == 503:
        response.headers["Retry-After"] = "60"
    response.headers.update(getattr(error, "headers", {}))
    return response


def error_elsewhere(status: int, code: str, message: str, because: tuple[str, ...] = ()) -> Response:
    """An error at these addresses that no room of theirs answered: no such address or method, a mistake of ours."""
    sentence = _SENTENCES[status] if status in (404, 405) else message
    described = CharterError(sentence, code=_PROTOCOL_CODES.get(status, code), because=because)
    described.status = status
    return _for_whom(error_response(described, _dataset_in_address()))


def protocol_error(error: HTTPException, dataset_id: str | None) -> Response:
    """404, 405, 413 and the like in the same form."""
    status = error.code or 500
    described = CharterError(_SENTENCES.get(status, error.description or "The request failed."))
    described.status, described.code = status, _PROTOCOL_CODES.get(status, "internal-error")
    return error_response(described, dataset_id)
