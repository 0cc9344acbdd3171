"""The columns of an entry: both readers of JSON find the same, and whatever they find fits."""

from __future__ import annotations

import json

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from audit import columns, tables
from audit.columns import id_in, row_of, searchable
from tests.makers.audit import make_intent

names = st.sampled_from([str(column.name) for column in tables.entries.columns])
values = (
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=90)
    | st.lists(st.integers(0, 9), max_size=2)
)


@given(st.dictionaries(names, values, max_size=8))
@example({"agreement": "x" * 300, "t": True, "reason": "nul \x00 inside", "purpose": "\U0001f600" * 50})
def test_both_readers_find_the_same(members: dict[str, object]) -> None:
    body = orjson.dumps(members)
    found = searchable(body)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(columns, "orjson", Lax)
        assert searchable(body) == found
    for column in tables.entries.columns:
        value = found.get(column.name)
        if isinstance(value, str):
            assert len(value) <= (getattr(column.type, "length", None) or 2**31)
            assert "\x00" not in value
        elif value is not None and not isinstance(value, bytes):
            assert -(2**63) <= value < 2**63


class Lax:
    """Stands for a body that the strict reader refuses, so that the other reads it."""

    JSONDecodeError = orjson.JSONDecodeError

    @staticmethod
    def loads(_body: bytes) -> None:
        raise orjson.JSONDecodeError("refused", "", 0)


def test_half_a_pair_is_read_by_the_laxer_reader() -> None:
    body = b'{"id": "by-hand", "action": "\\ud800", "outcome": "done", "t": 5}'
    assert id_in(body) == "by-hand"
    assert searchable(body)["t"] == 5
    assert searchable(body)["action"] == "?"


def test_a_row_has_a_value_for_each_column_in_their_order_of_insertion() -> None:
    entry = make_intent()
    row = row_of(3, entry.id, entry.canonical())
    assert set(row) == {column.name for column in tables.entries.columns}
    assert list(row) == list(row_of(0, "", b"{}"))
    assert json.loads(row["body"])["id"] == entry.id
