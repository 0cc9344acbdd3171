"""Deciding, proposing, agreeing, returning: who may, in which order, and what is left behind."""

from __future__ import annotations

import json
from datetime import date, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import tables
from exchange import epoch
from exchange.catalog.models import Column, DatasetState
from exchange.classification import deciding
from exchange.classification.models import ClassificationState
from exchange.classification.withheld import open_columns, undecided
from exchange.directory.models import RoleKind
from exchange.errors import Conflict, Invalid, Refused
from exchange.settings import Settings
from tests.conftest import NOON
from tests.makers.classification import make_cdo, make_dataset, make_proposed, make_steward
from tests.makers.directory import make_identity


def entries(session: Session) -> list[dict[str, object]]:
    return [json.loads(body) for body in session.scalars(select(tables.queue.c.body))]


def test_a_decision_says_who_when_why_and_until_when(session: Session) -> None:
    dataset, steward = make_dataset(session), make_steward(session)
    work = deciding.start(session, steward, dataset, NOON)
    made = deciding.decide_column(session, steward, work, "student_name", "restricted", code="FERPA", now=NOON)
    assert (made.limb, made.code, made.decided_by_id) == ("L1", "FERPA", steward.person_id)
    assert made.citation.startswith("20 USC 1232g; 34 CFR 99; CGS 10-10a")
    assert made.citation.endswith("(to be confirmed by counsel)")
    assert (made.decided_on, made.review_on) == (date(2026, 6, 15), date(2027, 6, 15))
    assert entries(session)[-1]["columns"] == ["student_name"]
    assert entries(session)[-1]["actor"] == steward.pseudonym


def test_propose_lists_what_is_missing(session: Session) -> None:
    dataset, steward = make_dataset(session), make_steward(session)
    work = deciding.start(session, steward, dataset, NOON)
    deciding.decide_column(session, steward, work, "district", "open", now=NOON)
    with pytest.raises(Conflict, match="year, student_name, absent, rate"):
        deciding.propose(session, steward, work, NOON)
    assert work.state == ClassificationState.DRAFT


def test_a_column_that_came_later_is_missing_too(session: Session) -> None:
    dataset, steward = make_dataset(session), make_steward(session)
    work = make_proposed(session, dataset, {}, steward=steward)
    dataset.columns.append(Column(name="ssn", label="SSN", type="text", position=9))
    session.flush()
    with pytest.raises(Conflict, match="ssn"):
        deciding.agree(session, make_cdo(session), work, NOON, settings=None)  # type: ignore[arg-type]
    assert dataset.state == DatasetState.DRAFT


@pytest.mark.parametrize(
    ("decision", "code", "limb", "note"),
    [
        ("secret", "", None, ""), ("restricted", "", None, ""), ("restricted", "NONSENSE", None, ""),
        ("restricted", "FERPA", "L4", ""), ("restricted", "BURDEN", None, " "),
    ],
)  # fmt: skip
def test_a_decision_without_a_basis_is_refused(
    session: Session, decision: str, code: str, limb: str | None, note: str
) -> None:
    dataset, steward = make_dataset(session), make_steward(session)
    work = deciding.start(session, steward, dataset, NOON)
    with pytest.raises(Invalid):
        deciding.decide_column(session, steward, work, "year", decision, code=code, limb=limb, note=note, now=NOON)
    assert deciding.missing(work) == ["district", "year", "student_name", "absent", "rate"]


def test_only_the_owner_agency_decides(session: Session) -> None:
    dataset = make_dataset(session)
    other = make_steward(session, "labor", "Lou Sample")
    member = make_identity(session, RoleKind.MEMBER, now=NOON)
    for stranger in (other, member, make_cdo(session)):
        with pytest.raises(Refused):
            deciding.start(session, stranger, dataset, NOON)


def test_repeating_a_decision_keeps_its_person_and_day(session: Session) -> None:
    dataset, steward = make_dataset(session), make_steward(session)
    work = deciding.start(session, steward, dataset, NOON)
    deciding.decide_column(session, steward, work, "year", "open", now=NOON)
    before = len(entries(session))
    colleague = make_steward(session, name="Sam Second")
    assert deciding.decide(session, colleague, work, [deciding.Choice("year", "open")], NOON) == []
    assert work.columns[1].decided_by_id == steward.person_id
    assert len(entries(session)) == before


def test_only_the_cdo_and_another_person_agrees(session: Session, settings: Settings) -> None:
    dataset = make_dataset(session)
    both = make_identity(session, (RoleKind.STEWARD, "education"), RoleKind.CDO, name="Two Hats", now=NOON)
    proposed_by_both = make_proposed(session, dataset, {}, steward=both)
    for refused in (both, make_steward(session), make_identity(session, RoleKind.ADMINISTRATOR, now=NOON)):
        with pytest.raises(Refused):
            deciding.agree(session, refused, proposed_by_both, NOON, settings=settings)
    assert dataset.state == DatasetState.DRAFT
    deciding.agree(session, make_cdo(session), proposed_by_both, NOON, settings=settings)
    assert dataset.state == DatasetState.PUBLISHED


def test_who_decided_a_column_cannot_agree(session: Session, settings: Settings) -> None:
    dataset, steward = make_dataset(session), make_steward(session)
    both = make_identity(session, (RoleKind.STEWARD, "education"), RoleKind.CDO, name="Two Hats", now=NOON)
    work = deciding.start(session, both, dataset, NOON)
    deciding.decide_column(session, both, work, "district", "open", now=NOON)
    others = [deciding.Choice(name, "open") for name in ("year", "student_name", "absent", "rate")]
    deciding.decide(session, steward, work, others, NOON)
    deciding.propose(session, steward, work, NOON)
    with pytest.raises(Refused, match="decided a column"):
        deciding.agree(session, both, work, NOON, settings=settings)


def test_an_open_dataset_cannot_withhold(session: Session, settings: Settings) -> None:
    dataset = make_dataset(session, class_="open")
    work = make_proposed(session, dataset, {"student_name": "FERPA"})
    with pytest.raises(Conflict, match="Register it as restricted"):
        deciding.agree(session, make_cdo(session), work, NOON, settings=settings)
    assert dataset.state == DatasetState.DRAFT


def test_agreeing_publishes_bumps_the_epoch_and_is_on_record(session: Session, settings: Settings) -> None:
    dataset = make_dataset(session)
    work = make_proposed(session, dataset, {"student_name": "FERPA", "rate": "HIPAA"})
    before = epoch.current(session.connection())
    cdo = make_cdo(session)
    deciding.agree(session, cdo, work, NOON, settings=settings)
    assert epoch.current(session.connection()) == before + 1
    assert dataset.regimes == ["FERPA", "HIPAA"]
    last = entries(session)[-1]
    assert (last["action"], last["actor"]) == ("classification:columns:agree", cdo.pseudonym)
    assert last["because"] == ["FERPA", "HIPAA"]
    assert [column.name for column in open_columns(session, dataset)] == ["district", "year", "absent"]


def test_agreed_and_proposed_ones_are_not_edited(session: Session, settings: Settings) -> None:
    dataset, steward = make_dataset(session), make_steward(session)
    work = make_proposed(session, dataset, {}, steward=steward)
    with pytest.raises(Conflict):
        deciding.decide_column(session, steward, work, "year", "restricted", code="FERPA", now=NOON)
    with pytest.raises(Conflict):
        deciding.start(session, steward, dataset, NOON)
    deciding.agree(session, make_cdo(session), work, NOON, settings=settings)
    with pytest.raises(Conflict):
        deciding.set_suppression(session, steward, work, None, NOON)


def test_a_new_one_carries_over_and_replaces(session: Session, settings: Settings) -> None:
    dataset, steward = make_dataset(session), make_steward(session)
    first = make_proposed(session, dataset, {"student_name": "SSN", "rate": "OPS"}, steward=steward)
    deciding.agree(session, make_cdo(session), first, NOON, settings=settings)
    later = NOON + timedelta(days=200)
    second = deciding.start(session, steward, dataset, later)
    assert second.number == 2
    assert deciding.missing(second) == ["rate"], "a decision whose review is due is decided afresh"
    deciding.decide_column(session, steward, second, "rate", "open", now=later)
    deciding.propose(session, steward, second, later)
    deciding.agree(session, make_cdo(session, "Cleo Chief"), second, later, settings=settings)
    assert first.state == ClassificationState.REPLACED
    assert deciding.agreed(session, dataset.id) is second


def test_returned_with_a_note_and_proposed_again(session: Session) -> None:
    dataset, steward = make_dataset(session), make_steward(session)
    work = make_proposed(session, dataset, {}, steward=steward)
    cdo = make_cdo(session)
    with pytest.raises(Invalid):
        deciding.return_(session, cdo, work, "  ", NOON)
    with pytest.raises(Refused):
        deciding.return_(session, steward, work, "no", NOON)
    deciding.return_(session, cdo, work, "Names are student records.", NOON)
    assert deciding.start(session, steward, dataset, NOON) is work
    deciding.decide_column(session, steward, work, "student_name", "restricted", code="FERPA", now=NOON)
    deciding.propose(session, steward, work, NOON)
    assert work.state == ClassificationState.PROPOSED


def test_why_withheld_in_words(session: Session, settings: Settings) -> None:
    dataset = make_dataset(session)
    assert [one.code for one in deciding.why_withheld(session, dataset.id)] == [""] * 5
    work = make_proposed(session, dataset, {"student_name": "FERPA", "rate": "SSN"})
    deciding.agree(session, make_cdo(session), work, NOON, settings=settings)
    name, rate = deciding.why_withheld(session, dataset.id)
    assert (name.column, name.label, name.limb, name.code) == ("student_name", "Student name", "L1", "FERPA")
    assert "violate a federal or state law" in name.words
    assert "June 15, 2027" in name.words
    assert rate.words.endswith("does not lapse.")
    assert undecided(session, dataset) == []
    assert deciding.why_withheld(session, "zzzz-zzzz") == []
