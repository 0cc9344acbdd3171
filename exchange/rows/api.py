"""The rows API: `/resource/<4x4>` and what belongs to it, as data.ct.gov answered (reference: soda.md)."""

from __future__ import annotations

from typing import Any, cast

from flask import Blueprint, Response, current_app, request
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import HTTPException, NotAcceptable

from audit.ledger import LogUnavailable
from exchange import web
from exchange.errors import CharterError, NotFound, Unavailable
from exchange.rows import answering
from exchange.rows.connection import breaker
from exchange.rows.door import Answer, Ask, Credentials, Door
from exchange.rows.engines.duckdb_file import DuckDBEngine
from exchange.rows.formats import FORMATS
from exchange.rows.open_reading import OpenDoor, OpenVersion, open_version_of
from exchange.rows.soql import Query, parse_parameters
from exchange.rows.soql.tree import Name, SimpleFilter
from exchange.rows.view_object import view_object
from exchange.values import is_four_by_four

rows = Blueprint("rows", __name__)

READ_ONLY = ("POST", "PUT", "PATCH", "DELETE")
OPTIONS = ("$$bom", "$$app_token")


@rows.record
def connect(state: BlueprintSetupState) -> None:
    """Open the open door for this application. The restricted one is handed over by `wsgi.py`."""
    root = state.app.config["SETTINGS"].data_dir / "open"
    state.app.extensions["open_door"] = OpenDoor(web.session, root, DuckDBEngine(root))
    state.app.extensions["csrf"].exempt(rows)  # nothing here changes anything, and refusals speak JSON


@rows.get("/resource/<string:address>")
def resource(address: str) -> Response:
    """Rows of one dataset, by one query."""
    dataset_id, extension = _split(address)
    version = open_version_of(web.session(), dataset_id)
    return _answer(_ask(dataset_id, _query(), extension), version)


@rows.get("/resource/<string:dataset_id>/<string:address>")
def row(dataset_id: str, address: str) -> Response:
    """One row as an object, by the dataset's row identifier or by `:id`."""
    _check_id(dataset_id)
    identifier, dot, extension = address.rpartition(".")
    identifier = identifier if dot and extension == "json" else address
    version = open_version_of(web.session(), dataset_id)
    name = version.row_id if version is not None and version.row_id is not None else ":id"
    query = Query(filters=(SimpleFilter(Name(name, name), identifier),), limit=1)
    return answering.one_row(_opened(_ask(dataset_id, query, "json"), version), identifier)


@rows.get("/api/views/<string:address>")
def view(address: str) -> Response:
    """What an open dataset is: its metadata and columns."""
    dataset_id, extension = _split(address)
    version = open_version_of(web.session(), dataset_id)
    if version is None or extension not in (None, "json"):
        raise _no_dataset(dataset_id)
    response = answering.json_response(view_object(web.session(), version))
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


@rows.route("/resource/", defaults={"rest": ""}, methods=["GET", *READ_ONLY])
@rows.route("/resource/<path:rest>", methods=READ_ONLY)
@rows.route("/api/views/<path:rest>", methods=READ_ONLY)
def not_here(rest: str) -> Response:
    """Addresses of the old interface that change data, or name none; both answer in its own form of error."""
    if request.method in READ_ONLY:
        raise answering.MethodNotAllowed()
    raise _no_dataset(rest)


@rows.errorhandler(CharterError)
def on_error(error: CharterError) -> Response:
    """Every refusal and mistake in the form of soda.md §11."""
    web.session().rollback()
    return answering.error_response(error, _dataset_in_address())


@rows.errorhandler(LogUnavailable)
def on_log_unavailable(_error: LogUnavailable) -> Response:
    """What cannot be recorded is not read (invariant 1)."""
    web.session().rollback()
    error = Unavailable("The log cannot record this now, so no rows were read. Try again in a minute.")
    return answering.error_response(error, _dataset_in_address())


@rows.errorhandler(HTTPException)
def on_http_error(error: HTTPException) -> Response:
    """Errors of the protocol, in the same form."""
    return answering.protocol_error(error, _dataset_in_address())


def _answer(ask: Ask, version: OpenVersion | None) -> Response:
    if version is None:
        return answering.respond(_restricted_door().open(ask), ask.format, head=request.method == "HEAD", bom=_bom())
    door = _open_door()
    prepared = door.plan(version, ask)
    held = answering.not_modified(prepared, request)
    if held is not None:
        return held
    response = answering.respond(door.answer(prepared), ask.format, head=request.method == "HEAD", bom=_bom())
    return answering.for_every_site(response)


def _opened(ask: Ask, version: OpenVersion | None) -> Answer:
    if version is None:
        return _restricted_door().open(ask)
    door = _open_door()
    return door.answer(door.plan(version, ask))


def _query() -> Query:
    given = {name: values for name, values in request.args.lists() if name.lower() not in OPTIONS}
    return parse_parameters(given)


def _ask(dataset_id: str, query: Query, extension: str | None) -> Ask:
    return Ask(
        dataset_id=dataset_id,
        query=query,
        query_text=request.query_string.decode("utf-8", "replace"),
        format=extension or _wanted_format(),
        credentials=Credentials(
            authorization=request.headers.get("Authorization"),
            proofs=tuple(request.headers.getlist("DPoP")),
            method=request.method,
            url=_own_url(),
        ),
        break_off=breaker(request.environ),
    )


def _own_url() -> str:
    """Scheme, host and path as the client addressed us: by our public address, or in the demo by any loopback name."""
    settings = web.settings()
    return request.base_url if settings.demo else settings.origin + request.path


def _wanted_format() -> str:
    accepts = request.accept_mimetypes
    return "csv" if accepts["text/csv"] > accepts["application/json"] else "json"


def _split(address: str) -> tuple[str, str | None]:
    """The id and the extension of `abcd-1234.json`. Raises `NotFound`, 406 for a format that we do not write."""
    dataset_id, dot, extension = address.partition(".")
    _check_id(dataset_id)
    if dot and extension not in FORMATS:
        raise NotAcceptable
    return dataset_id, extension if dot else None


def _check_id(dataset_id: str) -> None:
    if not is_four_by_four(dataset_id):
        raise _no_dataset(dataset_id)


def _no_dataset(dataset_id: str) -> NotFound:
    return NotFound(f"No dataset has the id {dataset_id[:40]}.", code=answering.NO_DATASET)


def _bom() -> bool:
    return any(name.lower() == "$$bom" and value.lower() == "true" for name, value in request.args.items())


def _dataset_in_address() -> str | None:
    arguments: dict[str, Any] = request.view_args or {}
    address = str(arguments.get("dataset_id") or arguments.get("address") or "")[:9]
    return address if is_four_by_four(address) else None


def _open_door() -> OpenDoor:
    return cast(OpenDoor, current_app.extensions["open_door"])


def _restricted_door() -> Door:
    return cast(Door, current_app.extensions["restricted_door"])
