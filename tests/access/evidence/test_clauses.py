"""Question 8: agreements that lack a clause which a law demands."""

from __future__ import annotations

from sqlalchemy.orm import Session

from access.evidence.clauses import QUESTION
from agreements import editing
from exchange.classification.withheld import agreed
from tests.conftest import NOON
from tests.makers.agreements import ATTENDANCE, make_active_dsa, make_cast, make_dsa
from tests.makers.evidence import ask, every_row, texts


def test_whole_agreements_are_not_listed(session: Session) -> None:
    make_active_dsa(session, make_cast(session))
    assert ask(session, QUESTION, NOON).rows == ()


def test_a_draft_that_lacks_a_clause_is_listed_with_the_law(session: Session) -> None:
    cast = make_cast(session)
    version = make_dsa(session, cast)
    editing.remove_clause(session, cast.drafter, version, "C11", now=NOON)
    (row,) = ask(session, QUESTION, NOON).rows
    assert [cell.text for cell in row[3:]] == ["C11", row[4].text, "FERPA"]
    assert "34 CFR 99.35" in row[4].text
    assert ask(session, QUESTION, NOON, state="binding").rows == ()
    assert len(ask(session, QUESTION, NOON, state="draft").rows) == 1


def test_one_in_force_is_listed_when_its_data_comes_under_another_law(session: Session) -> None:
    make_active_dsa(session, make_cast(session))
    classification = agreed(session, ATTENDANCE)
    assert classification is not None
    for decision in classification.columns:
        decision.code = "PART2" if decision.code else None
    session.flush()
    session.expire_all()
    rows = every_row(session, QUESTION, NOON, limit=2)
    assert rows and {row[5] for row in rows} == {"PART2"}
    assert texts(ask(session, QUESTION, NOON, state="binding"))
