"""The dataset's class chooses the door: the open one answers everybody, the restricted one looks at the proofs."""

from __future__ import annotations

from typing import cast

from flask import Response, current_app, request

from exchange import web
from exchange.rows import answering, asking, refusing, whole
from exchange.rows.door import Answer, Ask, Door
from exchange.rows.formats import Format, Options
from exchange.rows.open_reading import OpenDoor, OpenVersion, open_version_of


def answered(ask: Ask, format_: Format, options: Options) -> Response:
    """The rows, by whichever door is the dataset's. Raises what the doors raise."""
    version = open_version_of(web.session(), ask.dataset_id)
    return restricted(ask, format_, options) if version is None else opened(ask, format_, options, version)


def opened(ask: Ask, format_: Format, options: Options, version: OpenVersion) -> Response:
    """Open rows; 304 for who has them already."""
    door = open_door()
    prepared = door.plan(version, ask)
    held = answering.not_modified(prepared, request, options)
    if held is not None:
        return held
    answer = whole.answer(door, prepared, ask)
    response = answering.respond(answer, format_, options, head=request.method == "HEAD")
    if asking.parameter("$$row_count") is not None:
        response.headers["X-SODA2-Row-Count"] = str(whole.count(door, prepared, ask))
    return response


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


def restricted_door() -> Door:
    """The restricted door, as `wsgi.py` handed it over."""
    return cast(Door, current_app.extensions["restricted_door"])
