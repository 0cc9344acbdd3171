"""What the pages of the registers share: lists of choices, and forms that keep what was typed when refused."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from flask import flash
from werkzeug.wrappers import Response

from agreements.duties.rights import agencies_recorded_for
from agreements.forms import choices_of
from agreements.pages import Page, agency_choices, restricted_datasets, who
from audit.actions import Action, Outcome
from audit.entry import Entry
from exchange import clock
from exchange.errors import Conflict, Invalid, Refused
from exchange.forms import Form
from exchange.web import ledger, session

CHOOSE = [("", "choose")]


def answered(action: Action, form: Form, press: Callable[[], Response], page: Callable[[], str]) -> Page:
    """What the press gives; or the page again, with what was typed and what is wrong with it.

    A refusal is recorded, as an act of this kind, before it is answered.
    """
    if not form.validate_on_submit():
        return page(), HTTPStatus.BAD_REQUEST if form.is_submitted() else HTTPStatus.OK
    try:
        form.refuse_unknown()
        return press()
    except (Invalid, Refused, Conflict) as error:
        session().rollback()
        if isinstance(error, Refused):
            _record_refusal(action, error)
        flash(error.message, "danger")
        return page(), error.status


def _record_refusal(action: Action, refusal: Refused) -> None:
    because, reason = refusal.because, refusal.code
    actor, now = who().pseudonym, clock.now()
    ledger().record(Entry(action, Outcome.REFUSED, actor=actor, reason=reason, because=because, at=now))


def own_agencies() -> list[object]:
    """The agencies for which the person records, as choices."""
    mine = agencies_recorded_for(who())
    return choices_of(CHOOSE + [(key, name) for key, name in agency_choices() if mine is None or key in mine])


def every_agency() -> list[object]:
    """Every agency, as choices."""
    return choices_of(CHOOSE + agency_choices())


def dataset_choices(*, none: bool = False) -> list[object]:
    """The restricted datasets that the person may know of, as choices."""
    found = [(one.id, f"{one.title} ({one.agency.acronym}, {one.id})") for one in restricted_datasets(who())]
    return choices_of([("", "not a registered dataset"), *found] if none else found)
