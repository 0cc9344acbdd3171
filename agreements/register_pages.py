"""The pages of the public register: searched, one agreement, and the whole of it for programs."""

from __future__ import annotations

from flask import Blueprint, Response, render_template, request
from flask.blueprints import BlueprintSetupState

from agreements import register as public_register
from exchange.web import session

register = Blueprint("register", __name__)

SEARCHED_WORDS = 200
"""Characters of a search that are looked at."""


@register.get("", endpoint="index")
def index_of_register() -> str:
    """The register, searched."""
    words = request.args.get("q", "")[:SEARCHED_WORDS].strip()
    return render_template(
        "agreements/register_index.html", entries=public_register.entries(session(), words), words=words
    )


@register.get("/<agreement_id>", endpoint="show")
def show_registered(agreement_id: str) -> str:
    """One agreement of the register."""
    return render_template("agreements/register_show.html", entry=public_register.entry_of(session(), agreement_id))


def as_json() -> Response:
    """The whole register for programs."""
    return Response(public_register.as_json(public_register.entries(session())), mimetype="application/json")


def as_csv() -> Response:
    """The whole register for spreadsheets."""
    body = public_register.as_csv(public_register.entries(session()))
    headers = {"Content-Disposition": 'attachment; filename="register-of-agreements.csv"'}
    return Response(body, mimetype="text/csv", headers=headers)


@register.record_once
def _beside_the_prefix(state: BlueprintSetupState) -> None:
    """`/register.json` and `/register.csv` stand beside the prefix `/register`, not under it."""
    state.app.add_url_rule("/register.json", "register.as_json", as_json, methods=["GET"])
    state.app.add_url_rule("/register.csv", "register.as_csv", as_csv, methods=["GET"])
