"""The page for app tokens: anybody makes one, sees it once, and ends it with itself; no account is needed."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response
from wtforms import HiddenField, StringField, SubmitField, TextAreaField
from wtforms.validators import InputRequired, Length

from exchange import clock
from exchange.directory.identity import current_identity
from exchange.errors import NotFound, TooMany, Unauthenticated
from exchange.forms import Form
from exchange.rows import app_tokens as tokens_room
from exchange.rows.limits import limits_here
from exchange.web import session, settings

app_tokens = Blueprint("app_tokens", __name__)

NEEDED = "Fill in this field."


class MakeForm(Form):
    """What the token is for."""

    name = StringField("Name of your program", [InputRequired(NEEDED), Length(max=80)])
    purpose = TextAreaField(
        "What it is for", [InputRequired(NEEDED), Length(max=500)], description="A sentence is enough. Name no persons."
    )
    submit_make = SubmitField("Make a token")


class EndForm(Form):
    """The token to end, whole."""

    token = StringField(
        "App token", [InputRequired(NEEDED), Length(max=200)], render_kw={"autocomplete": "off", "spellcheck": "false"}
    )
    submit_end = SubmitField("End this token")


class EndOwnForm(Form):
    """One of the signed-in person's tokens, by its hash."""

    which = HiddenField(validators=[InputRequired(NEEDED), Length(max=64)])


@app_tokens.get("/")
def page() -> str:
    """What an app token is, a form to make one, a form to end one, and one's own."""
    return _page(MakeForm(), EndForm())


@app_tokens.post("/")
def make() -> str | tuple[str, int]:
    """Make a token and show it, this once."""
    form = MakeForm()
    form.refuse_unknown()
    if not form.validate():
        return _page(form, EndForm(formdata=None)), 400
    identity = current_identity()
    address = limits_here().address_of(request.environ) or "behind the proxy"
    wanted = tokens_room.Wanted(
        form.name.data.strip(), form.purpose.data.strip(), identity.person_id if identity else None, address
    )
    try:
        value = tokens_room.make(session(), wanted, settings().secret_key, clock.now())
    except TooMany as refused:
        return _page(form, EndForm(formdata=None), problem=refused.message), refused.status
    session().commit()
    return _page(MakeForm(formdata=None), EndForm(formdata=None), made=value, made_name=wanted.name)


@app_tokens.post("/end")
def end() -> Response | tuple[str, int]:
    """End a token with itself."""
    form = EndForm()
    form.refuse_unknown()
    if not form.validate():
        return _page(MakeForm(formdata=None), form), 400
    try:
        ended = tokens_room.end(session(), form.token.data, clock.now())
    except NotFound as refused:
        return _page(MakeForm(formdata=None), form, problem=refused.message), refused.status
    session().commit()
    return _ended(ended.name)


@app_tokens.post("/end-own")
def end_own() -> Response:
    """End a token that the signed-in person made."""
    identity, form = current_identity(), EndOwnForm()
    if identity is None:
        raise Unauthenticated("Sign in to end a token without having it, or end it with itself.")
    form.refuse_unknown()
    ended = tokens_room.end_own(session(), form.which.data or "", identity.person_id, clock.now())
    session().commit()
    return _ended(ended.name)


def _ended(name: str) -> Response:
    flash(f"The token of “{name}” has ended. Within half a minute requests with it are refused.", "success")
    return redirect(url_for("app_tokens.page"), 303)


def _page(make_form: MakeForm, end_form: EndForm, *, problem: str = "", made: str = "", made_name: str = "") -> str:
    identity = current_identity()
    return render_template(
        "exchange/rows/app_tokens.html",
        make_form=make_form,
        end_form=end_form,
        problem=problem,
        made=made,
        made_name=made_name,
        own=tokens_room.of_person(session(), identity.person_id) if identity else (),
        by_address=settings().quota_by_address,
        by_token=settings().quota_by_token,
        sample=f"{settings().origin}/resource/abcd-1234.json",
    )
