"""A stored file as an answer: its length, its hash, ranges of it, and conditions (RFC 9110 §13 and §14, RFC 9530)."""

from __future__ import annotations

import base64
import re
import unicodedata

from flask import Response, request
from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.wsgi import FileWrapper

from exchange.rows.answering import NotAsExpected, describe
from exchange.rows.door import Answer
from exchange.rows.downloads import Stored, fields_of
from exchange.rows.formats import PLAIN, Options
from exchange.rows.open_reading import OpenVersion

BLOCK = 256 * 1024
"""Bytes handed over at a time. The kernel's own sending of files is left alone: it knows no end to a slow reader."""

MAX_FILE_NAME = 100


def send(stored: Stored, version: OpenVersion, options: Options = PLAIN, *, attachment: str = "") -> Response:
    """The file, or the range of it that was asked for; 304 without a body. Raises `NotAsExpected`, 416.

    `attachment` is the name under which a browser keeps it.
    """
    file = stored.path.open("rb")
    response = Response(FileWrapper(file, BLOCK), content_type=stored.format.content_type, direct_passthrough=True)
    etag = stored.sha256[:32]
    answer = Answer(fields_of(version.columns), iter(()), version.number, version.published_at, etag)
    describe(response, answer, options.changed(gzip=False))
    response.set_etag(etag)
    response.content_length = stored.bytes
    digest = base64.b64encode(bytes.fromhex(stored.sha256)).decode()
    response.headers["Repr-Digest"] = f"sha-256=:{digest}:"
    if stored.packed:
        response.headers["Content-Encoding"] = "gzip"
    if attachment:
        response.headers["Content-Disposition"] = f'attachment; filename="{attachment}"'
    try:
        response.make_conditional(request, accept_ranges=True, complete_length=stored.bytes)
    except RequestedRangeNotSatisfiable:
        file.close()
        raise
    if response.status_code == 412:
        file.close()
        raise NotAsExpected
    return response


def file_name(title: str, dataset_id: str, extension: str) -> str:
    """A name that every system takes: plain letters, digits, `_`, `-`."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^A-Za-z0-9-]+", "_", plain).strip("_-")[:MAX_FILE_NAME]
    return f"{stem or dataset_id}.{extension}"
