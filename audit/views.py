"""The audit desk's front page, its entries under a filter, one entry, and the check of the whole log.

Whoever reads the log is recorded in it before the page leaves. The standing questions are in `audit.desk.views`.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any, cast
from uuid import UUID

from flask import (
    Blueprint,
    Response,
    abort,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from audit import asking, export, lookup, verification, words
from audit.actions import Action
from audit.desk import standing
from audit.desk.entries_asked import EntriesAsked, old_address, read
from audit.desk.entries_shown import naming
from audit.desk.filter_fields import FIELDS, WORDS
from audit.desk.filtering import Filter
from audit.desk.recording import KINDS, SHAPES, attachment, record, streamed
from audit.desk.searching import Cursor, highest, prepare
from audit.lag import waiting
from audit.lookup import Line
from audit.plain import visible
from audit.published import engine, head, store
from audit.reconciliation import compare
from audit.streams import shapes
from audit.streams.sequenced import Sequenced
from audit.tiles import checked_path

audit = Blueprint("audit", __name__)
audit.add_app_template_filter(visible, "visible")


@audit.get("")
def index() -> str:
    """The desk: the questions, and how the log stands. Shows no entry, so it records none."""
    with engine().connect() as connection:
        queued = waiting(connection)
    return render_template("audit/index.html", questions=standing.questions(), head=head(store()), queued=queued)


@audit.get("/check")
def check() -> str:
    """Check the whole log now: its files, and that the database says the same. The operator compares the mark."""
    try:
        report, failure = verification.verify(store().folder), None
        compare(engine(), store().folder, report.size)
    except verification.VerificationFailed as failed:
        report, failure = None, failed
    root = base64.b64encode(report.root).decode() if report else ""
    return render_template("audit/check.html", report=report, failure=failure, root=root)


@audit.get("/who-read")
@audit.get("/who-read.<any(csv, jsonl):kind>", endpoint="who_read_export")
def who_read(kind: str = "") -> AnyResponse:
    """The first question under its old address."""
    return redirect(old_address("dataset", kind, request.args), 302)


@audit.get("/person-read")
@audit.get("/person-read.<any(csv, jsonl):kind>", endpoint="person_read_export")
def person_read(kind: str = "") -> AnyResponse:
    """The second question under its old address."""
    return redirect(old_address("person", kind, request.args), 302)


@audit.get("/entries")
def entries() -> str | AnyResponse:
    """Any entries, under a filter. A name in it leads to the address with the pseudonym."""
    asked = read(request.args)
    if asked.moved:
        return redirect(url_for("audit.entries", filter=str(asked.filter)), 303)
    return _entries(asked) if asked.filter is not None and asked.ready else _choose(asked)


@audit.get("/entries.<any(csv, jsonl, ocsf, cef):kind>")
def entries_export(kind: str) -> Response | AnyResponse:
    """The same entries as a file."""
    asked = read(request.args)
    if asked.filter is None or not asked.ready:
        abort(400, "Ask on the page first; the link to the file is beside the answer.")
    return _export(asked.filter, kind)


@audit.get("/entries/<uuid:entry_id>")
def entry(entry_id: UUID) -> str:
    """One entry: every member, what it belongs to, and its proof."""
    with engine().connect() as connection:
        line = lookup.find(connection, str(entry_id)) or abort(404)
        others = lookup.related(connection, line)
    record(Action.LOG_ENTRIES_READ, {"question": "entry", "entry": line.id})
    state = words.state(line.outcome, line.ended)
    return render_template("audit/entry.html", line=line, others=others, state=state, **naming([line, *others]))


@audit.get("/entries/<uuid:entry_id>.json")
def entry_bytes(entry_id: UUID) -> Response:
    """The exact bytes of one entry: what was hashed."""
    with engine().connect() as connection:
        line = lookup.find(connection, str(entry_id)) or abort(404)
    record(Action.LOG_ENTRIES_EXPORT, {"question": "entry", "entry": line.id})
    return Response(line.body, content_type="application/json", headers=attachment(f"{line.id}.json"))


@audit.get("/log/tile/entries/<path:number>")
def bundle(number: str) -> Response:
    """An entry bundle (C2SP tlog-tiles), for auditors only."""
    content = store().read(checked_path("entries", number) or abort(404))
    if content is None:
        abort(404)
    record(Action.LOG_ENTRIES_EXPORT, {"question": "bundle", "bundle": number})
    return Response(content, content_type="application/octet-stream", headers={"Cache-Control": "no-store"})


def _entries(asked: EntriesAsked) -> str:
    """Ask, record that it was asked, show. In this order: nothing of the log leaves before its record is durable."""
    found, after = cast(Filter, asked.filter), Cursor.read(request.args.get("after"))
    with engine().connect() as connection:
        search = prepare(connection, found)
        screen, count = search.screen(connection, after), search.count(connection)
    details = {"question": "entries", "filter": str(found.without_words()), "after": str(after) if after else None}
    record(Action.LOG_ENTRIES_READ, details, next(iter(found.values("dataset")), None))
    shown = str(found)
    return render_template(
        "audit/entries.html",
        asked=asked,
        screen=screen,
        count=count,
        older=url_for("audit.entries", filter=shown, after=str(screen.more)) if screen.more else "",
        newest=url_for("audit.entries", filter=shown) if after else "",
        files={kind: url_for("audit.entries_export", kind=kind, filter=shown) for kind in (*KINDS, *SHAPES)},
        **_help(),
        **naming(screen.lines, found.values("person"), found.values("dataset")),
    )


def _choose(asked: EntriesAsked) -> str:
    """The form again: what was wrong with the filter, or which of several a name means."""
    return render_template("audit/entries.html", asked=asked, screen=None, **_help(), **naming(()))


def _help() -> dict[str, Any]:
    return {"fields": FIELDS, "lists": WORDS}


def _content(lines: Iterable[Line], kind: str) -> Iterable[Any]:
    if kind == "csv":
        return export.as_csv(lines, asking.names_of)
    if kind == "jsonl":
        return export.as_json_lines(lines)
    return shapes.lines((Sequenced(line.index, line.body) for line in lines), kind)


def _export(found: Filter, kind: str) -> Response:
    with engine().connect() as connection:
        through = highest(connection)
        search = prepare(connection, found, through)
    details = {"question": "entries", "format": kind, "filter": str(found.without_words()), "through": through}
    record(Action.LOG_ENTRIES_EXPORT, details, next(iter(found.values("dataset")), None))
    content = _content(search.lines(engine(), paired=kind == "jsonl"), kind)
    return Response(streamed(content), content_type={**KINDS, **SHAPES}[kind], headers=attachment(f"entries.{kind}"))
