"""Pages for signing in and out, for proving once more who one is, and the signed-in person's desk."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask import session as form_session
from werkzeug.wrappers import Response
from wtforms import EmailField, HiddenField, PasswordField, StringField, SubmitField
from wtforms.validators import InputRequired

from access import desks as desk_room
from access import sessions, signing_in
from access.demo_desks import demo_account, demo_account_of, demo_accounts
from access.guards import require_identity
from access.login import clear_cookie, cookie_value, set_cookie
from access.sessions import digest
from access.traces import of_request
from exchange import clock
from exchange.errors import Refused
from exchange.forms import Form
from exchange.web import session, settings

desks = Blueprint("desks", __name__)
sign_in = Blueprint("sign_in", __name__)

NEEDED = "Fill in this field."
PASSWORD = {"autocomplete": "current-password"}
CODE = {"autocomplete": "one-time-code", "inputmode": "numeric", "maxlength": "8"}


class SignInForm(Form):
    """Address, password and the code of the second factor."""

    email = EmailField("Email address", [InputRequired(NEEDED)], render_kw={"autocomplete": "username"})
    password = PasswordField("Password", [InputRequired(NEEDED)], render_kw=PASSWORD)
    code = StringField(
        "Code", [InputRequired(NEEDED)], description="Six digits from your authenticator app.", render_kw=CODE
    )
    next = HiddenField()
    submit = SubmitField("Sign in")


class AgainForm(Form):
    """Password and code once more."""

    password = PasswordField("Password", [InputRequired(NEEDED)], render_kw=PASSWORD)
    code = StringField(
        "Code", [InputRequired(NEEDED)], description="Six digits from your authenticator app.", render_kw=CODE
    )
    next = HiddenField()
    submit = SubmitField("Confirm")


@sign_in.route("/sign-in", methods=["GET", "POST"])
def page() -> Response | str | tuple[str, int]:
    """Sign in by password and code; in the demo also by one click."""
    form = SignInForm(next=signing_in.safe_next(request.args.get("next")))
    if request.method == "GET":
        return _sign_in_page(form)
    form.refuse_unknown()
    if not form.validate():
        return _sign_in_page(form), 400
    try:
        value = signing_in.sign_in(
            session(), form.email.data, form.password.data, form.code.data, clock.now(), cookie_value(), of_request()
        )
    except Refused as refused:
        return _sign_in_page(form, refused.message), 403
    session().commit()
    return _enter(value, form.next.data)


@sign_in.post("/sign-in/demo/<key>")
def demo(key: str) -> Response:
    """Sign in as one of the demo's invented persons; there is no such address outside the demo."""
    account = demo_account(settings(), key)
    value = signing_in.sign_in_to_demo_desk(session(), account.person_id, clock.now(), cookie_value(), of_request())
    session().commit()
    return _enter(value, request.form.get("next"))


@sign_in.route("/sign-in/again", methods=["GET", "POST"])
def again() -> Response | str | tuple[str, int]:
    """Prove once more who you are: a signature, an agreement to publish or a departure needs a fresh proof."""
    identity, form = require_identity(), AgainForm(next=signing_in.safe_next(request.args.get("next")))
    if request.method == "GET":
        return _again_page(form)
    form.refuse_unknown()
    if not form.validate():
        return _again_page(form), 400
    old = cookie_value() or ""
    try:
        value = signing_in.step_up(
            session(), identity, old, form.password.data, form.code.data, clock.now(), of_request()
        )
    except Refused as refused:
        return _again_page(form, refused.message), 403
    session().commit()
    return set_cookie(_back(form.next.data), value)


@sign_in.post("/sign-in/again/demo")
def again_demo() -> Response:
    """The demo's one-click form of the same; there is no such address outside the demo."""
    identity = require_identity()
    if demo_account_of(settings(), identity.person_id) is None:
        abort(404)
    value = signing_in.step_up_at_demo_desk(session(), identity, cookie_value() or "", clock.now(), of_request())
    session().commit()
    return set_cookie(_back(request.form.get("next")), value)


@sign_in.post("/sign-out")
def sign_out() -> Response:
    """End this session."""
    signing_in.sign_out(session(), require_identity(), cookie_value() or "", clock.now(), of_request())
    session().commit()
    return _leave("You have signed out.")


@sign_in.get("/sign-in/sessions")
def living() -> str:
    """Where this person is signed in."""
    now = clock.now()
    rows = sessions.living_sessions(session(), require_identity().person_id, now)
    return render_template("access/sessions.html", rows=rows, here=digest(cookie_value() or ""))


@sign_in.post("/sign-out/everywhere")
def sign_out_everywhere() -> Response:
    """End all of this person's sessions."""
    ended = signing_in.sign_out_everywhere(session(), require_identity(), clock.now(), of_request())
    session().commit()
    return _leave(f"You have signed out everywhere: {ended} session{'s' if ended != 1 else ''} ended.")


@desks.get("/desk")
def desk() -> str:
    """What waits for the signed-in person, since when, and the next step."""
    identity = require_identity()
    things = desk_room.desk_of(session(), identity, clock.now())
    return render_template("access/desk.html", desk=things)


def _sign_in_page(form: SignInForm, problem: str = "") -> str:
    accounts = demo_accounts(settings())
    shown: dict[str, Any] = {
        "desks": [account for account in accounts if account.desk],
        "others": [account for account in accounts if not account.desk],
    }
    return render_template("access/sign_in.html", form=form, problem=problem, **shown)


def _again_page(form: AgainForm, problem: str = "") -> str:
    one_click = demo_account_of(settings(), require_identity().person_id) is not None
    return render_template("access/again.html", form=form, problem=problem, one_click=one_click)


def _enter(value: str, wanted: str | None) -> Response:
    form_session.clear()
    return set_cookie(_back(wanted), value)


def _leave(words: str) -> Response:
    form_session.clear()
    flash(words)
    return clear_cookie(redirect(url_for("sign_in.page"), 303))


def _back(wanted: str | None) -> Response:
    return redirect(signing_in.safe_next(wanted), 303)
