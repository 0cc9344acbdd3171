"""Questions 14, 15 and 17, from their registers."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy.orm import Session

from access.evidence.registers import AGENCIES, BREACHES, REQUESTS
from agreements.duties import incidents, referrals
from agreements.duties.models import StepKind
from exchange.directory.agencies import DEPARTMENTS
from exchange.directory.identity import Identity
from exchange.directory.models import RoleKind
from tests.conftest import NOON
from tests.makers.agreements import later
from tests.makers.directory import make_agency, make_identity, make_person
from tests.makers.evidence import ask, every_row, texts


@pytest.fixture
def cdo(session: Session) -> Identity:
    make_agency(session, "education")
    make_agency(session, "labor")
    return make_identity(session, RoleKind.CDO, now=NOON)


def report(session: Session, cdo: Identity, hours: int = 0) -> incidents.Incident:
    return incidents.report(
        session, cdo, agency_id="education", what="A list was sent to a wrong address.", datasets=[],
        identity_numbers=True, discovered_at=later(hours=hours), now=later(hours=hours),
    )  # fmt: skip


def test_an_incident_is_listed_with_its_overdue_notices(session: Session, cdo: Identity) -> None:
    incident = report(session, cdo)
    (row,) = ask(session, BREACHES, later(4)).rows
    said = dict(zip([h if isinstance(h, str) else h[0] for h in BREACHES.headings], row, strict=True))
    assert said["Auditors of Public Accounts"].text == said["Comptroller"].text == "overdue"
    assert said["Residents"].text == said["Attorney General"].text == "due"
    assert said["Contained"].text == "not yet" and said["Identity numbers"].text == "yes"
    for kind in StepKind:
        if kind not in (StepKind.EXTENT, StepKind.NO_BREACH, StepKind.OWNER):
            incidents.add_step(session, cdo, incident, kind, at=later(1), now=later(4))
    (row,) = ask(session, BREACHES, later(90)).rows
    assert [cell.note for cell in row[4:8]] == ["given"] * 4
    assert ask(session, BREACHES, later(90), state="open").rows == ()
    assert ask(session, BREACHES, later(90), state="overdue").rows == ()


def test_overdue_ones_alone(session: Session, cdo: Identity) -> None:
    report(session, cdo)
    report(session, cdo, hours=60)
    assert [row[0] for row in texts(ask(session, BREACHES, later(4), state="overdue"))] == ["INC-2026-0001"]
    assert [row[0] for row in every_row(session, BREACHES, later(4), limit=1)] == ["INC-2026-0001", "INC-2026-0002"]


def test_agencies_that_lack_something(session: Session, cdo: Identity) -> None:
    for agency in ("education", "labor"):
        make_agency(session, agency).statute = DEPARTMENTS
    make_person(session, "Off Icer", agency="labor", roles=[(RoleKind.DATA_OFFICER, "labor")])
    rows = texts(ask(session, AGENCIES, NOON))
    assert [(row[0], row[1]) for row in rows] == [
        ("Department of Education", "none"), ("Department of Labor", "Off Icer"),
    ]  # fmt: skip
    assert "no agency data officer" in rows[0][-1] and "data officer" not in rows[1][-1]


def test_requests_late_waiting_and_referred(session: Session, cdo: Identity) -> None:
    for number in range(2):
        request = referrals.receive(
            session, cdo, agency_id="labor", received_on=date(2026, 6, 15 - 7 * number), file_number=f"L {number}",
            about="Wages by town.", dataset_id=None, now=NOON,
        )  # fmt: skip
    rows = texts(ask(session, REQUESTS, NOON))
    assert [(row[0], row[5]) for row in rows] == [("FOI-2026-0001", "to be referred"), ("FOI-2026-0002", "overdue")]
    assert [row[0] for row in texts(ask(session, REQUESTS, NOON, state="late"))] == ["FOI-2026-0002"]
    referrals.refer(
        session, cdo, request, agency_id="education", address="1 Way", telephone="860-555-0100",
        referred_on=date(2026, 6, 15), now=NOON,
    )  # fmt: skip
    (row,) = ask(session, REQUESTS, NOON, state="late").rows
    assert (row[3].text, row[5].text) == ("Department of Education", "referred late")
    assert row[6].href == "/duties/requests/FOI-2026-0002.pdf"
    assert [line[0] for line in texts(ask(session, REQUESTS, NOON, state="waiting"))] == ["FOI-2026-0001"]
