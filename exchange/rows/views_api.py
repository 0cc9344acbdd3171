"""What datasets are, for programs: `/api/views/<4x4>`, its columns and documents, flat metadata (soda.md §7).

Open datasets are described to everybody. A dataset that the reader may know of and that is not open answers 403 with
the way to it; anything else answers exactly as what does not exist.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson
from flask import Blueprint, Response, current_app, request, send_file

from exchange import web
from exchange.catalog.attachments import file_of, find_attachment
from exchange.catalog.discovery.assets import Asset, read_assets
from exchange.catalog.discovery.flat import flat_metadata
from exchange.catalog.discovery.snapshot import snapshot_for
from exchange.catalog.kept_answers import Unkept, conditional, kept_answers
from exchange.catalog.models import Attachment, Dataset
from exchange.catalog.visibility import may_know
from exchange.directory.identity import current_identity
from exchange.errors import Invalid, NotFound, Refused
from exchange.rows import asking, limits, refusing
from exchange.rows.answering import for_every_site
from exchange.rows.contents import contents_of
from exchange.rows.open_reading import OpenDoor, OpenVersion, open_version_of
from exchange.rows.view_object import columns_of_view, view_object

views = Blueprint("views", __name__)
refusing.install(views)
limits.guard(views)

JSON_TYPE = "application/json;charset=utf-8"
MAX_LISTED, LISTED = 200, 50
"""View objects in one answer: at most, and unless `limit` says otherwise."""


@views.get("/api/views/<string:address>")
def view(address: str) -> Response:
    """The whole description of one open dataset."""
    dataset_id = _id_of(address)
    return _described(("view", dataset_id), lambda: _view(dataset_id))


@views.get("/api/views/<string:dataset_id>/columns")
@views.get("/api/views/<string:dataset_id>/columns.json")
def columns(dataset_id: str) -> Response:
    """The columns alone."""
    asking.require_id(dataset_id)
    return _described(("columns", dataset_id), lambda: _columns(dataset_id))


@views.get("/api/views")
@views.get("/api/views.json")
def listing() -> Response:
    """Open datasets by title, `limit` at a time; `page` counts from 1."""
    limit, page = _number("limit", LISTED, MAX_LISTED), _number("page", 1, 1_000_000)
    return _described(("views", limit, page), lambda: _listed(limit, page))


@views.get("/api/views/metadata/v1")
@views.get("/api/views/metadata/v1.json")
def all_metadata() -> Response:
    """Flat metadata of all datasets that the reader may know of; without `limit`, of all at once."""
    origin = web.settings().origin
    assets = _assets()
    limit = _number("limit", max(len(assets), 1), 1_000_000)
    start = (_number("page", 1, 1_000_000) - 1) * limit
    return _for_whom([flat_metadata(asset, origin) for asset in assets[start : start + limit]])


@views.get("/api/views/metadata/v1/<string:address>")
def one_metadata(address: str) -> Response:
    """Flat metadata of one dataset that the reader may know of."""
    dataset_id = _id_of(address)
    assets = _assets()
    found = next((asset for asset in assets if asset.id == dataset_id), None)
    if found is None:
        raise refusing.no_dataset(dataset_id)
    return _for_whom(flat_metadata(found, web.settings().origin))


@views.get("/api/views/<string:dataset_id>/files/<string:asset_id>")
def document_of(dataset_id: str, asset_id: str) -> Response:
    """A document of an open dataset, as a file to keep."""
    asking.require_id(dataset_id)
    _open_version(dataset_id)
    return _document(find_attachment(web.session(), asset_id, dataset_id))


@views.get("/api/assets/<string:asset_id>")
def document(asset_id: str) -> Response:
    """The same, by its own id."""
    return _document(find_attachment(web.session(), asset_id))


def _assets() -> Sequence[Asset]:
    """What the reader may know of; the public's is at hand."""
    identity = current_identity()
    return snapshot_for(web.session, None).assets if identity is None else read_assets(web.session(), identity)


def _id_of(address: str) -> str:
    dataset_id, _, extension = address.partition(".")
    asking.require_id(dataset_id)
    if extension not in ("", "json"):
        raise asking.not_written(f"for a description as .{extension[:20]}")
    return dataset_id


def _open_version(dataset_id: str) -> OpenVersion:
    """The open version. Raises `NotFound`, or `Refused` for who may know of a dataset that is not open."""
    version = open_version_of(web.session(), dataset_id)
    if version is not None:
        return version
    dataset = web.session().get(Dataset, dataset_id)
    if dataset is None or current_identity() is None or not may_know(current_identity(), dataset):
        raise refusing.no_dataset(dataset_id)
    raise Refused(
        f"This dataset is not open to everybody. Its page says what it is and how its rows are read: /data/{dataset_id}"
    )


def _view(dataset_id: str) -> bytes | Unkept:
    version = _open_version(dataset_id)
    contents = contents_of(_open_door(), _store(), version)
    return _written(view_object(web.session(), version, contents), whole=contents is not None)


def _columns(dataset_id: str) -> bytes | Unkept:
    version = _open_version(dataset_id)
    contents = contents_of(_open_door(), _store(), version)
    dataset = web.session().get_one(Dataset, dataset_id)
    return _written(columns_of_view(dataset, version, contents), whole=contents is not None)


def _listed(limit: int, page: int) -> bytes | Unkept:
    assets = snapshot_for(web.session, None).assets[(page - 1) * limit : page * limit]
    versions = [open_version_of(web.session(), asset.id) for asset in assets]
    return _written([view_object(web.session(), version) for version in versions if version is not None])


def _written(value: Any, *, whole: bool = True) -> bytes | Unkept:
    """What could not be counted now is tried again next time."""
    body = orjson.dumps(value) + b"\n"
    return body if whole else Unkept(body)


def _described(key: tuple[Any, ...], describe: Callable[[], bytes | Unkept]) -> Response:
    """What the public may know, kept until the catalogue changes; the same for whoever asks."""
    kept = kept_answers().get(key, web.session, describe)
    response = conditional(kept, JSON_TYPE)
    response.headers["Cache-Control"] = "public, no-cache"
    response.vary.add("Cookie")
    return for_every_site(response)


def _for_whom(value: Any) -> Response:
    response = Response(orjson.dumps(value) + b"\n", content_type=JSON_TYPE)
    return response if current_identity() is not None else for_every_site(response)


def _document(attachment: Attachment | None) -> Response:
    if attachment is None or open_version_of(web.session(), attachment.dataset_id) is None:
        raise NotFound("There is no such document.", code="soda.asset.not-found")
    response = send_file(
        file_of(_store(), attachment), mimetype="application/octet-stream", as_attachment=True,
        download_name=attachment.filename, etag=attachment.sha256, last_modified=attachment.added_at,
    )  # fmt: skip
    return for_every_site(response)


def _number(name: str, otherwise: int, most: int) -> int:
    text = request.args.get(name, "").strip()
    if not text:
        return otherwise
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= most):
        raise Invalid(f"{name} must be a whole number from 1 to {most:,}.")
    return int(text)


def _store() -> Path:
    return web.settings().data_dir / "open"


def _open_door() -> OpenDoor:
    door: OpenDoor = current_app.extensions["open_door"]
    return door
