"""Pages of the directory: agencies, working groups, persons with their dated roles, departures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import BooleanField, DateField, SelectField, SubmitField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Optional

from exchange import clock
from exchange.directory import listing, persons
from exchange.directory.identity import Identity, current_identity
from exchange.directory.models import Agency, Person, RoleKind, WorkingGroup
from exchange.directory.role_words import ROLE_WORDS, in_words
from exchange.forms import Form
from exchange.web import session

directory = Blueprint("directory", __name__)


class RoleForm(Form):
    """Give somebody a role."""

    kind = SelectField("Role", choices=[SelectChoice(kind.value, words) for kind, words in ROLE_WORDS.items()])
    agency_id = SelectField("Agency", description="For data officers, stewards, counsel and officials.")
    working_group_id = SelectField("Working group", description="For members.")
    begins = DateField("First day", validators=[InputRequired("Enter the first day.")])
    ends = DateField("Last day", validators=[Optional()], description="Leave empty if it holds until changed.")
    give = SubmitField("Give the role")


class EndForm(Form):
    """End a role."""

    ends = DateField("Last day", validators=[InputRequired("Enter the last day.")])


class DepartureForm(Form):
    """Record that somebody has left."""

    sure = BooleanField(
        "This person has left. Every role ends now; their clients, tokens and running downloads stop.",
        validators=[InputRequired("Tick the box to say that you mean it.")],
    )
    depart = SubmitField("Record departure", render_kw={"class": "btn btn-danger"})


@directory.get("/")
def index() -> str:
    """Who takes part: persons with today's roles, working groups, agencies with every name they go by."""
    today = clock.legal_day(clock.now())
    text = request.args.get("q", "").strip()
    agencies = listing.agencies_with_aliases(session())
    return render_template(
        "exchange/directory/index.html",
        text=text,
        people=listing.people(session(), today, text),
        groups=listing.groups(session(), today),
        agencies=agencies,
        shared=listing.shared_acronyms(agencies),
        in_words=in_words,
    )


@directory.get("/<person_id>")
def person(person_id: str) -> str:
    """One person: facts, roles in force and past, and, for who may, the forms that change them."""
    return _person_page(persons.get_person(session(), person_id))


@directory.post("/<person_id>/roles")
def give(person_id: str) -> Response | tuple[str, int]:
    """Give the person a role."""
    who, form = persons.get_person(session(), person_id), _role_form()
    form.refuse_unknown()
    if not form.validate():
        return _person_page(who, role_form=form), 400
    role = persons.give_role(
        session(),
        _me(),
        who,
        RoleKind(form.kind.data),
        agency_id=form.agency_id.data or None,
        working_group_id=form.working_group_id.data or None,
        begins=form.begins.data,
        ends=form.ends.data,
        now=clock.now(),
    )
    words = in_words(role)
    session().commit()
    flash(f"{who.name} now has the role: {words}.")
    return redirect(url_for("directory.person", person_id=person_id), 303)


@directory.post("/<person_id>/roles/<role_id>/end")
def end(person_id: str, role_id: str) -> Response | tuple[str, int]:
    """Set the last day of a role."""
    role, form = persons.get_role(session(), person_id, role_id), EndForm()
    form.refuse_unknown()
    if not form.validate():
        return _person_page(role.person), 400
    persons.end_role(session(), _me(), role, form.ends.data, clock.now())
    session().commit()
    flash(f"The role ends on {role.ends:%-d %B %Y}: {in_words(role)}.")
    return redirect(url_for("directory.person", person_id=person_id), 303)


@directory.post("/<person_id>/departure")
def depart(person_id: str) -> Response | tuple[str, int]:
    """Record that the person has left."""
    who, form = persons.get_person(session(), person_id), DepartureForm()
    form.refuse_unknown()
    if not form.validate():
        return _person_page(who, departure_form=form), 400
    persons.record_departure(session(), _me(), who, clock.now())
    session().commit()
    flash(f"{who.name} has left: every role has ended.", "warning")
    return redirect(url_for("directory.person", person_id=person_id), 303)


def _me() -> Identity:
    identity = current_identity()
    if identity is None:
        abort(401)
    return identity


def _role_form() -> RoleForm:
    form = RoleForm()
    form.agency_id.choices = _or_none(persons.agencies(session()))
    form.working_group_id.choices = _or_none(persons.working_groups(session()))
    return form


def _or_none(things: Sequence[Agency | WorkingGroup]) -> list[SelectChoice]:
    return [SelectChoice("", "None"), *(SelectChoice(thing.id, thing.name) for thing in things)]


def _person_page(who: Person, *, role_form: RoleForm | None = None, departure_form: DepartureForm | None = None) -> str:
    today = clock.legal_day(clock.now())
    me = _me()
    form = role_form or _role_form()
    if role_form is None:
        form.begins.data = today
    shown: dict[str, Any] = {
        "may_give": persons.may_give_roles(me, who) and who.left_at is None,
        "may_depart": persons.may_record_departure(me, who) and who.left_at is None,
        "in_force": listing.roles_in_force(who, today),
        "others": [role for role in who.roles if role not in listing.roles_in_force(who, today)],
    }
    return render_template(
        "exchange/directory/person.html",
        who=who,
        today=today,
        role_form=form,
        departure_form=departure_form or DepartureForm(),
        in_words=in_words,
        **shown,
    )
