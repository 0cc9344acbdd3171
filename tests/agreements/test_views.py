"""The pages of agreements and of the register, as a browser without scripts sees them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

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
from tests.makers import agreements as make
from tests.makers.directory import sign_in, sign_out


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
