"""The retention desk: what is kept how long, requests to erase, legal holds.

A page parses, takes one step, and shows. A step that is refused is an entry too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from flask import Blueprint, Response, abort, flash, redirect, render_template, request, url_for
from sqlalchemy import Connection
from werkzeug.wrappers import Response as AnyResponse

from audit import asking
from audit.actions import Action, Outcome
from audit.days import LEGAL_ZONE, instant_of, legal_day
from audit.entry import Entry
from audit.published import engine
from audit.retention import destruction, erasure, forms, here, holds, listing, rules, scope, steps
from audit.retention.acting import DUTY_WORDS, Acting, Duty, NotNow, NotThis

retention = Blueprint("retention", __name__)

SCRUB = (
    " The database was busy and may still hold the overwritten bytes: have the operator run flask audit retention"
    " --destroy-again."
)

T = TypeVar("T")
Act = Callable[[Connection, Acting, datetime], T]


@retention.get("")
def index() -> str:
    """What waits on whom, what is held, what may be proposed for disposal from when, and the rules."""
    today = legal_day(here.now())
    with engine().connect() as connection:
        asked, held = erasure.every(connection), holds.every(connection)
        kept = [(due, holds.covering(connection, due.scope)) for due in scope.everything_kept(connection, today)]
        back = destruction.revived(connection)
    shown = {"requests": asked, "held": held, "kept": kept, "back": back, "today": today, "acting": here.acting()}
    persons = {row.requested_by for row in asked} | {hold.placed_by for hold in held}
    return render_template(
        "audit/retention/index.html", rules=rules, names=asking.names_of(persons), **shown, **_words()
    )


@retention.get("/<any(requests, holds, kept, rules):name>.csv")
def as_file(name: str) -> Response:
    """A table of the desk as a file."""
    with engine().connect() as connection:
        rows = listing.FILES[name](connection, legal_day(here.now()))
    headers = {"Content-Disposition": f'attachment; filename="retention-{name}.csv"', "Cache-Control": "no-store"}
    return Response(listing.as_csv(rows), content_type="text/csv; charset=utf-8", headers=headers)


@retention.get("/requests/new")
def new_request() -> str:
    """The form of a request, filled with what the link said."""
    form = forms.RequestForm(request.args) if request.args else forms.RequestForm()
    return _form("request", form)


@retention.post("/requests")
def make_request() -> AnyResponse | tuple[str, int]:
    """Ask for an erasure."""
    form = forms.RequestForm(request.form)
    made = _filled(form, Action.LOG_ERASURE_REQUEST, {}, lambda c, a, at: erasure.request(c, a, form.wanted(), at))
    return _to(made, "It waits for two approvals now.") if made is not None else (_form("request", form), 400)


@retention.get("/requests/<int:id>")
def show(id: int) -> str:
    """One request: where it stands, what was done, what this person can do."""
    return _page(id, forms.SignedFormForm())


@retention.post("/requests/<int:id>/approve")
def approve(id: int) -> AnyResponse:
    """Approve it."""
    here.require_fresh_proof()
    _do(Action.LOG_ERASURE_APPROVE, _of(id), lambda c, a, at: erasure.approve(c, a, id, at))
    return _to(id, "Your approval is recorded.")


@retention.post("/requests/<int:id>/<any(refuse, withdraw):how>")
def end(id: int, how: str) -> AnyResponse | tuple[str, int]:
    """Refuse it, or take it back."""
    form = forms.BecauseForm(request.form)
    act = erasure.refuse if how == "refuse" else erasure.withdraw
    action = Action.LOG_ERASURE_REFUSE if how == "refuse" else Action.LOG_ERASURE_WITHDRAW
    done = _filled(form, action, _of(id), lambda c, a, at: act(c, a, id, form.because.data, at))
    return _to(id, "It is recorded.") if done else (_page(id, forms.SignedFormForm(), {how: form}), 400)


@retention.post("/requests/<int:id>/form")
def record_form(id: int) -> AnyResponse | tuple[str, int]:
    """Record the signed Form RC-108."""
    form = forms.SignedFormForm(request.form)
    done = _filled(
        form,
        Action.LOG_ERASURE_FORM,
        _of(id),
        lambda c, a, at: erasure.record_form(c, a, id, form.signed(), at),
    )
    return _to(id, "The form is recorded.") if done else (_page(id, form), 400)


@retention.post("/requests/<int:id>/execute")
def execute(id: int) -> AnyResponse:
    """Destroy the keys."""
    here.require_fresh_proof()
    count = _do(Action.LOG_ERASURE_EXECUTE, _of(id), lambda c, a, at: erasure.execute(c, a, id, at))
    return _to(
        id, f"{count} key{'' if count == 1 else 's'} destroyed." + ("" if destruction.scrub(engine()) else SCRUB)
    )


@retention.get("/holds/new")
def new_hold() -> str:
    """The form of a hold."""
    return _form("hold", forms.HoldForm(request.args) if request.args else forms.HoldForm())


@retention.post("/holds")
def place() -> AnyResponse | tuple[str, int]:
    """Place a hold."""
    form = forms.HoldForm(request.form)
    made = _filled(form, Action.LOG_HOLD_PLACE, {}, lambda c, a, at: holds.place(c, a, form.hold(), at))
    if made is None:
        return _form("hold", form), 400
    flash(f"{holds.number_of(made)} is in force.")
    return redirect(url_for("retention.hold", id=made), 303)


@retention.get("/holds/<int:id>")
def hold(id: int) -> str:
    """One hold."""
    return _hold_page(id, forms.BecauseForm())


@retention.post("/holds/<int:id>/lift")
def lift(id: int) -> AnyResponse | tuple[str, int]:
    """Lift a hold."""
    here.require_fresh_proof()
    form = forms.BecauseForm(request.form)
    facts = {"hold": holds.number_of(id)}
    done = _filled(form, Action.LOG_HOLD_LIFT, facts, lambda c, a, at: holds.lift(c, a, id, form.because.data, at))
    if not done:
        return _hold_page(id, form), 400
    flash(f"{holds.number_of(id)} is lifted.")
    return redirect(url_for("retention.hold", id=id), 303)


def _do(action: Action, facts: dict[str, Any], act: Act[T]) -> T:
    """Take a step in a transaction of its own; a refusal is recorded, then said."""
    acting, at = here.acting(), here.now()
    try:
        with engine().begin() as connection:
            return act(connection, acting, at)
    except NotNow as refusal:
        here.ledger().record(
            Entry(
                action,
                Outcome.REFUSED,
                actor=acting.pseudonym,
                code=refusal.code,
                reason=refusal.message,
                details=facts,
                at=at,
            )
        )
        abort(refusal.status, refusal.message)


def _filled(form: Any, action: Action, facts: dict[str, Any], act: Act[T]) -> T | None:
    """Take the step of a form; None if something in it must be corrected, which the form then says."""
    if not form.validate():
        return None
    try:
        return _do(action, facts, act)
    except NotThis as wrong:
        forms.said(form, wrong.message, wrong.field)
        return None


def _page(id: int, signed: forms.SignedFormForm, given: Mapping[str, forms.BecauseForm] | None = None) -> str:
    with engine().connect() as connection:
        row = _there(lambda: erasure.get(connection, id))
        found = erasure.scope_of(row)
        covering = holds.covering(connection, found)
    persons = [who for who in (row.requested_by, row.first_by, row.second_by, row.form_by, row.ended_by) if who]
    shown = {"row": row, "scope": found, "kept": found.kept(legal_day(here.now())), "covering": covering}
    possible = {step.words for step in steps.steps_for(here.acting(), row)}
    names = asking.names_of([*persons, *([row.subject] if row.subject else [])])
    typed = given or {}
    because = {how: typed.get(how, forms.BecauseForm()).apart(how) for how in ("refuse", "withdraw")}
    return render_template(
        "audit/retention/request.html",
        **shown,
        possible=possible,
        signed=signed,
        because=because,
        names=names,
        **_words(),
    )


def _hold_page(id: int, form: forms.BecauseForm) -> str:
    with engine().connect() as connection:
        found = _there(lambda: holds.get(connection, id))
    persons = [who for who in (found.placed_by, found.lifted_by, found.value) if who]
    acting = here.acting()
    may_lift = found.lifted_at is None and acting.has(Duty.HOLD) and found.placed_by != acting.pseudonym
    names = asking.names_of(persons)
    return render_template(
        "audit/retention/hold.html", hold=found, form=form, may_lift=may_lift, names=names, **_words()
    )


def _form(what: str, form: Any) -> str:
    return render_template(f"audit/retention/new_{what}.html", form=form)


def _there(find: Callable[[], T]) -> T:
    try:
        return find()
    except NotNow as missing:
        abort(missing.status, missing.message)


def _words() -> dict[str, Any]:
    """What the templates say things with."""
    return {
        "erasure": erasure,
        "steps": steps,
        "duty_words": DUTY_WORDS,
        "whose_words": scope.WHOSE_WORDS,
        "zone": LEGAL_ZONE,
        "instant_of": instant_of,
    }


def _of(id: int) -> dict[str, Any]:
    return {"request": erasure.number_of(id)}


def _to(id: int, words: str) -> AnyResponse:
    flash(f"{erasure.number_of(id)}: {words}")
    return redirect(url_for("retention.show", id=id), 303)
