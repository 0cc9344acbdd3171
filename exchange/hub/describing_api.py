"""The writing side of `/api/views`: programs register datasets, describe, list and retire them (soda.md §2, §7, §9).

As in `exchange.hub.api`, a person's key decides, and no browser's session. Answers are the view objects of the reading
side, as their steward sees them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, request

from exchange import clock
from exchange.catalog.datasets import columns_of, current_version
from exchange.catalog.describing import describe
from exchange.catalog.discovery.assets import asset_of
from exchange.catalog.discovery.flat import flat_metadata
from exchange.catalog.models import Column, Dataset, DatasetState
from exchange.errors import Invalid
from exchange.hub.merging import Merge
from exchange.hub.writing import one_row, registering
from exchange.hub.writing.credentials import Writer
from exchange.hub.writing.metadata import from_flat, from_view
from exchange.hub.writing.requests import (
    folder,
    in_words,
    json_of_request,
    object_of_request,
    own_dataset,
    require_dataset,
    split,
    writing_person,
)  # fmt: skip
from exchange.hub.writing.rows import Write, columns_to_write, proposed, write_rows
from exchange.rows import refusing
from exchange.rows.open_reading import OpenVersion
from exchange.rows.types import ColumnInfo, columns_from_schema
from exchange.rows.view_object import view_object
from exchange.web import ledger, session, settings

describing = Blueprint("describing", __name__)
refusing.install(describing)

TO_EVERYBODY = ("public.read", "public")


@describing.post("/api/views")
@describing.post("/api/views.json")
def create() -> Response:
    """Register a draft dataset of the writer's agency."""
    with writing_person() as writer:
        view, now = object_of_request(), clock.now()
        dataset = registering.create(session(), writer.still(session(), now), view, now)
        session().commit()
        return _view(dataset)


@describing.put("/api/views/<string:address>")
def change(address: str) -> Response:
    """Change what the catalogue says; with `method=setPermission`, who may read."""
    dataset_id, _ = split(address)
    with writing_person(dataset_id) as writer:
        if "method" in request.args:
            return _set_permission(writer, dataset_id)
        require_dataset(writer, dataset_id)
        changes = from_view(object_of_request())
        dataset = own_dataset(writer, dataset_id)
        describe(session(), writer.identity, dataset, changes, clock.now())
        session().commit()
        return _view(dataset)


def _set_permission(writer: Writer, dataset_id: str) -> Response:
    method, value = request.args["method"], request.args.get("value", "")
    if method != "setPermission" or value not in (*TO_EVERYBODY, "private"):
        raise Invalid("The method is setPermission, with value=public.read or value=private.")
    dataset, now = own_dataset(writer, dataset_id), clock.now()
    act = registering.withdraw if value == "private" else registering.give_to_everybody
    act(session(), writer, dataset, now)
    session().commit()
    return _view(dataset)


@describing.delete("/api/views/<string:address>")
def retire(address: str) -> Response:
    """Take a dataset out of the catalogue for good; its versions are kept."""
    dataset_id, _ = split(address)
    with writing_person(dataset_id) as writer:
        registering.retire(session(), writer, own_dataset(writer, dataset_id), clock.now())
        session().commit()
        return refusing.json_response({"id": dataset_id, "publicationStage": "retired"})


@describing.post("/api/views/<string:dataset_id>/columns")
@describing.post("/api/views/<string:dataset_id>/columns.json")
def add_column(dataset_id: str) -> Response:
    """Add a column; to a dataset with rows by a publishing run, in which it is empty."""
    with writing_person(dataset_id) as writer:
        require_dataset(writer, dataset_id)
        given, now = json_of_request(), clock.now()
        dataset = own_dataset(writer, dataset_id)
        if dataset.current_version_id is None:
            column = registering.add_column(session(), writer, dataset, given, now)
            session().commit()
        else:
            column = registering.column_of(dataset, given)
            _add_to_rows(writer, dataset, column, now)
        found = next(each for each in _view_of(dataset)["columns"] if each["fieldName"] == column.name)
        return refusing.json_response(found)


def _add_to_rows(writer: Writer, dataset: Dataset, column: Column, now: datetime) -> None:
    columns = [*columns_to_write(session(), dataset), proposed(column)]
    with folder() as within:
        body = one_row.body_of([], within / "body")
        write = Write(dataset.id, body, Merge.UPSERT, in_words(dataset.id, "a column"), columns=columns)
        write_rows(session(), ledger(), settings(), writer, write, now=now)


@describing.post("/api/views/<string:dataset_id>/publication")
@describing.post("/api/views/<string:dataset_id>/publication.json")
def publication(dataset_id: str) -> Response:
    """Say that the working copy is done. Versions are current as soon as they are written, so this changes nothing."""
    with writing_person(dataset_id) as writer:
        return _view(own_dataset(writer, dataset_id))


@describing.patch("/api/views/metadata/v1/<string:address>")
def change_flat(address: str) -> Response:
    """Change flat metadata; `strict` refuses what cannot be changed, `validateOnly` changes nothing."""
    dataset_id, _ = split(address)
    with writing_person(dataset_id) as writer:
        require_dataset(writer, dataset_id)
        members = object_of_request()
        dataset = own_dataset(writer, dataset_id)
        changes = from_flat(members, _flat(dataset), strict=_said("strict"))
        describe(session(), writer.identity, dataset, changes, clock.now())
        session().flush()
        if _said("validateOnly"):
            session().rollback()
        else:
            session().commit()
        return refusing.json_response(_flat(dataset))


def _said(name: str) -> bool:
    return request.args.get(name, "").lower() in ("true", "1", "yes")


def _flat(dataset: Dataset) -> dict[str, Any]:
    return flat_metadata(asset_of(session(), dataset), settings().origin)


def _view(dataset: Dataset) -> Response:
    return refusing.json_response(_view_of(dataset))


def _view_of(dataset: Dataset) -> dict[str, Any]:
    """The view object as the dataset's steward sees it, also of a draft."""
    view = view_object(session(), _version_of(dataset))
    public = dataset.state == DatasetState.PUBLISHED
    stage = "published" if dataset.current_version_id is not None else "unpublished"
    grants = view["grants"] if public else []
    return {**view, "publicationStage": stage, "rights": ["read", "write", "update_view", "add"], "grants": grants}


def _version_of(dataset: Dataset) -> OpenVersion:
    version = current_version(session(), dataset)
    if version is None:
        columns = tuple(ColumnInfo(c.name, c.label, c.type, c.has_meanings) for c in columns_of(dataset))
        return OpenVersion(dataset.id, 0, "", 0, dataset.created_at, dataset.row_id, columns)
    return OpenVersion(
        dataset.id, version.number, "", version.rows, version.published_at, dataset.row_id,
        columns_from_schema(version.schema),
    )  # fmt: skip
