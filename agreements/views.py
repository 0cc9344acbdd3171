"""The pages of agreements and of the public register. Each parses, makes one domain call, commits, renders."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, flash, render_template, request
from flask.blueprints import BlueprintSetupState
from werkzeug.wrappers import Response as Answer

from agreements import drafting, editing, editing_pages, pdf, reading, signing, turns
from agreements import register as public_register
from agreements.acting import ACTS
from agreements.forms import ConfirmForm, DsaForm, MemorandumForm, SignForm, choices_of
from agreements.models import AgreementVersion
from agreements.moving import permit
from agreements.pages import (
    agency_choices,
    executive_choices,
    memorandum_choices,
    record_refusal,
    recorded,
    to_page,
    version_seen,
    who,
    working_group_choices,
)
from agreements.signing import require_recent, unsigned_parties
from agreements.transitions import BY_COMMAND, STATES_IN_WORDS, Command, agencies_acted_for, may_press
from exchange import clock
from exchange.catalog import search
from exchange.directory.models import RoleKind
from exchange.errors import NotFound, Refused
from exchange.web import session

agreements = Blueprint("agreements", __name__)
register = Blueprint("register", __name__)

MOST_HITS = 6
STATES = {state.value: words for state, words in STATES_IN_WORDS.items()}
DONE = {row.command.value: row.done for row in BY_COMMAND.values()}
SEARCHED_WORDS = 200
"""Characters of a search that are looked at."""


@agreements.get("")
def index() -> str:
    """Every agreement on whom it waits, my turn first."""
    rows = turns.turns(session(), who())
    may_start = who().holds(RoleKind.DRAFTER, RoleKind.CDO)
    return render_template("agreements/index.html", rows=rows, may_start=may_start)


@agreements.get("/new")
def new() -> str:
    """Choose a template; first the question whether the data is open already."""
    return _new(*_start_forms())


@agreements.post("/new/memorandum")
@recorded(Command.START)
def start_memorandum() -> str | Answer:
    """Start the memorandum of OPM with one agency."""
    memorandum, dsa = _start_forms()
    if not memorandum.validate_on_submit():
        return _new(memorandum, dsa)
    memorandum.refuse_unknown()
    now = clock.now()
    version = drafting.start_memorandum(session(), who(), agency_id=memorandum.agency.data, now=now)
    if memorandum.begins.data and memorandum.ends.data:
        editing.set_term(session(), who(), version, begins=memorandum.begins.data, ends=memorandum.ends.data, now=now)
    return _started(version)


@agreements.post("/new/dsa")
@recorded(Command.START)
def start_dsa() -> str | Answer:
    """Start a data sharing agreement under a memorandum."""
    memorandum, dsa = _start_forms()
    if not dsa.validate_on_submit():
        return _new(memorandum, dsa)
    dsa.refuse_unknown()
    version = drafting.start_dsa(
        session(),
        who(),
        memorandum_id=dsa.memorandum.data,
        recipient_id=dsa.recipient.data,
        working_group_id=dsa.working_group.data,
        title=dsa.title.data,
        now=clock.now(),
    )
    return _started(version)


def _start_forms() -> tuple[MemorandumForm, DsaForm]:
    memorandum, dsa = MemorandumForm(), DsaForm()
    choose = [("", "choose")]
    memorandum.agency.choices = choices_of(choose + executive_choices())
    dsa.recipient.choices = choices_of(choose + agency_choices())
    dsa.memorandum.choices = choices_of(choose + memorandum_choices())
    dsa.working_group.choices = choices_of(choose + working_group_choices())
    return memorandum, dsa


def _new(memorandum: MemorandumForm, dsa: DsaForm) -> str:
    words = request.args.get("q", "")[:SEARCHED_WORDS].strip()
    found = search.find(session(), who(), search.Search(text=words)).datasets[:MOST_HITS] if words else ()
    if not who().holds(RoleKind.DRAFTER, RoleKind.CDO):
        raise Refused("A drafter or the Chief Data Officer starts an agreement. Ask OPM, or ask for access to data.")
    return render_template("agreements/new.html", memorandum=memorandum, dsa=dsa, words=words, found=found)


def _started(version: AgreementVersion) -> Answer:
    session().commit()
    flash(f"{version.agreement_id} is started. Fill in what is still open, then submit it for review.", "success")
    return to_page(version)


@agreements.get("/<agreement_id>/<int:number>")
def show(agreement_id: str, number: int) -> str:
    """One version: text, policy, schedule, reviews, signatures, history, and what the person may press."""
    version, now = version_seen(agreement_id, number), clock.now()
    return render_template("agreements/show.html", **_shown(version, now))


def _shown(version: AgreementVersion, now: datetime) -> dict[str, Any]:
    mine, others = turns.buttons(version, who())
    return {
        "version": version,
        "sheet": reading.sheet_of(session(), version, now),
        "mine": {command: BY_COMMAND[command].words for command in mine},
        "others": others,
        "acts": ACTS,
        "waits_on": turns.waits_on(session(), version),
        "step": turns.my_step(version, who()),
        "states": STATES,
        "done": DONE,
        "unsigned": unsigned_parties(version) if version.sha256 else [],
        "obstacles": _obstacles(version, now),
    }


def _obstacles(version: AgreementVersion, now: datetime) -> list[tuple[str, str]]:
    """What stands between this version and signature, for those who would open it."""
    if version.document is not None or not may_press(version, who(), Command.OPEN_FOR_SIGNATURE):
        return []
    return signing.obstacles_to_signature(session(), version, now)


@agreements.route("/<agreement_id>/<int:number>/act/<command>", methods=["GET", "POST"])
def act(agreement_id: str, number: int, command: str) -> str | Answer:
    """Press a command: GET shows its form, POST does it."""
    version = version_seen(agreement_id, number)
    if command not in ACTS:
        raise NotFound(f"Nothing called “{command}” can be done to an agreement. Go back to its page.")
    chosen = Command(command)
    doing = ACTS[chosen]
    form = doing.form()
    try:
        if form.validate_on_submit():
            form.refuse_unknown()
            version = doing.press(session(), who(), version, form, clock.now())
            session().commit()
            flash(f"{version.agreement_id} version {version.number} is now {STATES[version.state]}.", "success")
            return to_page(version)
        agencies = permit(version, who(), chosen)
    except Refused as refusal:
        record_refusal(chosen, refusal)
        raise
    if isinstance(form, ConfirmForm):
        form.seen_round.data = version.round
    row = BY_COMMAND[chosen]
    return render_template("agreements/act.html", version=version, form=form, act=doing, row=row, agencies=agencies)


@agreements.route("/<agreement_id>/<int:number>/sign", methods=["GET", "POST"])
@recorded(Command.SIGN)
def sign(agreement_id: str, number: int) -> str | Answer:
    """Text, policy and fingerprint together, and the signature under them."""
    version, now = version_seen(agreement_id, number), clock.now()
    form = SignForm()
    if form.validate_on_submit():
        form.refuse_unknown()
        signature = signing.sign(session(), who(), version, sha256=form.sha256.data or "", now=now)
        session().commit()
        flash(
            f"Signed for {signature.party.agency.name}. {version.agreement_id} is {STATES[version.state]}.", "success"
        )
        return to_page(version)
    permit(version, who(), Command.SIGN)
    require_recent(who(), now)
    form.sha256.data = version.sha256
    mine = agencies_acted_for(version, who(), Command.SIGN)
    sheet = reading.sheet_of(session(), version, now)
    signing_for = [party for party in unsigned_parties(version) if party.agency_id in mine]
    return render_template(
        "agreements/sign.html", version=version, form=form, sheet=sheet, signing_for=signing_for, identity_signing=who()
    )


@agreements.get("/<agreement_id>/<int:number>.pdf")
def paper(agreement_id: str, number: int) -> Response:
    """The frozen text as PDF, with the signatures given so far."""
    version = version_seen(agreement_id, number)
    if version.document is None:
        raise NotFound("This version has no paper yet: its text is fixed when it is opened for signature.")
    signatures = [
        pdf.SignatureFact(s.party.agency_id, s.name, s.title, s.signed_at, s.method, s.sha256, s.entry_id)
        for s in version.signatures
    ]
    body = pdf.render(version.document, signatures)
    name = f"{version.agreement_id}-version-{version.number}.pdf"
    headers = {"Content-Disposition": f'inline; filename="{name}"', "Cache-Control": "no-store"}
    return Response(body, mimetype="application/pdf", headers=headers)


EDITS = (
    ("term", "term", editing_pages.term),
    ("parties", "parties", editing_pages.parties),
    ("persons", "persons", editing_pages.persons),
    ("schedule", "schedule", editing_pages.schedule),
    ("schedule/<dataset_id>", "line", editing_pages.line),
    ("clauses", "clauses", editing_pages.clauses),
    ("clauses/<code>", "clause", editing_pages.clause),
)
for _path, _endpoint, _page in EDITS:
    _methods = ["GET"] if _endpoint in ("schedule", "clauses") else ["GET", "POST"]
    agreements.add_url_rule(f"/<agreement_id>/<int:number>/{_path}", _endpoint, _page, methods=_methods)
agreements.add_url_rule(
    "/<agreement_id>/<int:number>/clauses/<code>/remove",
    "remove_clause",
    editing_pages.remove_clause,
    methods=["POST"],
)


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
