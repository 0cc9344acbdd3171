"""The standing questions: one screen, one address and one CSV each, whoever answers them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, abort, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from audit import asking, export
from audit.actions import Action
from audit.desk import standing
from audit.desk.question import Answer, AskAgain, Asked, DeskQuestion, Heading
from audit.desk.reading import Reading, by_name, read, recorded
from audit.desk.recording import KINDS, attachment, record, streamed
from audit.desk.searching import Cursor, highest
from audit.installed import now
from audit.published import engine

audit_desk = Blueprint("audit_desk", __name__)

SCREEN = 50
CHUNK = 500


@audit_desk.get("/questions")
def questions() -> str:
    """Every standing question, with what it answers and the law behind it."""
    return render_template("audit/questions.html", questions=standing.questions())


@audit_desk.get("/questions/<key>")
def question(key: str) -> str | AnyResponse | tuple[str, int]:
    """One question: its form, and the answer as soon as what it needs is given."""
    asked = standing.find(key) or abort(404)
    reading = _reading(asked)
    if not reading.ready:
        return _ask(asked, reading)
    try:
        return _answer(asked, reading)
    except AskAgain as again:
        reading.errors[again.field] = again.message
        return _ask(asked, reading)


@audit_desk.post("/questions/<key>")
def sealed(key: str) -> str | AnyResponse | tuple[str, int]:
    """A question whose secret field was sent in the body: on to the address that holds what stands for it."""
    asked = standing.find(key) or abort(404)
    values = {name: request.form.getlist(name) for name in (field.name for field in asked.fields)}
    for field in asked.fields:
        typed = "".join(values[field.name]).strip()
        if field.seal is None or not typed:
            continue
        try:
            with Session(engine()) as session:
                values[field.name] = [field.seal(session, typed)]
        except AskAgain as again:
            return _ask(asked, Reading(errors={again.field or field.name: again.message}))
    return redirect(_address(asked, values), 303)


@audit_desk.get("/questions/<key>.csv")
def question_csv(key: str) -> Response:
    """The whole answer for a spreadsheet."""
    asked = standing.find(key) or abort(404)
    reading = _reading(asked)
    if not reading.ready:
        abort(400, "Ask the question on its page first; the link to the file is beside the answer.")
    with engine().connect() as connection:
        through = highest(connection)
    try:
        first = _screen(asked, reading, None, CHUNK, through)
    except AskAgain as again:
        abort(400, again.message)
    details = {"question": key, "format": "csv", **recorded(asked, reading), "through": through}
    record(Action.LOG_ENTRIES_EXPORT, details, reading.one("dataset") or None)
    stream = streamed(_csv(asked, reading, first, through))
    return Response(stream, content_type=KINDS["csv"], headers=attachment(f"{key}.csv"))


def _csv(asked: DeskQuestion, reading: Reading, screen: Answer, through: int) -> Iterator[str]:
    yield export.row([_label(heading) for heading in asked.headings])
    while True:
        for cells in screen.rows:
            yield export.row([cell.plain for cell in cells])
        if screen.more is None:
            return
        screen = _screen(asked, reading, screen.more, CHUNK, through)


def _answer(asked: DeskQuestion, reading: Reading) -> str:
    """Ask, record that it was asked, show. In this order: nothing of the log leaves before its record is durable."""
    after = request.args.get("after")
    with engine().connect() as connection:
        through = highest(connection)
    screen = _screen(asked, reading, after, SCREEN, through)
    details = {"question": asked.key, **recorded(asked, reading), "after": _place(after)}
    record(Action.LOG_ENTRIES_READ, details, reading.one("dataset") or None)
    return render_template(
        "audit/question.html",
        question=asked,
        reading=reading,
        answer=screen,
        names=_names(asked, reading),
        csv=_address(asked, reading.values, ".csv"),
        older=_address(asked, reading.values, after=screen.more) if screen.more else "",
        newest=_address(asked, reading.values) if after else "",
    )


def _place(after: str | None) -> str | None:
    """Where a screen went on, as it may be recorded: a place in the log, or, as anything can be typed, that it did."""
    return str(Cursor.read(after) or "a further screen") if after else None


def _ask(asked: DeskQuestion, reading: Reading) -> str | AnyResponse | tuple[str, int]:
    """The form; or, if a name was typed, on to the address that holds the key; or which of several is meant."""
    choices = []
    for name, keys in reading.choices.items():
        person = next(field.kind for field in asked.fields if field.name == name) == "person"
        meant = by_name(keys, asking.names_of(keys) if person else asking.titles_of(keys))
        if len(meant) == 1:
            reading.values[name], reading.moved = keys, True
        else:
            choices += [(_address(asked, {**reading.values, name: those}), label) for label, those in meant.items()]
    if reading.moved and not choices and not reading.errors:
        return redirect(_address(asked, reading.values), 303)
    page = render_template(
        "audit/question.html", question=asked, reading=reading, answer=None, choices=choices, names={}
    )
    return (page, 400) if reading.errors else page


def _screen(asked: DeskQuestion, reading: Reading, after: str | None, limit: int, through: int) -> Answer:
    with Session(engine()) as session:
        return asked.answer(
            Asked(session, reading.values, now(), after, limit, asking.names_of, asking.titles_of, through)
        )


def _reading(asked: DeskQuestion) -> Reading:
    typed = {name: request.args.getlist(name) for name in request.args}
    return read(asked, typed, now(), asking.find_persons, asking.find_datasets)


def _names(asked: DeskQuestion, reading: Reading) -> dict[str, str]:
    persons = {key for field in asked.fields if field.kind == "person" for key in reading.values.get(field.name, ())}
    return dict(asking.names_of(persons))


def _address(asked: DeskQuestion, values: Any, suffix: str = "", after: str | None = None) -> str:
    """The address of a question; an empty day is said, since without it the default would stand there."""
    pairs = [(field.name, value) for field in asked.fields for value in values.get(field.name, ("",)) or ("",)]
    defaults = {field.name for field in asked.fields if field.days_back is not None or field.default}
    kept = [(name, value) for name, value in pairs if value or name in defaults]
    kept += [("after", after)] if after else []
    path = url_for("audit_desk.question", key=asked.key) + suffix
    return f"{path}?{urlencode(kept)}" if kept else path


def _label(heading: Heading) -> str:
    return heading if isinstance(heading, str) else heading[0]
