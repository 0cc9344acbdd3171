"""SODA 3: `/api/v3/views/<4x4>/query.json` and `export.csv`, by GET and POST (reference: soda.md §10).

The same doors, engine and formats as `/resource`. Nothing is changed by a POST here; it only carries a longer question.
"""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, Response, request
from flask.blueprints import BlueprintSetupState

from exchange import web
from exchange.db import begin_reading_only
from exchange.errors import Refused
from exchange.rows import asking, doors, limits, refusing
from exchange.rows.formats import FORMATS, Options
from exchange.rows.soda3 import Posted, query_of, read_address, read_body

soda3 = Blueprint("soda3", __name__)
refusing.install(soda3)
limits.guard(soda3)

METHODS = ("GET", "POST")


@soda3.record
def connect(state: BlueprintSetupState) -> None:
    """A question needs no form's secret."""
    state.app.extensions["csrf"].exempt(soda3)


@soda3.before_request
def read_only() -> None:
    """A POST here reads like a GET, so it takes no write lock."""
    begin_reading_only(True)


@soda3.before_request
def require_token() -> None:
    """An app token or a login, as on the old portal. Which token is right is said by `exchange.rows.limits`."""
    if request.method == "OPTIONS":
        return
    given = [request.headers.get("X-App-Token", ""), request.headers.get("Authorization", "")]
    given += [value for name, value in request.args.items() if name.lower() in ("app_token", "$$app_token")]
    if any(value.strip() for value in given):
        return
    raise Refused(
        "SODA 3 needs an app token (X-App-Token, or app_token in the address) or a login. Make one at"
        " /developers/tokens, or take the same rows without one from /resource."
    )


@soda3.route("/api/v3/views/<string:dataset_id>/query", defaults={"extension": None}, methods=METHODS)
@soda3.route("/api/v3/views/<string:dataset_id>/query.<string:extension>", methods=METHODS)
def query(dataset_id: str, extension: str | None) -> Response:
    """Rows of one dataset, by one statement, a page of them or up to its LIMIT."""
    return _answered(dataset_id, extension, export=False)


@soda3.route("/api/v3/views/<string:dataset_id>/export", defaults={"extension": None}, methods=METHODS)
@soda3.route("/api/v3/views/<string:dataset_id>/export.<string:extension>", methods=METHODS)
def export(dataset_id: str, extension: str | None) -> Response:
    """Everything that the statement gives, as a file to keep."""
    response = _answered(dataset_id, extension, export=True)
    if response.status_code == 200:
        name = f"{dataset_id}.{extension or 'json'}"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _answered(dataset_id: str, extension: str | None, *, export: bool) -> Response:
    asking.require_id(dataset_id)
    if extension is not None and extension not in FORMATS:
        raise asking.not_written(f"as .{extension[:20]}")
    format_ = asking.format_of(extension)
    posted = _posted(export=export)
    query, ids_added = asking.with_ids(query_of(posted, export=export), format_)
    ask = replace(asking.ask_of(dataset_id, query, format_), query_text=posted.query)
    options = Options(
        byte_order_mark=posted.byte_order_mark,
        separator=posted.separator,
        origin=web.settings().origin,
        dataset_id=dataset_id,
        ids_asked=not ids_added,
        gzip=format_.compressible and asking.accepts_gzip(),
    )
    return doors.answered(ask, format_, options)


def _posted(*, export: bool) -> Posted:
    if request.method == "POST":
        return read_body(request.get_data(), export=export)
    return read_address(dict(request.args.items()), export=export)
