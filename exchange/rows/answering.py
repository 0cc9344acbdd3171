"""Answers and errors of the rows API as HTTP (reference: soda.md §6 and §11)."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from typing import Any

from flask import Request, Response
from werkzeug.exceptions import HTTPException

from exchange.errors import CharterError, NotFound, Unauthenticated
from exchange.rows.door import Answer, Field
from exchange.rows.formats import CSV_TYPE, JSON_TYPE, Body, csv_stream, json_object, json_stream
from exchange.rows.open_reading import Prepared

NO_DATASET = "soda.dataset.not-found"
NO_ROW = "soda.row.not-found"
MAX_HEADER = 5_000
"""Characters of both SODA headers together; longer ones are left out, as Socrata does."""

CHALLENGE = 'DPoP algs="ES256 Ed25519"'
_PROTOCOL_CODES = {
    404: NO_DATASET,
    405: "soda.method-not-allowed",
    406: "soda.schema-invalid-for-mime-type",
    412: "soda.precondition-failed",
    413: "req.body.too-large",
    415: "req.content-type.unparsable",
    429: "soda.too-many-requests",
}
_SENTENCES = {
    404: "There is nothing at this address.",
    406: "Rows can be had as .json or .csv.",
    412: "The rows have changed since the version that you named.",
}


class MethodNotAllowed(CharterError):
    """The old interface's writing side; data come in by publishing only."""

    status = 405
    code = "soda.method-not-allowed"

    def __init__(self) -> None:
        super().__init__("Rows are read here with GET. Agencies publish by a publishing run.")
        self.headers = {"Allow": "GET, HEAD, OPTIONS"}


def respond(answer: Answer, format_: str, *, head: bool, bom: bool) -> Response:
    """The answer as a streamed response, headers and all. Raises what fails before the first byte."""
    body = csv_stream(answer, byte_order_mark=bom) if format_ == "csv" else json_stream(answer)
    response = Response(body, content_type=CSV_TYPE if format_ == "csv" else JSON_TYPE)
    _describe(response, answer)
    if head:
        body.finish_unread()
        response.response = []
    else:
        _begin(body, answer)
    return response


def _begin(body: Body, answer: Answer) -> None:
    """What fails before the first byte is answered as an error, with the headers that name its entry."""
    try:
        body.begin()
    except CharterError as error:
        error.headers = {**getattr(error, "headers", {}), **answer.headers}  # type: ignore[attr-defined]
        raise


def one_row(answer: Answer, identifier: str) -> Response:
    """The first row as an object. Raises `NotFound` when there is none."""
    try:
        batch = next((batch for batch in answer.batches if batch.num_rows), None)
        body = json_object(answer.fields, batch) if batch is not None else b""
    except Exception:
        answer.finish(0, 0, "failed", None)
        raise
    answer.finish(1 if body else 0, len(body), "done", None)
    if not body:
        error = NotFound(f"No row has the id {identifier[:80]}.", code=NO_ROW)
        error.headers = dict(answer.headers)  # type: ignore[attr-defined]
        raise error
    response = Response(body + b"\n", content_type=JSON_TYPE)
    _describe(response, answer)
    return for_every_site(response) if answer.etag is not None else response


def not_modified(prepared: Prepared, request: Request) -> Response | None:
    """304 if the reader has these very rows; 412 if it asked for others to be there; else None."""
    response = Response(status=200, content_type=JSON_TYPE)
    response.set_etag(prepared.etag)
    response.last_modified = prepared.last_modified
    _may_be_kept(response)
    response.make_conditional(request)
    return for_every_site(response) if response.status_code in (304, 412) else None


def for_every_site(response: Response) -> Response:
    """Open data may be read by pages of any site."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = "X-SODA2-Fields, X-SODA2-Types, ETag, Last-Modified"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def _describe(response: Response, answer: Answer) -> None:
    for name, value in _soda_headers(answer.fields).items():
        response.headers[name] = value
    response.headers["X-Socrata-RequestId"] = secrets.token_hex(16)
    response.last_modified = answer.last_modified
    if answer.etag is not None:
        response.set_etag(answer.etag)
        _may_be_kept(response)
    else:
        response.headers["Cache-Control"] = "no-store"
    for name, value in answer.headers.items():
        response.headers[name] = value


def _may_be_kept(response: Response) -> None:
    response.headers["Cache-Control"] = "public, no-cache"
    response.vary.update(("Accept", "Accept-Encoding"))


def _soda_headers(fields: tuple[Field, ...]) -> Mapping[str, str]:
    names, types = (json.dumps([getattr(field, part) for field in fields]) for part in ("name", "type"))
    if len(names) + len(types) > MAX_HEADER:
        return {"X-SODA2-Warning": "X-SODA2-Fields and X-SODA2-Types are left out: together they are too long"}
    return {"X-SODA2-Fields": names, "X-SODA2-Types": types}


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


def protocol_error(error: HTTPException, dataset_id: str | None) -> Response:
    """404, 405, 406 and the like in the same form."""
    status = error.code or 500
    described = CharterError(_SENTENCES.get(status, error.description or "The request failed."))
    described.status, described.code = status, _PROTOCOL_CODES.get(status, "internal-error")
    return error_response(described, dataset_id)
