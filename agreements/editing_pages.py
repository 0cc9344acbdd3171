"""The edit pages of a draft: parties, schedule, persons, term, clauses. `views` gives them their addresses."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, url_for
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from agreements import editing
from agreements.clauses.library import CODES, get, latest
from agreements.clauses.version import ClauseVersion
from agreements.editing import Line
from agreements.facts import parameters_of, roster_of, schedule_of
from agreements.forms import (
    ELSEWHERE,
    ConfirmForm,
    LineForm,
    PartiesForm,
    PersonsForm,
    RemoveForm,
    TermForm,
    choices_of,
    clause_form,
    shown,
)
from agreements.models import AgreementVersion, Capacity, Tier
from agreements.moving import require_editable
from agreements.pages import (
    Page,
    agency_choices,
    answered,
    executive_choices,
    person_choices,
    recorded,
    restricted_datasets,
    to_page,
    version_seen,
    who,
)
from agreements.signing import missing_clauses
from agreements.transitions import OPM, Command
from exchange import clock
from exchange.catalog.models import Dataset
from exchange.catalog.visibility import may_know
from exchange.classification.withheld import agreed
from exchange.errors import NotFound
from exchange.forms import Form
from exchange.web import session

NUMERIC = frozenset({"number", "double"})
PERSONS_LEAD = (
    "Name the specific individuals. CGS 4-67aa(2) wants them in agreements under CGS 12-15(b), CGS 31-225a(j) and "
    "section 269 of PA 21-2 (June special session); elsewhere naming them is good practice, and the exchange wants it "
    "everywhere, since it lets nobody else read. Offered are members of the working group and of the recipients."
)


def _draft(agreement_id: str, number: int) -> AgreementVersion:
    version = version_seen(agreement_id, number)
    require_editable(who(), version)
    return version


def _saved(version: AgreementVersion, words: str) -> Response:
    session().commit()
    flash(words, "success")
    return to_page(version)


def _page(template: str, version: AgreementVersion, form: Form, **more: Any) -> str:
    return render_template(f"agreements/{template}.html", version=version, form=form, **more)


@recorded(Command.EDIT)
def term(agreement_id: str, number: int) -> Page:
    """The first and the last day."""
    version = _draft(agreement_id, number)
    form = TermForm(obj=version)

    def press() -> Response:
        begins, ends = form.begins.data, form.ends.data
        editing.set_term(session(), who(), version, begins=begins, ends=ends, now=clock.now())
        return _saved(version, "The term is saved.")

    lead = "Both days are included. Renewal is a new version."
    return answered(Command.EDIT, form, press, lambda: _page("edit", version, form, title="Term", lead=lead))


@recorded(Command.EDIT)
def parties(agreement_id: str, number: int) -> Page:
    """The agencies and their capacities."""
    version = _draft(agreement_id, number)
    form = _parties_form(version)

    def press() -> Response:
        wanted = [(agency, Capacity.SOURCE) for agency in form.sources.data]
        wanted += [(agency, Capacity.RECIPIENT) for agency in form.recipients.data]
        wanted += [(OPM, Capacity.OPM)] if form.opm.data else []
        editing.set_parties(session(), who(), version, wanted, now=clock.now())
        return _saved(version, "The parties are saved.")

    lead = "Every party signs. Every source agency reviews first."
    return answered(Command.EDIT, form, press, lambda: _page("edit", version, form, title="Parties", lead=lead))


def _parties_form(version: AgreementVersion) -> PartiesForm:
    by_capacity = {c: [p.agency_id for p in version.parties if p.capacity == c.value] for c in Capacity}
    form = PartiesForm(
        sources=by_capacity[Capacity.SOURCE],
        recipients=by_capacity[Capacity.RECIPIENT],
        opm=bool(by_capacity[Capacity.OPM]),
    )
    memorandum = version.agreement.tier == Tier.EMOU.value
    form.sources.choices = choices_of(executive_choices() if memorandum else agency_choices())
    form.recipients.choices = choices_of(agency_choices())
    return form


@recorded(Command.EDIT)
def persons(agreement_id: str, number: int) -> Page:
    """The named persons (CGS 4-67aa(2), where it binds)."""
    version = _draft(agreement_id, number)
    form = PersonsForm(persons=roster_of(version))
    form.persons.choices = choices_of(person_choices(version, roster_of(version)))

    def press() -> Response:
        editing.set_roster(session(), who(), version, form.persons.data, now=clock.now())
        return _saved(version, "The named persons are saved.")

    return answered(
        Command.EDIT, form, press, lambda: _page("edit", version, form, title="Named persons", lead=PERSONS_LEAD)
    )


def schedule(agreement_id: str, number: int) -> Page:
    """The datasets that can be scheduled; each has a page of its own for columns and rows."""
    version = _draft(agreement_id, number)
    lines = {line["dataset"]: line for line in schedule_of(version)}
    datasets = restricted_datasets(who())
    return render_template("agreements/schedule.html", version=version, datasets=datasets, lines=lines)


@recorded(Command.EDIT)
def line(agreement_id: str, number: int, dataset_id: str) -> Page:
    """One dataset of Schedule A."""
    version = _draft(agreement_id, number)
    dataset = session().get(Dataset, dataset_id)
    if dataset is None or not may_know(who(), dataset):
        raise NotFound(
            f"There is no dataset {dataset_id} that you may put into an agreement. Choose one from the list."
        )
    form = LineForm()
    form.offer([(column.name, column.label) for column in dataset.columns])

    def press() -> Response:
        numeric = frozenset(column.name for column in dataset.columns if column.type in NUMERIC)
        chosen = Line(dataset.id, frozenset(form.columns.data), form.rows(numeric) if form.columns.data else None)
        editing.set_line(session(), who(), version, chosen, now=clock.now())
        session().commit()
        flash(f"“{dataset.title}” is saved.", "success")
        return redirect(url_for("agreements.schedule", agreement_id=agreement_id, number=number), 303)

    return answered(Command.EDIT, form, press, lambda: _line_page(version, dataset, form))


def _line_page(version: AgreementVersion, dataset: Dataset, form: LineForm) -> str:
    stored = next((kept for kept in schedule_of(version) if kept["dataset"] == dataset.id), None)
    whole = form.is_submitted() or stored is None or form.fill(stored["columns"], stored["rows"])
    classification = agreed(session(), dataset.id)
    decisions = {decision.column: decision for decision in classification.columns} if classification else {}
    return _page("line", version, form, dataset=dataset, stored=stored, whole=whole, decisions=decisions)


def clauses(agreement_id: str, number: int) -> Page:
    """The library: what is in the draft, what is missing, what could be added."""
    return _clauses_page(_draft(agreement_id, number))


def _clauses_page(version: AgreementVersion) -> str:
    used = {clause.code: clause for clause in version.clauses}
    library = [get(code, used[code].clause_version) if code in used else latest(code) for code in CODES]
    gaps: dict[str, list[str]] = {}
    for gap in missing_clauses(session(), version):
        gaps.setdefault(gap.code, []).append(gap.law)
    form = ConfirmForm(formdata=None)
    return _page("clauses", version, form, library=library, used=used, gaps=gaps)


@recorded(Command.EDIT)
def clause(agreement_id: str, number: int, code: str) -> Page:
    """The blanks of one clause; saving adds it if it is not there."""
    version = _draft(agreement_id, number)
    known = _clause_of(version, code)
    form = clause_form(known, version.agreement.tier == Tier.EMOU.value)(
        data=MultiDict(shown(parameters_of(version, code)))
    )
    elsewhere = any(parameter.type in ELSEWHERE for parameter in known.parameters) or code == editing.TERM_CLAUSE

    def press() -> Response:
        names = [p.name for p in known.parameters if p.name in form]
        typed = {name: form[name].data for name in names}
        editing.set_clause(session(), who(), version, code, typed, now=clock.now())
        return _saved(version, f"Clause {code} is saved.")

    return answered(
        Command.EDIT, form, press, lambda: _page("clause", version, form, clause=known, elsewhere=elsewhere)
    )


@recorded(Command.EDIT)
def remove_clause(agreement_id: str, number: int, code: str) -> Page:
    """Take a clause out of the draft."""
    version = _draft(agreement_id, number)
    known = _clause_of(version, code)

    def press() -> Response:
        editing.remove_clause(session(), who(), version, known.code, now=clock.now())
        return _saved(version, f"Clause {code} is taken out.")

    return answered(Command.EDIT, RemoveForm(), press, lambda: _clauses_page(version))


def _clause_of(version: AgreementVersion, code: str) -> ClauseVersion:
    """The clause in the version that this draft uses, else the newest. Raises `NotFound`."""
    if code not in CODES:
        raise NotFound(f"The library has no clause {code}. Choose one from the list of clauses.")
    used = next((clause for clause in version.clauses if clause.code == code), None)
    return get(code, used.clause_version) if used else latest(code)
