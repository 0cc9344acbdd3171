"""Pages of the account of disclosures. Each asking, reading, export and letter is recorded before it leaves."""

from __future__ import annotations

from typing import Any, cast

from flask import Blueprint, Response, redirect, render_template, url_for
from sqlalchemy import Engine
from werkzeug.wrappers import Response as AnyResponse

from access.accounting import asking, files, laws, letter, words
from access.accounting.asking import Person
from access.accounting.forms import AskForm, LetterForm
from access.accounting.records import KINDS, Account
from access.guards import require_identity
from audit.actions import Action, Outcome
from audit.disclosures import index
from audit.entry import Entry
from exchange import clock
from exchange.directory.models import Agency
from exchange.web import ledger, session, settings

accounting = Blueprint("accounting", __name__)

SHOWN = 200
"""Disclosures on the page, the newest; the CSV has all."""


@accounting.get("")
def index_page() -> str:
    """The form. It shows nothing of the log, so it records nothing."""
    return render_template("access/disclosures/index.html", form=_form())


@accounting.post("")
def ask() -> AnyResponse | tuple[str, int]:
    """From the key to the address of its account, which holds the keyed hash."""
    identity, form = require_identity(), _form()
    form.refuse_unknown()
    if not form.validate():
        session().rollback()
        return render_template("access/disclosures/index.html", form=form), 400
    session().rollback()
    index.catch_up(cast(Engine, session().get_bind()), asking.store_of(settings()))
    person = asking.person_of(settings(), form.namespace.data, form.key.data)
    _record(Action.DISCLOSURE_ACCOUNT_ASK, identity.pseudonym, person)
    return redirect(url_for("accounting.show", namespace=person.namespace, token=person.token), 303)


@accounting.get("/<namespace>/<token>")
def show(namespace: str, token: str) -> str:
    """The account of one person."""
    form = LetterForm()
    person, account = _account(namespace, token, Action.DISCLOSURE_ACCOUNT_READ, {})
    form.form.data, form.day.data = str(laws.usual(account.records)), clock.legal_day(clock.now())
    return _page(person, account, form)


@accounting.get("/<namespace>/<token>/account.csv")
def export(namespace: str, token: str) -> Response:
    """The same as a file."""
    _, account = _account(namespace, token, Action.DISCLOSURE_ACCOUNT_EXPORT, {"format": "csv"})
    return _file("".join(files.as_csv(account)), "text/csv; charset=utf-8", "disclosures.csv")


@accounting.post("/<namespace>/<token>/letter")
def write(namespace: str, token: str) -> Response | tuple[str, int]:
    """The account as a letter. Name and address go into the PDF and nowhere else."""
    identity, form = require_identity(), LetterForm()
    form.refuse_unknown()
    if not form.validate():
        person, account = _account(namespace, token, Action.DISCLOSURE_ACCOUNT_READ, {})
        return _page(person, account, form), 400
    agency = session().get(Agency, identity.agency_id) if identity.agency_id else None
    agency_name = agency.name if agency is not None else "State of Connecticut"
    _, account = _account(namespace, token, Action.DISCLOSURE_LETTER_WRITE, {"form": str(form.law)})
    signer = ", ".join(part for part in (identity.name, identity.title) if part)
    written = letter.Letter(form.to, agency_name, signer, form.day.data, form.law, account)
    return _file(letter.render(written), "application/pdf", "disclosures.pdf")


def _form() -> AskForm:
    form = AskForm()
    form.offer(asking.namespaces(session(), asking.agencies_of(require_identity())))
    return form


def _account(namespace: str, token: str, action: Action, facts: dict[str, Any]) -> tuple[Person, Account]:
    """Ask, record that it was asked, hand over: nothing leaves before its record is durable."""
    identity, person = require_identity(), asking.person_in(namespace, token)
    account = asking.account_of(session(), settings(), identity, person)
    session().rollback()
    _record(action, identity.pseudonym, person, **facts, found=len(account.disclosures))
    return person, account


def _record(action: Action, actor: str, person: Person, **facts: Any) -> None:
    details = {"namespace": person.namespace, "subject": person.token, **facts}
    ledger().record(Entry(action, Outcome.DONE, actor=actor, details=details, at=clock.now()))


def _page(person: Person, account: Account, form: LetterForm) -> str:
    return render_template(
        "access/disclosures/show.html", person=person, account=account, form=form, words=words, kinds=KINDS,
        laws=laws.LAWS.values(), newest=tuple(reversed(account.disclosures))[:SHOWN],
        rows=[words.asked_for(each, account) for each in account.refused],
    )  # fmt: skip


def _file(content: str | bytes, kind: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, content_type=kind, headers=headers)
