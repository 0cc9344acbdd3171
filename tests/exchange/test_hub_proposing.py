"""Types are proposed from every value; text unless certain."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.hub import parsing
from exchange.hub.proposing import ProposedColumn, propose


def type_of(*values: str, name: str = "amount") -> str:
    return propose(name, name, dict.fromkeys(values, 1), 0).type


@pytest.mark.parametrize(
    ("values", "type_"),
    [
        (["1", "-2", "0", "3.50", ".5"], "number"),
        (["1", "007"], "text"),
        (["1", "+2"], "text"),
        (["1,234", "5"], "text"),
        (["1e5", "2"], "text"),
        (["12", " 3"], "text"),
        (["9007199254740993", "1"], "text"),
        (["0.12345678901234567890", "1"], "text"),
        (["6/28/2014 0:00", "12/1/2015 13:05", "1/2/2016"], "calendar_date"),
        (["6/28/2014", "2/30/2014"], "text"),
        (["1984-07-01T00:00:00.000", "1984-07-02"], "calendar_date"),
        (["1984-07-01", "7/2/1984"], "text"),
        (["1984-07-01T00:00:00Z"], "text"),
        (["true", "FALSE"], "checkbox"),
        (["Y", "N"], "text"),
        (["Avon, CT\n(41.8, -72.8)", "CT\n(41.5, -72.7)"], "point"),
        (["Avon, CT\n(41.8, -72.8)", "Avon"], "text"),
        (["Avon, CT\n(91.8, -72.8)"], "text"),
        (["2034567890", "8604567890"], "text"),
        (["=1+1", "2"], "text"),
        ([], "text"),
    ],
)
def test_a_type_is_proposed_only_when_every_value_has_it(values: list[str], type_: str) -> None:
    assert type_of(*values) == type_


@pytest.mark.parametrize(
    "name",
    [
        "zipcode",
        "zip",
        "fips",
        "town_code",
        "town_number",
        "organization_code",
        "phone",
        "id",
        "case_number",
        "district_no",
    ],
)
def test_a_name_that_means_a_code_stays_text(name: str) -> None:
    assert type_of("1", "2", name=name) == "text"


@pytest.mark.parametrize(
    "name", ["number_of_tests", "deed_restricted_units", "total_cases", "year", "rate_tested_per_100k"]
)
def test_a_name_that_means_a_quantity_may_be_a_number(name: str) -> None:
    assert type_of("1", "2", name=name) == "number"


def test_long_numbers_of_one_length_that_never_recur_are_names() -> None:
    assert type_of(*[str(1_355_511 + 7 * n) for n in range(30)], name="organization") == "text"


@pytest.mark.parametrize(
    ("word", "meaning"),
    [
        ("-9999", "suppressed"), ("-9999.0", "suppressed"), ("-6666", "missing"), ("*", "suppressed"),
        ("<= 10", "suppressed"), ("<6", "suppressed"), ("-", "not_applicable"), ("N/A", "not_applicable"),
    ],
)  # fmt: skip
def test_sentinels_among_numbers_become_meanings_with_counts(word: str, meaning: str) -> None:
    column = propose("value", "Value", {"1": 3, "2.5": 1, word: 7}, 2)
    assert (column.type, dict(column.sentinels), dict(column.sentinel_counts)) == ("number", {word: meaning}, {word: 7})
    assert column.counts == {"filled": 11, "empty": 2, "distinct": 3}


def test_a_dash_among_words_is_a_word_and_a_star_is_not() -> None:
    assert dict(propose("note", "Note", {"-": 1, "*": 2, "words": 3}, 0).sentinels) == {"*": "suppressed"}


@pytest.mark.parametrize("declared", ["timestamptz", None])
@pytest.mark.parametrize(
    ("value", "exact"), [("2026-01-31T08:05:00.250-05:00", True), ("2026-01-31T08:05:00.2501Z", False)]
)
def test_instants_are_typed_only_where_a_database_declares_them_and_nothing_is_lost(
    value: str, exact: bool, declared: str | None
) -> None:
    column = propose("seen", "seen", {value: 1}, 0, declared)
    assert column.type == ("fixed_timestamp" if exact and declared else "text")
    assert "instant" in column.evidence[0]
    assert "Words." not in column.evidence


@pytest.mark.parametrize("offset", ["-05:00", "-0500", "-05"])
def test_an_offset_may_be_written_in_each_way_of_the_standard(offset: str) -> None:
    assert parsing.fixed_timestamp(f"2008-03-01T12:11:22{offset}") == datetime(2008, 3, 1, 17, 11, 22, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2026-01-31T08:05:00", "2026-02-30T08:05:00Z", "0001-01-01T00:00:00+05:00", "now"])
def test_what_is_no_instant_is_none(text: str) -> None:
    assert parsing.fixed_timestamp(text) is None


def test_one_cell_is_one_cell() -> None:
    assert "1 cell holds '*'" in " ".join(propose("n", "n", {"1": 5, "2": 3, "*": 1}, 0).evidence)


def test_lost_leading_zeros_are_said() -> None:
    assert "leading zero was lost" in " ".join(propose("zip", "zip", {"6519": 2, "06001": 1}, 0).evidence)


def test_a_proposal_survives_being_kept() -> None:
    column = propose("value", "Value", {"1": 3, "*": 7}, 2)
    assert ProposedColumn.from_json(column.to_json()) == column


@given(
    st.decimals(allow_nan=False, allow_infinity=False, places=6)
    | st.integers().map(Decimal)
    | st.text(max_size=12).map(str)
)
def test_what_is_taken_for_a_number_reads_back_as_it_was(value: Decimal | str) -> None:
    text = format(value, "f") if isinstance(value, Decimal) else value
    read = parsing.number(text)
    if read is not None:
        assert Decimal(repr(read)) == Decimal(text) or f"{read:.17g}" == text
        assert not text.lstrip("-").startswith("0") or "." in text or text == "0"
