"""Entries: one spelling, salted, bounded, and recordable whatever a request carried."""

from __future__ import annotations

import enum
import json
import uuid
from datetime import UTC, datetime

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from audit.actions import Action, Outcome
from audit.entry import EntryTooLarge, Unrecordable, canonical, new_id
from tests.makers.audit import make_intent, make_refusal

anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(), max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)


def test_the_acts_are_in_order_and_spelt_alike() -> None:
    names = [str(action) for action in Action]
    members = [action.name for action in Action]
    assert members == sorted(members)
    assert all(name.count(":") == 2 and name == name.lower() for name in names)
    assert len(set(names)) == len(names)


def test_the_bytes_are_canonical() -> None:
    entry = make_intent(
        id="0198f3a2-0000-7000-8000-000000000001", salt="00" * 16, at=datetime(2026, 6, 15, 16, 0, 0, 5000, UTC)
    )
    assert entry.canonical() == (
        b'{"action":"access:rows:intent","agreement":"DSA-2026-01","agreement_version":1,"client":"notebook",'
        b'"columns":["district","rate"],"dataset":"abcd-2345","id":"0198f3a2-0000-7000-8000-000000000001",'
        b'"outcome":"intended","purpose":"evaluation","salt":"00000000000000000000000000000000","t":1781539200005,"v":1,'
        b'"working_group":"health-and-human-services"}'
    )


def test_equal_acts_have_different_leaves() -> None:
    at = datetime(2026, 6, 15, tzinfo=UTC)
    assert make_intent(id="x", at=at).canonical() != make_intent(id="x", at=at).canonical()


def test_too_large_and_impossible_entries_are_refused() -> None:
    with pytest.raises(EntryTooLarge):
        make_intent(columns=tuple(f"column_{i:05d}" for i in range(5000))).canonical()
    with pytest.raises(Unrecordable):
        make_intent(rows=2**60).canonical()
    with pytest.raises(Unrecordable):
        make_intent(details={"x": float("nan")}).canonical()


def test_a_long_reason_is_cut_rather_than_the_refusal_lost() -> None:
    assert len(json.loads(make_refusal(reason="é" * 100_000).canonical())["reason"]) == 2_000


@given(anything, st.text(st.characters(), max_size=50))
def test_whatever_a_request_carries_can_be_recorded(value: object, text: str) -> None:
    body = make_refusal(reason="because " + text, details={"found": value}, because=(text,)).canonical()
    assert json.loads(body)["outcome"] == Outcome.REFUSED


def test_ids_sort_by_time_and_say_their_version() -> None:
    ids = [new_id() for _ in range(100)]
    assert len(set(ids)) == 100
    assert all(value[14] == "7" and value[19] in "89ab" for value in ids)
    assert ids[0][:8] <= ids[-1][:8]


class Colour(enum.Enum):
    """A value that one writer of JSON knows and the other does not."""

    RED = "red"


anything_in_python = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    | st.sampled_from([Colour.RED, uuid.UUID(int=1), datetime(2026, 6, 15, tzinfo=UTC), b"bytes", (1, 2), 1.0, 1e21]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), anything_in_python, max_size=6))
@example({"a": "".join(map(chr, range(0x20))) + '"\\/\x7f\x80\u2028\u2029\ufeff\U0001f600'})
@example({"\U0001f600": 1, "\ue000": 2, "z": 3, "": 4})
@example({"a": 2**53 - 1, "b": -(2**53) + 1})
@example({"a": 2**53})
@example({"a": [1.0, -0.0, 1e21, 5e-324]})
def test_both_writers_spell_alike_or_refuse_alike(members: dict[str, object]) -> None:
    try:
        expected = rfc8785.dumps(members)  # type: ignore[arg-type]
    except rfc8785.CanonicalizationError:
        with pytest.raises(Unrecordable):
            canonical(members)
        return
    assert canonical(members) == expected


def test_values_of_other_kinds_are_refused_however_deep() -> None:
    deep: object = {"x": Colour.RED}
    for _ in range(20):
        deep = [deep]
    with pytest.raises(Unrecordable):
        make_refusal(details={"found": deep}).canonical()


def test_a_depth_that_no_writer_follows_is_refused() -> None:
    deep: object = 1
    for _ in range(5_000):
        deep = [deep]
    with pytest.raises(Unrecordable):
        make_refusal(details={"found": deep}).canonical()
