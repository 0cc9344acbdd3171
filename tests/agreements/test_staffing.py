"""A draft is not submitted to a desk at which nobody sits."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from agreements import reviewing, staffing
from agreements.models import State
from agreements.open_points import open_points
from exchange.directory.models import Role, RoleKind
from exchange.errors import Refused
from tests.conftest import NOON
from tests.makers import agreements as make

SEATS = {
    (RoleKind.DATA_OFFICER, make.SDE): "Department of Education has no data officer in the directory today",
    (RoleKind.COUNSEL, make.SDE): "Department of Education has no counsel",
    (RoleKind.COUNSEL, make.OPM): "Department of Policy And Management has no counsel",
    (RoleKind.OFFICIAL, make.SDE): "Department of Education has no official",
    (RoleKind.OFFICIAL, make.DCF): "Department of Children And Families has no official",
    (RoleKind.CDO, make.OPM): "Department of Policy And Management has no official",
}


@pytest.mark.parametrize(("seat", "words"), SEATS.items(), ids=lambda value: str(value)[:40])
def test_a_role_that_nobody_holds_is_named_and_refused_with_who_mends_it(
    session: Session, seat: tuple[RoleKind, str], words: str
) -> None:
    cast = make.make_cast(session)
    draft = make.make_dsa(session, cast)
    assert open_points(session, draft, NOON) == []
    kind, agency = seat
    role = session.scalars(select(Role).where(Role.kind == kind.value, Role.agency_id == agency)).one()
    role.ends = NOON.date() - timedelta(days=1)
    session.flush()
    with pytest.raises(Refused) as refused:
        reviewing.submit_for_review(session, cast.drafter, draft, now=NOON)
    assert words in refused.value.message and "Directory" in refused.value.message
    assert "flask access add-person" in refused.value.message and draft.state == State.DRAFT
    assert [point.part for point in open_points(session, draft, NOON)] == ["directory"]


def test_who_has_left_sits_nowhere(session: Session) -> None:
    cast = make.make_cast(session)
    draft = make.make_memorandum(session, cast)
    make.person_of(session, cast.sde_counsel).left_at = NOON
    session.flush()
    assert len(staffing.lacking(session, draft, date(2026, 6, 15))) == 1


def test_a_missing_term_is_listed_once_and_leads_to_its_page(session: Session) -> None:
    cast = make.make_cast(session)
    draft = make.make_dsa(session, cast, complete=False)
    points = open_points(session, draft, NOON)
    assert [point.sentence for point in points if point.part == "term"] == [
        "Set the first and the last day of the term."
    ]
    assert not any(point.sentence.startswith("Clause C28") for point in points)
    assert {"schedule", "persons", "C03", "C04"} <= {point.part for point in points}
