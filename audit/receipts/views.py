"""Receipts for agencies: the page that explains them, and the file, for a browser or a program with an API key."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from flask import Blueprint, Response, abort, current_app, g, render_template, request, url_for
from sqlalchemy.orm import Session

from audit.actions import Action, Outcome
from audit.desk.recording import streamed
from audit.entry import Entry
from audit.ledger import Ledger
from audit.published import engine, head, store
from audit.receipts.collecting import About, find, write

receipts = Blueprint("receipts", __name__)

KIND = "application/jsonl; charset=utf-8"


@receipts.get("")
def index() -> str:
    """Whose receipts this person may fetch, how to check them, and how to compare them later."""
    return render_template("audit/receipts/index.html", agencies=_agencies(), head=head(store()), command=_command)


@receipts.get("/<agency>.jsonl")
def receipts_of(agency: str) -> Response:
    """The entries about an agency's data, each with its proof, from an index on. Recorded before it leaves."""
    if agency not in _agencies():
        abort(404)
    first = request.args.get("from", default=0, type=int)
    files = store()
    signed = head(files)
    if signed is None or not 0 <= first < max(signed.checkpoint.size, 1):
        abort(400, "There are no signed entries from that index on. Leave `from` out to begin at the first.")
    about = About(agency, _ask("datasets_of_agency", agency))
    with engine().connect() as connection:
        chosen = find(connection, about, first, signed.checkpoint.size)
    _record(agency, first, chosen.following)
    lines = write(engine(), files, signed, about, first, chosen)
    name = f"receipts-{agency}-{first}-{chosen.following}.jsonl"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    if chosen.following < signed.checkpoint.size:
        following = url_for("receipts.receipts_of", agency=agency, **_from(chosen.following))
        headers["Link"] = f'<{following}>; rel="next"'
    return Response(streamed(lines), content_type=KIND, headers=headers)


def _from(index: int) -> dict[str, Any]:
    """The member of the address that a keyword cannot be called."""
    return {"from": index}


def _agencies() -> dict[str, str]:
    """Key and name of each agency whose receipts this person may have."""
    ask = cast(Callable[[Session, Any], dict[str, str]], current_app.extensions["receipts_for"])
    return ask(_session(), g.identity)


def _ask(hook: str, what: Any) -> Any:
    return current_app.extensions[hook](_session(), what)


def _session() -> Session:
    database: Any = current_app.extensions["sqlalchemy"]
    return cast(Session, database.session())


def _command(agency: str) -> str:
    """The line for a program that fetches them every night."""
    address = url_for("receipts.receipts_of", agency=agency, _external=True)
    return f"curl --fail --user KEY-ID:SECRET '{address}?from=0' --output receipts.jsonl"


def _record(agency: str, first: int, following: int) -> None:
    ledger = cast(Ledger, current_app.extensions["ledger"])
    facts = {"question": "receipts", "from": first, "to": following}
    ledger.record(
        Entry(Action.LOG_ENTRIES_EXPORT, Outcome.DONE, actor=g.identity.pseudonym, source=agency, details=facts)
    )
