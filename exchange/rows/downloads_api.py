"""Whole tables to keep: `/api/views/<4x4>/rows.<format>` and the manifest of their files (reference: soda.md §6).

Open datasets only. Unknown parameters are passed over, since links of many years carry them.
"""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, Response, request
from flask.blueprints import BlueprintSetupState

from exchange import web
from exchange.catalog.models import Dataset
from exchange.errors import Invalid
from exchange.rows import answering, asking, doors, limits, refusing, sending, whole
from exchange.rows import downloads as files
from exchange.rows.formats import FORMATS, Format, Options
from exchange.rows.formats.soda1 import rows_json
from exchange.rows.open_reading import OpenVersion
from exchange.rows.soql import Query, parse_statement
from exchange.rows.view_object import view_object

downloads = Blueprint("downloads", __name__)
refusing.install(downloads)
limits.guard(downloads)

_WITH_IDS = parse_statement("SELECT *, :id")
_ADDRESSES = {
    files.SODA_CSV: "/resource/{id}.csv?$limit={rows}",
    files.SODA_JSON: "/resource/{id}.json?$limit={rows}",
    files.DOWNLOAD_CSV: "/api/views/{id}/rows.csv?accessType=DOWNLOAD",
}


@downloads.record
def connect(state: BlueprintSetupState) -> None:
    """Programs send no form."""
    state.app.extensions["csrf"].exempt(downloads)


@downloads.get("/api/views/<string:dataset_id>/rows.<string:extension>")
def rows(dataset_id: str, extension: str) -> Response:
    """The whole table, or its first `max_rows`, as a file with display names and without a limit."""
    version = _version(dataset_id)
    format_ = FORMATS.get(extension)
    if format_ is None:
        raise asking.not_written(f"as .{extension[:20]}")
    name = sending.file_name(_title(dataset_id), dataset_id, extension)
    limit = _max_rows(version)
    options = _options(version, format_)
    return _from_file(version, format_, options, name, limit) or _streamed(version, format_, options, name, limit)


@downloads.get("/api/views/<string:dataset_id>/manifest.json")
def manifest(dataset_id: str) -> Response:
    """The files of the current version: where they are, their rows, bytes and hashes; so a cut copy is seen."""
    version = _version(dataset_id)
    found = files.manifest_of(doors.open_root() / version.path) or {"files": {}}
    described = [
        {
            "address": _ADDRESSES[name].format(id=dataset_id, rows=max(version.rows, 1)),
            "content_type": files.FORMAT_OF[name].content_type,
            **entry,
        }
        for name, entry in found["files"].items()
    ]
    body = {
        "dataset": dataset_id,
        "version": version.number,
        "rows": version.rows,
        "published_at": version.published_at.isoformat(),
        "parquet": found.get("parquet"),
        "files": described,
    }
    response = refusing.json_response(body)
    response.last_modified = version.published_at
    response.add_etag()
    answering.may_be_kept(response)
    response.make_conditional(request)
    return answering.for_every_site(response)


def _version(dataset_id: str) -> OpenVersion:
    asking.require_id(dataset_id)
    version = doors.open_door().version_of(dataset_id)
    if version is None:
        raise refusing.no_dataset(dataset_id)
    return version


def _title(dataset_id: str) -> str:
    return web.session().get_one(Dataset, dataset_id).title


def _options(version: OpenVersion, format_: Format) -> Options:
    """Choices of a download: `bom=true`, and `format=true` for spreadsheets (nothing in it is computed)."""
    options = asking.options_of_address(version.dataset_id, format_).changed(
        byte_order_mark=asking.flag("bom"), formula_safe=asking.flag("format"), ids_asked=False
    )
    return files.options_for_people(doors.open_root() / version.path, version.columns, options)


def _max_rows(version: OpenVersion) -> int:
    given = asking.parameter("max_rows")
    if given is None:
        return version.rows
    if not given.isascii() or not given.isdigit():
        raise Invalid(f"max_rows is a whole number from 0, not {given[:40]!r}.", code="query.soql.bad-parse")
    return min(int(given[:15]), version.rows)


def _from_file(version: OpenVersion, format_: Format, options: Options, name: str, limit: int) -> Response | None:
    special = options.byte_order_mark or options.formula_safe or limit < version.rows
    if format_.extension != "csv" or special:
        return None
    stored = files.find(doors.open_root() / version.path, files.DOWNLOAD_CSV, packed=options.gzip)
    return sending.send(stored, version, options, attachment=name) if stored is not None else None


def _streamed(version: OpenVersion, format_: Format, options: Options, name: str, limit: int) -> Response:
    soda1 = format_.extension == "json"
    query = Query(limit=limit)
    if soda1 or format_.needs_ids:
        query = replace(query, stars=_WITH_IDS.stars, selections=_WITH_IDS.selections)
    ask = asking.ask_of(version.dataset_id, query, format_)
    door = doors.open_door()
    prepared = door.plan(version, ask)
    held = answering.not_modified(prepared, request, options)
    if held is not None:
        return held
    if soda1:
        view = view_object(web.session(), version)
        format_ = rows_json(view, int(version.published_at.timestamp()))
    answer = whole.answer(door, prepared, ask)
    response = answering.respond(answer, format_, options, head=request.method == "HEAD")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
