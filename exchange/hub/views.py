"""Pages of publishing: my agency's datasets and runs, something new, one run with what is to be confirmed.

A database address from the page is for data officers, server dialects and a named host only (see
`sql_source.refuse_from_page`): a `sqlite:///` address would read this machine's files, and the operator has the
command line for that.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from exchange import clock
from exchange.catalog.datasets import datasets_of, get_dataset
from exchange.catalog.models import Dataset
from exchange.classification.withheld import undecided
from exchange.directory.identity import Identity, current_identity
from exchange.directory.models import Agency
from exchange.errors import Invalid, Unauthenticated, Unavailable
from exchange.hub import parsing, publishing, runs
from exchange.hub.arriving import Wanted, receive
from exchange.hub.forms import VALUE, NewRunForm, answers, meaning_fields
from exchange.hub.meanings import MEANINGS
from exchange.hub.models import PublishingRun, RunState
from exchange.hub.recipe import Recipe, parse_recipe, read_recipe
from exchange.hub.source import FileGiven, Given, SqlGiven
from exchange.web import ledger, session, settings

hub = Blueprint("hub", __name__)


@hub.get("/")
def index() -> str:
    """My agency's datasets, each with its latest run and what comes next."""
    mine = _my_datasets()
    found = runs.runs_of(session(), [dataset.id for dataset in mine])
    to_decide = {dataset.id for dataset in mine if dataset.current_version_id and undecided(session(), dataset)}
    return render_template(
        "exchange/hub/index.html", datasets=mine, runs=found, latest=_latest(found), to_decide=to_decide
    )


@hub.get("/new")
def new() -> str:
    """The form for a file or a database."""
    form = _form()
    form.dataset.data = request.args.get("dataset", "")
    return render_template("exchange/hub/new.html", form=form)


@hub.post("/new")
def send() -> Response | str:
    """Read what was sent and go to its run."""
    form = _form()
    form.refuse_unknown()
    if not form.validate():
        return render_template("exchange/hub/new.html", form=form)
    try:
        with _given(form) as given:
            run = receive(
                session(), ledger(), settings(), _who(), _wanted(form), given,
                recipe=_recipe(form), merge=form.merge.data, now=clock.now(),
            )  # fmt: skip
    except (Invalid, Unavailable) as error:
        session().rollback()
        flash(error.message, "danger")
        return render_template("exchange/hub/new.html", form=form)
    return _to(run)


@hub.get("/<run_id>")
def run(run_id: str) -> str:
    """One run: what was read, what is proposed and why, counts, problems."""
    found = runs.get_run(session(), _who(), run_id)
    columns = runs.columns_of_run(found)
    return render_template(
        "exchange/hub/run.html", run=found, dataset=found.dataset, columns=columns, types=parsing.TYPES,
        meanings=(VALUE, *MEANINGS), meaning_fields=meaning_fields, states=RunState, steps=_steps(found),
        undecided=undecided(session(), found.dataset),
    )  # fmt: skip


@hub.post("/<run_id>/confirm")
def confirm(run_id: str) -> Response:
    """The steward confirms types, meanings and row identifier; the run goes on."""
    found = runs.get_run(session(), _who(), run_id)
    types, sentinels = answers(request.form, runs.columns_of_run(found))
    row_id = request.form.get("row_id")
    try:
        runs.confirm(session(), settings(), _who(), found, types=types, sentinels=sentinels, row_id=row_id)
    except Invalid as error:
        session().rollback()
        flash(error.message, "danger")
        return _to(found)
    return _go_on(run_id)


@hub.post("/<run_id>/accept")
def accept(run_id: str) -> Response:
    """Accept what stopped the run; the run goes on."""
    runs.accept(session(), _who(), runs.get_run(session(), _who(), run_id))
    return _go_on(run_id)


@hub.post("/<run_id>/again")
def again(run_id: str) -> Response:
    """Try a failed or interrupted run again, from its last finished step."""
    runs.get_run(session(), _who(), run_id)
    return _go_on(run_id)


@hub.post("/<run_id>/give-up")
def give_up(run_id: str) -> Response:
    """End a run without publishing."""
    found = runs.get_run(session(), _who(), run_id)
    runs.give_up(session(), settings(), _who(), found, clock.now())
    session().commit()
    flash("The run was given up; nothing was published.")
    return redirect(url_for("hub.index"))


def _go_on(run_id: str) -> Response:
    found = publishing.advance(session(), ledger(), settings(), run_id, now=clock.now())
    if found.state == RunState.PUBLISHED:
        flash(found.message)
    elif found.state == RunState.FAILED:
        flash(found.message, "danger")
    return _to(found)


def _to(found: PublishingRun) -> Response:
    return redirect(url_for("hub.run", run_id=found.id))


def _who() -> Identity:
    identity = current_identity()
    if identity is None:
        raise Unauthenticated("Please sign in first; then this page opens.")
    return identity


def _my_datasets() -> list[Dataset]:
    return datasets_of(session(), sorted(_who().agencies(*runs.PUBLISHERS)))


def _latest(found: list[PublishingRun]) -> dict[str, PublishingRun]:
    return {one.dataset_id: one for one in reversed(found)}


def _form() -> NewRunForm:
    form = NewRunForm()
    agencies = [session().get_one(Agency, key) for key in sorted(_who().agencies(*runs.PUBLISHERS))]
    form.offer(agencies, _my_datasets())
    return form


def _wanted(form: NewRunForm) -> Wanted:
    row_id = form.row_id.data or None
    if form.dataset.data:
        dataset = get_dataset(session(), form.dataset.data)
        agency = dataset.agency_id if dataset else None
        return Wanted(agency_id=agency, title="", id=form.dataset.data, row_id=row_id)
    return Wanted(
        agency_id=form.agency.data,
        title=form.title.data or "",
        class_=form.class_.data,
        description=form.description.data or "",
        category=form.category.data,
        row_id=row_id,
    )


@contextmanager
def _given(form: NewRunForm) -> Iterator[Given]:
    upload: FileStorage | None = request.files.get("file")
    database = (form.database.data or "").strip()
    if bool(upload and upload.filename) == bool(database):
        raise Invalid("Choose a file, or give the address of a database: one of the two.")
    if database:
        yield SqlGiven(_address(database, form.password.data), form.table.data or None, form.query.data or None)
        return
    with tempfile.TemporaryDirectory(dir=settings().data_dir) as folder:
        path = Path(folder) / "upload"
        if upload is not None:
            upload.save(path)
        yield FileGiven(path, Path(upload.filename or "").name if upload else "")


def _address(database: str, password: str | None) -> str:
    try:
        url = make_url(database)
    except ArgumentError as error:
        raise Invalid("Give the database as dialect://user@host:port/name.") from error
    return (url.set(password=password) if password else url).render_as_string(hide_password=False)


def _recipe(form: NewRunForm) -> Recipe | None:
    own: FileStorage | None = request.files.get("recipe_file")
    if own is not None and own.filename:
        try:
            text = own.read(1024 * 1024).decode("utf-8")
        except UnicodeDecodeError as error:
            raise Invalid("The recipe is not a text file in UTF-8.") from error
        return parse_recipe(text, Path(own.filename).suffix.lower())
    return read_recipe(Path(form.recipe.data)) if form.recipe.data else None


def _steps(found: PublishingRun) -> list[tuple[str, str, Any]]:
    """The steps for the page: what is done, what waits, where it stopped."""
    names = ("extract", "conform", "merge", "validate", "build", "publish")
    done = len(names) if found.step == "done" else names.index(found.step) + 1 if found.step else 0
    stopped = found.state in (RunState.STOPPED, RunState.FAILED, RunState.GIVEN_UP)
    marks = ["done"] * done + ["stopped" if stopped else "now"] + ["next"] * len(names)
    return [(name.capitalize(), mark, "") for name, mark in zip(names, marks, strict=False)]
