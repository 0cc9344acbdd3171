"""What agencies owe by CGS 4-67p, and the record of what they filed."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy.orm import Session

from agreements.duties import filings
from agreements.duties.filings import AgencyStanding
from agreements.duties.models import FilingKind
from audit.actions import Action
from exchange.directory.agencies import DEPARTMENTS
from exchange.directory.models import RoleKind
from exchange.errors import Invalid, Refused
from tests.conftest import NOON
from tests.makers.access import recorded
from tests.makers.agreements import later
from tests.makers.classification import make_dataset
from tests.makers.directory import make_agency, make_identity, make_person

TODAY = date(2026, 6, 15)


@pytest.fixture(autouse=True)
def agency(session: Session) -> None:
    """An agency that the law binds, and one that it does not."""
    make_agency(session, "education").statute = DEPARTMENTS
    make_agency(session, "comptroller")
    session.flush()


def standing(session: Session, day: date = TODAY) -> AgencyStanding:
    (found,) = filings.agency_standings(session, day)
    return found


def test_an_agency_lacks_everything_at_first(session: Session) -> None:
    assert standing(session).lacking(TODAY) == (
        "no agency data officer", "no inventory, and no dataset registered", "no plan filed",
    )  # fmt: skip


def test_and_nothing_when_all_is_there(session: Session) -> None:
    officer = make_identity(session, (RoleKind.DATA_OFFICER, "education"), agency="education", now=NOON)
    make_dataset(session, agency="education")
    filings.file(
        session, officer, agency_id="education", kind=FilingKind.PLAN, filed_on=date(2025, 12, 30), place="", now=NOON
    )
    assert standing(session).lacking(TODAY) == ()
    assert standing(session).lacking(date(2027, 1, 1)) == ("plan older than last year",)
    (entry,) = recorded(session, Action.AGENCY_FILING_RECORD)
    assert entry["details"] == {"kind": "plan", "filed_on": "2025-12-30"}


def test_an_officer_who_left_or_whose_role_ended_is_none(session: Session) -> None:
    person = make_person(session, "Off Gone", agency="education", roles=[(RoleKind.DATA_OFFICER, "education")])
    assert standing(session).officers == ((person.pseudonym, "Off Gone"),)
    person.roles[0].ends = date(2026, 6, 14)
    assert standing(session).officers == ()
    person.roles[0].ends, person.left_at = None, NOON
    session.flush()
    assert standing(session).officers == ()


def test_only_the_agency_and_the_cdo_record_and_not_the_future(session: Session) -> None:
    stranger = make_identity(session, (RoleKind.DATA_OFFICER, "comptroller"), agency="comptroller", now=NOON)
    cdo = make_identity(session, RoleKind.CDO, name="Carla Chief", now=NOON)
    given = {"agency_id": "education", "kind": FilingKind.INVENTORY, "place": "", "now": NOON}
    with pytest.raises(Refused):
        filings.file(session, stranger, filed_on=TODAY, **given)  # type: ignore[arg-type]
    with pytest.raises(Invalid):
        filings.file(session, cdo, filed_on=later(1).date(), **given)  # type: ignore[arg-type]
    filings.file(session, cdo, filed_on=TODAY, **given)  # type: ignore[arg-type]
    assert standing(session).inventory_on == TODAY
