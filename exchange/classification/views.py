"""Pages of classification: what waits, and one dataset's columns with their decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from exchange import clock
from exchange.catalog.models import Column, Dataset
from exchange.catalog.visibility import SEE_ALL, may_know
from exchange.classification import deciding, desk, open_cut
from exchange.classification.exemptions import VOCABULARY
from exchange.classification.forms import ColumnsForm, ReturnForm, SuppressionForm, rows_of
from exchange.classification.models import Classification, ColumnDecision
from exchange.classification.suggestions import Suggestion, suggestions
from exchange.classification.withheld import agreed
from exchange.directory.identity import Identity, current_identity
from exchange.directory.models import RoleKind
from exchange.errors import Invalid, NotFound, Unauthenticated
from exchange.values import counted
from exchange.web import session, settings

classification = Blueprint("classification", __name__)

PAGE_SIZE = 25
"""Columns on one page of the form: a dataset can have hundreds."""


@dataclass(frozen=True)
class Page:
    """Everything that the template shows of one classification."""

    dataset: Dataset
    current: Classification | None
    in_force: Classification | None
    decisions: Sequence[ColumnDecision]
    columns: Mapping[str, Column]
    hints: Mapping[str, Suggestion]
    names: Mapping[str, str]
    missing: Sequence[str]
    page: int
    pages: int
    may_edit: bool
    may_start: bool
    may_answer: bool
    cut: Dataset | None
    forms: Mapping[str, Any] = field(default_factory=dict)


@classification.get("/")
def index() -> str:
    """What waits for me."""
    waiting = desk.desk_of(session(), _who(), clock.legal_day(clock.now()))
    return render_template("exchange/classification/index.html", desk=waiting)


@classification.get("/codes")
def codes() -> str:
    """The exemption bases, with law, review and what can be public instead."""
    return render_template("exchange/classification/codes.html", vocabulary=VOCABULARY)


@classification.get("/<four_by_four>")
def show(four_by_four: str) -> str:
    """One dataset's columns: decided, by whom, on what basis, until when."""
    return _render(_dataset(four_by_four))


@classification.post("/<four_by_four>/start")
def start(four_by_four: str) -> Response:
    """Begin, or begin again after an agreed one."""
    deciding.start(session(), _who(), _dataset(four_by_four), clock.now())
    session().commit()
    return _back(
        four_by_four, "A classification is begun. Decide each column; nothing is public before the CDO agrees."
    )


@classification.post("/<four_by_four>/decisions")
def decide(four_by_four: str) -> Response | tuple[str, int]:
    """Save one page of decisions, all or none."""
    dataset, form = _dataset(four_by_four), ColumnsForm()
    form.refuse_unknown()
    if not form.validate_on_submit():
        flash("Nothing was saved: some fields below cannot be understood.", "danger")
        return _render(dataset, form), 400
    try:
        changed = deciding.decide(session(), _who(), _under_work(dataset), form.choices(), clock.now())
    except Invalid as problem:
        session().rollback()
        flash(f"Nothing was saved. {problem.message}", "danger")
        return _render(dataset, form), 400
    session().commit()
    return _back(
        four_by_four, f"{counted(len(changed), 'column', 'columns')} decided." if changed else "Nothing had changed."
    )


@classification.post("/<four_by_four>/suppression")
def suppress(four_by_four: str) -> Response:
    """Save the rule for small cells."""
    dataset, form = _dataset(four_by_four), SuppressionForm()
    form.offer(dataset.columns)
    form.refuse_unknown()
    if not form.validate_on_submit():
        raise Invalid("Choose a rule from the list.")
    deciding.set_suppression(session(), _who(), _under_work(dataset), form.as_data(), clock.now())
    session().commit()
    return _back(four_by_four, "The rule for small cells is saved.")


@classification.post("/<four_by_four>/propose")
def propose(four_by_four: str) -> Response:
    """Hand it to the CDO."""
    deciding.propose(session(), _who(), _under_work(_dataset(four_by_four)), clock.now())
    session().commit()
    return _back(four_by_four, "Proposed. The Chief Data Officer answers next.")


@classification.post("/<four_by_four>/agree")
def agree(four_by_four: str) -> Response:
    """The CDO agrees: it is in force and the open cut is derived."""
    dataset = _dataset(four_by_four)
    deciding.agree(session(), _who(), _under_work(dataset), clock.now(), settings=settings())
    session().commit()
    open_cut.forget_withdrawn(session(), settings(), dataset)
    return _back(four_by_four, "Agreed. The classification is in force from now on.")


@classification.post("/<four_by_four>/return")
def return_(four_by_four: str) -> Response:
    """The CDO sends it back."""
    form = ReturnForm()
    form.refuse_unknown()
    note = form.note.data if form.validate_on_submit() else ""
    deciding.return_(session(), _who(), _under_work(_dataset(four_by_four)), note or "", clock.now())
    session().commit()
    return _back(four_by_four, "Returned to the agency with your note.")


def _who() -> Identity:
    identity = current_identity()
    if identity is None:
        raise Unauthenticated("Please sign in first; then this page opens.")
    return identity


def _dataset(four_by_four: str) -> Dataset:
    """The dataset, if the reader may know of it; an open cut stands for what it was cut from."""
    dataset = session().get(Dataset, four_by_four)
    if dataset is None or not may_know(_who(), dataset):
        abort(404)
    source = session().get(Dataset, dataset.cut_of_id) if dataset.cut_of_id else dataset
    if source is None or not may_know(_who(), source):
        abort(404)
    return source


def _under_work(dataset: Dataset) -> Classification:
    current = deciding.under_work(session(), dataset.id)
    if current is None:
        raise NotFound("No classification of this dataset is under work. Begin one first.")
    return current


def _back(four_by_four: str, message: str) -> Response:
    flash(message)
    page = request.form.get("page") or request.args.get("page")
    return redirect(url_for("classification.show", four_by_four=four_by_four, page=page), 303)


def _render(dataset: Dataset, form: ColumnsForm | None = None) -> str:
    return render_template("exchange/classification/show.html", page=_page(dataset, form))


def _page(dataset: Dataset, form: ColumnsForm | None) -> Page:
    who = _who()
    insider = deciding.may_decide(who, dataset) or who.holds(*SEE_ALL)
    current = deciding.under_work(session(), dataset.id) if insider else None
    in_force = agreed(session(), dataset.id)
    decided = current or in_force
    every = list(decided.columns) if decided else []
    pages = max(1, -(-len(every) // PAGE_SIZE))
    page = min(max(1, request.args.get("page", 1, type=int)), pages)
    shown = every[(page - 1) * PAGE_SIZE : page * PAGE_SIZE]
    editable = current is not None and current.state in deciding.EDITABLE
    proposed = current is not None and not editable
    people = {decision.decided_by_id for decision in every}
    for one in (current, in_force):
        people |= {one.proposed_by_id, one.answered_by_id} if one else set()
    may_edit = editable and deciding.may_decide(who, dataset)
    return Page(
        dataset, current, in_force, shown, {column.name: column for column in dataset.columns},
        suggestions(dataset.columns), desk.names(session(), people), deciding.missing(current) if current else [],
        page, pages, may_edit,
        may_start=current is None and deciding.may_decide(who, dataset) and bool(dataset.columns),
        may_answer=proposed and who.holds(RoleKind.CDO),
        cut=open_cut.cut_of(session(), dataset),
        forms=_forms(dataset, current, shown, form) if may_edit and current else {"back": ReturnForm()},
    )  # fmt: skip


def _forms(
    dataset: Dataset, current: Classification, shown: Sequence[ColumnDecision], form: ColumnsForm | None
) -> dict[str, Any]:
    stored = current.suppression or {}
    rule = SuppressionForm(formdata=None, data=stored)
    rule.offer(dataset.columns)
    return {"columns": form or ColumnsForm(formdata=None, data={"columns": rows_of(shown)}), "rule": rule}
