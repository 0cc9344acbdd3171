"""What a client asks to read: the shape of `authorization_details`, and that the answer is never wider (invariant 2)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from access.oauth import rar

ORIGIN = "https://exchange.example.ct.gov"
NOON = datetime(2026, 6, 15, 16, 0, tzinfo=UTC)
GOOD: dict[str, Any] = {
    "type": f"{ORIGIN}/rar/dataset-access/v1",
    "agreement": "DSA-2026-0001",
    "purpose": "evaluation",
    "datasets": [{"id": "aaaa-2222"}],
}
GRANT = rar.GrantSeen(
    "g1", "DSA-2026-0001", 2, "health-and-human-services", "aaaa-2222", "evaluation",
    frozenset({"town", "year"}), 11, NOON + timedelta(days=9),
)  # fmt: skip


def read(**changes: Any) -> rar.Asked:
    return rar.read(json.dumps([GOOD | changes]), ORIGIN)


def test_what_is_left_out_is_left_to_the_grant() -> None:
    asked = read()
    assert (asked.columns, asked.working_group, asked.actions) == (None, None, frozenset({"query"}))
    columns, ends = rar.narrow(asked, GRANT, "data.query", NOON)
    assert columns == ("town", "year")
    assert ends == GRANT.not_after


OTHER = replace(GRANT, id="g2", columns=frozenset({"year", "race"}))


@pytest.mark.parametrize(
    ("changes", "chosen"),
    [
        ({"datasets": [{"id": "aaaa-2222", "columns": ["race"]}]}, "g2"),
        ({"datasets": [{"id": "aaaa-2222", "columns": ["town", "year"]}]}, "g1"),
        ({"datasets": [{"id": "aaaa-2222", "columns": ["year"]}]}, None),
        ({"datasets": [{"id": "aaaa-2222", "columns": ["race", "town"]}]}, None),
        ({}, None),
    ],
)
def test_of_several_grants_the_only_one_that_covers_the_columns_is_meant(
    changes: dict[str, Any], chosen: str | None
) -> None:
    if chosen is not None:
        assert rar.choose(read(**changes), [GRANT, OTHER]).id == chosen
        return
    with pytest.raises(rar.BadDetails, match=r"g1 \(town, year\); g2 \(race, year\)"):
        rar.choose(read(**changes), [GRANT, OTHER])


def test_a_grant_that_is_named_is_the_only_one_that_matches() -> None:
    assert [rar.matches(read(grant_id="g2"), grant) for grant in (GRANT, OTHER)] == [False, True]


def test_the_answer_names_the_grant() -> None:
    asked = read(limits={"min_cell": 6}, not_after="2026-06-16T00:00:00Z")
    columns, ends = rar.narrow(asked, GRANT, "data.query", NOON)
    answer = rar.enriched(asked, GRANT, columns, ends, ORIGIN)
    assert answer["grant_id"] == "g1"
    assert answer["agreement_version"] == 2
    assert answer["limits"] == {"min_cell": 11}
    assert answer["not_after"] == "2026-06-16T00:00:00Z"
    assert answer["locations"] == [f"{ORIGIN}/resource/aaaa-2222"]


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "https://elsewhere.example/rar/dataset-access/v1"},
        {"type": None},
        {"colour": "red"},
        {"grant_id": 7},
        {"agreement_version": 2},
        {"agreement": 7},
        {"agreement": ""},
        {"purpose": ["evaluation"]},
        {"datasets": []},
        {"datasets": [{"id": "aaaa-2222"}, {"id": "bbbb-3333"}]},
        {"datasets": ["aaaa-2222"]},
        {"datasets": [{"id": "../etc"}]},
        {"datasets": [{"id": "aaaa-2222", "rows": "all"}]},
        {"datasets": [{"id": "aaaa-2222", "columns": []}]},
        {"datasets": [{"id": "aaaa-2222", "columns": "town"}]},
        {"datasets": [{"id": "aaaa-2222", "columns": ["town", "town"]}]},
        {"datasets": [{"id": "aaaa-2222", "columns": [["town"]]}]},
        {"actions": ["delete"]},
        {"actions": []},
        {"limits": {"max_rows": 5}},
        {"limits": {"min_cell": -1}},
        {"limits": {"min_cell": True}},
        {"limits": 5},
        {"not_after": "tomorrow"},
        {"not_after": "2026-06-16T00:00:00"},
        {"not_after": 5},
        {"locations": ["https://elsewhere.example/"]},
        {"locations": "x"},
    ],
)
def test_what_is_not_known_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(rar.BadDetails) as refused:
        read(**changes)
    assert refused.value.code == "invalid_authorization_details"


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{}",
        "[]",
        "[[]]",
        "not json",
        json.dumps([GOOD, GOOD]),
        '[{"type": 1, "type": 2}]',
        "[" * 20000,
        "[" * 9000,
    ],
)
def test_what_is_no_list_of_one_object_is_refused(text: str | None) -> None:
    with pytest.raises(rar.BadDetails):
        rar.read(text, ORIGIN)


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        ({}, True),
        ({"working_group": "health-and-human-services"}, True),
        ({"agreement": "DSA-2026-0002"}, False),
        ({"purpose": "marketing"}, False),
        ({"working_group": "economic-development"}, False),
        ({"datasets": [{"id": "bbbb-3333"}]}, False),
    ],
)
def test_a_grant_fits_when_all_that_is_named_does(changes: dict[str, Any], fits: bool) -> None:
    assert rar.matches(read(**changes), GRANT) is fits


def test_an_export_needs_its_scope_and_time_must_be_left() -> None:
    with pytest.raises(rar.BadDetails, match=r"data\.export"):
        rar.narrow(read(actions=["query", "export"]), GRANT, "data.query", NOON)
    rar.narrow(read(actions=["query", "export"]), GRANT, "data.export data.query", NOON)
    with pytest.raises(rar.BadDetails, match="passed"):
        rar.narrow(read(not_after="2026-06-01T00:00:00Z"), GRANT, "data.query", NOON)


PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no failure."""

names = st.sets(st.sampled_from(["town", "year", "ssn", "rate", "name"]), min_size=1)


@PATIENT
@given(asked=st.none() | names, granted=names, days=st.integers(1, 400), floor=st.integers(0, 20))
def test_invariant_2_a_token_is_never_wider_than_asked_and_granted(
    asked: set[str] | None, granted: set[str], days: int, floor: int
) -> None:
    dataset: dict[str, Any] = {"id": "aaaa-2222"} | ({"columns": sorted(asked)} if asked else {})
    until = NOON + timedelta(days=days)
    wanted = read(datasets=[dataset], not_after=until.isoformat(), limits={"min_cell": floor})
    grant = rar.GrantSeen(**{**GRANT.__dict__, "columns": frozenset(granted)})
    try:
        columns, ends = rar.narrow(wanted, grant, "data.query", NOON)
    except rar.BadDetails:
        assert asked is not None
        assert not asked <= granted
        return
    assert set(columns) <= granted
    assert asked is None or set(columns) <= asked
    assert ends <= min(until, grant.not_after)
    assert rar.enriched(wanted, grant, columns, ends, ORIGIN)["limits"]["min_cell"] >= max(floor, grant.min_cell)
