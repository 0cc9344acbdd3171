"""The rows API: `/resource/<4x4>` and what belongs to it, as data.ct.gov answered (reference: soda.md)."""

from __future__ import annotations

from flask import Blueprint, Response, request
from flask.blueprints import BlueprintSetupState

from exchange import web
from exchange.rows import asking, doors, limits, refusing, routing
from exchange.rows.formats import FORMATS
from exchange.rows.open_reading import OpenDoor
from exchange.rows.plan.coercion import row_number
from exchange.rows.soql import Name, Query, SimpleFilter
from exchange.rows.whereabouts import whereabouts

rows = Blueprint("rows", __name__)
refusing.install(rows)
limits.guard(rows)

READ_ONLY = ("POST", "PUT", "PATCH", "DELETE")


@rows.record
def connect(state: BlueprintSetupState) -> None:
    """Open the open door for this application. The restricted one is handed over by `wsgi.py`."""
    root = state.app.config["SETTINGS"].data_dir / "open"
    places = whereabouts(state.app.config["SETTINGS"])
    engine = routing.open_engine(state.app, places)
    state.app.extensions["open_door"] = OpenDoor(web.session, root, engine, places)
    state.app.extensions["csrf"].exempt(rows)  # nothing here changes anything, and refusals speak JSON


@rows.get("/resource/<string:address>")
def resource(address: str) -> Response:
    """Rows of one dataset, by one query."""
    dataset_id, extension = asking.split_address(address)
    format_ = asking.format_of(extension)
    query, ids_added = asking.with_ids(asking.query_of_address(), format_)
    options = asking.options_of_address(dataset_id, format_, ids_added=ids_added)
    return doors.answered(asking.ask_of(dataset_id, query, format_), format_, options)


@rows.get("/resource/<string:dataset_id>/<string:address>")
def row(dataset_id: str, address: str) -> Response:
    """One row, by the dataset's row identifier or by `:id`; as an object unless the address names another format."""
    asking.require_id(dataset_id)
    identifier, dot, extension = address.rpartition(".")
    known = bool(dot) and extension in FORMATS
    identifier, format_ = (identifier, FORMATS[extension]) if known else (address, FORMATS["json"])
    version = doors.open_door().version_of(dataset_id)
    key = version.row_id if version is not None else None
    name = key if key is not None and row_number(identifier) is None else ":id"
    query = Query(filters=(SimpleFilter(Name(name, name), identifier),), limit=1)
    query, ids_added = asking.with_ids(query, format_)
    options = asking.options_of_address(dataset_id, format_, ids_added=ids_added)
    return doors.one_row(asking.ask_of(dataset_id, query, format_), identifier, format_, options, version)


@rows.route("/resource/", defaults={"rest": ""}, methods=["GET", *READ_ONLY])
@rows.route("/resource/<path:rest>", methods=["GET", *READ_ONLY])
@rows.route("/api/views/<path:rest>", methods=["GET", *READ_ONLY])
def not_here(rest: str) -> Response:
    """Addresses of the old interface that change data, or name none; both answer in its own form of error."""
    if request.method in READ_ONLY:
        raise refusing.MethodNotAllowed()
    raise refusing.no_dataset(rest)
