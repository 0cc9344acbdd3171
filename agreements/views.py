"""The pages of agreements (`register_pages` has the register's). Each parses, makes one call, commits, renders."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, Response, flash, render_template, request
from werkzeug.wrappers import Response as Answer

from agreements import drafting, editing, editing_pages, pdf, reading, signing, turns
from agreements.acting import ACTS
from agreements.forms import ConfirmForm, DsaForm, MemorandumForm, SignForm, choices_of
from agreements.models import AgreementVersion
from agreements.moving import permit
from agreements.open_points import open_points
from agreements.pages import (
    Page,
    agency_choices,
    answered,
    executive_choices,
    memorandum_choices,
    recorded,
    to_page,
    version_seen,
    who,
    working_group_choices,
)
from agreements.party_words import CAPACITIES, SignatureFact, method_in_words
from agreements.register_pages import SEARCHED_WORDS, register
from agreements.signing import require_recent, unsigned_parties
from agreements.transitions import BY_COMMAND, STATES_IN_WORDS, Command, agencies_acted_for, may_press
from exchange import clock
from exchange.catalog import search
from exchange.directory.models import RoleKind
from exchange.errors import Conflict, NotFound, Refused
from exchange.web import session

__all__ = ["agreements", "register"]

agreements = Blueprint("agreements", __name__)

MOST_HITS = 6
STATES = {state.value: words for state, words in STATES_IN_WORDS.items()}
DONE = {row.command.value: row.done for row in BY_COMMAND.values()}
SHOWN_ON_THE_PAGE = frozenset({Command.SUBMIT_FOR_REVIEW, Command.OPEN_FOR_SIGNATURE, Command.EDIT})
"""Commands whose refusal is answered on the agreement's own page, which lists what is missing and where to mend it."""


@agreements.get("")
def index() -> str:
    """Every agreement on whom it waits, my turn first."""
    rows = turns.turns(session(), who())
    may_start = who().holds(RoleKind.DRAFTER, RoleKind.CDO)
    return render_template("agreements/index.html", rows=rows, may_start=may_start)


@agreements.get("/new")
def new() -> str:
    """Choose a template; first the question whether the data is open already."""
    _require_starter()
    return _new(*_start_forms())


@agreements.post("/new/memorandum")
@recorded(Command.START)
def start_memorandum() -> Page:
    """Start the memorandum of OPM with one agency."""
    _require_starter()
    memorandum, dsa = _start_forms()

    def press() -> Answer:
        now, begins, ends = clock.now(), memorandum.begins.data, memorandum.ends.data
        version = drafting.start_memorandum(session(), who(), agency_id=memorandum.agency.data, now=now)
        if begins and ends:
            editing.set_term(session(), who(), version, begins=begins, ends=ends, now=now)
        return _started(version)

    return answered(Command.START, memorandum, press, lambda: _new(memorandum, dsa))


@agreements.post("/new/dsa")
@recorded(Command.START)
def start_dsa() -> Page:
    """Start a data sharing agreement under a memorandum."""
    _require_starter()
    memorandum, dsa = _start_forms()

    def press() -> Answer:
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

    return answered(Command.START, dsa, press, lambda: _new(memorandum, dsa))


def _require_starter() -> None:
    if not who().holds(RoleKind.DRAFTER, RoleKind.CDO):
        raise Refused("A drafter or the Chief Data Officer starts an agreement. Ask OPM, or ask for access to data.")


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
    return render_template("agreements/new.html", memorandum=memorandum, dsa=dsa, words=words, found=found)


def _started(version: AgreementVersion) -> Answer:
    session().commit()
    flash(f"{version.agreement_id} is started. Fill in what is still open, then submit it for review.", "success")
    return to_page(version)


@agreements.get("/<agreement_id>/<int:number>")
def show(agreement_id: str, number: int) -> str:
    """One version: text, policy, schedule, reviews, signatures, history, and what the person may press."""
    return _show(version_seen(agreement_id, number))


def _show(version: AgreementVersion) -> str:
    return render_template("agreements/show.html", **_shown(version, clock.now()))


def _shown(version: AgreementVersion, now: datetime) -> dict[str, Any]:
    mine, others = turns.buttons(version, who())
    editable = version.document is None and may_press(version, who(), Command.EDIT)
    return {
        "version": version,
        "sheet": reading.sheet_of(session(), version, now),
        "mine": {command: BY_COMMAND[command].words for command in mine},
        "others": others,
        "already": turns.already(version, who()),
        "acts": ACTS,
        "waits_on": turns.waits_on(session(), version),
        "step": turns.my_step(version, who()),
        "states": STATES,
        "done": DONE,
        "unsigned": unsigned_parties(version) if version.sha256 else [],
        "points": open_points(session(), version, now) if editable else [],
        "obstacles": _obstacles(version, now),
        "capacities": CAPACITIES,
        "methods": method_in_words,
    }


def _obstacles(version: AgreementVersion, now: datetime) -> list[tuple[str, str]]:
    """What stands between this version and signature, for those who would open it."""
    if version.document is not None or not may_press(version, who(), Command.OPEN_FOR_SIGNATURE):
        return []
    return signing.obstacles_to_signature(session(), version, now)


@agreements.route("/<agreement_id>/<int:number>/act/<command>", methods=["GET", "POST"])
def act(agreement_id: str, number: int, command: str) -> Page:
    """Press a command: GET shows its form, POST does it."""
    version = version_seen(agreement_id, number)
    if command not in ACTS:
        raise NotFound(f"Nothing called “{command}” can be done to an agreement. Go back to its page.")
    chosen = Command(command)
    return recorded(chosen)(_act)(version, chosen)


def _act(version: AgreementVersion, chosen: Command) -> Page:
    doing, now = ACTS[chosen], clock.now()
    form = doing.form()
    try:
        permit(version, who(), chosen)
    except Conflict as too_late:
        return _too_late(version, too_late)

    def press() -> Answer:
        moved = doing.press(session(), who(), version, form, now)
        session().commit()
        flash(f"{moved.agreement_id} version {moved.number} is now {STATES[moved.state]}.", "success")
        return to_page(moved)

    def page() -> str:
        if chosen in SHOWN_ON_THE_PAGE and form.is_submitted():
            return _show(version)
        if isinstance(form, ConfirmForm) and not form.is_submitted():
            form.seen_round.data = version.round
        points = open_points(session(), version, now) if chosen is Command.SUBMIT_FOR_REVIEW else []
        row = BY_COMMAND[chosen]
        return render_template("agreements/act.html", version=version, form=form, act=doing, row=row, points=points)

    return answered(chosen, form, press, page)


def _too_late(version: AgreementVersion, why: Conflict) -> tuple[str, int]:
    """The agreement's own page, as it stands by now, with what happened: the act is not possible any more."""
    flash(why.message, "danger")
    return _show(version), why.status


@agreements.route("/<agreement_id>/<int:number>/sign", methods=["GET", "POST"])
@recorded(Command.SIGN)
def sign(agreement_id: str, number: int) -> Page:
    """Text, policy and fingerprint together, and the signature under them."""
    version, now = version_seen(agreement_id, number), clock.now()
    form = SignForm()
    try:
        permit(version, who(), Command.SIGN)
    except Conflict as too_late:
        return _too_late(version, too_late)
    require_recent(who(), now)

    def press() -> Answer:
        signature = signing.sign(session(), who(), version, sha256=form.sha256.data or "", now=now)
        session().commit()
        flash(
            f"Signed for {signature.party.agency.name}. {version.agreement_id} is {STATES[version.state]}.", "success"
        )
        return to_page(version)

    return answered(Command.SIGN, form, press, lambda: _sign_page(version, form, now))


def _sign_page(version: AgreementVersion, form: SignForm, now: datetime) -> str:
    if form.sha256.data != version.sha256:
        form.sha256.data, form.read.data = version.sha256, False
    mine = agencies_acted_for(version, who(), Command.SIGN)
    sheet = reading.sheet_of(session(), version, now)
    signing_for = [party for party in unsigned_parties(version) if party.agency_id in mine]
    return render_template(
        "agreements/sign.html",
        version=version,
        form=form,
        sheet=sheet,
        signing_for=signing_for,
        identity_signing=who(),
        already=turns.already(version, who()),
        method=method_in_words(who().method),
    )


@agreements.get("/<agreement_id>/<int:number>.pdf")
def paper(agreement_id: str, number: int) -> Response:
    """The frozen text as PDF, with the signatures given so far."""
    version = version_seen(agreement_id, number)
    if version.document is None:
        raise NotFound("This version has no paper yet: its text is fixed when it is opened for signature.")
    signatures = [
        SignatureFact(s.party.agency_id, s.name, s.title, s.signed_at, s.method, s.sha256, s.entry_id)
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
