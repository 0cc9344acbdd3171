"""The auditors' saved searches: list, save, run, delete."""

from __future__ import annotations

from urllib.parse import parse_qs

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response as AnyResponse

from audit import asking
from audit.desk import saved, standing
from audit.desk.entries_asked import read as read_entries
from audit.desk.reading import read as read_question
from audit.installed import now
from audit.published import engine

audit_searches = Blueprint("audit_searches", __name__)


@audit_searches.get("/searches")
def page() -> str:
    """One's own searches, and those that other auditors share."""
    me = g.identity.pseudonym
    with engine().connect() as connection:
        found = saved.listed(connection, me)
    titles = {saved.ENTRIES: "Entries under a filter", **{each.key: each.title for each in standing.questions()}}
    return render_template(
        "audit/searches.html", found=found, me=me, titles=titles, names=asking.names_of(each.owner for each in found)
    )


@audit_searches.post("/searches")
def save() -> AnyResponse:
    """Save the search of the page that the form stood on."""
    question, asked = request.form.get("question", ""), request.form.get("asked", "")
    if not _can_be_asked(question, asked):
        abort(400, "Ask the question on its page first, then save it there.")
    try:
        with engine().begin() as connection:
            kept = saved.save(
                connection,
                g.identity.pseudonym,
                request.form.get("name", ""),
                question,
                asked,
                request.form.get("shared") == "yes",
                now(),
            )
    except saved.CannotSave as why:
        flash(str(why), "warning")
        return redirect(url_for("audit_searches.page"), 303)
    flash(f"Saved: {kept.name}", "success")
    return redirect(url_for("audit_searches.page"), 303)


@audit_searches.post("/searches/<uuid:id_>/delete")
def delete(id_: object) -> AnyResponse:
    """Delete one's own search."""
    with engine().begin() as connection:
        if not saved.forget(connection, g.identity.pseudonym, str(id_), now()):
            abort(404)
    flash("The search was deleted.", "success")
    return redirect(url_for("audit_searches.page"), 303)


def _can_be_asked(question: str, asked: str) -> bool:
    """Whether this is a search of the desk, ready to run, in whose address no name stands."""
    typed = parse_qs(asked[:8000], keep_blank_values=True)
    if question == saved.ENTRIES:
        reading = read_entries(MultiDict((name, value) for name, values in typed.items() for value in values))
        return reading.filter is not None and reading.ready and not reading.moved
    found = standing.find(question)
    return found is not None and read_question(found, typed, now(), asking.find_persons, asking.find_datasets).ready
