"""Answers of the rows API as HTTP: headers, streams, conditions (reference: soda.md §6). Blind to engine and format."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping

import pyarrow as pa
from flask import Request, Response

from exchange.errors import CharterError, NotFound
from exchange.rows.door import Answer, Field
from exchange.rows.formats import JSON_TYPE, PLAIN, Body, Format, Options
from exchange.rows.formats.body import Encode
from exchange.rows.open_reading import Prepared
from exchange.rows.refusing import NO_ROW

MAX_HEADER = 5_000
"""Characters of both SODA headers together; longer ones are left out, as Socrata does."""


def respond(answer: Answer, format_: Format, options: Options = PLAIN, *, head: bool = False) -> Response:
    """The answer as a streamed response, headers and all. Raises what fails before the first byte."""
    body = Body(answer, _encode(format_, options))
    response = Response(body, content_type=format_.content_type)
    _describe(response, answer)
    if head:
        body.finish_unread()
        response.response = []
    else:
        _begin(body, answer)
    return response


def _encode(format_: Format, options: Options) -> Encode:
    def encode(fields: tuple[Field, ...], batches: Iterator[pa.RecordBatch]) -> Iterator[bytes]:
        return format_.write(fields, batches, options)

    return encode


def _begin(body: Body, answer: Answer) -> None:
    """What fails before the first byte is answered as an error, with the headers that name its entry."""
    try:
        body.begin()
    except CharterError as error:
        error.headers = {**getattr(error, "headers", {}), **answer.headers}  # type: ignore[attr-defined]
        raise


def one_row(answer: Answer, identifier: str, format_: Format, options: Options = PLAIN) -> Response:
    """The first row, whole. Raises `NotFound` when there is none."""
    write = format_.row or format_.write
    try:
        batch = next((batch for batch in answer.batches if batch.num_rows), None)
        body = b"".join(write(answer.fields, iter([batch]), options)) if batch is not None else b""
    except Exception:
        answer.finish(0, 0, "failed", None)
        raise
    answer.finish(0 if batch is None else 1, len(body), "done", None)
    if batch is None:
        error = NotFound(f"No row has the id {identifier[:80]}.", code=NO_ROW)
        error.headers = dict(answer.headers)  # type: ignore[attr-defined]
        raise error
    response = Response(body, content_type=format_.content_type)
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
