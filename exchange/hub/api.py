"""The writing side of the old interface: rows by programs, with a person's key (reference: soda.md §9).

A browser's session counts for nothing here, nor does a request that a page of some site sent. Every write is a
publishing run of its own (`exchange.hub.writing.rows`).
"""

from __future__ import annotations

from flask import Blueprint, Response, request

from exchange import clock
from exchange.hub.merging import Merge
from exchange.hub.writing import one_row
from exchange.hub.writing.body import Body
from exchange.hub.writing.credentials import Writer
from exchange.hub.writing.requests import (
    body_of_request,
    folder,
    in_words,
    own_dataset,
    require_dataset,
    split,
    writing_person,
)  # fmt: skip
from exchange.hub.writing.rows import Write, write_rows
from exchange.rows import refusing
from exchange.web import ledger, session, settings

writing = Blueprint("writing", __name__)
refusing.install(writing)


@writing.route("/resource/<string:address>", methods=["POST", "PUT"])
def rows(address: str) -> Response:
    """Upsert (POST), or replace all rows at once (PUT)."""
    dataset_id, extension = split(address)
    with writing_person(dataset_id) as writer, folder() as within:
        require_dataset(writer, dataset_id)
        body = body_of_request(within, extension)
        how = Merge.REPLACE if request.method == "PUT" else Merge.UPSERT
        return refusing.json_response(_write(writer, Write(dataset_id, body, how, in_words(dataset_id))))


@writing.delete("/resource/<string:address>")
def truncate(address: str) -> Response:
    """Delete all rows; the version before is kept."""
    dataset_id, _ = split(address)
    with writing_person(dataset_id) as writer, folder() as within:
        body = one_row.body_of([], within / "body")
        return refusing.json_response(_write(writer, Write(dataset_id, body, Merge.REPLACE, in_words(dataset_id))))


@writing.delete("/resource/<string:dataset_id>/<string:address>")
def delete_row(dataset_id: str, address: str) -> Response:
    """Delete one row, by the dataset's row identifier or by `:id`."""
    identifier = address.removesuffix(".json")
    with writing_person(dataset_id) as writer, folder() as within:
        body = one_row.deletion(own_dataset(writer, dataset_id), identifier, within / "body")
        return _one_row(writer, dataset_id, identifier, body)


@writing.route("/resource/<string:dataset_id>/<string:address>", methods=["POST", "PUT"])
def change_row(dataset_id: str, address: str) -> Response:
    """Change one row (POST), or write it anew (PUT)."""
    identifier = address.removesuffix(".json")
    with writing_person(dataset_id) as writer, folder() as within:
        require_dataset(writer, dataset_id)
        sent = body_of_request(within, None)
        dataset = own_dataset(writer, dataset_id)
        body = one_row.change(dataset, identifier, sent, within / "row", replace=request.method == "PUT")
        return _one_row(writer, dataset_id, identifier, body)


def _one_row(writer: Writer, dataset_id: str, identifier: str, body: Body) -> Response:
    write = Write(dataset_id, body, Merge.UPSERT, in_words(dataset_id, "row"), one_row=True)
    return refusing.json_response(one_row.acted(_write(writer, write), identifier))


def _write(writer: Writer, write: Write) -> dict[str, int]:
    return dict(write_rows(session(), ledger(), settings(), writer, write, now=clock.now()))
