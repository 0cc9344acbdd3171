"""How every page of the watch is recorded before it leaves, and how its files are written."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, cast

from flask import Response, current_app, g, request, url_for

from audit.actions import Action, Outcome
from audit.entry import Entry
from audit.export import safe
from audit.ledger import Ledger
from audit.watch.scope import Scope

LOOK = Action.LOG_ENTRIES_READ
TAKE = Action.LOG_ENTRIES_EXPORT


def begun(action: Action, page: str) -> Entry:
    """The entry of this asking, whose time is also the page's "now"."""
    return Entry(action, Outcome.DONE, actor=g.identity.pseudonym, details={"question": page})


def record(asked: Entry, scope: Scope, **facts: Any) -> None:
    """Make the asking durable: nothing of the log leaves before that."""
    given = {name: value for name, value in facts.items() if value not in (None, "")}
    span = {"since": scope.first.isoformat(), "until": scope.last.isoformat()}
    details = {**asked.details, **span, **scope.narrowing(), **given}
    cast(Ledger, current_app.extensions["ledger"]).record(
        replace(asked, details=details, dataset=scope.dataset or None)
    )


def here(endpoint: str, **changed: Any) -> str:
    """This page's address at another endpoint, with some members changed."""
    given = {**request.args.to_dict(flat=False), **changed}
    return url_for(endpoint, **{name: value for name, value in given.items() if value not in (None, "", [""])})


def as_file(name: str, heading: Sequence[str], rows: Iterable[Sequence[Any]]) -> Response:
    """CSV that no spreadsheet runs."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    buffer = io.StringIO()
    lines = csv.writer(buffer, lineterminator="\r\n")
    lines.writerows([safe("" if cell is None else cell) for cell in line] for line in (heading, *rows))
    return Response(buffer.getvalue(), content_type="text/csv; charset=utf-8", headers=headers)


def not_asked() -> Response:
    """The answer to a file's address with members that the page would not take."""
    return Response(
        "Ask on the page first; the link to the file is beside the answer.\n",
        400,
        content_type="text/plain; charset=utf-8",
    )
