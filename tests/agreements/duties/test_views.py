"""The pages of the registers, as a browser without scripts sees them."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session

from agreements.duties.models import DestructionCertificate, Incident, RecordsRequest
from audit.actions import Action
from exchange import clock
from exchange.db import db
from exchange.directory.agencies import DEPARTMENTS
from exchange.directory.models import RoleKind
from tests.makers import agreements as make
from tests.makers.access import entries
from tests.makers.directory import make_agency, make_person, sign_in, sign_out


@pytest.fixture
def session(app: Flask) -> Iterator[Session]:
    """The application's own session."""
    yield db.session()


@pytest.fixture
def officer(session: Session, client: FlaskClient) -> str:
    """The data officer of Education, signed in; the pseudonym."""
    make_agency(session, "labor")
    make_agency(session, "education").statute = DEPARTMENTS
    person = make_person(session, "Off Icer", agency="education", roles=[(RoleKind.DATA_OFFICER, "education")])
    sign_in(client, person)
    return person.pseudonym


def send(client: FlaskClient, address: str, /, **fields: object) -> tuple[int, str]:
    """Open the page, fill its form in, send it; the status and what comes after."""
    page = client.get(address).text
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page)
    assert found
    answer = client.post(
        address, data={"csrf_token": found[1], **fields}, follow_redirects=True, content_type="multipart/form-data"
    )
    return answer.status_code, answer.text


def local(hours: float = 0) -> str:
    """So many hours ago by Connecticut's clock, as the browser sends it."""
    return f"{clock.legal_time(clock.now() - timedelta(hours=hours)):%Y-%m-%dT%H:%M}"


def test_an_incident_from_discovery_to_the_last_notice(client: FlaskClient, session: Session, officer: str) -> None:
    fields = {"agency": "education", "discovered_at": local(80), "what": "A stick was lost."}
    status, page = send(client, "/duties/incidents", **fields)
    assert status == 200 and "INC-" in page and "overdue" in page
    address = f"/duties/incidents/{session.query(Incident).one().id}"
    for kind in ("contained", "auditors", "comptroller", "attorney_general", "residents"):
        status, page = send(client, address, kind=kind, at=local(1), note="")
        assert status == 200, page
    assert "given late" in page
    assert "something to do" not in client.get("/duties/incidents").text
    lines = client.get("/duties/incidents.csv").text.splitlines()
    assert len(lines) == 2 and lines[0].startswith("incident,agency,discovered")
    recorded = entries(Action.INCIDENT_NOTICE_RECORD)
    assert [entry["actor"] for entry in recorded] == [officer] * 4


def test_what_was_typed_stays_when_it_is_wrong(client: FlaskClient, session: Session, officer: str) -> None:
    status, page = send(
        client, "/duties/incidents", agency="education", discovered_at=local(-5), what="<script>typed & kept"
    )
    assert status == 400 and "in the future" in page and "&lt;script&gt;typed &amp; kept" in page
    status, page = send(client, "/duties/incidents", agency="", discovered_at="yesterday", what="kept")
    assert status == 400 and "Choose the agency." in page and "kept</textarea>" in page.replace("\r\n", "")
    assert session.query(Incident).count() == 0
    status, _ = send(client, "/duties/incidents", agency="education", discovered_at=local(1), what="x", extra="1")
    assert status == 400 and session.query(Incident).count() == 0


def test_an_officer_records_for_the_own_agency_only(client: FlaskClient, session: Session, officer: str) -> None:
    status, _ = send(client, "/duties/incidents", agency="labor", discovered_at=local(1), what="Theirs.")
    assert status == 400 and session.query(Incident).count() == 0, "it is not among the choices"


def test_a_refusal_is_recorded(client: FlaskClient, session: Session, officer: str) -> None:
    send(client, "/duties/incidents", agency="education", discovered_at=local(1), what="Ours.")
    address = f"/duties/incidents/{session.query(Incident).one().id}"
    sign_out(client)
    auditor = make_person(session, "Aud Itor", roles=[RoleKind.AUDITOR])
    sign_in(client, auditor)
    page = client.get(address)
    assert page.status_code == 200 and "csrf_token" in page.text and "Record a step" not in page.text
    status, text = send(client, address, kind="auditors", at=local(0.5), note="")
    assert status == 403 and "Only the Chief Data Officer" in text
    (entry,) = entries(Action.INCIDENT_NOTICE_RECORD)
    assert (entry["outcome"], entry["actor"]) == ("refused", auditor.pseudonym)


def test_a_request_is_referred_with_a_letter(client: FlaskClient, session: Session, officer: str) -> None:
    today = clock.legal_day(clock.now()).isoformat()
    status, page = send(
        client, "/duties/requests", agency="education", received_on=today, file_number="E 1", about="Wages.", dataset=""
    )
    assert status == 200 and "Refer it" in page
    address = f"/duties/requests/{session.query(RecordsRequest).one().id}"
    assert client.get(f"{address}.pdf").status_code == 404
    fields = {"agency": "labor", "address": "1 Way", "referred_on": today}
    status, page = send(client, address, telephone="none", **fields)
    assert status == 400 and "telephone number in figures" in page and "1 Way" in page
    status, page = send(client, address, telephone="860-555-0100", **fields)
    assert status == 200 and "Letter (PDF)" in page
    letter = client.get(f"{address}.pdf")
    assert letter.data.startswith(b"%PDF") and letter.content_type == "application/pdf"
    status, page = send_again(client, address, fields)
    assert status == 409 and "referred already" in page
    assert "=" not in client.get("/duties/requests.csv").text


def send_again(client: FlaskClient, address: str, fields: dict[str, str]) -> tuple[int, str]:
    """The form is gone from the page, but a second window may still have it."""
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', client.get("/duties/incidents").text)
    assert token
    answer = client.post(address, data={"csrf_token": token[1], "telephone": "860-555-0100", **fields})
    return answer.status_code, answer.text


def test_a_certificate_is_kept_by_its_fingerprint(client: FlaskClient, session: Session) -> None:
    now = clock.now()
    cast = make.make_cast(session, now)
    version = make.terminated(session, cast, make.make_active_dsa(session, cast, now), now)
    sign_in(client, make.person_of(session, cast.sde_officer))
    assert "due" in client.get("/duties/certificates").text
    address = f"/duties/certificates/{version.agreement_id}/{version.number}"
    today = clock.legal_day(now).isoformat()
    fields = {
        "agency": make.DCF, "certified_by": "Security office", "method": "Shredded", "destroyed_on": today,
        "received_on": today,
    }  # fmt: skip
    status, page = send(client, address, **fields)
    assert status == 400 and "Choose the file" in page
    status, page = send(client, address, file=(io.BytesIO(b"certificate"), "f.pdf"), **fields)
    assert status == 200 and session.query(DestructionCertificate).one().sha256 in page
    assert session.query(DestructionCertificate).one().sha256.startswith("03d66dd0")
    status, page = send(client, address, file=(io.BytesIO(b"certificate"), "f.pdf"), **fields)
    assert status == 409


def test_a_filing(client: FlaskClient, session: Session, officer: str) -> None:
    today = clock.legal_day(clock.now()).isoformat()
    assert "no plan filed" in client.get("/duties/filings").text
    status, page = send(client, "/duties/filings", agency="education", kind="plan", filed_on=today, place="=1+1")
    assert status == 200 and "no plan filed" not in page
    assert "education" in client.get("/duties/filings.csv").text


@pytest.mark.parametrize("roles", [[], [RoleKind.MEMBER], [RoleKind.ADMINISTRATOR]])
def test_the_registers_are_not_for_everybody(client: FlaskClient, session: Session, roles: list[RoleKind]) -> None:
    sign_in(client, make_person(session, "Nob Ody", roles=roles))
    for address in ("/duties", "/duties/incidents", "/duties/requests.csv"):
        assert client.get(address).status_code == 403


def test_unknown_ones_are_not_found(client: FlaskClient, officer: str) -> None:
    for address in ("/duties/incidents/INC-1", "/duties/requests/x", "/duties/requests/x.pdf", "/duties/none.csv"):
        assert client.get(address).status_code == 404


def test_what_is_open_waits_on_the_desk(client: FlaskClient, officer: str) -> None:
    send(client, "/duties/incidents", agency="education", discovered_at=local(1), what="Ours.")
    page = client.get("/desk").text
    assert "Incident INC-" in page and "Record what is done" in page and "Notices and filings" in page
