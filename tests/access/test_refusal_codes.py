"""Every refusal has its word in the log, and every word its meaning."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from access.decision import AGGREGATE, READ_SCOPE, GrantTerms, Reader, decide
from audit.codes import CODE_WORDS, OUTSIDE, Code, words_for_code

NOON = datetime(2026, 6, 15, 16, 0, tzinfo=UTC)
READER = Reader("p", "c", "g", "grant", frozenset({READ_SCOPE}), frozenset({"a", "b"}))
TERMS = GrantTerms(
    "grant", "abcd-2345", "g", "evaluation", frozenset({"a"}), None, frozenset({"p"}), 0, "record",
    NOON - timedelta(days=1), NOON + timedelta(days=1),
)  # fmt: skip


@pytest.mark.parametrize(
    ("reader", "dataset", "used", "terms", "now", "code"),
    [
        (READER, "abcd-2345", "a", TERMS, NOON, None),
        (replace(READER, grant_id="other"), "abcd-2345", "a", TERMS, NOON, Code.TOKEN),
        (READER, "zzzz-9999", "a", TERMS, NOON, Code.DATASET),
        (replace(READER, working_group="h"), "abcd-2345", "a", TERMS, NOON, Code.GROUP),
        (replace(READER, scopes=frozenset()), "abcd-2345", "a", TERMS, NOON, Code.SCOPE),
        (READER, "abcd-2345", "a", TERMS, NOON - timedelta(days=2), Code.WINDOW),
        (READER, "abcd-2345", "a", TERMS, NOON + timedelta(days=2), Code.WINDOW),
        (replace(READER, person_id="q"), "abcd-2345", "a", TERMS, NOON, Code.ROSTER),
        (READER, "abcd-2345", "b", TERMS, NOON, Code.COLUMN_WITHHELD),
        (READER, "abcd-2345", "a", replace(TERMS, granularity=AGGREGATE), NOON, Code.TOTALS_ONLY),
    ],
)
def test_a_decision_against_says_its_code(
    reader: Reader, dataset: str, used: str, terms: GrantTerms, now: datetime, code: Code | None
) -> None:
    assert decide(reader, dataset, frozenset(used), False, terms, now).code == code


def test_every_code_has_words() -> None:
    assert set(CODE_WORDS) == set(Code)
    assert set(OUTSIDE.values()) == {"purpose", "scope", "term", "roster"}
    assert sorted(Code) == list(Code)
    assert words_for_code(None) == "No code was recorded"
    assert words_for_code("of-later-days") == "of-later-days"
