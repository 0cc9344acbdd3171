"""Pages for asking, answering, what a group holds, and its programs."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from access import clients as client_room
from access import grants as grant_room
from access import requests as request_room
from access.covering import purposes_in_force
from access.grant_words import described, in_force_first
from access.guards import require_identity
from access.oauth.metadata import issuer
from access.programs import own_client, program_for
from access.request_forms import AnswerForm, AskForm, ClientForm, EndForm
from access.snippets import MAKE_KEY
from access.weighing import Weighed, wanted, weigh
from exchange import clock
from exchange.catalog.datasets import get_dataset
from exchange.catalog.models import Dataset, DatasetClass
from exchange.catalog.visibility import may_know
from exchange.classification.withheld import why_withheld
from exchange.directory.identity import Identity
from exchange.directory.models import RoleKind, WorkingGroup
from exchange.errors import CharterError, Invalid, NotFound
from exchange.values import slug
from exchange.web import session, settings

requests = Blueprint("requests", __name__)
grants = Blueprint("grants", __name__)
clients = Blueprint("clients", __name__)


@requests.get("")
def index() -> str:
    """The requests that the signed-in person may see."""
    identity = require_identity()
    return render_template(
        "access/requests/index.html",
        requests=request_room.requests_of(session(), identity),
        side_of=lambda each: request_room.side_of(identity, each),
        may_ask=bool(identity.groups()),
    )


@requests.route("/new", methods=["GET", "POST"])
def new() -> str | Response | tuple[str, int]:
    """Ask for columns of a dataset; first see what needs no asking."""
    identity = require_identity()
    dataset = _dataset(identity, request.values.get("dataset", ""))
    form = _ask_form(identity, dataset)
    if request.method == "GET":
        return _ask_page(identity, dataset, form)
    form.refuse_unknown()
    if not form.validate():
        return _ask_page(identity, dataset, form), 400
    if form.check.data:
        return _ask_page(identity, dataset, form, _weighed(identity, dataset, form))
    try:
        asked = request_room.submit(
            session(), identity, group=form.group.data, dataset=dataset, columns=form.columns.data,
            purpose=form.purpose.data, reason=form.reason.data, now=clock.now(),
        )  # fmt: skip
    except CharterError as error:
        session().rollback()
        flash(error.message, "danger")
        return _ask_page(identity, _dataset(identity, dataset.id), form), error.status
    session().commit()
    flash("You asked. The source agency and the Chief Data Officer answer next.")
    return redirect(url_for("requests.show", request_id=asked.id), 303)


def _dataset(identity: Identity, four_by_four: str) -> Dataset:
    dataset = get_dataset(session(), four_by_four)
    if dataset is None or not may_know(identity, dataset) or dataset.class_ != DatasetClass.RESTRICTED:
        raise NotFound(
            "There is no restricted dataset with this id. Find it in the catalogue and press “Ask for access”."
        )
    return dataset


def _ask_form(identity: Identity, dataset: Dataset) -> AskForm:
    form = AskForm(dataset=dataset.id)
    form.columns.choices = [(column.name, column.label) for column in dataset.columns]
    form.group.choices = _groups(identity)
    known = purposes_in_force(session(), dataset.id, identity.groups(), clock.now())
    form.purpose.description = (
        f"Agreements in force name: {', '.join(known)}." if known else "A short code, such as chronic-absence-planning."
    )
    return form


def _groups(identity: Identity) -> list[tuple[str, str]]:
    groups = [session().get_one(WorkingGroup, key) for key in sorted(identity.groups())]
    return [(group.id, group.name) for group in groups]


def _weighed(identity: Identity, dataset: Dataset, form: AskForm) -> Weighed:
    asked = wanted(identity, dataset, form.group.data, form.columns.data, slug(form.purpose.data))
    return weigh(session(), asked, clock.now())


def _ask_page(identity: Identity, dataset: Dataset, form: AskForm, weighed: Weighed | None = None) -> str:
    before = request_room.before_asking(session(), identity, dataset, (), clock.now())
    withheld = {each.column: each.words for each in why_withheld(session(), dataset.id)}
    return render_template(
        "access/requests/new.html", dataset=dataset, form=form, before=before, withheld=withheld, weighed=weighed
    )


@requests.get("/<request_id>")
def show(request_id: str) -> str:
    """One request with its answers, and what comes next."""
    identity = require_identity()
    return _show(identity, request_id, AnswerForm())


def _show(identity: Identity, request_id: str, form: AnswerForm) -> str:
    asked = request_room.find(session(), identity, request_id)
    waits = asked.state == "approved"
    weighed = weigh(session(), asked, clock.now()) if asked.state in request_room.OPEN_STATES else None
    return render_template(
        "access/requests/show.html",
        asked=asked,
        form=form,
        side=request_room.side_of(identity, asked),
        sides=request_room.SIDES,
        weighed=weighed,
        may_give=waits and identity.holds(RoleKind.CDO),
        may_draft=waits and (identity.holds(RoleKind.CDO) or request_room.drafts(identity)),
        may_withdraw=asked.state in request_room.OPEN_STATES and asked.working_group_id in identity.groups(),
        columns=[column.label for column in asked.dataset.columns if column.name in asked.columns],
    )


@requests.post("/<request_id>/decide")
def decide(request_id: str) -> Response | tuple[str, int]:
    """Approve or refuse for one's side."""
    identity = require_identity()
    form = AnswerForm()
    form.refuse_unknown()
    if not form.validate() or form.answer.data not in ("approve", "refuse"):
        return _show(identity, request_id, form), 400
    asked = request_room.find(session(), identity, request_id)
    approved = form.answer.data == "approve"
    try:
        grant = request_room.decide(session(), identity, asked, approved, form.reason.data or "", clock.now())
    except Invalid as error:
        session().rollback()
        flash(error.message, "danger")
        return _show(identity, request_id, form), error.status
    session().commit()
    flash("The grant is given; its group can read now." if grant else "Your answer is recorded.")
    return redirect(url_for("requests.show", request_id=request_id), 303)


@requests.post("/<request_id>/give")
def give(request_id: str) -> Response:
    """Give the grant of an approved request, once an agreement covers it."""
    identity = require_identity()
    grant_room.give(session(), request_room.for_giving(session(), identity, request_id), clock.now(), identity)
    session().commit()
    flash("The grant is given; its group can read now.")
    return redirect(url_for("requests.show", request_id=request_id), 303)


@requests.post("/<request_id>/withdraw")
def withdraw(request_id: str) -> Response:
    """Take a request back."""
    identity = require_identity()
    request_room.withdraw(session(), identity, request_room.find(session(), identity, request_id), clock.now())
    session().commit()
    flash("The request is taken back.")
    return redirect(url_for("requests.show", request_id=request_id), 303)


@grants.get("", endpoint="index")
def holdings() -> str:
    """What the person's groups may read, in words."""
    identity = require_identity()
    held = [described(session(), grant, clock.now()) for grant in grant_room.grants_of(session(), identity)]
    return render_template("access/grants/index.html", held=in_force_first(held))


@grants.get("/<grant_id>", endpoint="show")
def show_grant(grant_id: str) -> str:
    """One grant: what, for what, until when, because of which clauses, and how to read it."""
    identity = require_identity()
    grant = grant_room.find(session(), identity, grant_id)
    client = own_client(session(), settings(), identity, grant.working_group_id)
    return render_template(
        "access/grants/show.html",
        grant=described(session(), grant, clock.now()),
        program=program_for(settings(), client, grant, issuer(settings(), request.host_url)),
        form=EndForm() if grant_room.may_revoke(identity, grant) and grant.state == "active" else None,
    )


@grants.post("/<grant_id>/revoke")
def revoke(grant_id: str) -> Response:
    """End a grant at once."""
    identity = require_identity()
    form = EndForm()
    form.refuse_unknown()
    grant_room.revoke(session(), identity, grant_id, form.reason.data or "", clock.now())
    session().commit()
    flash("The grant has ended. The next request under it is refused; running transfers stop within a second.")
    return redirect(url_for("grants.show", grant_id=grant_id), 303)


@clients.route("", endpoint="index", methods=["GET", "POST"])
def programs() -> str | Response | tuple[str, int]:
    """The programs of one's groups; register another by its public keys."""
    identity = require_identity()
    form = ClientForm()
    form.group.choices = _groups(identity)
    if request.method == "GET":
        return _programs_page(identity, form)
    form.refuse_unknown()
    if not form.validate():
        return _programs_page(identity, form), 400
    try:
        client = client_room.register_client(
            session(), identity, name=form.name.data, working_group_id=form.group.data,
            jwks=client_room.read_jwks(form.jwks.data), now=clock.now(),
        )  # fmt: skip
    except CharterError as error:
        session().rollback()
        flash(error.message, "danger")
        form.jwks.data = ""  # what was pasted may be a private key: it is not sent back
        return _programs_page(identity, form), error.status
    session().commit()
    flash(f"Registered. Its client id is {client.id}.")
    return redirect(url_for("clients.show", client_id=client.id), 303)


def _programs_page(identity: Identity, form: ClientForm) -> str:
    return render_template(
        "access/clients/index.html",
        clients=client_room.clients_of(session(), identity),
        form=form if identity.groups() else None,
        make_key=MAKE_KEY,
    )


@clients.get("/<client_id>", endpoint="show")
def show_client(client_id: str) -> str:
    """One program: its id, its keys, where it gets tokens, and what it may read."""
    identity = require_identity()
    client = client_room.find(session(), identity, client_id)
    origin = issuer(settings(), request.host_url)
    seen = [
        grant
        for grant in grant_room.grants_of(session(), identity)
        if grant.working_group_id == client.working_group_id
    ]
    words = [described(session(), grant, clock.now()) for grant in seen if grant.state == "active"]
    in_force = {each.id for each in words if each.state == "active"}
    readable = next((grant for grant in seen if grant.id in in_force and client.disabled_at is None), None)
    return render_template(
        "access/clients/show.html",
        client=client,
        origin=origin,
        held=words,
        program=program_for(settings(), client, readable, origin) if readable else None,
    )


@clients.post("/<client_id>/disable")
def disable(client_id: str) -> Response:
    """Disable a program for good."""
    identity = require_identity()
    client_room.disable_client(session(), identity, client_id, clock.now())
    session().commit()
    flash("The client is disabled. Its tokens are dead from the next request on.")
    return redirect(url_for("clients.show", client_id=client_id), 303)
