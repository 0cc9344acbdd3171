"""Personal fields of an entry, shown to an auditor who said why; that is recorded before anything is shown."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from flask import Blueprint, abort, render_template, request

from audit.opening import fields
from audit.personal import Opened
from audit.published import engine
from audit.retention import forms, here
from audit.retention.acting import NotNow, NotThis

personal = Blueprint("personal", __name__)


@personal.get("/<uuid:entry_id>")
def ask(entry_id: UUID) -> str:
    """Which fields of an entry are sealed, and the form that asks why they are to be shown. Shows none of them."""
    return _page(_sealed(entry_id), forms.OpenForm(), ())


@personal.post("/<uuid:entry_id>")
def show(entry_id: UUID) -> str | tuple[str, int]:
    """Show the personal fields of an entry, once it is recorded who asked and why."""
    form, found = forms.OpenForm(request.form), _sealed(entry_id)
    if not form.validate():
        return _page(found, form, ()), 400
    reason = forms.stripped(form.reason.data)
    try:
        with engine().connect() as connection:
            opened, entry = fields.open_for(connection, here.sealer(), found, reason, here.acting())
    except NotThis as wrong:
        forms.said(form, wrong.message, wrong.field)
        return _page(found, form, ()), 400
    here.ledger().record(entry)
    return _page(found, form, opened)


def _page(found: fields.Sealed, form: forms.OpenForm, opened: Sequence[Opened]) -> str:
    return render_template("audit/retention/personal.html", found=found, form=form, opened=opened)


def _sealed(entry_id: UUID) -> fields.Sealed:
    try:
        with engine().connect() as connection:
            return fields.find(connection, str(entry_id))
    except NotNow as missing:
        abort(missing.status, missing.message)
