"""The directory: agencies that share an acronym, dated roles, departures; each change recorded."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from audit.actions import Action
from exchange import epoch
from exchange.directory import agencies, persons
from exchange.directory.identity import identify, roles_on
from exchange.directory.listing import roles_in_force
from exchange.directory.models import Agency, Person, Role, RoleKind
from exchange.errors import Conflict, Invalid, NotFound, Refused
from tests.conftest import NOON
from tests.makers.directory import make_agency, make_identity, make_person, make_role
from tests.makers.log import entries

TODAY = date(2026, 6, 15)


@pytest.fixture
def loaded(session: Session) -> Session:
    """A database with Connecticut's agencies and working groups."""
    agencies.load_agencies(session)
    agencies.load_working_groups(session)
    return session


def keys(found: list[Agency]) -> list[str]:
    return [agency.id for agency in found]


def test_two_agencies_share_an_acronym(loaded: Session) -> None:
    assert keys(persons.find_agency(loaded, "DSS")) == ["social-services", "scientific-services"]
    assert loaded.get_one(Agency, "scientific-services").parent_id == "emergency-services-and-public-protection"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("OPM", "policy-and-management"),
        ("Oiffce of Policy and Management", "policy-and-management"),
        ("  departmet  of motor vehicles ", "motor-vehicles"),
        ("sde", "education"),
        ("CSDE", "education"),
        ("labor", "labor"),
        ("Department of Children & Families", "children-and-families"),
        ("auditors-of-public-accounts", "auditors-of-public-accounts"),
    ],
)
def test_publisher_spellings_of_real_records_are_found(loaded: Session, text: str, key: str) -> None:
    assert keys(persons.find_agency(loaded, text)) == [key]


@pytest.mark.parametrize("text", ["", "   ", "Department", "Ministry of Oaks", "%"])
def test_what_names_no_agency_finds_none(loaded: Session, text: str) -> None:
    assert persons.find_agency(loaded, text) == []


def test_loading_twice_changes_nothing(loaded: Session) -> None:
    before = len(persons.agencies(loaded))
    assert before >= 40
    assert agencies.load_agencies(loaded) == []
    assert agencies.load_working_groups(loaded) == []
    assert [group.id for group in persons.working_groups(loaded)] == [
        "economic-development",
        "emergency-management",
        "health-and-human-services",
    ]
    assert len(persons.agencies(loaded)) == before


def test_an_address_belongs_to_one_person(session: Session) -> None:
    make_person(session, email="ines@example.ct.gov")
    with pytest.raises(Conflict, match="in the directory already"):
        persons.add_person(session, "Other", " Ines@Example.CT.gov ", None)


def test_giving_a_role_is_recorded_and_moves_the_epoch(session: Session) -> None:
    make_agency(session, "education")
    cdo, officer = (
        make_identity(session, RoleKind.CDO, now=NOON),
        make_person(session, "Noor Ashby", agency="education"),
    )
    persons.give_role(session, cdo, officer, RoleKind.DATA_OFFICER, agency_id="education", begins=TODAY, now=NOON)
    session.commit()
    assert identify(session, officer, TODAY, NOON, "x").holds(RoleKind.DATA_OFFICER, agency="education")
    [entry] = entries(session, Action.PERSON_ROLE_GIVE)
    assert entry["actor"] == cdo.pseudonym
    assert entry["details"] == {"person": officer.pseudonym, "role": "data_officer", "begins": "2026-06-15"}
    assert epoch.current(session.connection()) == 1


@pytest.mark.parametrize("kind", [kind for kind in RoleKind if kind not in (RoleKind.CDO, RoleKind.ADMINISTRATOR)])
def test_only_administrators_and_the_cdo_give_roles(session: Session, kind: RoleKind) -> None:
    asking, other = make_identity(session, kind, now=NOON), make_person(session, "Noor Ashby")
    with pytest.raises(Refused, match="Only an administrator"):
        persons.give_role(session, asking, other, RoleKind.AUDITOR, begins=TODAY, now=NOON)
    assert entries(session) == []


def test_nobody_gives_or_ends_a_role_of_their_own(session: Session) -> None:
    """ASVS V2.3.5."""
    someone = make_person(session, roles=[RoleKind.ADMINISTRATOR])
    myself = make_identity(session, person=someone, now=NOON)
    with pytest.raises(Refused, match="of their own"):
        persons.give_role(session, myself, someone, RoleKind.CDO, begins=TODAY, now=NOON)
    with pytest.raises(Refused, match="of their own"):
        persons.end_role(session, myself, someone.roles[0], TODAY, NOON)


def test_a_role_is_held_where_it_can_be(session: Session) -> None:
    by, someone = make_identity(session, RoleKind.CDO, now=NOON), make_person(session, "Noor Ashby")
    with pytest.raises(Invalid, match="held for an agency"):
        persons.give_role(session, by, someone, RoleKind.STEWARD, begins=TODAY, now=NOON)
    with pytest.raises(Invalid, match="working group"):
        persons.give_role(session, by, someone, RoleKind.MEMBER, begins=TODAY, now=NOON)
    with pytest.raises(Invalid, match="no such agency"):
        persons.give_role(session, by, someone, RoleKind.STEWARD, agency_id="nowhere", begins=TODAY, now=NOON)
    with pytest.raises(Invalid, match="before the first"):
        ends = TODAY - timedelta(days=1)
        persons.give_role(session, by, someone, RoleKind.AUDITOR, begins=TODAY, ends=ends, now=NOON)


def test_ending_a_role(session: Session) -> None:
    by, someone = make_identity(session, RoleKind.CDO, now=NOON), make_person(session, "Noor Ashby")
    role = make_role(session, someone, RoleKind.STEWARD)
    persons.end_role(session, by, role, TODAY, NOON)
    assert roles_on(session, someone.id, TODAY)
    assert not roles_on(session, someone.id, TODAY + timedelta(days=1))
    with pytest.raises(Invalid, match="lengthened"):
        persons.end_role(session, by, role, TODAY + timedelta(days=1), NOON)
    persons.end_role(session, by, role, TODAY - timedelta(days=1), NOON)
    assert not roles_on(session, someone.id, TODAY)
    assert len(entries(session, Action.PERSON_ROLE_END)) == 2


def test_invariant_3_departure_ends_every_role_at_once(session: Session) -> None:
    by = make_identity(session, RoleKind.CDO, now=NOON)
    someone = make_person(session, "Noor Ashby", agency="education", roles=[RoleKind.STEWARD, RoleKind.MEMBER])
    persons.record_departure(session, by, someone, NOON)
    assert roles_on(session, someone.id, TODAY) == frozenset()
    assert all(role.ends is not None for role in someone.roles)
    assert epoch.current(session.connection()) == 1
    [entry] = entries(session, Action.PERSON_DEPARTURE_RECORD)
    assert entry["details"] == {"person": someone.pseudonym, "roles_ended": 2}
    with pytest.raises(Conflict, match="recorded already"):
        persons.record_departure(session, by, someone, NOON)
    with pytest.raises(Conflict, match="has left"):
        persons.give_role(session, by, someone, RoleKind.AUDITOR, begins=TODAY, now=NOON)


@pytest.mark.parametrize(
    ("kind", "agency", "may"),
    [
        (RoleKind.CDO, None, True),
        (RoleKind.ADMINISTRATOR, None, True),
        (RoleKind.DATA_OFFICER, "education", True),
        (RoleKind.DATA_OFFICER, "labor", False),
        (RoleKind.STEWARD, "education", False),
        (RoleKind.AUDITOR, None, False),
    ],
)
def test_who_may_record_a_departure(session: Session, kind: RoleKind, agency: str | None, may: bool) -> None:
    by = make_identity(session, (kind, agency) if agency else kind, now=NOON)
    someone = make_person(session, "Noor Ashby", agency="education")
    assert persons.may_record_departure(by, someone) is may
    if not may:
        with pytest.raises(Refused):
            persons.record_departure(session, by, someone, NOON)


def test_names_of_the_logs_pseudonyms(session: Session) -> None:
    someone = make_person(session, "Noor Ashby")
    assert persons.names_of(session, [someone.pseudonym, "unknown"]) == {someone.pseudonym: "Noor Ashby"}


def test_somebody_elses_role_is_not_found_under_a_person(session: Session) -> None:
    one, two = make_person(session, "One"), make_person(session, "Two")
    role = make_role(session, two, RoleKind.STEWARD)
    with pytest.raises(NotFound):
        persons.get_role(session, one.id, role.id)


@given(
    begins=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    length=st.none() | st.integers(0, 2000),
    day=st.dates(date(2020, 1, 1), date(2035, 1, 1)),
)
def test_a_role_is_in_force_from_its_first_through_its_last_day(begins: date, length: int | None, day: date) -> None:
    ends = None if length is None else begins + timedelta(days=length)
    person = Person(id="p", name="Noor Ashby")
    role = Role(kind="cdo", begins=begins, ends=ends)
    role.person = person
    inside = begins <= day and (ends is None or day <= ends)
    assert (role in roles_in_force(person, day)) is inside
