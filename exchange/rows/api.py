"""The rows API: `/resource/<4x4>` and what belongs to it, as data.ct.gov answered (reference: soda.md)."""

from __future__ import annotations

from typing import cast

from flask import Blueprint, Response, current_app, request
from flask.blueprints import BlueprintSetupState

from exchange import web
from exchange.rows import answering, asking, limits, refusing, whole
from exchange.rows.door import Answer, Ask, Door
from exchange.rows.engines.duckdb_file import DuckDBEngine
from exchange.rows.formats import FORMATS, Format, Options
from exchange.rows.open_reading import OpenDoor, OpenVersion, open_version_of
from exchange.rows.soql import Name, Query, SimpleFilter
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
    format_ = asking.format_of(extension)
    query, ids_added = asking.with_ids(asking.query_of_address(), format_)
    options = asking.options_of_address(dataset_id, format_, ids_added=ids_added)
    ask = asking.ask_of(dataset_id, query, format_)
    version = open_version_of(web.session(), dataset_id)
    return _restricted(ask, format_, options) if version is None else _open(ask, format_, options, version)


@rows.get("/resource/<string:dataset_id>/<string:address>")
def row(dataset_id: str, address: str) -> Response:
    """One row, by the dataset's row identifier or by `:id`; as an object unless the address names another format."""
    asking.require_id(dataset_id)
    identifier, dot, extension = address.rpartition(".")
    known = bool(dot) and extension in FORMATS
    format_ = FORMATS[extension if known else "json"]
    version = open_version_of(web.session(), dataset_id)
    name = version.row_id if version is not None and version.row_id is not None else ":id"
    one = SimpleFilter(Name(name, name), identifier if known else address)
    query, ids_added = asking.with_ids(Query(filters=(one,), limit=1), format_)
    options = asking.options_of_address(dataset_id, format_, ids_added=ids_added)
    ask = asking.ask_of(dataset_id, query, format_)
    if version is None:
        answer = _restricted_answer(ask, format_)
    else:
        prepared = _open_door().plan(version, ask)
        held = answering.not_modified(prepared, request, options.changed(gzip=False))
        if held is not None:
            return held
        answer = _open_door().answer(prepared)
    return answering.one_row(answer, one.value, format_, options)


@rows.get("/api/views/<string:address>")
def view(address: str) -> Response:
    """What an open dataset is: its metadata and columns."""
    dataset_id, extension = asking.split_address(address)
    version = open_version_of(web.session(), dataset_id)
    if version is None or extension not in (None, "json"):
        raise refusing.no_dataset(dataset_id)
    return answering.for_every_site(refusing.json_response(view_object(web.session(), version)))


@rows.route("/resource/", defaults={"rest": ""}, methods=["GET", *READ_ONLY])
@rows.route("/resource/<path:rest>", methods=["GET", *READ_ONLY])
@rows.route("/api/views/<path:rest>", methods=["GET", *READ_ONLY])
def not_here(rest: str) -> Response:
    """Addresses of the old interface that change data, or name none; both answer in its own form of error."""
    if request.method in READ_ONLY:
        raise refusing.MethodNotAllowed()
    raise refusing.no_dataset(rest)


def _open(ask: Ask, format_: Format, options: Options, version: OpenVersion) -> Response:
    door = _open_door()
    prepared = door.plan(version, ask)
    held = answering.not_modified(prepared, request, options)
    if held is not None:
        return held
    answer = whole.answer(door, prepared, ask)
    response = answering.respond(answer, format_, options, head=request.method == "HEAD")
    if asking.parameter("$$row_count") is not None:
        response.headers["X-SODA2-Row-Count"] = str(whole.count(door, prepared, ask))
    return response


def _restricted(ask: Ask, format_: Format, options: Options) -> Response:
    """Nothing is packed here: what is packed runs far ahead of the check that may have to break it off."""
    answer = _restricted_answer(ask, format_)
    return answering.respond(answer, format_, options.changed(gzip=False), head=request.method == "HEAD")


def _restricted_answer(ask: Ask, format_: Format) -> Answer:
    if not format_.restricted and ask.credentials.authorization is not None:
        raise refusing.NotAcceptable(
            f"Rows that need a token cannot be had as .{format_.extension}, which is for the open web. Take .json."
        )
    return _restricted_door().open(ask)


def _open_door() -> OpenDoor:
    return cast(OpenDoor, current_app.extensions["open_door"])


def _restricted_door() -> Door:
    return cast(Door, current_app.extensions["restricted_door"])
