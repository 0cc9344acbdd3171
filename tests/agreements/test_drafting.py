"""Starting from a template, editing a draft, and seeing it as it would be signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy.orm import Session

from agreements import drafting, editing, reading
from agreements.editing import Line
from agreements.facts import parameters_of, roster_of, schedule_of
from agreements.models import AgreementVersion, Capacity, State
from exchange.directory.models import Person
from exchange.errors import Conflict, Invalid, Refused
from tests.conftest import NOON
from tests.makers import agreements as make


def test_a_memorandum_begins_complete_but_for_its_term(session: Session) -> None:
    cast = make.make_cast(session)
    version = drafting.start_memorandum(session, cast.drafter, agency_id=make.SDE, now=NOON)
    assert version.agreement_id == "MOA-2026-0001"
    assert {(p.agency_id, p.capacity) for p in version.parties} == {(make.SDE, "source"), (make.OPM, "opm")}
    seen = drafting.preview(session, version, NOON)
    assert seen.document is None and seen.gaps == []
    assert "Set the first and the last day of the term." in seen.problems
    editing.set_term(session, cast.drafter, version, begins=date(2026, 7, 1), ends=date(2030, 6, 30), now=NOON)
    seen = drafting.preview(session, version, NOON)
    assert seen.problems == [] and seen.document is not None
    assert set(seen.document["terms"]) == {"*"}


def test_only_drafters_and_the_cdo_start_one(session: Session) -> None:
    cast = make.make_cast(session)
    for by in (cast.sde_officer, cast.analyst, cast.auditor):
        with pytest.raises(Refused, match="a drafter or the Chief Data Officer"):
            drafting.start_memorandum(session, by, agency_id=make.SDE, now=NOON)
    assert drafting.start_memorandum(session, cast.cdo, agency_id=make.DOL, now=NOON).agreement_id == "MOA-2026-0001"


def test_bad_starts_say_what_to_do(session: Session) -> None:
    cast = make.make_cast(session)
    memorandum = make.make_memorandum(session, cast)
    good = {
        "memorandum_id": memorandum.agreement_id, "recipient_id": make.DCF,
        "working_group_id": make.GROUP, "title": "Absence",
    }  # fmt: skip
    for bad in (
        {"memorandum_id": "MOA-2026-9999"},
        {"recipient_id": "no-such-agency"},
        {"working_group_id": "no-such-group"},
        {"title": "  "},
        {"title": "x" * 301},
    ):
        with pytest.raises(Invalid):
            drafting.start_dsa(session, cast.drafter, **{**good, **bad}, now=NOON)
    with pytest.raises(Invalid):
        drafting.start_memorandum(session, cast.drafter, agency_id=make.OPM, now=NOON)


def test_the_schedule_brings_its_agency_in_as_a_source_and_its_laws_with_it(session: Session) -> None:
    cast = make.make_cast(session)
    version = make.make_dsa(session, cast, complete=False)
    make.make_restricted_dataset(session, "wage-2345", make.DOL, title="Wage records")
    lines = [Line("wage-2345", frozenset({"district"})), Line(make.ATTENDANCE, frozenset({"student_id"}))]
    editing.set_schedule(session, cast.drafter, version, lines, now=NOON)
    assert (make.DOL, Capacity.SOURCE) in {(p.agency_id, p.capacity) for p in version.parties}
    gaps = drafting.preview(session, version, NOON).gaps
    assert {gap.regime for gap in gaps} == {"FERPA"}
    assert all(gap.law for gap in gaps)
    editing.set_schedule(session, cast.drafter, version, lines[:1], now=NOON)
    assert "FERPA" not in {gap.regime for gap in drafting.preview(session, version, NOON).gaps}


def test_taking_the_last_line_out_is_refused_and_one_of_two_is_not(session: Session) -> None:
    cast = make.make_cast(session)
    version = make.make_dsa(session, cast)
    make.make_restricted_dataset(session, "wage-2345", make.DOL)
    editing.set_line(session, cast.drafter, version, Line("wage-2345", frozenset({"district"})), now=NOON)
    assert [line["dataset"] for line in schedule_of(version)] == [make.ATTENDANCE, "wage-2345"]
    editing.set_line(session, cast.drafter, version, Line("wage-2345", frozenset()), now=NOON)
    with pytest.raises(Invalid, match="at least one dataset"):
        editing.set_line(session, cast.drafter, version, Line(make.ATTENDANCE, frozenset()), now=NOON)


Edit = Callable[[Session, make.Cast, AgreementVersion], object]
BAD_EDITS: dict[str, Edit] = {
    "an unknown dataset": lambda s, c, v: editing.set_schedule(
        s, c.drafter, v, [Line("aaaa-bbbb", frozenset({"x"}))], now=NOON
    ),
    "an unknown column": lambda s, c, v: editing.set_schedule(
        s, c.drafter, v, [Line(make.ATTENDANCE, frozenset({"ssn"}))], now=NOON
    ),
    "a filter on an unknown column": lambda s, c, v: editing.set_schedule(
        s, c.drafter, v,
        [Line(make.ATTENDANCE, frozenset({"year"}), {"op": "eq", "column": "ssn", "values": ["1"]})], now=NOON,
    ),
    "a filter with an unknown operation": lambda s, c, v: editing.set_schedule(
        s, c.drafter, v,
        [Line(make.ATTENDANCE, frozenset({"year"}), {"op": "like", "column": "year", "values": ["1"]})], now=NOON,
    ),
    "no persons": lambda s, c, v: editing.set_roster(s, c.drafter, v, [], now=NOON),
    "an unknown person": lambda s, c, v: editing.set_roster(s, c.drafter, v, ["nobody"], now=NOON),
    "a term backwards": lambda s, c, v: editing.set_term(
        s, c.drafter, v, begins=date(2027, 1, 1), ends=date(2026, 1, 1), now=NOON
    ),
    "an endless term": lambda s, c, v: editing.set_term(
        s, c.drafter, v, begins=date(2027, 1, 1), ends=date(2077, 1, 1), now=NOON
    ),
    "no source": lambda s, c, v: editing.set_parties(s, c.drafter, v, [(make.OPM, Capacity.OPM)], now=NOON),
    "an unknown agency": lambda s, c, v: editing.set_parties(s, c.drafter, v, [("dss", Capacity.SOURCE)], now=NOON),
    "an unknown clause": lambda s, c, v: editing.set_clause(s, c.drafter, v, "C99", {}, now=NOON),
    "an unknown blank": lambda s, c, v: editing.set_clause(s, c.drafter, v, "C18", {"max_cell": 1}, now=NOON),
    "a bad number": lambda s, c, v: editing.set_clause(s, c.drafter, v, "C18", {"min_cell": "-6"}, now=NOON),
    "a schedule past its page": lambda s, c, v: editing.set_clause(
        s, c.drafter, v, "C06", {"schedule": [{"dataset": "aaaa-bbbb", "columns": ["x"]}]}, now=NOON
    ),
    "dates past their page": lambda s, c, v: editing.set_clause(
        s, c.drafter, v, "C28", {"ends": "2040-01-01"}, now=NOON
    ),
    "removing what is not there": lambda s, c, v: editing.remove_clause(s, c.drafter, v, "C34", now=NOON),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD_EDITS)
def test_bad_edits_are_refused_and_change_nothing(session: Session, what: str) -> None:
    cast = make.make_cast(session)
    version = make.make_dsa(session, cast)
    session.commit()
    before = drafting.preview(session, version, NOON).document
    with pytest.raises(Invalid):
        BAD_EDITS[what](session, cast, version)
    session.rollback()
    assert drafting.preview(session, version, NOON).document == before


def test_somebody_who_has_left_cannot_be_named(session: Session) -> None:
    cast = make.make_cast(session)
    version = make.make_dsa(session, cast)
    session.get_one(Person, cast.analyst.person_id).left_at = NOON
    with pytest.raises(Invalid, match="has left"):
        editing.set_roster(session, cast.drafter, version, [cast.analyst.person_id], now=NOON)


def test_an_amendment_starts_from_the_signed_text_and_leaves_it_alone(session: Session) -> None:
    cast = make.make_cast(session)
    version = make.make_active_dsa(session, cast)
    new = drafting.amend(session, cast.drafter, version, now=NOON)
    assert (new.number, new.state, new.sha256) == (2, State.DRAFT, None)
    assert schedule_of(new) == schedule_of(version) and roster_of(new) == roster_of(version)
    editing.set_min_cell(session, cast.drafter, new, min_cell=11, rule="CMS_1_10", now=NOON)
    assert parameters_of(version, "C18")["min_cell"] == 6
    with pytest.raises(Conflict, match="Version 2 is under way already"):
        drafting.amend(session, cast.drafter, version, now=NOON)


def test_a_stranger_cannot_edit(session: Session) -> None:
    cast = make.make_cast(session)
    version = make.make_dsa(session, cast)
    for by in (cast.sde_officer, cast.analyst, replace(cast.drafter, roles=frozenset())):
        with pytest.raises(Refused):
            editing.set_min_cell(session, by, version, min_cell=0, rule="none", now=NOON)


def test_the_sheet_puts_each_limit_beside_the_clause_that_sets_it(session: Session) -> None:
    cast = make.make_cast(session)
    version = make.make_active_dsa(session, cast)
    sheet = reading.sheet_of(session, version, NOON)
    assert sheet.frozen and not sheet.problems
    said = {clause.code: " ".join(clause.limits) for clause in sheet.clauses}
    assert "District" in said["C06"] and "below 6" in said["C18"] and "Jasper Lindqvist" in said["C08"]
    assert sheet.schedule[0]["title"] == "Student attendance"
