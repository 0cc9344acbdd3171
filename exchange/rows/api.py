"""The rows API: `/resource/<4x4>` and what belongs to it, as data.ct.gov answered (reference: soda.md)."""

from __future__ import annotations

from typing import cast

from flask import Blueprint, Response, current_app, request
from flask.blueprints import BlueprintSetupState

from exchange import web
from exchange.rows import answering, asking, limits, refusing
from exchange.rows.door import Answer, Ask, Door
from exchange.rows.engines.duckdb_file import DuckDBEngine
from exchange.rows.formats import FORMATS, Format
from exchange.rows.open_reading import OpenDoor, OpenVersion, open_version_of
from exchange.rows.soql import Query
from exchange.rows.soql.tree import Name, SimpleFilter
from exchange.rows.view_object import view_object

rows = Blueprint("rows", __name__)
refusing.install(rows)
limits.guard(rows)

READ_ONLY = ("POST", "PUT", "PATCH", "DELETE")


@rows.record
def connect(state: BlueprintSetupState) -> None:
    """Open the open door for this application. The restricted one is handed over by `wsgi.py`."""
    root = state.app.config["SETTINGS"].data_dir / "open"
    state.app.extensions["open_door"] = OpenDoor(web.session, root, DuckDBEngine(root))
    state.app.extensions["csrf"].exempt(rows)  # nothing here changes anything, and refusals speak JSON


@rows.get("/resource/<string:address>")
def resource(address: str) -> Response:
    """Rows of one dataset, by one query."""
    dataset_id, extension = asking.split_address(address)
    version = open_version_of(web.session(), dataset_id)
    format_ = asking.format_of(extension)
    return _answer(asking.ask_of(dataset_id, asking.query_of_address(), format_), format_, version)


@rows.get("/resource/<string:dataset_id>/<string:address>")
def row(dataset_id: str, address: str) -> Response:
    """One row as an object, by the dataset's row identifier or by `:id`."""
    asking.require_id(dataset_id)
    identifier, dot, extension = address.rpartition(".")
    known = bool(dot) and extension in FORMATS
    format_ = FORMATS[extension if known else "json"]
    identifier = identifier if known else address
    version = open_version_of(web.session(), dataset_id)
    name = version.row_id if version is not None and version.row_id is not None else ":id"
    query = Query(filters=(SimpleFilter(Name(name, name), identifier),), limit=1)
    answer = _opened(asking.ask_of(dataset_id, query, format_), version)
    return answering.one_row(answer, identifier, format_, asking.options_of_address(dataset_id))


@rows.get("/api/views/<string:address>")
def view(address: str) -> Response:
    """What an open dataset is: its metadata and columns."""
    dataset_id, extension = asking.split_address(address)
    version = open_version_of(web.session(), dataset_id)
    if version is None or extension not in (None, "json"):
        raise refusing.no_dataset(dataset_id)
    return answering.for_every_site(refusing.json_response(view_object(web.session(), version)))


@rows.route("/resource/", defaults={"rest": ""}, methods=["GET", *READ_ONLY])
@rows.route("/resource/<path:rest>", methods=READ_ONLY)
@rows.route("/api/views/<path:rest>", methods=READ_ONLY)
def not_here(rest: str) -> Response:
    """Addresses of the old interface that change data, or name none; both answer in its own form of error."""
    if request.method in READ_ONLY:
        raise refusing.MethodNotAllowed()
    raise refusing.no_dataset(rest)


def _answer(ask: Ask, format_: Format, version: OpenVersion | None) -> Response:
    head, options = request.method == "HEAD", asking.options_of_address(ask.dataset_id)
    if version is None:
        return answering.respond(_restricted_door().open(ask), format_, options, head=head)
    door = _open_door()
    prepared = door.plan(version, ask)
    held = answering.not_modified(prepared, request)
    if held is not None:
        return held
    return answering.for_every_site(answering.respond(door.answer(prepared), format_, options, head=head))


def _opened(ask: Ask, version: OpenVersion | None) -> Answer:
    if version is None:
        return _restricted_door().open(ask)
    door = _open_door()
    return door.answer(door.plan(version, ask))


def _open_door() -> OpenDoor:
    return cast(OpenDoor, current_app.extensions["open_door"])


def _restricted_door() -> Door:
    return cast(Door, current_app.extensions["restricted_door"])
