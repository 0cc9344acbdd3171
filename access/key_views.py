"""Pages of API keys: one's own, making one (its secret is shown once), ending one."""

from __future__ import annotations

from datetime import datetime

from flask import Blueprint, flash, make_response, redirect, render_template, url_for
from werkzeug.wrappers import Response

from access import api_keys
from access.guards import require_identity
from access.key_forms import KeyForm
from access.models import ApiKey
from exchange import clock
from exchange.directory.identity import Identity
from exchange.errors import Conflict, Invalid
from exchange.web import session, settings

keys = Blueprint("keys", __name__)


@keys.get("")
def index() -> str:
    """One's keys, and the form for a new one."""
    return _page(require_identity(), KeyForm())


@keys.post("")
def make() -> Response | tuple[str, int]:
    """Make a key after a fresh proof of identity, and show its secret this once."""
    identity, form = require_identity(), KeyForm()
    form.refuse_unknown()
    if not form.validate():
        return _page(identity, form), 400
    try:
        made = api_keys.make_key(
            session(), identity, name=form.name.data, days=int(form.days.data), now=clock.now()
        )  # fmt: skip
    except (Invalid, Conflict) as error:
        session().rollback()
        flash(error.message, "danger")
        return _page(identity, form), error.status
    session().commit()
    page = render_template("access/keys/made.html", key=made.key, secret=made.secret, origin=settings().origin)
    response = make_response(page)
    response.headers["Cache-Control"] = "no-store"
    return response


@keys.post("/<key_id>/end")
def end(key_id: str) -> Response:
    """End a key for good."""
    api_keys.end_key(session(), require_identity(), key_id, clock.now())
    session().commit()
    flash("The key has ended. The next request with it is refused.")
    return redirect(url_for("keys.index"), 303)


def _page(identity: Identity, form: KeyForm) -> str:
    now = clock.now()
    rows = [(key, _state(key, now)) for key in api_keys.keys_of(session(), identity)]
    return render_template("access/keys/index.html", rows=rows, form=form if api_keys.may_make(identity) else None)


def _state(key: ApiKey, now: datetime) -> str:
    if api_keys.is_living(key, now):
        return "active"
    return "ended" if key.ended_at is not None else "expired"
