"""The dataset's class chooses the door: the open one answers everybody, the restricted one looks at the proofs.

What is open and published is answered by the open door, everything else is asked of the restricted one, which answers
strangers as if there were nothing. A token changes nothing about that.
"""

from __future__ import annotations

from pathlib import Path
from typing import cast

from flask import Response, current_app, request

from exchange import web
from exchange.rows import answering, asking, downloads, refusing, sending, whole
from exchange.rows.door import Answer, Ask, Door
from exchange.rows.formats import Format, Options
from exchange.rows.open_reading import OpenDoor, OpenVersion
from exchange.rows.ready import Ready


def answered(ask: Ask, format_: Format, options: Options) -> Response:
    """The rows, by whichever door is the dataset's. Raises what the doors raise."""
    version = open_door().version_of(ask.dataset_id)
    return restricted(ask, format_, options) if version is None else opened(ask, format_, options, version)


def opened(ask: Ask, format_: Format, options: Options, version: OpenVersion) -> Response:
    """Open rows: from their file where that is there, 304 for who has them already, else computed."""
    stored = _from_file(ask, format_, options, version)
    if stored is not None:
        return stored
    door = open_door()
    prepared = door.plan(version, ask)
    held = answering.not_modified(prepared, request, options)
    if held is not None:
        return held
    response = ready_answers().response(prepared, format_, options)
    if response is None:
        answer = whole.answer(door, prepared, ask)
        response = answering.respond(answer, format_, options, head=request.method == "HEAD")
    if asking.parameter("$$row_count") is not None:
        response.headers["X-SODA2-Row-Count"] = str(whole.count(door, prepared, ask))
    return response


def one_row(ask: Ask, identifier: str, format_: Format, options: Options, version: OpenVersion | None) -> Response:
    """The first row of the answer, whole. Raises `NotFound` when there is none, and what the doors raise."""
    if version is None:
        return answering.one_row(restricted_answer(ask, format_), identifier, format_, options)
    door = open_door()
    prepared = door.plan(version, ask)
    plain = options.changed(gzip=False)
    held = answering.not_modified(prepared, request, plain)
    if held is not None:
        return held
    body = ready_answers().row(prepared, format_)
    if not body:  # none there either, or not in the pages
        return answering.one_row(door.answer(prepared), identifier, format_, options)
    return ready_answers().dressed(prepared, format_, plain, body)


def restricted(ask: Ask, format_: Format, options: Options) -> Response:
    """Nothing is packed here: what is packed runs far ahead of the check that may have to break it off."""
    answer = restricted_answer(ask, format_)
    return answering.respond(answer, format_, options.changed(gzip=False), head=request.method == "HEAD")


def restricted_answer(ask: Ask, format_: Format) -> Answer:
    """Restricted rows, unwritten. Raises what the door raises, and `NotAcceptable` for a format of the open web."""
    if not format_.restricted and ask.credentials.authorization is not None:
        raise refusing.NotAcceptable(
            f"Rows that need a token cannot be had as .{format_.extension}, which is for the open web. Take .json."
        )
    return restricted_door().open(ask)


def open_door() -> OpenDoor:
    """The open door of this application."""
    return cast(OpenDoor, current_app.extensions["open_door"])


def ready_answers() -> Ready:
    """What makes whole answers of the open door in this worker."""
    extensions = current_app.extensions
    if "ready_answers" not in extensions:
        extensions["ready_answers"] = Ready(open_door())
    return cast(Ready, extensions["ready_answers"])


def restricted_door() -> Door:
    """The restricted door, as `wsgi.py` handed it over."""
    return cast(Door, current_app.extensions["restricted_door"])


def open_root() -> Path:
    """Where open versions lie."""
    return web.settings().data_dir / "open"


def _from_file(ask: Ask, format_: Format, options: Options, version: OpenVersion) -> Response | None:
    """The whole table from its file, if this is what is asked for and the file is there."""
    name = {"csv": downloads.SODA_CSV, "json": downloads.SODA_JSON}.get(format_.extension)
    special = options.byte_order_mark or options.formula_safe or options.separator != ","
    if name is None or special or not whole.is_everything(ask.query, version.rows):
        return None
    stored = downloads.find(open_root() / version.path, name, packed=options.gzip)
    if stored is None:
        return None
    response = sending.send(stored, version, options)
    if asking.parameter("$$row_count") is not None:
        response.headers["X-SODA2-Row-Count"] = str(version.rows)
    return response
