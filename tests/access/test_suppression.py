"""The header that says below which number groups are left out."""

from __future__ import annotations

import pytest

from access.suppression import suppression_headers


@pytest.mark.parametrize(
    ("grouped", "floor", "headers"),
    [(True, 6, {"X-Suppressed-Below": "6"}), (True, 0, {}), (False, 6, {}), (False, 0, {})],
)
def test_grouped_answers_under_a_floor_say_it(grouped: bool, floor: int, headers: dict[str, str]) -> None:
    assert suppression_headers(grouped, floor) == headers
