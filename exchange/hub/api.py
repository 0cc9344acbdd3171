"""The writing side of the old interface: rows and metadata by programs, with a person's key (reference: soda.md §9).

A browser's session counts for nothing here, nor does a request that a page of some site sent. Every write is a
publishing run of its own (`exchange.hub.writing.rows`).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

from flask import Blueprint, Response, current_app, request

from exchange import clock
from exchange.errors import Refused
from exchange.hub.merging import Merge
from exchange.hub.writing import one_row
from exchange.hub.writing.body import Body, receive
from exchange.hub.writing.credentials import Keepers, Presented, Writer
from exchange.hub.writing.rows import Write, dataset_for, write_rows
from exchange.rows import refusing
from exchange.values import is_four_by_four
from exchange.web import ledger, session, settings

writing = Blueprint("writing", __name__)
refusing.install(writing)


@writing.route("/resource/<string:address>", methods=["POST", "PUT"])
def rows(address: str) -> Response:
    """Upsert (POST), or replace all rows at once (PUT)."""
    dataset_id, extension = _split(address)
    with _writer(dataset_id) as writer, _folder() as folder:
        _require_dataset(writer, dataset_id)
        body = _body(folder, extension)
        how = Merge.REPLACE if request.method == "PUT" else Merge.UPSERT
        return refusing.json_response(_write(writer, Write(dataset_id, body, how, _request(dataset_id))))


@writing.delete("/resource/<string:address>")
def truncate(address: str) -> Response:
    """Delete all rows; the version before is kept."""
    dataset_id, _ = _split(address)
    with _writer(dataset_id) as writer, _folder() as folder:
        body = one_row.body_of([], folder / "body")
        return refusing.json_response(_write(writer, Write(dataset_id, body, Merge.REPLACE, _request(dataset_id))))


@writing.delete("/resource/<string:dataset_id>/<string:address>")
def delete_row(dataset_id: str, address: str) -> Response:
    """Delete one row, by the dataset's row identifier or by `:id`."""
    identifier = address.removesuffix(".json")
    with _writer(dataset_id) as writer, _folder() as folder:
        body = one_row.deletion(dataset_for(session(), writer, dataset_id), identifier, folder / "body")
        return _one_row(writer, dataset_id, identifier, body)


@writing.route("/resource/<string:dataset_id>/<string:address>", methods=["POST", "PUT"])
def change_row(dataset_id: str, address: str) -> Response:
    """Change one row (POST), or write it anew (PUT)."""
    identifier = address.removesuffix(".json")
    with _writer(dataset_id) as writer, _folder() as folder:
        _require_dataset(writer, dataset_id)
        sent = _body(folder, None)
        dataset = dataset_for(session(), writer, dataset_id)
        body = one_row.change(dataset, identifier, sent, folder / "row", replace=request.method == "PUT")
        return _one_row(writer, dataset_id, identifier, body)


def _one_row(writer: Writer, dataset_id: str, identifier: str, body: Body) -> Response:
    write = Write(dataset_id, body, Merge.UPSERT, _request(dataset_id, "row"), one_row=True)
    return refusing.json_response(one_row.acted(_write(writer, write), identifier))


def _write(writer: Writer, write: Write) -> dict[str, Any]:
    return dict(write_rows(session(), ledger(), settings(), writer, write, now=clock.now()))


@contextmanager
def _writer(dataset_id: str | None = None) -> Iterator[Writer]:
    """Who writes; what is refused to a known key is recorded."""
    presented = Presented(
        authorization=request.headers.get("Authorization"), from_another_site="Origin" in request.headers,
        path=request.path,
    )  # fmt: skip
    keepers = cast(Keepers, current_app.extensions["write_keys"])
    writer = keepers.writer(session(), presented, clock.now())
    try:
        yield writer
    except Refused as refused:
        keepers.refused(session(), writer, dataset_id, refused.message, clock.now())
        raise


def _require_dataset(writer: Writer, dataset_id: str) -> None:
    """Refuse before the body comes in; it may come slowly, so nothing of the database is held meanwhile."""
    dataset_for(session(), writer, dataset_id)
    session().rollback()


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=settings().data_dir, prefix="write-") as folder:
        yield Path(folder)


def _body(folder: Path, extension: str | None) -> Body:
    return receive(
        request.stream, folder / "body", type_=request.mimetype, encoding=request.headers.get("Content-Encoding", ""),
        extension=extension,
    )  # fmt: skip


def _request(dataset_id: str, what: str = "rows") -> str:
    """What was asked, for people and the log: never the body, nor an identifier, which may be a person's."""
    return f"{request.method} {what} of {dataset_id} by program"


def _split(address: str) -> tuple[str, str | None]:
    dataset_id, _, extension = address.partition(".")
    if not is_four_by_four(dataset_id):
        raise refusing.no_dataset(dataset_id)
    return dataset_id, extension or None
