"""Sentinels: words and numbers in a cell that stand for "no value", and which of the meanings they stand for.

A cell means one of five things: value, zero, suppressed, not applicable, missing (DESIGN §4.8). Files say the last
three in code: -9999, -6666 (CT Data Collaborative), `*` (EdSight), `<= 10`, `-`. An average over the codes is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

SUPPRESSED, NOT_APPLICABLE, MISSING = "suppressed", "not_applicable", "missing"
MEANINGS = (SUPPRESSED, NOT_APPLICABLE, MISSING)

_CERTAIN: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-9999(\.0+)?\Z"), SUPPRESSED),
    (re.compile(r"-6666(\.0+)?\Z"), MISSING),
    (re.compile(r"\*{1,3}\Z"), SUPPRESSED),
    (re.compile(r"(<=?|≤)\s?\d{1,3}\Z"), SUPPRESSED),
)
_AMONG_NUMBERS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"[-–—]\Z"), NOT_APPLICABLE),
    (re.compile(r"(?i)n/?a\Z"), NOT_APPLICABLE),
)


def certain(word: str) -> str | None:
    """What a cell means wherever it stands, or None: a code that nobody writes as a value."""
    return _meaning(word, _CERTAIN)


def among_numbers(word: str) -> str | None:
    """What a cell means in a column of numbers or dates; in a column of words `-` may be a word."""
    return certain(word) or _meaning(word, _AMONG_NUMBERS)


def tell(counts: Mapping[str, int], *, numeric: bool) -> dict[str, str]:
    """The sentinels among the distinct values of a column, each with its meaning."""
    meaning_of = among_numbers if numeric else certain
    return {word: meaning for word in counts if (meaning := meaning_of(word)) is not None}


def _meaning(word: str, patterns: tuple[tuple[re.Pattern[str], str], ...]) -> str | None:
    return next((meaning for pattern, meaning in patterns if pattern.match(word)), None)
