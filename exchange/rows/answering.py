"""Answers of the rows API as HTTP: headers, streams, conditions (reference: soda.md §6). Blind to engine and format."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterator, Mapping
from functools import lru_cache

import pyarrow as pa
from flask import Request, Response
from werkzeug.http import http_date

from exchange.errors import CharterError, NotFound
from exchange.rows.door import Answer, Field
from exchange.rows.formats import JSON_TYPE, PLAIN, Body, Format, Options, geometry_of
from exchange.rows.formats.body import Encode
from exchange.rows.formats.packing import packed
from exchange.rows.open_reading import Prepared
from exchange.rows.refusing import NO_ROW, NotAcceptable, for_every_site

__all__ = ["describe", "etag_of", "for_every_site", "may_be_kept", "not_modified", "one_row", "respond"]

MAX_HEADER = 5_000
"""Characters of both SODA headers together; longer ones are left out, as Socrata does."""

_CONDITIONS = ("HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_IF_MATCH", "HTTP_IF_UNMODIFIED_SINCE")

LEGACY_NAMES = {"boolean": "checkbox", "floating_timestamp": "calendar_date"}
"""What SODA 2.0 called a type, for `$$version=2.0`."""


def respond(answer: Answer, format_: Format, options: Options = PLAIN, *, head: bool = False) -> Response:
    """The answer as a streamed response, headers and all. Raises what fails before the first byte."""
    body = Body(answer, _encode(format_, options))
    _require_geometry(body, answer, format_)
    response = Response(body, content_type=format_.content_type)
    describe(response, answer, options)
    response.automatically_set_content_length = False
    if head:
        body.finish_unread()
        response.response = []
    else:
        _begin(body, answer)
    return response


def _encode(format_: Format, options: Options) -> Encode:
    def encode(fields: tuple[Field, ...], batches: Iterator[pa.RecordBatch]) -> Iterator[bytes]:
        written = format_.write(fields, batches, options)
        return packed(written) if options.gzip else written

    return encode


def _require_geometry(body: Body, answer: Answer, format_: Format) -> None:
    if format_.needs_geometry and geometry_of(answer.fields) is None:
        error = NotAcceptable(f"None of the selected columns has a place, so there is no .{format_.extension} of them.")
        error.headers = dict(answer.headers)
        body.refuse(error.message)
        raise error


def _begin(body: Body, answer: Answer) -> None:
    """What fails before the first byte is answered as an error, with the headers that name its entry."""
    try:
        body.begin()
    except CharterError as error:
        error.headers = {**getattr(error, "headers", {}), **answer.headers}  # type: ignore[attr-defined]
        raise


def one_row(answer: Answer, identifier: str, format_: Format, options: Options = PLAIN) -> Response:
    """The first row, whole. Raises `NotFound` when there is none."""
    body = Body(answer, lambda _fields, batches: _first(format_, answer.fields, batches, options))
    _require_geometry(body, answer, format_)
    _begin(body, answer)
    whole = b"".join(body)
    if not body.rows:
        error = NotFound(f"No row has the id {identifier[:80]}.", code=NO_ROW)
        error.headers = dict(answer.headers)  # type: ignore[attr-defined]
        raise error
    response = Response(whole, content_type=format_.content_type)
    describe(response, answer, options.changed(gzip=False))
    return response


def _first(
    format_: Format, fields: tuple[Field, ...], batches: Iterator[pa.RecordBatch], options: Options
) -> Iterator[bytes]:
    write = format_.row or format_.write
    batch = next((batch.slice(0, 1) for batch in batches if batch.num_rows), None)
    return write(fields, iter([batch]), options) if batch is not None else iter(())


def not_modified(prepared: Prepared, request: Request, options: Options = PLAIN) -> Response | None:
    """304 if the reader has these very rows; 412 if it asked for others to be there; else None."""
    if not any(condition in request.environ for condition in _CONDITIONS):
        return None
    response = Response(status=200, content_type=JSON_TYPE)
    response.set_etag(etag_of(prepared.etag, options))
    response.last_modified = prepared.last_modified
    may_be_kept(response)
    response.make_conditional(request)
    if response.status_code == 412:
        raise NotAsExpected
    return for_every_site(response) if response.status_code == 304 else None


class NotAsExpected(CharterError):
    """`If-Match` named a version that is no longer there."""

    status = 412
    code = "soda.precondition-failed"

    def __init__(self) -> None:
        super().__init__("The rows have changed since the version that you named in If-Match. Read them again.")


def etag_of(base: str, options: Options) -> str:
    """The base names version, query and format; choices that change the bytes are added to it."""
    return base + _choices(options)


@lru_cache(maxsize=4096)
def _choices(options: Options) -> str:
    chosen = options.changed(origin="", dataset_id="", ids_asked=True)
    return "" if chosen == PLAIN else f"-{hashlib.sha256(repr(chosen).encode()).hexdigest()[:12]}"


def describe(response: Response, answer: Answer, options: Options = PLAIN) -> None:
    """The headers of every row response (soda.md §6)."""
    response.headers.update(_soda_headers(options.shown(answer.fields), options))
    modified = http_date(answer.last_modified)
    for name in ("Last-Modified", "X-SODA2-Truth-Last-Modified", "X-SODA2-Secondary-Last-Modified"):
        response.headers[name] = modified
    response.headers["X-SODA2-Data-Out-Of-Date"] = "false"
    response.headers["X-Socrata-RequestId"] = secrets.token_hex(16)
    if options.gzip:
        response.headers["Content-Encoding"] = "gzip"
    if answer.etag is not None:
        response.set_etag(etag_of(answer.etag, options))
        may_be_kept(response)
        for_every_site(response)
    else:
        response.headers["Cache-Control"] = "no-store"
    for name, value in answer.headers.items():
        response.headers[name] = value


def may_be_kept(response: Response) -> None:
    """Anybody may keep it who asks each time whether it still holds."""
    response.headers["Cache-Control"] = "public, no-cache"
    response.vary.update(("Accept", "Accept-Encoding"))


def _soda_headers(fields: tuple[Field, ...], options: Options) -> Mapping[str, str]:
    types = [LEGACY_NAMES.get(field.type, field.type) if options.legacy_types else field.type for field in fields]
    legacy = {"X-SODA2-Legacy-Types": "true"} if options.legacy_types else {}
    named, typed = json.dumps([field.name for field in fields]), json.dumps(types)
    if len(named) + len(typed) > MAX_HEADER:
        return {"X-SODA2-Warning": "X-SODA2-Fields and X-SODA2-Types are left out: together they are too long"}
    return {"X-SODA2-Fields": named, "X-SODA2-Types": typed, **legacy}
