"""The public register: derived from what is signed, and nothing else."""

from __future__ import annotations

import csv
import io
import json

import pytest
from sqlalchemy.orm import Session

from agreements import drafting, lifecycle, register
from agreements.models import State
from exchange.errors import NotFound
from tests.conftest import NOON
from tests.makers import agreements as make


def test_only_what_all_have_signed_is_public(session: Session) -> None:
    cast = make.make_cast(session)
    memorandum = make.make_memorandum(session, cast)
    assert register.entries(session) == []
    make.open_for_signature(session, cast, memorandum)
    assert register.entries(session) == []
    with pytest.raises(NotFound):
        register.entry_of(session, memorandum.agreement_id)
    make.sign_all(session, cast, memorandum)
    assert [entry.number for entry in register.entries(session)] == [memorandum.agreement_id]
    with pytest.raises(NotFound):
        register.entry_of(session, "DSA-1999-0001")


def test_it_says_who_what_why_by_which_power_and_until_when(session: Session) -> None:
    cast = make.make_cast(session)
    dsa = make.make_active_dsa(session, cast)
    entry = register.entry_of(session, dsa.agreement_id)
    assert entry.title == "Chronic absence and child welfare"
    assert entry.stands_under == "MOA-2026-0001"
    assert entry.purpose == "To plan support."
    assert entry.legal_power == "34 CFR 99.31(a)(3) for student attendance."
    assert (entry.begins, entry.ends, entry.state) == ("2026-06-01", "2027-06-30", "active")
    assert entry.datasets[0].elements == ("District", "School year", "Chronic absence rate", "Student id")
    assert entry.sha256 == dsa.sha256
    assert {signature.signed_on for signature in entry.signatures} == {"2026-06-15"}


def test_no_person_is_named(session: Session) -> None:
    cast = make.make_cast(session)
    make.make_active_dsa(session, cast)
    written = register.as_json(register.entries(session)).decode() + register.as_csv(register.entries(session))
    for part in make.Cast.__dataclass_fields__:
        assert getattr(cast, part).name not in written
        assert getattr(cast, part).person_id not in written
    assert "@" not in written


def test_invariant_6_rows_and_values_of_the_filter_are_not_in_it(session: Session) -> None:
    cast = make.make_cast(session)
    make.make_active_dsa(session, cast)
    assert b"Hartford" not in register.as_json(register.entries(session))


def test_invariant_9_built_twice_it_gives_the_same_bytes(session: Session) -> None:
    cast = make.make_cast(session)
    make.make_active_dsa(session, cast)
    session.commit()
    first = register.as_json(register.entries(session)), register.as_csv(register.entries(session))
    session.expire_all()
    assert (register.as_json(register.entries(session)), register.as_csv(register.entries(session))) == first
    assert json.loads(first[0])["agreements"][0]["number"] == "DSA-2026-0001"


def test_it_follows_the_state_and_shows_a_new_version_only_when_signed(session: Session) -> None:
    cast = make.make_cast(session)
    dsa = make.make_active_dsa(session, cast)
    new = drafting.amend(session, cast.drafter, dsa, now=NOON)
    assert register.entry_of(session, dsa.agreement_id).version == 1
    make.activate(session, cast, new)
    assert register.entry_of(session, dsa.agreement_id).version == 2
    lifecycle.suspend(session, cast.cdo, new, reason="Wait.", now=NOON)
    assert register.entry_of(session, dsa.agreement_id).state == State.SUSPENDED
    make.terminated(session, cast, new)
    assert register.entry_of(session, dsa.agreement_id).state == State.TERMINATED


def test_search_looks_at_parties_purpose_and_data(session: Session) -> None:
    cast = make.make_cast(session)
    make.make_active_dsa(session, cast)
    for words, expected in (
        ("absence", 1),
        ("Department of Education", 2),
        ("student id", 1),
        ("zebra", 0),
        ("'; --", 0),
    ):
        assert len(register.entries(session, words)) == expected, words


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(A1)", "\tx"])
def test_a_cell_that_a_spreadsheet_would_run_is_quoted(session: Session, start: str) -> None:
    cast = make.make_cast(session)
    version = make.make_memorandum(session, cast)
    version.agreement.title = start
    make.activate(session, cast, version)
    rows = list(csv.DictReader(io.StringIO(register.as_csv(register.entries(session)), newline="")))
    assert rows[0]["title"] == "'" + start
