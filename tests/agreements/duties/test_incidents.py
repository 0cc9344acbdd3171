"""The register of incidents and the clocks of CGS 36a-701b and 4-33a."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from agreements.duties import incidents
from agreements.duties.clocks import DUE, GIVEN, LATE, NOT_OWED, OVERDUE, Standing
from agreements.duties.incidents import Account
from agreements.duties.models import Incident, StepKind
from audit.actions import Action
from exchange.directory.identity import Identity
from exchange.directory.models import RoleKind
from exchange.errors import Invalid, NotFound, Refused
from tests.conftest import NOON
from tests.makers.access import recorded
from tests.makers.agreements import later
from tests.makers.classification import make_dataset
from tests.makers.directory import make_agency, make_identity

AUDITORS, OWNER = StepKind.AUDITORS, StepKind.OWNER
RESIDENTS, GENERAL = StepKind.RESIDENTS, StepKind.ATTORNEY_GENERAL


@pytest.fixture
def officer(session: Session) -> Identity:
    """The data officer of Education."""
    return make_identity(session, (RoleKind.DATA_OFFICER, "education"), agency="education", now=NOON)


def report(session: Session, by: Identity, *, owner: str = "education", agency: str = "education") -> Incident:
    make_agency(session, agency)
    dataset = make_dataset(session, agency=owner)
    return incidents.report(
        session, by, agency_id=agency, what="A laptop was lost.", datasets=[dataset.id], identity_numbers=False,
        discovered_at=NOON, now=later(hours=1),
    )  # fmt: skip


def stands(session: Session, now: datetime, kind: StepKind) -> Standing:
    return {standing.notice.kind: standing for standing in account(session, now).notices}[kind]


def account(session: Session, now: datetime) -> Account:
    return incidents.accounts(session, now)[0]


def test_the_60_days_end_with_the_60th_legal_day(session: Session, officer: Identity) -> None:
    report(session, officer)
    last = datetime(2026, 8, 15, 3, 59, 59, tzinfo=UTC)  # 14 August in Connecticut, 60 days after 15 June
    assert stands(session, last, RESIDENTS).state == DUE
    assert stands(session, last + timedelta(seconds=1), RESIDENTS).state == OVERDUE
    assert stands(session, last, RESIDENTS).due == last


def test_the_attorney_general_is_told_no_later_than_the_residents(session: Session, officer: Identity) -> None:
    incident = report(session, officer)
    incidents.add_step(session, officer, incident, RESIDENTS, at=later(3), now=later(4))
    assert stands(session, later(4), GENERAL).state == OVERDUE
    incidents.add_step(session, officer, incident, GENERAL, at=later(4), now=later(4))
    assert stands(session, later(4), GENERAL).state == LATE
    incidents.add_step(session, officer, incident, GENERAL, at=later(3), now=later(5))
    assert stands(session, later(5), GENERAL).state == GIVEN, "of two records the newer counts"


def test_prompt_notices_have_our_own_mark(session: Session, officer: Identity) -> None:
    incident = report(session, officer)
    assert stands(session, later(3), AUDITORS).state == DUE
    assert stands(session, later(3, seconds=1), AUDITORS).state == OVERDUE
    incidents.add_step(session, officer, incident, AUDITORS, at=later(3), now=later(4))
    assert stands(session, later(9), AUDITORS).state == GIVEN


def test_the_owner_is_told_where_the_data_is_anothers(session: Session, officer: Identity) -> None:
    report(session, officer)
    assert stands(session, later(2), OWNER).state == NOT_OWED
    other = make_identity(session, (RoleKind.DATA_OFFICER, "labor"), name="Lee Labor", agency="labor", now=NOON)
    report(session, other, agency="labor")
    newest = next(one for one in incidents.accounts(session, later(2)) if one.incident.agency_id == "labor")
    assert {s.notice.kind: s.state for s in newest.notices}[OWNER] == OVERDUE
    assert newest.owners == {"education"}


def test_no_breach_takes_away_what_only_a_breach_owes(session: Session, officer: Identity) -> None:
    incident = report(session, officer)
    with pytest.raises(Invalid, match="Why this is no breach"):
        incidents.add_step(session, officer, incident, StepKind.NO_BREACH, at=later(1), now=later(1))
    incidents.add_step(session, officer, incident, StepKind.NO_BREACH, at=later(1), note="It was locked.", now=later(1))
    assert {stands(session, later(90), kind).state for kind in (RESIDENTS, GENERAL)} == {NOT_OWED}
    assert stands(session, later(90), AUDITORS).state == OVERDUE


def test_steps_are_kept_and_the_newest_extent_counts(session: Session, officer: Identity) -> None:
    incident = report(session, officer)
    for day, persons in ((1, 400), (2, 380)):
        incidents.add_step(session, officer, incident, StepKind.EXTENT, at=later(day), persons=persons, now=later(day))
    incidents.add_step(session, officer, incident, StepKind.CONTAINED, at=later(1), now=later(2))
    found = account(session, later(3))
    assert (found.persons, found.contained, len(incident.steps)) == (380, later(1), 3)
    assert found.open


def test_each_step_is_an_entry_without_words(session: Session, officer: Identity) -> None:
    incident = report(session, officer)
    incidents.add_step(
        session, officer, incident, AUDITORS, at=later(1), note="Told by telephone, Room 210.", now=later(1)
    )
    first, second = recorded(session, Action.INCIDENT_DISCOVERY_RECORD) + recorded(
        session, Action.INCIDENT_NOTICE_RECORD
    )
    assert first["details"]["incident"] == second["details"]["incident"] == "INC-2026-0001"
    assert second["details"]["step"] == "auditors"
    assert first["actor"] == officer.pseudonym
    assert "laptop" not in str(first) and "Room 210" not in str(second)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"at": later(-1)}, "before the incident"),
        ({"at": later(9)}, "in the future"),
        ({"persons": 5}, "number of persons"),
        ({"kind": StepKind.EXTENT}, "number of persons"),
        ({"kind": StepKind.EXTENT, "persons": -1}, "number of persons"),
    ],
)
def test_what_cannot_be_is_refused(session: Session, officer: Identity, wrong: dict[str, object], words: str) -> None:
    incident = report(session, officer)
    given: dict[str, object] = {"kind": AUDITORS, "at": later(1), **wrong}
    with pytest.raises(Invalid, match=words):
        incidents.add_step(session, officer, incident, given.pop("kind"), now=later(2), **given)  # type: ignore[arg-type]
    assert incident.steps == []


def test_only_the_agencys_officer_and_the_cdo_record(session: Session, officer: Identity) -> None:
    incident = report(session, officer)
    stranger = make_identity(session, (RoleKind.DATA_OFFICER, "labor"), name="Lee Labor", agency="labor", now=NOON)
    with pytest.raises(Refused):
        incidents.add_step(session, stranger, incident, AUDITORS, at=later(1), now=later(1))
    with pytest.raises(Refused):
        report(session, stranger)
    with pytest.raises(NotFound):
        incidents.account_seen(session, stranger, incident.id, NOON)
    auditor = make_identity(session, RoleKind.AUDITOR, name="Aud Itor", now=NOON)
    assert incidents.account_seen(session, auditor, incident.id, NOON).incident is incident
    with pytest.raises(Refused):
        incidents.add_step(session, auditor, incident, AUDITORS, at=later(1), now=later(1))


def test_the_owner_of_the_data_may_know(session: Session, officer: Identity) -> None:
    other = make_identity(session, (RoleKind.DATA_OFFICER, "labor"), name="Lee Labor", agency="labor", now=NOON)
    incident = report(session, other, agency="labor")
    assert incidents.account_seen(session, officer, incident.id, NOON).incident is incident
