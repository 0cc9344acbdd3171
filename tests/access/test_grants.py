"""Giving and ending grants: the meet of law, classification, E-MOU, DSA and request, fixed with its reasons."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from access import grants, requests
from access.grant_words import described
from access.models import AccessRequest, Grant
from access.waiting import requests_waiting
from agreements import lifecycle
from agreements.models import AgreementVersion
from exchange.catalog.models import Dataset
from exchange.clock import end_of_day, start_of_day
from exchange.errors import Conflict, Invalid, NotFound, Refused
from tests.conftest import NOON
from tests.makers.access import recorded
from tests.makers.agreements import (
    ATTENDANCE,
    BEGINS,
    ENDS,
    GROUP,
    Cast,
    make_active_dsa,
    make_cast,
    make_restricted_dataset,
    terminated,
)

COLUMNS = ("absence_rate", "student_id")


@pytest.fixture
def cast(session: Session) -> Cast:
    made = make_cast(session)
    make_restricted_dataset(session)
    return made


def approved(
    session: Session, cast: Cast, columns: tuple[str, ...] = COLUMNS, purpose: str = "chronic-absence-planning"
) -> AccessRequest:
    request = requests.submit(
        session, cast.analyst, group=GROUP, dataset=session.get_one(Dataset, ATTENDANCE), columns=columns,
        purpose=purpose, reason="To plan.", now=NOON,
    )  # fmt: skip
    requests.decide(session, cast.sde_officer, request, True, "", NOON)
    requests.decide(session, cast.cdo, request, True, "", NOON)
    return request


def the_grant(session: Session) -> Grant:
    return session.scalars(select(Grant).order_by(Grant.created_at.desc())).first()  # type: ignore[return-value]


def test_the_second_approval_gives_the_grant_of_the_agreement_in_force(session: Session, cast: Cast) -> None:
    version = make_active_dsa(session, cast)
    request = approved(session, cast)
    grant = the_grant(session)
    assert request.state == "granted"
    assert request.agreement_id == version.agreement_id
    assert grant.columns == ["absence_rate", "student_id"]
    assert grant.rows == {"op": "in", "column": "district", "values": ["Hartford School District"]}
    assert grant.persons == [cast.analyst.person_id]
    assert grant.min_cell == 6
    assert (grant.not_before, grant.not_after) == (start_of_day(BEGINS), end_of_day(ENDS))
    assert any(clause.startswith("C06") for clause in grant.because["columns"])
    (entry,) = recorded(session, "grant:access:give")
    assert entry["agreement_sha256"] == version.sha256
    assert entry["because"]


def test_giving_again_gives_the_same(session: Session, cast: Cast) -> None:
    make_active_dsa(session, cast)
    request = approved(session, cast)
    assert grants.give(session, request, NOON) is the_grant(session)
    assert len(session.scalars(select(Grant)).all()) == 1
    assert grants.give_waiting(session, NOON) == []


def test_without_an_agreement_it_says_which_is_missing(session: Session, cast: Cast) -> None:
    request = approved(session, cast)
    missing = grants.missing(session, request, NOON)
    assert missing is not None
    assert "No agreement in force" in missing
    with pytest.raises(grants.NotCovered):
        grants.give(session, request, NOON)


def test_an_agreement_signed_later_lets_the_cdo_give_it(session: Session, cast: Cast) -> None:
    request = approved(session, cast)
    make_active_dsa(session, cast)
    (due,) = requests_waiting(session, cast.cdo, NOON)
    assert due.next_step == "Give the grant"
    with pytest.raises(Refused):
        requests.for_giving(session, cast.sde_officer, request.id)
    (grant,) = grants.give_waiting(session, NOON, cast.cdo)
    assert grant.request_id == request.id


@pytest.mark.parametrize(
    ("columns", "purpose", "words"),
    [
        (("absence_rate", "student_name"), "chronic-absence-planning", "the columns student_name"),
        (COLUMNS, "marketing", "this purpose"),
    ],
)
def test_invariant_2_what_the_agreement_does_not_cover_is_not_granted(
    session: Session, cast: Cast, columns: tuple[str, ...], purpose: str, words: str
) -> None:
    make_active_dsa(session, cast)
    request = approved(session, cast, columns, purpose)
    assert request.state == "approved"
    assert words in str(grants.missing(session, request, NOON))
    assert session.scalars(select(Grant)).all() == []


def test_who_is_not_on_the_roster_gets_no_grant(session: Session, cast: Cast) -> None:
    version = make_active_dsa(session, cast)
    request = approved(session, cast)
    request.person_id = cast.stranger.person_id
    request.state = "approved"
    grant = the_grant(session)
    grant.state = "revoked"
    assert "roster" in str(grants.missing(session, request, NOON))
    assert version.state == "active"


def test_what_is_not_classified_is_not_granted(session: Session, cast: Cast) -> None:
    make_active_dsa(session, cast)
    dataset = session.get_one(Dataset, ATTENDANCE)
    dataset.columns[0].name = "brand_new"
    session.flush()
    request = approved(session, cast, ("brand_new",))
    assert "Not classified yet: brand_new" in str(grants.missing(session, request, NOON))


def test_an_agreement_that_ended_covers_nothing(session: Session, cast: Cast) -> None:
    terminated(session, cast, make_active_dsa(session, cast))
    assert approved(session, cast).state == "approved"


def test_the_memorandum_bounds_it(session: Session, cast: Cast) -> None:
    version = make_active_dsa(session, cast)
    parent = version.agreement.parent
    assert parent is not None
    lifecycle.suspend(session, cast.cdo, parent.versions[0], reason="Review.", now=NOON)
    assert approved(session, cast).state == "approved"


def test_ending_a_grant_needs_the_office_and_a_reason(session: Session, cast: Cast) -> None:
    make_active_dsa(session, cast)
    approved(session, cast)
    grant = the_grant(session)
    for by in (cast.analyst, cast.stranger, cast.auditor):
        with pytest.raises(Refused):
            grants.revoke(session, by, grant.id, "No.", NOON)
    with pytest.raises(Invalid):
        grants.revoke(session, cast.sde_officer, grant.id, " ", NOON)
    grants.revoke(session, cast.sde_officer, grant.id, "The study is over.", NOON)
    assert (grant.state, grant.ended_at, grant.number) == ("revoked", NOON, 2)
    with pytest.raises(Conflict):
        grants.revoke(session, cast.cdo, grant.id, "Again.", NOON)
    with pytest.raises(NotFound):
        grants.revoke(session, cast.cdo, "no-such-grant", "x", NOON)
    assert len(recorded(session, "grant:access:revoke")) == 1


def test_a_revoked_grant_is_not_given_again_by_itself(session: Session, cast: Cast) -> None:
    make_active_dsa(session, cast)
    approved(session, cast)
    grants.revoke(session, cast.cdo, the_grant(session).id, "Over.", NOON)
    assert grants.give_waiting(session, NOON) == []


def test_a_superseded_version_is_followed_by_a_new_grant(session: Session, cast: Cast) -> None:
    old = make_active_dsa(session, cast)
    approved(session, cast)
    first = the_grant(session)
    old.state = "superseded"
    new = AgreementVersion(
        agreement_id=old.agreement_id, number=2, state="active", state_since=NOON, begins_at=old.begins_at,
        ends_at=old.ends_at, terms=old.terms, sha256="b" * 64,
    )  # fmt: skip
    session.add(new)
    session.flush()
    (second,) = grants.give_waiting(session, NOON)
    assert (first.state, second.state) == ("superseded", "active")
    assert second.agreement_version_id == new.id


def test_who_sees_a_grant(session: Session, cast: Cast) -> None:
    make_active_dsa(session, cast)
    approved(session, cast)
    grant = the_grant(session)
    for by in (cast.analyst, cast.sde_officer, cast.cdo, cast.auditor):
        assert grants.grants_of(session, by) == [grant]
    assert grants.grants_of(session, cast.stranger) == []
    with pytest.raises(NotFound):
        grants.find(session, cast.stranger, grant.id)


def test_a_grant_in_words(session: Session, cast: Cast) -> None:
    version = make_active_dsa(session, cast)
    approved(session, cast)
    words = described(session, the_grant(session), NOON)
    assert words.columns == (("absence_rate", "Chronic absence rate"), ("student_id", "Student id"))
    assert words.rows == "District is one of “Hartford School District”"
    assert words.persons == ("Jasper Lindqvist",)
    assert "single records may be read; counts in anything published stay at 6 or more" in words.limits
    assert "grouped answers and counts leave out groups of fewer than 6 rows" in words.limits
    assert words.floor == 6
    assert words.ends == "June 30, 2027"
    assert words.state == "active"
    lifecycle.suspend(session, cast.cdo, version, reason="Review.", now=NOON)
    assert described(session, the_grant(session), NOON + timedelta(seconds=1)).state == "not in force"
