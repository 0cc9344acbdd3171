"""Small cells: hidden, zero shown, never one alone in a total."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.classification.suppression import apply, parse
from exchange.errors import Invalid

TYPES = {"count": "number", "rate": "number", "group": "text", "place": "point"}
RULE = {"rule": "SDE_LE5", "columns": ["count"], "hide_with": ["rate"], "groups": ["group"]}


def hide(rule: dict[str, Any], **columns: list[Any]) -> dict[str, list[Any]]:
    return dict(apply(pa.table(columns), parse(rule, TYPES)).to_pydict())


def test_small_counts_are_hidden_and_zero_is_shown() -> None:
    shown = hide({"rule": "SDE_LE5", "columns": ["count"]}, count=[0, 1, 5, 6, None])
    assert shown["count"] == [0, None, None, 6, None]
    assert shown["count__cell"] == [None, "suppressed", "suppressed", None, None]


def test_the_rate_beside_a_hidden_count_is_hidden() -> None:
    shown = hide(RULE, count=[3, 4, 9], rate=[0.1, None, 0.3], group=["a", "a", "a"])
    assert shown["rate"] == [None, None, 0.3]
    assert shown["rate__cell"] == ["suppressed", None, None]


def test_one_alone_takes_the_next_smallest_with_it() -> None:
    shown = hide(RULE, count=[3, 0, 12, 40, 55], rate=[1.0] * 5, group=["a", "a", "a", "a", "b"])
    assert shown["count"] == [None, 0, None, 40, 55]
    assert shown["count__cell"] == ["suppressed", None, "suppressed", None, None]


def test_a_zero_goes_along_only_where_there_is_nothing_else() -> None:
    shown = hide(RULE, count=[3, 0, 0], rate=[1.0] * 3, group=["a", "a", "a"])
    assert shown["count"] == [None, None, 0]


def test_what_the_source_suppressed_counts_too() -> None:
    table = pa.table({"count": [None, 20, 30], "count__cell": ["suppressed", None, None], "group": ["a"] * 3,
                      "rate": [0.5, 0.6, 0.7]})  # fmt: skip
    shown = apply(table, parse(RULE, TYPES)).to_pydict()
    assert shown["count"] == [None, None, 30]
    assert shown["rate"] == [None, None, 0.7]


def test_other_meanings_stay() -> None:
    table = pa.table({"count": pa.array([None, 2], pa.int64()), "count__cell": ["missing", None]})
    shown = apply(table, parse({"rule": "CMS_1_10", "columns": ["count"]}, TYPES)).to_pydict()
    assert shown["count__cell"] == ["missing", "suppressed"]


@pytest.mark.parametrize(
    "rule",
    [
        {"rule": "NONE", "columns": ["count"]},
        {"rule": "SDE_LE5", "columns": []},
        {"rule": "SDE_LE5", "columns": ["nothing"]},
        {"rule": "SDE_LE5", "columns": ["group"]},
        {"rule": "SDE_LE5", "columns": ["count"], "hide_with": ["place"]},
        {"rule": "SDE_LE5", "columns": ["count"], "groups": ["count"]},
        {"rule": "SDE_LE5", "columns": ["count"], "colums": ["rate"]},
    ],
)
def test_a_rule_that_is_not_understood_is_refused(rule: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        parse(rule, TYPES)


counts = st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30)), min_size=1, max_size=40)


@given(counts)
def test_invariant_8_no_small_count_is_shown_and_none_is_alone_in_its_group(rows: list[tuple[str, int]]) -> None:
    groups, values = [group for group, _ in rows], [value for _, value in rows]
    shown = hide(RULE, count=values, rate=[0.5] * len(rows), group=groups)
    assert all(value is None or value == 0 or value > 5 for value in shown["count"])
    for group in set(groups):
        hidden = [i for i in range(len(rows)) if groups[i] == group and shown["count__cell"][i] == "suppressed"]
        assert len(hidden) != 1 or groups.count(group) == 1
        assert all(shown["rate"][i] is None for i in hidden)
