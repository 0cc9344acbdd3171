"""The vocabulary of exemptions, and the hints from column names."""

from __future__ import annotations

from datetime import date

import pytest

from exchange.classification.exemptions import LIMBS, VOCABULARY, add_months, exemption, regimes_of
from exchange.classification.suggestions import suggest
from exchange.errors import Invalid

DAY = date(2026, 6, 15)


def test_every_basis_says_what_it_rests_on() -> None:
    for basis in VOCABULARY:
        assert basis.cited, basis.code
        assert basis.label and basis.instead, basis.code
        assert set(basis.limbs) <= set(LIMBS)
        assert len(basis.cited) <= 300


def test_codes_are_unique() -> None:
    codes = [basis.code for basis in VOCABULARY]
    assert len(codes) == len(set(codes)) == 31


def test_unconfirmed_law_says_so() -> None:
    assert exemption("HIV").cited == "CGS 19a-583 (to be confirmed by counsel)"
    assert "to be confirmed by counsel" not in exemption("HIPAA").cited
    assert "†" not in "".join(basis.cited for basis in VOCABULARY)


@pytest.mark.parametrize(
    ("code", "expected"),
    [("FERPA", date(2027, 6, 15)), ("OPS", date(2026, 12, 15)), ("BURDEN", date(2026, 12, 15)), ("SSN", None)],
)
def test_review_day_follows_from_the_code(code: str, expected: date | None) -> None:
    assert exemption(code).review_on(DAY) == expected


def test_months_end_where_the_month_ends() -> None:
    assert add_months(date(2026, 8, 31), 6) == date(2027, 2, 28)


def test_regimes_follow_from_codes() -> None:
    assert regimes_of(["FERPA", "IDEA-C", "UC-WAGE", "STATE-TAX", "OPS"]) == {"FERPA", "UC-WAGE", "STATE-TAX"}
    assert regimes_of([]) == frozenset()


def test_an_unknown_code_is_refused() -> None:
    with pytest.raises(Invalid, match="NONSENSE"):
        regimes_of(["FERPA", "NONSENSE"])


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ssn", "SSN"), ("claimant_ssn", "SSN"), ("date_of_birth", "CONF-ID"), ("dob", "CONF-ID"), ("sasid", "FERPA"),
        ("student_id", "FERPA"), ("race_ethnicity", "MOSAIC"), ("zip_code", "MOSAIC"), ("diagnosis", "HIPAA"),
        ("quarterly_wages", "UC-WAGE"), ("last_name", "CONF-ID"),
    ],
)  # fmt: skip
def test_hints_by_column_name(name: str, code: str) -> None:
    found = suggest(name)
    assert found is not None
    assert found.code == code


@pytest.mark.parametrize("name", ["town", "year", "rate", "classname_count", "lesson", "embrace", "average"])
def test_no_hint_inside_other_words(name: str) -> None:
    assert suggest(name) is None
