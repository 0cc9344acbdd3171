"""A request of a program that writes: who it is, its body, and what is refused to it on record."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from flask import current_app, request

from exchange import clock
from exchange.catalog.models import Dataset
from exchange.errors import NotFound, Refused
from exchange.hub.writing.body import Body, receive
from exchange.hub.writing.credentials import Keepers, Presented, Writer
from exchange.hub.writing.faults import TOO_LARGE, BadBody, NobodyWrites, malformed
from exchange.hub.writing.rows import dataset_for
from exchange.rows import refusing
from exchange.values import is_four_by_four, is_text
from exchange.web import session, settings

MOST_METADATA = 2 * 1024 * 1024
"""Bytes of metadata in one request."""


@contextmanager
def writing_person(dataset_id: str | None = None) -> Iterator[Writer]:
    """Who writes; what is refused to a known key is recorded. Nothing of the database is held when it begins."""
    presented = Presented(request.headers.get("Authorization"), "Origin" in request.headers, request.path)
    keepers = cast(Keepers, current_app.extensions["write_keys"])
    writer = keepers.writer(session(), presented, clock.now())
    try:
        yield writer
    except (Refused, NotFound, NobodyWrites) as refused:
        keepers.refused(session(), writer, dataset_id, refused.message, clock.now())
        raise


def require_dataset(writer: Writer, dataset_id: str) -> None:
    """Refuse before the body comes in; it may come slowly, so nothing of the database is held meanwhile."""
    dataset_for(session(), writer, dataset_id)
    session().rollback()


def own_dataset(writer: Writer, dataset_id: str) -> Dataset:
    """The dataset that is written about, for who the writer is now that the body is in."""
    return dataset_for(session(), writer.still(session(), clock.now()), dataset_id)


@contextmanager
def folder() -> Iterator[Path]:
    """A folder for this request's body, gone with it."""
    with tempfile.TemporaryDirectory(dir=settings().data_dir, prefix="write-") as made:
        yield Path(made)


def body_of_request(within: Path, extension: str | None) -> Body:
    """The body, in a file."""
    return receive(
        request.stream, within / "body", type_=request.mimetype,
        encoding=request.headers.get("Content-Encoding", ""), extension=extension,
    )  # fmt: skip


def json_of_request() -> Any:
    """The body as JSON; None for an empty one. Raises `BadBody`."""
    text = request.stream.read(MOST_METADATA + 1)
    if len(text) > MOST_METADATA:
        raise BadBody(TOO_LARGE, "Metadata are at most 2 megabytes.", status=413)
    try:
        value = json.loads(text) if text.strip() else None
    except (ValueError, RecursionError) as error:
        raise malformed(str(error)) from error
    if not all(map(is_text, _texts_in(value))):
        raise malformed("a text in it has a sign that no text has (U+0000, or half of a surrogate pair)")
    return value


def _texts_in(value: Any) -> Iterator[str]:
    """Every text and every name, however deep; JSON that was read is no deeper than the reader goes."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, str):
            yield one
        elif isinstance(one, dict):
            waiting += [*one, *one.values()]
        elif isinstance(one, list):
            waiting += one


def object_of_request() -> Mapping[str, Any]:
    """The body as one JSON object. Raises `BadBody`."""
    value = json_of_request()
    if not isinstance(value, dict):
        raise malformed("one JSON object is expected")
    return value


def split(address: str) -> tuple[str, str | None]:
    """The id and the extension of `abcd-1234.json`. Raises `NotFound`."""
    dataset_id, _, extension = address.partition(".")
    if not is_four_by_four(dataset_id):
        raise refusing.no_dataset(dataset_id)
    return dataset_id, extension or None


def in_words(dataset_id: str, what: str = "rows") -> str:
    """What was asked, for people and the log: never the body, nor a row's identifier, which may be a person's."""
    return f"{request.method} {what} of {dataset_id} by program"
