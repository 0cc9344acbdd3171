"""The pages of agreements and of the register, as a browser without scripts sees them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from agreements import reviewing, signing
from agreements.models import AgreementVersion, State
from audit import tables
from exchange import clock
from exchange.db import db
from exchange.directory.identity import Identity
from exchange.directory.models import RoleKind
from tests.makers import agreements as make
from tests.makers.directory import make_role, sign_in, sign_out


@pytest.fixture
def session(app: Flask) -> Iterator[Session]:
    """The application's own session."""
    yield db.session()


@pytest.fixture
def cast(session: Session) -> make.Cast:
    """The persons, authenticated now, since the pages read the clock."""
    return make.make_cast(session, clock.now())


def as_person(client: FlaskClient, session: Session, identity: Identity) -> None:
    """Sign the browser in as this person and nobody else."""
    sign_out(client)
    sign_in(client, make.person_of(session, identity))


def token_of(page: str) -> str:
    """The CSRF field of a page."""
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found, "the page has no form token"
    return found[1]


def press(client: FlaskClient, address: str, *, via: str | None = None, **fields: object) -> tuple[int, str]:
    """Open a page (`via`, or the address itself), fill in its form and send it; status and text of what comes after."""
    page = client.get(via or address)
    assert page.status_code == 200, (via or address, page.status_code, page.text[:500])
    data = {"csrf_token": token_of(page.text), **fields}
    answer = client.post(address, data=data, follow_redirects=True)
    return answer.status_code, answer.text


def address_of(version: AgreementVersion, *more: str) -> str:
    """The address of a version's page."""
    return "/".join([f"/agreements/{version.agreement_id}/{version.number}", *more])


def test_a_memorandum_and_a_dsa_go_from_the_first_page_to_the_last_signature(
    client: FlaskClient, session: Session, cast: make.Cast
) -> None:
    make.make_restricted_dataset(session)
    session.commit()
    as_person(client, session, cast.drafter)
    today = clock.legal_day(clock.now())
    term = {"begins": today.isoformat(), "ends": date(today.year + 1, 6, 30).isoformat()}
    status, text = press(client, "/agreements/new/memorandum", via="/agreements/new", agency=make.SDE, **term)
    assert status == 200 and f"MOA-{today.year}-0001" in text
    through(client, session, cast, f"/agreements/MOA-{today.year}-0001/1", {make.SDE: cast.sde_official})

    as_person(client, session, cast.drafter)
    status, text = press(
        client, "/agreements/new/dsa", via="/agreements/new", memorandum=f"MOA-{today.year}-0001", recipient=make.DCF,
        working_group=make.GROUP, title="Chronic absence and child welfare",
    )  # fmt: skip
    assert status == 200 and "Still open before it can be submitted" in text
    at = f"/agreements/DSA-{today.year}-0001/1"
    status, text = press(
        client, f"{at}/schedule/{make.ATTENDANCE}", columns=["district", "student_id"], column_1="district", op_1="in",
        values_1="Hartford School District; Windham School District", op_2="eq", op_3="eq",
    )  # fmt: skip
    assert status == 200 and "2 columns, some rows" in text
    assert press(client, f"{at}/persons", persons=[cast.analyst.person_id])[0] == 200
    assert press(client, f"{at}/term", **term)[0] == 200
    assert press(client, f"{at}/clauses/C03", purposes="chronic-absence-planning", purpose="To plan support.")[0] == 200
    assert press(client, f"{at}/clauses/C18", min_cell="6", rule="SDE_LE5")[0] == 200
    basis = {"basis": "34 CFR 99.31(a)(3).", "ferpa_exception": "audit-evaluation", "prohibited": ""}
    status, text = press(client, f"{at}/clauses/C04", **basis)
    assert status == 200 and "The law keeps it from signature" in text and "34 CFR 99.35" in text
    status, text = press(client, f"{at}/act/edit")
    assert status == 200 and "The law keeps it from signature" not in text
    status, text = press(client, f"{at}/clauses/C11", representative="The working group's analysts")
    assert "Still open" not in text, text
    through(client, session, cast, at, {make.SDE: cast.sde_official, make.DCF: cast.dcf_official})
    paper = client.get(f"{at}.pdf")
    assert paper.status_code == 200 and paper.data.startswith(b"%PDF")


def through(client: FlaskClient, session: Session, cast: make.Cast, at: str, officials: dict[str, Identity]) -> None:
    """Submit, review, open and sign by the pages, up to the last signature."""
    for by, command in (
        (cast.drafter, "submit_for_review"),
        (cast.sde_officer, "approve_as_source"),
        (cast.sde_counsel, "approve_as_counsel"),
        (cast.opm_counsel, "approve_as_counsel"),
        (cast.drafter, "open_for_signature"),
    ):
        as_person(client, session, by)
        assert "Your turn" in client.get(at).text, command
        status, text = press(client, f"{at}/act/{command}", note="")
        assert status == 200, (command, text)
    for by in (*officials.values(), cast.cdo):
        as_person(client, session, by)
        page = client.get(f"{at}/sign")
        sha = re.search(r'name="sha256"[^>]*value="([0-9a-f]{64})"', page.text)
        assert sha and f"<code>{sha[1]}</code>" in page.text
        status, text = press(client, f"{at}/sign", sha256=sha[1], read="y")
        assert status == 200, text
    assert "Active" in client.get(at).text


@pytest.fixture
def dsa(session: Session, cast: make.Cast) -> AgreementVersion:
    """A complete draft DSA under a memorandum in force."""
    now = clock.now()
    version = make.make_dsa(session, cast, now, memorandum=make.make_active_memorandum(session, cast, now))
    session.commit()
    return version


def refusals(session: Session) -> list[str]:
    """The bodies of recorded refusals, oldest first."""
    bodies = [bytes(row.body).decode() for row in session.execute(tables.queue.select().order_by(tables.queue.c.seq))]
    session.rollback()
    return [body for body in bodies if '"outcome":"refused"' in body]


EDIT_PAGES = (
    "term",
    "parties",
    "persons",
    "schedule",
    f"schedule/{make.ATTENDANCE}",
    "clauses",
    "clauses/C03",
    "clauses/C06",
)


@pytest.mark.parametrize("page", ["", *EDIT_PAGES, "act/submit_for_review", "act/withdraw"])
def test_every_page_of_a_draft_opens_for_its_drafter(
    client: FlaskClient, session: Session, cast: make.Cast, dsa: AgreementVersion, page: str
) -> None:
    as_person(client, session, cast.drafter)
    answer = client.get(address_of(dsa, page).rstrip("/"))
    assert answer.status_code == 200
    assert answer.text.count("<h1") == 1
    assert "<script" not in answer.text and "style=" not in answer.text
    labelled = set(re.findall(r'<label[^>]*for="([^"]+)"', answer.text))
    fields = re.findall(r'<(?:input|select|textarea)(?![^>]*type="(?:hidden|submit)")[^>]*id="([^"]+)"', answer.text)
    assert set(fields) <= labelled, set(fields) - labelled


def test_an_agreement_on_its_way_does_not_exist_for_strangers(
    client: FlaskClient, session: Session, cast: make.Cast, dsa: AgreementVersion
) -> None:
    at = address_of(dsa)
    for nobody in (cast.stranger, cast.analyst):
        as_person(client, session, nobody)
        unknown = client.get("/agreements/DSA-1999-0001/1")
        for page in ("", *(f"/{page}" for page in EDIT_PAGES), "/sign", ".pdf", "/act/suspend"):
            answer = client.get(at + page)
            assert answer.status_code == 404, page
        assert dsa.agreement.title not in client.get("/agreements").text
        words = client.get(at).text.replace(dsa.agreement_id, "X")
        assert strip(words) == strip(unknown.text.replace("DSA-1999-0001", "X"))
    sign_out(client)
    assert client.get(at).status_code == 303


def strip(page: str) -> str:
    """The main part of a page, without what differs between any two."""
    return re.sub(r'value="[^"]+"', "", page.split("<main", 1)[1])


def test_the_auditor_reads_and_cannot_press(
    client: FlaskClient, session: Session, cast: make.Cast, dsa: AgreementVersion
) -> None:
    as_person(client, session, cast.auditor)
    page = client.get(address_of(dsa))
    assert page.status_code == 200
    assert "/act/" not in page.text and "Submit for review: a drafter or the Chief Data Officer" in page.text
    assert client.get(address_of(dsa, "term")).status_code == 403


def test_a_refused_press_is_recorded_with_its_reason(
    client: FlaskClient, session: Session, cast: make.Cast, dsa: AgreementVersion
) -> None:
    as_person(client, session, cast.auditor)
    token = token_of(client.get("/register").text) if "csrf_token" in client.get("/register").text else ""
    token = token or token_of(client.get(address_of(dsa)).text)
    before = len(refusals(session))
    answer = client.post(address_of(dsa, "act", "withdraw"), data={"csrf_token": token, "reason": "I want to."})
    assert answer.status_code == 403 and "a drafter or the Chief Data Officer" in answer.text
    recorded = refusals(session)[before:]
    assert len(recorded) == 1
    assert "agreement:version:withdraw" in recorded[0] and dsa.agreement_id in recorded[0]
    assert cast.auditor.pseudonym in recorded[0] and "I want to" not in recorded[0]


def test_without_its_token_nothing_is_pressed(
    client: FlaskClient, session: Session, cast: make.Cast, dsa: AgreementVersion
) -> None:
    as_person(client, session, cast.drafter)
    answer = client.post(address_of(dsa, "act", "withdraw"), data={"reason": "x"})
    assert answer.status_code == 400
    session.expire_all()
    assert dsa.state == State.DRAFT


BAD = {
    "an unknown act": ("GET", "act/destroy", {}, 404),
    "an act without its reason": ("POST", "act/withdraw", {"reason": ""}, 400),
    "an act with an empty reason": ("POST", "act/withdraw", {"reason": " "}, 400),
    "a field too many": ("POST", "act/withdraw", {"reason": "x", "state": "active"}, 400),
    "a term backwards": ("POST", "term", {"begins": "2027-01-01", "ends": "2026-01-01"}, 400),
    "a day that is none": ("POST", "term", {"begins": "2026-02-30", "ends": "yesterday"}, 400),
    "no parties": ("POST", "parties", {"opm": "y"}, 400),
    "an agency that is none": ("POST", "parties", {"sources": "dss"}, 400),
    "nobody named": ("POST", "persons", {}, 400),
    "somebody who is not offered": ("POST", "persons", {"persons": "x"}, 400),
    "a column that is none": ("POST", f"schedule/{make.ATTENDANCE}", {"columns": "ssn"}, 400),
    "values without a column": ("POST", f"schedule/{make.ATTENDANCE}", {"columns": "year", "values_1": "1"}, 400),
    "a comparison without values": (
        "POST",
        f"schedule/{make.ATTENDANCE}",
        {"columns": "year", "column_1": "year"},
        400,
    ),
    "a dataset that is none": ("GET", "schedule/aaaa-bbbb", {}, 404),
    "a clause that is none": ("GET", "clauses/C99", {}, 404),
    "a number that is none": ("POST", "clauses/C18", {"min_cell": "six", "rule": "none"}, 400),
    "a choice that is none": ("POST", "clauses/C18", {"min_cell": "6", "rule": "MINE"}, 400),
    "a purpose that is none": ("POST", "clauses/C03", {"purposes": "A purpose!", "purpose": "x"}, 400),
    "taking out what is not there": ("POST", "clauses/C34/remove", {}, 400),
    "a paper of a draft": ("GET", "../1.pdf", {}, 404),
    "signing a draft": ("GET", "sign", {}, 403),
    "an approval by the drafter": ("POST", "act/approve_as_source", {"note": "x"}, 403),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_answered_and_changes_nothing(
    client: FlaskClient, session: Session, cast: make.Cast, dsa: AgreementVersion, what: str
) -> None:
    method, page, fields, expected = BAD[what]
    as_person(client, session, cast.drafter)
    token = token_of(client.get(address_of(dsa, "term")).text)
    before = len(dsa.events), dsa.state, str(dsa.clauses[2].parameters)
    address = address_of(dsa) + ".pdf" if page.startswith("..") else address_of(dsa, page)
    session.rollback()
    if page.startswith("schedule") and method == "POST":
        fields = {"op_1": "eq", "op_2": "eq", "op_3": "eq", **fields}
    answer = client.open(address, method=method, data={"csrf_token": token, **fields} if method == "POST" else None)
    assert answer.status_code == expected, answer.text[-1500:]
    assert "Traceback" not in answer.text
    session.expire_all()
    assert (len(dsa.events), dsa.state, str(dsa.clauses[2].parameters)) == before


def test_an_old_proof_of_identity_sends_the_signer_to_prove_it_again(
    client: FlaskClient, session: Session, cast: make.Cast
) -> None:
    now = clock.now()
    version = make.open_for_signature(session, cast, make.make_memorandum(session, cast, now), now)
    session.commit()
    address = address_of(version, "sign")
    sign_out(client)
    sign_in(client, make.person_of(session, cast.sde_official), at=now - timedelta(minutes=6))
    answer = client.get(address)
    assert answer.status_code == 303 and "/sign-in/again" in answer.headers["Location"]


def test_a_text_that_changed_since_the_page_is_not_signed(
    client: FlaskClient, session: Session, cast: make.Cast
) -> None:
    now = clock.now()
    version = make.open_for_signature(session, cast, make.make_memorandum(session, cast, now), now)
    session.commit()
    as_person(client, session, cast.sde_official)
    status, text = press(client, address_of(version, "sign"), sha256="0" * 64, read="y")
    assert status == 409 and "The text changed" in text
    status, text = press(client, address_of(version, "sign"), sha256=version.sha256)
    assert status == 400 and "Your signature" in text, "without the tick it is not signed"
    session.expire_all()
    assert version.signatures == []


def test_an_approval_of_an_earlier_text_does_not_count(
    client: FlaskClient, session: Session, cast: make.Cast, dsa: AgreementVersion
) -> None:
    now = clock.now()
    reviewing.submit_for_review(session, cast.drafter, dsa, now=now)
    session.commit()
    as_person(client, session, cast.sde_officer)
    page = client.get(address_of(dsa, "act", "approve_as_source"))
    reviewing.request_changes(session, cast.sde_officer, dsa, note="Fewer columns.", now=now)
    reviewing.submit_for_review(session, cast.drafter, dsa, now=now)
    session.commit()
    fields = {"csrf_token": token_of(page.text), "seen_round": "1", "note": ""}
    assert client.post(address_of(dsa, "act", "approve_as_source"), data=fields).status_code == 409


def test_the_list_shows_my_turn_first_and_on_whom_the_others_wait(
    client: FlaskClient, session: Session, cast: make.Cast, dsa: AgreementVersion
) -> None:
    now = clock.now()
    other = make.make_memorandum(session, cast, now, agency=make.DOL)
    labor = make.person_of(session, cast.stranger)
    make_role(session, labor, RoleKind.COUNSEL, make.DOL)
    make_role(session, labor, RoleKind.OFFICIAL, make.DOL)
    reviewing.submit_for_review(session, cast.drafter, other, now=now)
    session.commit()
    as_person(client, session, cast.drafter)
    text = client.get("/agreements").text
    assert text.index(dsa.agreement_id) < text.index(other.agreement_id)
    assert "data officer: Department of Labor" in text
    as_person(client, session, cast.stranger)
    text = client.get("/agreements").text
    assert other.agreement_id in text and "Review it for your agency" in text


def test_suspend_resume_and_terminate_by_the_page(client: FlaskClient, session: Session, cast: make.Cast) -> None:
    now = clock.now()
    version = make.make_active_memorandum(session, cast, now)
    session.commit()
    as_person(client, session, cast.cdo)
    for command, fields, state in (
        ("suspend", {"reason": "A laptop is missing."}, State.SUSPENDED),
        ("resume", {"reason": "It is found."}, State.ACTIVE),
        ("terminate", {"reason": "It was misused.", "kind": "cause"}, State.TERMINATED),
    ):
        status, _ = press(client, address_of(version, "act", command), **fields)
        session.expire_all()
        assert (status, version.state) == (200, state)
    status, text = press(client, address_of(version, "act", "amend"), note="")
    assert status == 200 and "version 2" in text


def test_the_first_page_says_what_is_open_already(client: FlaskClient, session: Session, cast: make.Cast) -> None:
    make.make_restricted_dataset(session)
    session.commit()
    as_person(client, session, cast.drafter)
    assert f"/data/{make.ATTENDANCE}" in client.get("/agreements/new?q=attendance").text
    assert "Nothing in the catalogue matches" in client.get("/agreements/new?q=zebra").text
    as_person(client, session, cast.sde_officer)
    assert client.get("/agreements/new").status_code == 403


def test_the_register_is_public_and_holds_no_draft(
    client: FlaskClient, session: Session, cast: make.Cast, dsa: AgreementVersion
) -> None:
    memorandum = dsa.agreement.parent_id
    for page in ("/register", "/register.json", "/register.csv", "/register?q=education"):
        answer = client.get(page)
        assert answer.status_code == 200, page
        assert str(memorandum) in answer.text and dsa.agreement_id not in answer.text
    assert client.get(f"/register/{memorandum}").status_code == 200
    assert client.get(f"/register/{dsa.agreement_id}").status_code == 404
    assert client.get("/register?q=%00%27%22%3Cscript%3E").status_code == 200
    assert "<script>" not in client.get("/register?q=%3Cscript%3E").text


def test_the_command_expires_what_is_due(app: Flask, session: Session, cast: make.Cast) -> None:
    version = make.make_active_memorandum(session, cast, clock.now())
    session.commit()
    result = app.test_cli_runner().invoke(args=["agreements", "expire"])
    assert result.exit_code == 0 and "0 ended, 0 begun" in result.output
    assert signing.unsigned_parties(version) == []


KEPT = {
    "term": ({"begins": "2027-01-01", "ends": "2026-01-01"}, 400, "is before the first", 'value="2027-01-01"'),
    "clauses/C18": ({"min_cell": "six", "rule": "none"}, 400, "whole number", 'value="six"'),
    "clauses/C03": ({"purposes": "A purpose!", "purpose": "Kept words"}, 400, "A purpose!", "Kept words"),
    "act/withdraw": ({"reason": "x" * 2001}, 400, "cannot be longer", "x" * 2001),
}


@pytest.mark.parametrize("page", KEPT)
def test_what_was_typed_stays_beside_what_is_wrong_with_it(
    client: FlaskClient, session: Session, cast: make.Cast, dsa: AgreementVersion, page: str
) -> None:
    fields, expected, wrong, kept = KEPT[page]
    as_person(client, session, cast.drafter)
    status, text = press(client, address_of(dsa, page), **fields)
    assert status == expected and wrong in text and kept in text and "<form method" in text


def test_a_refused_submission_comes_back_to_the_agreement_with_links_that_mend_it(
    client: FlaskClient, session: Session, cast: make.Cast
) -> None:
    now = clock.now()
    version = make.make_dsa(session, cast, now, complete=False)
    make.person_of(session, cast.sde_counsel).left_at = now
    session.commit()
    as_person(client, session, cast.drafter)
    page = client.get(address_of(version)).text
    button = re.search(r'<a class="([^"]+)" href="[^"]+/act/submit_for_review"', page)
    assert button and "btn-outline-primary" in button[1], "not the main button while something is missing"
    status, text = press(client, address_of(version, "act", "submit_for_review"))
    assert status == 403 and 'id="open-points"' in text and 'id="where"' in text
    for part in ("term", "schedule", "persons", "clauses/C03", "clauses/C04"):
        assert f'<li><a href="{address_of(version, part)}">' in text, part
    assert '<li><a href="/directory' in text and "has no counsel in the directory today" in text
    assert text.count("first and the last day of the term.</a>") == 1
    assert "Legal basis" in text


def test_who_has_answered_is_told_so_and_finds_no_button(
    client: FlaskClient, session: Session, cast: make.Cast, dsa: AgreementVersion
) -> None:
    now = clock.now()
    reviewing.submit_for_review(session, cast.drafter, dsa, now=now)
    reviewing.approve_as_source(session, cast.sde_officer, dsa, now=now)
    reviewing.approve_as_counsel(session, cast.sde_counsel, dsa, now=now)
    session.commit()
    as_person(client, session, cast.sde_counsel)
    page = client.get(address_of(dsa)).text
    assert "You approved it as counsel for Department of Education on" in page
    assert "/act/approve_as_counsel" not in page and "Approve as counsel: " in page
    status, text = press(client, address_of(dsa, "act", "approve_as_counsel"))
    assert status == 409 and "You have answered for Department of Education already" in text
    assert "omebody else was first" not in text
    as_person(client, session, cast.sde_officer)
    answer = client.get(address_of(dsa, "act", "approve_as_source"))
    assert answer.status_code == 409 and 'id="where"' in answer.text


def test_who_has_signed_is_told_so_and_how(client: FlaskClient, session: Session, cast: make.Cast) -> None:
    now = clock.now()
    version = make.open_for_signature(session, cast, make.make_memorandum(session, cast, now), now)
    session.commit()
    as_person(client, session, cast.sde_official)
    assert "password and one-time code" in client.get(address_of(version, "sign")).text
    press(client, address_of(version, "sign"), sha256=version.sha256, read="y")
    page = client.get(address_of(version)).text
    assert "You signed it for Department of Education on" in page and f"{address_of(version)}/sign" not in page
    assert "password and one-time code" in page and "password+totp" not in page


def test_a_second_memorandum_is_refused_on_the_page_that_starts_it(
    client: FlaskClient, session: Session, cast: make.Cast, dsa: AgreementVersion
) -> None:
    as_person(client, session, cast.drafter)
    status, text = press(client, "/agreements/new/memorandum", via="/agreements/new", agency=make.SDE)
    assert status == 409 and "Draft an amendment" in text and str(dsa.agreement.parent_id) in text
    assert f'<option selected value="{make.SDE}">' in text
    assert f'value="{make.OPM}"' not in text.split('id="memorandum-title"')[1]
