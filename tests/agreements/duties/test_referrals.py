"""The register of referred public-records requests, and the letter (CGS 4-67dd)."""

from __future__ import annotations

import io
from datetime import date

import pytest
from pypdf import PdfReader
from sqlalchemy.orm import Session

from agreements.duties import letter, referrals
from agreements.duties.models import RecordsRequest, Referral
from audit.actions import Action
from exchange.directory.identity import Identity
from exchange.directory.models import RoleKind
from exchange.errors import Conflict, Invalid, NotFound, Refused
from tests.conftest import NOON
from tests.makers.access import recorded
from tests.makers.agreements import later
from tests.makers.directory import make_agency, make_identity

MONDAY = date(2026, 6, 15)


@pytest.fixture
def officer(session: Session) -> Identity:
    """The data officer of the agency that is asked."""
    make_agency(session, "education", "State Department of Education")
    return make_identity(
        session, (RoleKind.DATA_OFFICER, "children-and-families"), agency="children-and-families", now=NOON
    )


def receive(session: Session, by: Identity, **given: object) -> RecordsRequest:
    values: dict[str, object] = {
        "agency_id": "children-and-families", "received_on": MONDAY, "file_number": "DCF 26-114",
        "about": "Attendance of foster children by district.", "dataset_id": None, "now": NOON,
    }  # fmt: skip
    return referrals.receive(session, by, **values | given)  # type: ignore[arg-type]


def refer(session: Session, by: Identity, request: RecordsRequest, **given: object) -> Referral:
    values: dict[str, object] = {
        "agency_id": "education", "address": "1 Invented Way\nHartford, CT 06106", "telephone": "860-555-0100",
        "referred_on": date(2026, 6, 16), "now": later(1),
    }  # fmt: skip
    return referrals.refer(session, by, request, **values | given)  # type: ignore[arg-type]


def words_of(pdf: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())


def test_the_letter_says_what_the_statute_asks(session: Session, officer: Identity) -> None:
    request = receive(session, officer)
    refer(session, officer, request)
    content = referrals.letter_of(request)
    words = words_of(content)
    for said in (
        "State Department of Education", "1 Invented Way", "860-555-0100", "June 16, 2026", "DCF 26-114",
        "4-67dd", "Attendance of foster children",
    ):  # fmt: skip
        assert said in words
    assert referrals.letter_of(request) == content


def test_a_letter_holds_markup_as_text(session: Session, officer: Identity) -> None:
    request = receive(session, officer, about="<b>All</b> & <font color='red'>more</font> \u202eabc")
    refer(session, officer, request)
    assert "<b>All</b> & <font" in words_of(referrals.letter_of(request))


def test_a_changed_row_gives_no_letter(session: Session, officer: Identity) -> None:
    request = receive(session, officer)
    refer(session, officer, request).telephone = "860-555-0199"
    with pytest.raises(Conflict):
        referrals.letter_of(request)


def test_no_letter_before_the_referral(session: Session, officer: Identity) -> None:
    with pytest.raises(NotFound, match="Refer it first"):
        referrals.letter_of(receive(session, officer))


@pytest.mark.parametrize(
    ("received", "due"),
    [
        (MONDAY, date(2026, 6, 19)),
        (date(2026, 6, 18), date(2026, 6, 24)),
        (date(2026, 6, 20), date(2026, 6, 25)),
    ],
)
def test_business_days_leave_out_weekends(received: date, due: date) -> None:
    assert referrals.due_on(received) == due


def test_overdue_is_late_whether_referred_or_not(session: Session, officer: Identity) -> None:
    request = receive(session, officer)
    assert not referrals.is_overdue(request, date(2026, 6, 19))
    assert referrals.is_overdue(request, date(2026, 6, 20))
    refer(session, officer, request, referred_on=date(2026, 6, 22), now=later(8))
    assert referrals.is_overdue(request, date(2026, 6, 19)), "late for ever"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"agency_id": "children-and-families"}, "originating agency"),
        ({"agency_id": "nobody"}, "originating agency"),
        ({"referred_on": date(2026, 6, 14)}, "between the day"),
        ({"referred_on": date(2026, 6, 17)}, "between the day"),
        ({"telephone": "call me"}, "telephone"),
        ({"address": "  "}, "address"),
    ],
)
def test_what_the_letter_could_not_say_is_refused(
    session: Session, officer: Identity, wrong: dict[str, object], words: str
) -> None:
    request = receive(session, officer)
    with pytest.raises(Invalid, match=words):
        refer(session, officer, request, **wrong)


def test_it_is_referred_once(session: Session, officer: Identity) -> None:
    request = receive(session, officer)
    refer(session, officer, request)
    with pytest.raises(Conflict):
        refer(session, officer, request)


def test_entries_hold_neither_words_nor_numbers_of_the_file(session: Session, officer: Identity) -> None:
    request = receive(session, officer)
    referral = refer(session, officer, request)
    first, second = recorded(session, Action.REFERRAL_REQUEST_RECORD) + recorded(session, Action.REFERRAL_LETTER_GIVE)
    assert second["details"] == {
        "request": "FOI-2026-0001", "to": "education", "referred_on": "2026-06-16",
        "letter_sha256": referral.letter_sha256,
    }  # fmt: skip
    assert "foster" not in str(first) and "26-114" not in str(first) + str(second)


def test_strangers_know_nothing_of_it(session: Session, officer: Identity) -> None:
    request = receive(session, officer)
    stranger = make_identity(session, (RoleKind.DATA_OFFICER, "labor"), name="Lee Labor", agency="labor", now=NOON)
    with pytest.raises(Refused):
        refer(session, stranger, request)
    with pytest.raises(NotFound):
        referrals.request_seen(session, stranger, request.id)
    assert referrals.last_known(session, "education") is None
    refer(session, officer, request)
    found = referrals.last_known(session, "education")
    assert found is not None and found.telephone == "860-555-0100"


def test_the_letter_is_a_function_of_its_facts() -> None:
    facts = letter.LetterFacts("FOI-1", "f", MONDAY, "A", "B", "c", "860-555-0100", MONDAY, "x" * 1900)
    assert letter.render(facts) == letter.render(facts)
