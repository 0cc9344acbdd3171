"""Asking, answering by two persons, and what is known before anybody asks."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from access import requests
from access.models import AccessRequest, RequestState
from access.waiting import requests_waiting
from exchange.catalog.models import Column, Dataset
from exchange.directory.identity import Identity
from exchange.directory.models import RoleKind
from exchange.errors import Conflict, Invalid, NotFound, Refused
from tests.conftest import NOON
from tests.makers.access import recorded
from tests.makers.agreements import ATTENDANCE, GROUP, Cast, make_active_dsa, make_cast, make_restricted_dataset
from tests.makers.directory import make_identity

COLUMNS = ("absence_rate", "student_id")
PURPOSE = "chronic-absence-planning"


@pytest.fixture
def cast(session: Session) -> Cast:
    made = make_cast(session)
    make_restricted_dataset(session)
    return made


def dataset(session: Session) -> Dataset:
    return session.get_one(Dataset, ATTENDANCE)


def ask(session: Session, by: Identity, columns: tuple[str, ...] = COLUMNS, purpose: str = PURPOSE) -> AccessRequest:
    return requests.submit(
        session,
        by,
        group=GROUP,
        dataset=dataset(session),
        columns=columns,
        purpose=purpose,
        reason="To plan.",
        now=NOON,
    )


def both(session: Session, cast: Cast, request: AccessRequest) -> None:
    requests.decide(session, cast.sde_officer, request, True, "", NOON)
    requests.decide(session, cast.cdo, request, True, "", NOON)


def test_a_member_asks_and_it_is_recorded(session: Session, cast: Cast) -> None:
    request = ask(session, cast.analyst)
    assert (request.state, request.columns) == ("submitted", ["absence_rate", "student_id"])
    (entry,) = recorded(session, "request:access:submit")
    assert entry["actor"] == cast.analyst.pseudonym
    assert entry["columns"] == request.columns


@pytest.mark.parametrize(
    ("columns", "purpose", "reason"),
    [
        ((), PURPOSE, "x"),
        (("nothing",), PURPOSE, "x"),
        (COLUMNS, " ", "x"),
        (COLUMNS, PURPOSE, " "),
        (COLUMNS, "a" * 81, "x"),
    ],
)
def test_a_request_names_columns_purpose_and_reason(
    session: Session, cast: Cast, columns: tuple[str, ...], purpose: str, reason: str
) -> None:
    with pytest.raises(Invalid):
        requests.submit(
            session, cast.analyst, group=GROUP, dataset=dataset(session), columns=columns, purpose=purpose,
            reason=reason, now=NOON,
        )  # fmt: skip


def test_only_members_ask_and_only_for_what_they_may_know(session: Session, cast: Cast) -> None:
    for by in (cast.sde_officer, cast.cdo, replace(cast.analyst, roles=frozenset())):
        with pytest.raises(Refused):
            ask(session, by)
    dataset(session).state = "draft"
    with pytest.raises(NotFound):
        ask(session, cast.analyst)


def test_an_open_dataset_is_not_asked_for(session: Session, cast: Cast) -> None:
    dataset(session).class_, dataset(session).current_version_id = "open", 1
    with pytest.raises(Conflict, match="open"):
        ask(session, cast.analyst)


def test_the_same_is_not_asked_twice(session: Session, cast: Cast) -> None:
    first = ask(session, cast.analyst)
    with pytest.raises(Conflict, match="asked for these columns already"):
        ask(session, cast.analyst, ("student_id",))
    ask(session, cast.analyst, ("student_id",), "another-purpose")
    requests.withdraw(session, cast.analyst, first, NOON)
    ask(session, cast.analyst)


def test_before_asking_says_what_is_open_granted_and_asked(session: Session, cast: Cast) -> None:
    make_active_dsa(session, cast)
    cut = Dataset(
        id="cutt-2345", agency_id="education", title="Open cut", class_="open", state="published", cut_of_id=ATTENDANCE,
        created_at=NOON, updated_at=NOON, columns=[Column(name="district", label="District", type="text", position=0)],
    )  # fmt: skip
    session.add(cut)
    both(session, cast, ask(session, cast.analyst))
    waiting = ask(session, cast.analyst, ("student_name",))
    before = requests.before_asking(session, cast.analyst, dataset(session), (), NOON)
    assert before.open_cut == "cutt-2345"
    assert before.open_columns == ("absence_rate", "district", "year")
    assert {name for name, _ in before.granted} == set(COLUMNS)
    assert before.asked == (("student_name", waiting.id),)
    assert before.needless(["district", "student_id"])
    assert not before.needless(["student_name"])
    with pytest.raises(Conflict, match="open already"):
        ask(session, cast.analyst, ("district",))
    with pytest.raises(Conflict, match="may read all these"):
        ask(session, cast.analyst, ("student_id",))
    assert requests.before_asking(session, cast.cdo, dataset(session), (), NOON).granted == ()


def test_two_persons_approve_and_neither_of_them_asked(session: Session, cast: Cast) -> None:
    request = ask(session, cast.analyst)
    assert requests.decide(session, cast.sde_officer, request, True, "", NOON) is None
    assert request.state == RequestState.SUBMITTED
    requests.decide(session, cast.cdo, request, True, "", NOON)
    assert request.state == RequestState.APPROVED
    assert [entry["details"]["side"] for entry in recorded(session, "request:access:decide")] == ["source", "cdo"]


def test_the_order_of_the_two_does_not_matter(session: Session, cast: Cast) -> None:
    request = ask(session, cast.analyst)
    requests.decide(session, cast.cdo, request, True, "", NOON)
    requests.decide(session, cast.sde_officer, request, True, "", NOON)
    assert request.state == RequestState.APPROVED


def test_one_person_with_both_offices_answers_for_one_side_only(session: Session, cast: Cast) -> None:
    double = make_identity(session, (RoleKind.DATA_OFFICER, "education"), RoleKind.CDO, name="Otto Double", now=NOON)
    request = ask(session, cast.analyst)
    requests.decide(session, double, request, True, "", NOON)
    with pytest.raises(Refused, match="second person"):
        requests.decide(session, double, request, True, "", NOON)
    assert request.state == RequestState.SUBMITTED


def test_who_asks_does_not_answer(session: Session, cast: Cast) -> None:
    both_offices = make_identity(
        session, (RoleKind.MEMBER, GROUP), (RoleKind.DATA_OFFICER, "education"), RoleKind.CDO, name="Ada Both", now=NOON
    )
    request = ask(session, both_offices)
    with pytest.raises(Refused, match="Who asks"):
        requests.decide(session, both_offices, request, True, "", NOON)


@pytest.mark.parametrize("part", ["analyst", "stranger", "auditor", "sde_counsel", "drafter"])
def test_nobody_else_answers(session: Session, cast: Cast, part: str) -> None:
    request = ask(session, cast.analyst)
    with pytest.raises(Refused):
        requests.decide(session, getattr(cast, part), request, True, "", NOON)


def test_a_refusal_needs_a_reason_and_ends_it(session: Session, cast: Cast) -> None:
    request = ask(session, cast.analyst)
    with pytest.raises(Invalid):
        requests.decide(session, cast.sde_officer, request, False, "  ", NOON)
    requests.decide(session, cast.sde_officer, request, False, "Too much detail.", NOON)
    assert (request.state, request.ended_at) == ("refused", NOON)
    with pytest.raises(Refused, match="refused already"):
        requests.decide(session, cast.cdo, request, True, "", NOON)
    assert recorded(session, "request:access:decide")[0]["outcome"] == "refused"


def test_approved_without_an_agreement_is_not_granted(session: Session, cast: Cast) -> None:
    request = ask(session, cast.analyst)
    both(session, cast, request)
    assert request.state == RequestState.APPROVED
    drafter = make_identity(session, (RoleKind.DRAFTER, "policy-and-management"))
    for who in (cast.cdo, drafter):
        (due,) = requests_waiting(session, who, NOON)
        assert due.next_step == "Draft or amend an agreement"
    assert requests.find(session, drafter, request.id) is request
    elsewhere = make_identity(session, (RoleKind.DRAFTER, "labor"), name="Otto Finch")
    assert requests_waiting(session, elsewhere, NOON) == []
    with pytest.raises(NotFound):
        requests.find(session, elsewhere, request.id)


def test_a_drafter_sees_no_request_that_nobody_approved(session: Session, cast: Cast) -> None:
    request = ask(session, cast.analyst)
    with pytest.raises(NotFound):
        requests.find(session, make_identity(session, (RoleKind.DRAFTER, "policy-and-management")), request.id)


def test_the_desk_shows_who_has_to_answer(session: Session, cast: Cast) -> None:
    request = ask(session, cast.analyst)
    for by, due in ((cast.sde_officer, 1), (cast.cdo, 1), (cast.analyst, 0), (cast.stranger, 0)):
        assert len(requests_waiting(session, by, NOON)) == due
    requests.decide(session, cast.sde_officer, request, True, "", NOON)
    assert requests_waiting(session, cast.sde_officer, NOON) == []
    (due_now,) = requests_waiting(session, cast.cdo, NOON)
    assert due_now.url_values == {"request_id": request.id}


def test_others_do_not_see_it(session: Session, cast: Cast) -> None:
    request = ask(session, cast.analyst)
    for by in (cast.analyst, cast.sde_officer, cast.cdo, cast.auditor):
        assert requests.find(session, by, request.id) is request
    with pytest.raises(NotFound):
        requests.find(session, cast.stranger, request.id)
    assert requests.requests_of(session, cast.stranger) == []


def test_only_its_group_takes_it_back_and_only_once(session: Session, cast: Cast) -> None:
    request = ask(session, cast.analyst)
    with pytest.raises(Refused):
        requests.withdraw(session, cast.stranger, request, NOON)
    requests.withdraw(session, cast.analyst, request, NOON + timedelta(days=1))
    with pytest.raises(Conflict):
        requests.withdraw(session, cast.analyst, request, NOON)
    assert session.scalars(select(AccessRequest)).one().state == "withdrawn"
