"""Answers of the open door that are bytes at once: kept from before, read from the pages, or small.

They leave with a length, with headers that were made once for each plan, and no stream to look after. Long answers are
the stream's business (`exchange.rows.answering.respond`). Restricted rows never come here.
"""

from __future__ import annotations

import secrets
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from flask import Response, request
from werkzeug.datastructures import Headers

from exchange.kept_bytes import KeptBytes
from exchange.rows import answering
from exchange.rows.door import Answer
from exchange.rows.formats import FORMATS, Format, Options
from exchange.rows.formats.packing import packed
from exchange.rows.open_reading import OpenDoor, OpenVersion, Prepared
from exchange.rows.pages_reading import NOTHING, PagesReader
from exchange.rows.store_pages import PAGES

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

SMALL_ROWS = 5_000
"""Answers that can have no more rows are made whole before they leave."""

KEPT_BYTES = 64 * 1024 * 1024
"""What one worker keeps of answers."""

MOST_DESCRIBED = 2_000
"""Sets of headers that one worker keeps."""

REPEATABLE = "charter_oak.repeatable"
"""Where a request's environment says that its answer may be repeated (`exchange.portal.repeating`)."""

REQUEST_ID = "X-Socrata-RequestId"
_JSON = FORMATS["json"]
_OF_ONE = (REQUEST_ID, "ETag", "Content-Length")
"""Headers that every answer has of its own."""


class Repeatable(NamedTuple):
    """An answer that everybody gets who asks the same, while this version stands: its body is kept under this key."""

    version: OpenVersion
    key: Hashable


class _Made(Headers):
    """Headers of our own making, not looked through again."""

    def __init__(self, made: Sequence[tuple[str, str]]) -> None:
        self._list = list(made)

    def add(self, key: str, value: Any, /, **_options: Any) -> None:
        """One more; names and values are our own."""
        self._list.append((key, value))


class _Whole(Response):
    """A response whose headers are as they shall be."""

    def get_wsgi_headers(self, environ: WSGIEnvironment) -> Headers:
        """The headers as they are."""
        return self.headers


class Ready:
    """Makes whole answers for one worker."""

    def __init__(self, door: OpenDoor, kept: KeptBytes | None = None) -> None:
        self._door = door
        self._pages = PagesReader()
        self._described: dict[Hashable, list[tuple[str, str]]] = {}
        self.kept = kept if kept is not None else KeptBytes(KEPT_BYTES)

    def response(self, prepared: Prepared, format_: Format, options: Options) -> Response | None:
        """The whole answer; None where it has to be streamed. Raises what `OpenDoor.answer` raises."""
        key = (prepared.etag, format_.extension, options)
        again = prepared.keepable and key in self.kept
        body = self.body(prepared, format_, options)
        if body is None:
            return None
        if again and not prepared.others:
            request.environ[REPEATABLE] = Repeatable(prepared.version, key)
        return self.dressed(prepared, format_, options, body)

    def dressed(self, prepared: Prepared, format_: Format, options: Options, body: bytes) -> Response:
        """These bytes with the headers of the answer."""
        made = self._headers(prepared, format_, options)
        etag = f'"{answering.etag_of(prepared.etag, options)}"'
        own = (("ETag", etag), (REQUEST_ID, secrets.token_hex(16)), ("Content-Length", str(len(body))))
        response = _Whole(body)
        response.headers = _Made((*made, *own))
        return response

    def body(self, prepared: Prepared, format_: Format, options: Options) -> bytes | None:
        """The bytes of the answer; None where it has to be streamed."""
        key = (prepared.etag, format_.extension, options)
        body = self.kept.get(key) if prepared.keepable else None
        if body is None:
            body = self._made(prepared, format_, options)
            if body is not None and prepared.keepable:
                self.kept.put(key, body)
        return body

    def _made(self, prepared: Prepared, format_: Format, options: Options) -> bytes | None:
        body = self._page(prepared) if format_ is _JSON else None
        if body is None:
            if prepared.plan.limit > SMALL_ROWS or format_.needs_geometry:
                return None
            body = _written(self._door.answer(prepared), format_, options)
        return b"".join(packed(iter((body,)))) if options.gzip else body

    def row(self, prepared: Prepared, format_: Format) -> bytes | None:
        """The one row of an answer as an object, from the pages; b"" for none, None where the columns have to say."""
        page = self._page(prepared) if format_ is _JSON else None
        return None if page is None else page[1:-2] + b"\n" if page != NOTHING else b""

    def _headers(self, prepared: Prepared, format_: Format, options: Options) -> list[tuple[str, str]]:
        """The headers of the answer but for the request's own: made once for equal fields of a version."""
        key = (prepared.plan.fields, prepared.last_modified, prepared.version.number, format_.extension, options)
        made = self._described.get(key)
        if made is None:
            made = _described(prepared, format_, options)
            if len(self._described) >= MOST_DESCRIBED:
                self._described.clear()
            self._described[key] = made
        return made

    def _page(self, prepared: Prepared) -> bytes | None:
        version, page = prepared.version, prepared.page
        if page is None:
            return None
        path: Path = (self._door.root / version.path).with_suffix(PAGES)
        pages = self._pages.find(path, version.columns)
        return None if pages is None else self._pages.read(pages, page)


def _written(answer: Answer, format_: Format, options: Options) -> bytes:
    try:
        return b"".join(format_.write(answer.fields, answer.batches, options))
    finally:
        close = getattr(answer.batches, "close", None)
        if close is not None:
            close()


def _described(prepared: Prepared, format_: Format, options: Options) -> list[tuple[str, str]]:
    described = Response(content_type=format_.content_type)
    version = prepared.version
    answer = Answer(prepared.plan.fields, iter(()), version.number, prepared.last_modified, prepared.etag)
    answering.describe(described, answer, options)
    return [(name, value) for name, value in described.headers if name not in _OF_ONE]
