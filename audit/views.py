"""The audit desk: questions, entries, exports. Whoever reads the log is recorded in it before the page leaves."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any, cast
from uuid import UUID

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    g,
    redirect,
    render_template,
    request,
    stream_with_context,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from audit import asking, export, questions, verification, words
from audit.actions import Action, Outcome
from audit.days import LEGAL_ZONE, end_of, start_of
from audit.entry import Entry
from audit.ledger import Ledger, waiting
from audit.published import engine, head, store
from audit.questions import Line, Question
from audit.reconciliation import compare
from audit.tiles import checked_path

audit = Blueprint("audit", __name__)

KINDS = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl; charset=utf-8"}


@audit.get("")
def index() -> str:
    """The desk: the questions, and how the log stands. Shows no entry, so it records none."""
    with engine().connect() as connection:
        queued = waiting(connection)
    return render_template(
        "audit/index.html",
        who=asking.apart(asking.WhoRead(), "who"),
        person=asking.apart(asking.PersonRead(), "person"),
        head=head(store()),
        queued=queued,
    )


@audit.get("/check")
def check() -> str:
    """Check the whole log now: its files, and that the database says the same. The operator compares the mark."""
    try:
        report, failure = verification.verify(store().folder), None
        compare(engine(), store().folder, report.size).tallies.compare()
    except verification.VerificationFailed as failed:
        report, failure = None, failed
    root = base64.b64encode(report.root).decode() if report else ""
    return render_template("audit/check.html", report=report, failure=failure, root=root)


@audit.get("/who-read")
def who_read() -> str | AnyResponse:
    """Who read dataset X between two dates, under which agreement version and purpose."""
    form = asking.WhoRead(request.args)
    question = _who_read(form)
    if question is None:
        return _choose_dataset(form)
    return _answer("audit/who_read.html", "who-read", form, question, "audit.who_read_export")


@audit.get("/who-read.<any(csv, jsonl):kind>")
def who_read_export(kind: str) -> Response:
    """The same answer as a file."""
    return _export("who-read", _who_read(asking.WhoRead(request.args)), kind)


@audit.get("/person-read")
def person_read() -> str | AnyResponse:
    """Everything person P read, and what they were refused."""
    form = asking.PersonRead(request.args)
    question = _person_read(form)
    if question is None:
        return _choose_person(form)
    return _answer("audit/person_read.html", "person-read", form, question, "audit.person_read_export")


@audit.get("/person-read.<any(csv, jsonl):kind>")
def person_read_export(kind: str) -> Response:
    """The same answer as a file."""
    return _export("person-read", _person_read(asking.PersonRead(request.args)), kind)


@audit.get("/entries")
def entries() -> str:
    """Any entries, by act, outcome, person, dataset, agreement and working group."""
    form = asking.Entries(request.args)
    question = _entries(form) or Question(through=-1)
    return _answer("audit/entries.html", "entries", form, question, "audit.entries_export")


@audit.get("/entries.<any(csv, jsonl):kind>")
def entries_export(kind: str) -> Response:
    """The same entries as a file."""
    return _export("entries", _entries(asking.Entries(request.args)), kind)


@audit.get("/entries/<uuid:entry_id>")
def entry(entry_id: UUID) -> str:
    """One entry: every member, what it belongs to, and its proof."""
    with engine().connect() as connection:
        line = questions.find(connection, str(entry_id)) or abort(404)
        others = questions.related(connection, line)
    _record(Action.LOG_ENTRIES_READ, {"question": "entry", "entry": line.id})
    state = words.state(line.outcome, line.ended)
    return render_template("audit/entry.html", line=line, others=others, state=state, **_naming([line, *others]))


@audit.get("/entries/<uuid:entry_id>.json")
def entry_bytes(entry_id: UUID) -> Response:
    """The exact bytes of one entry: what was hashed."""
    with engine().connect() as connection:
        line = questions.find(connection, str(entry_id)) or abort(404)
    _record(Action.LOG_ENTRIES_EXPORT, {"question": "entry", "entry": line.id})
    return Response(line.body, content_type="application/json", headers=_attachment(f"{line.id}.json"))


@audit.get("/log/tile/entries/<path:number>")
def bundle(number: str) -> Response:
    """An entry bundle (C2SP tlog-tiles), for auditors only."""
    content = store().read(checked_path("entries", number) or abort(404))
    if content is None:
        abort(404)
    _record(Action.LOG_ENTRIES_EXPORT, {"question": "bundle", "bundle": number})
    return Response(content, content_type="application/octet-stream", headers={"Cache-Control": "no-store"})


def _who_read(form: asking.WhoRead) -> Question | None:
    found = asking.find_datasets(form.dataset.data or "") if request.args and form.validate() else []
    if len(found) != 1:
        return None
    return questions.who_read(found[0], start_of(form.since.data), end_of(form.until.data))


def _person_read(form: asking.PersonRead) -> Question | None:
    """The question about exactly the pseudonyms in the address; names are resolved to those first."""
    typed = request.args.getlist("person")
    found = [asking.find_persons(text) for text in typed] if request.args and form.validate() else []
    if not found or any(those != [text] for text, those in zip(typed, found, strict=True)):
        return None
    persons = [those[0] for those in found]
    return questions.person_read(persons, start_of(form.since.data), end_of(form.until.data))


def _entries(form: asking.Entries) -> Question | None:
    if not form.validate():
        return None
    persons = asking.find_persons(form.person.data or "")
    datasets = asking.find_datasets(form.dataset.data or "")
    if (form.person.data and not persons) or (form.dataset.data and len(datasets) != 1):
        return None
    return asking.entries_question(form, tuple(persons), datasets[0] if datasets else None)


def _choose_dataset(form: asking.WhoRead) -> str | AnyResponse:
    """The form, with the datasets that the title can mean."""
    found = asking.find_datasets(form.dataset.data or "")
    asked = bool(request.args) and form.validate()
    choices = [(_with("audit.who_read", dataset=each), asking.titles_of([each]).get(each, each)) for each in found]
    return render_template("audit/who_read.html", form=form, choices=choices, asked=asked, page=None)


def _choose_person(form: asking.PersonRead) -> str | AnyResponse:
    """To the address with the person's pseudonyms in it, so that no name stays there; or a choice of persons."""
    found = asking.find_persons(form.person.data or "")
    asked = bool(request.args) and form.validate()
    names = asking.names_of(found)
    by_name: dict[str, list[str]] = {}
    for pseudonym in found:
        by_name.setdefault(names.get(pseudonym, pseudonym), []).append(pseudonym)
    if asked and len(by_name) == 1:
        return redirect(_with("audit.person_read", person=found), 303)
    choices = [(_with("audit.person_read", person=those), name) for name, those in by_name.items()]
    return render_template("audit/person_read.html", form=form, choices=choices, asked=asked, page=None)


def _answer(template: str, name: str, form: Any, question: Question, exported: str) -> str:
    """Ask, record that it was asked, show. In this order: nothing of the log leaves before its record is durable."""
    before = request.args.get("before", type=int)
    with engine().connect() as connection:
        page = questions.page(connection, question, before=before)
        groups = questions.groups(connection, question) if name != "entries" and before is None else ()
    _record(Action.LOG_ENTRIES_READ, {"question": name, **question.facts(), "before": before}, question)
    files = {kind: _with(exported, kind=kind, before=None) for kind in KINDS}
    older = _with(request.endpoint, before=page.older) if page.older else ""
    shown = {"form": form, "question": question, "page": page, "groups": groups, "files": files, "older": older}
    newest = _with(request.endpoint, before=None) if before else ""
    return render_template(template, **shown, newest=newest, **_naming(page.lines, groups, question))


def _export(name: str, question: Question | None, kind: str) -> Response:
    if question is None:
        abort(400, "Ask the question on its page first; the link to the file is beside the answer.")
    with engine().connect() as connection:
        question = questions.bounded(connection, question)
        actors = questions.actors(connection, question) if kind == "csv" else ()
    _record(Action.LOG_ENTRIES_EXPORT, {"question": name, "format": kind, **question.facts()}, question)
    lines = questions.all_lines(engine(), question)
    content = export.as_csv(lines, asking.names_of(actors)) if kind == "csv" else export.as_json_lines(lines)
    # With its context, so that each short transaction of the stream is still begun as one that only reads.
    stream: Any = stream_with_context(iter(cast(Iterable[Any], content)))
    return Response(stream, content_type=KINDS[kind], headers=_attachment(f"{name}.{kind}"))


def _record(action: Action, details: dict[str, Any], question: Question | None = None) -> None:
    ledger = cast(Ledger, current_app.extensions["ledger"])
    facts = {name: value for name, value in details.items() if value is not None}
    dataset = question.dataset if question else None
    ledger.record(Entry(action, Outcome.DONE, actor=g.identity.pseudonym, dataset=dataset, details=facts))


def _naming(
    lines: Iterable[Line], groups: Iterable[questions.Group] = (), question: Question | None = None
) -> dict[str, Any]:
    """Names, titles and words for a page; the question's own too, though nothing answers it."""
    asked = question or Question()
    actors = {line.members.get("actor") for line in lines} | {group.actor for group in groups} | set(asked.persons)
    datasets = {line.members.get("dataset") for line in lines} | {group.dataset for group in groups} | {asked.dataset}
    return {
        "names": asking.names_of(str(actor) for actor in actors if actor),
        "titles": asking.titles_of(str(dataset) for dataset in datasets if dataset),
        "words_for": words.words_for,
        "ending": words.ending,
        "without_actor": words.without_actor,
        "zone": LEGAL_ZONE,
    }


def _with(endpoint: str | None, **changed: Any) -> str:
    """This question's address with some members changed; None takes one away."""
    asked = {name: request.args.getlist(name) for name in request.args if name != "before" or "before" not in changed}
    given = {name: value for name, value in {**asked, **changed}.items() if value not in (None, "", [""])}
    return url_for(str(endpoint), **given)


def _attachment(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
