"""Question 10: restricted columns without a law, or past their review."""

from __future__ import annotations

from datetime import date

from sqlalchemy.orm import Session

from access.evidence.unfounded import NO_LAW, OVERDUE, QUESTION, UNDECIDED, WORDS
from exchange.classification.withheld import agreed
from exchange.settings import Settings
from tests.conftest import NOON
from tests.makers.agreements import later
from tests.makers.classification import COLUMNS, make_agreed, make_restricted
from tests.makers.evidence import ask, every_row, texts

NAMES = {"student_name": "FERPA"}


def test_what_is_decided_cited_and_in_time_is_not_listed(session: Session, settings: Settings) -> None:
    make_agreed(session, settings, make_restricted(session, settings), NAMES)
    assert ask(session, QUESTION, NOON).rows == ()


def test_what_nobody_classified_is_listed_column_by_column(session: Session, settings: Settings) -> None:
    make_restricted(session, settings)
    rows = every_row(session, QUESTION, NOON, limit=2)
    assert [row[2] for row in rows] == [column.label for column in COLUMNS]
    assert {row[3] for row in rows} == {WORDS[UNDECIDED]}
    assert len(ask(session, QUESTION, NOON, what=NO_LAW).rows) == 0


def test_a_review_is_overdue_from_its_day_on(session: Session, settings: Settings) -> None:
    make_agreed(session, settings, make_restricted(session, settings), NAMES)
    assert ask(session, QUESTION, later(364)).rows == ()
    ((_, _, column, what, _, review, *_),) = texts(ask(session, QUESTION, later(365)))
    assert (column, what, review) == ("Student name", WORDS[OVERDUE], "2027-06-15")


def test_what_is_withheld_without_a_citation(session: Session, settings: Settings) -> None:
    dataset = make_restricted(session, settings)
    make_agreed(session, settings, dataset, NAMES)
    classification = agreed(session, dataset.id)
    assert classification is not None
    decision = next(one for one in classification.columns if one.column == "student_name")
    decision.citation, decision.review_on = "", date(2026, 6, 1)
    ((_, _, _, what, cited, *_),) = texts(ask(session, QUESTION, NOON, what=NO_LAW))
    assert (what, cited) == (f"{WORDS[NO_LAW]}; {WORDS[OVERDUE]}", "none")


def test_retired_datasets_and_open_cuts_are_left_out(session: Session, settings: Settings) -> None:
    dataset = make_restricted(session, settings)
    make_agreed(session, settings, dataset, NAMES)
    dataset.state = "retired"
    assert ask(session, QUESTION, later(400)).rows == ()
