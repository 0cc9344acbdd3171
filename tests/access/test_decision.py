"""The decision: which part of a grant a query gets, and that it is never more (invariants 2 and 4)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access.decision import Decision, GrantTerms, Reader, decide

NOON = datetime(2026, 6, 15, 16, 0, tzinfo=UTC)
ROWS = {"op": "eq", "column": "district", "values": ["Hartford School District"]}
READER = Reader("p1", "c1", "hhs", "g1", frozenset({"data.query"}), frozenset({"town", "year"}))
TERMS = GrantTerms(
    "g1", "aaaa-2222", "hhs", "evaluation", frozenset({"town", "year", "rate"}), ROWS, frozenset({"p1", "p2"}), 11,
    "record", NOON - timedelta(days=1), NOON + timedelta(days=1),
    {"columns": ("C06@1",), "persons": ("C08@1",), "granularity": ("C07@1",), "ends": ("C29@1",)},
)  # fmt: skip
USED = frozenset({"town"})


def ask(
    reader: Reader = READER, terms: GrantTerms = TERMS, used: frozenset[str] = USED, grouped: bool = False
) -> Decision:
    return decide(reader, "aaaa-2222", used, grouped, terms, NOON)


def test_a_permitted_query_gets_its_columns_rows_and_floor() -> None:
    decision = ask()
    assert decision.allowed
    assert decision.columns == {"town", "year"}
    assert decision.row_filter == ROWS
    assert decision.min_cell == 11
    assert decision.because == ("C06@1", "C07@1", "C08@1", "C29@1")


@pytest.mark.parametrize(
    ("reader", "terms", "used", "words", "because"),
    [
        (replace(READER, grant_id="g2"), TERMS, USED, "another grant", ()),
        (READER, replace(TERMS, dataset="bbbb-3333"), USED, "another dataset", ("C06@1",)),
        (replace(READER, working_group="ed"), TERMS, USED, "another working group", ()),
        (replace(READER, scopes=frozenset({"catalog.read"})), TERMS, USED, "scope", ()),
        (READER, replace(TERMS, begins=NOON + timedelta(hours=1)), USED, "not begun", ()),
        (READER, replace(TERMS, ends=NOON - timedelta(seconds=1)), USED, "ended", ("C29@1",)),
        (replace(READER, person_id="p9"), TERMS, USED, "roster", ("C08@1",)),
        (READER, TERMS, frozenset({"town", "rate"}), "rate", ("C06@1",)),
        (READER, TERMS, frozenset({"ssn"}), "ssn", ("C06@1",)),
        (READER, replace(TERMS, granularity="aggregate"), USED, "totals only", ("C07@1",)),
    ],
)
def test_each_objection_refuses_with_its_reason(
    reader: Reader, terms: GrantTerms, used: frozenset[str], words: str, because: tuple[str, ...]
) -> None:
    decision = ask(reader, terms, used)
    assert not decision.allowed
    assert words in decision.reason
    assert decision.because == because
    assert decision.columns == frozenset()


def test_totals_pass_where_only_totals_are_allowed() -> None:
    assert ask(terms=replace(TERMS, granularity="aggregate"), grouped=True).allowed


def test_a_roster_may_be_everybody() -> None:
    assert ask(replace(READER, person_id="p9"), replace(TERMS, persons=frozenset({"*"}))).allowed


def test_both_ends_of_the_window_are_inside() -> None:
    assert ask(terms=replace(TERMS, begins=NOON, ends=NOON)).allowed


PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no failure."""

names = st.frozensets(st.sampled_from(["town", "year", "rate", "ssn", "name"]))


@PATIENT
@given(
    granted=names,
    token=names,
    used=names,
    floors=st.tuples(st.integers(0, 30), st.integers(0, 30)),
    grouped=st.booleans(),
)
def test_invariant_2_a_decision_is_never_wider_than_grant_and_token(
    granted: frozenset[str], token: frozenset[str], used: frozenset[str], floors: tuple[int, int], grouped: bool
) -> None:
    reader = replace(READER, columns=token, min_cell=floors[0])
    decision = ask(reader, replace(TERMS, columns=granted, min_cell=floors[1]), used, grouped)
    assert decision.allowed == (used <= granted & token)
    assert decision.columns <= granted & token
    if decision.allowed:
        assert decision.min_cell == max(floors)
        assert decision.row_filter == ROWS


@PATIENT
@given(mine=names, other=names, used=names)
def test_invariant_4_a_second_grant_adds_nothing(
    mine: frozenset[str], other: frozenset[str], used: frozenset[str]
) -> None:
    reader = replace(READER, columns=mine | other)
    decision = ask(reader, replace(TERMS, columns=mine), used)
    assert not decision.allowed or used <= mine
    assert not ask(reader, replace(TERMS, grant_id="g2", columns=other), used).allowed
