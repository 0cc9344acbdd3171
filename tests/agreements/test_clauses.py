"""The clause library: complete, coherent, and held to its page; its parameters refuse what they cannot understand."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest

from agreements import regimes
from agreements.bounds import ANY
from agreements.clauses.demands import REGIMES, STATE_DSA, STATE_EMOU
from agreements.clauses.library import CLAUSES, CODES, UnknownTerm, get, latest
from agreements.clauses.listing import markdown
from agreements.clauses.parameters import READERS, Parameter, ParameterType
from agreements.clauses.rules import RULES
from agreements.clauses.version import FACTS
from agreements.clauses.wording import WORDS, Names, draft_paragraphs, paragraphs
from agreements.starting_texts import STARTING_TEXTS
from exchange.classification.exemptions import VOCABULARY, regimes_of
from exchange.errors import Invalid

DOCS = Path(__file__).resolve().parents[2] / "docs" / "clauses.md"
NAMES = Names("agreement", "A and B", "")


def one(kind: ParameterType, **more: object) -> Parameter:
    return Parameter("name", "The blank", kind, **more)  # type: ignore[arg-type]


def test_library_holds_every_clause_of_the_list() -> None:
    assert tuple(f"C{number:02d}" for number in range(1, 37)) == CODES


@pytest.mark.parametrize("clause", CLAUSES.values(), ids=lambda clause: clause.id)
def test_clause_leaves_open_only_what_it_declares(clause) -> None:
    names = {parameter.name for parameter in clause.parameters}
    assert clause.slots <= names | FACTS
    assert names <= clause.slots, "a parameter that the text does not show would be signed unseen"
    for words in [text for p in clause.parameters for text in (p.absent, p.unbounded or "", *dict(p.choices).values())]:
        assert set(re.findall(r"\{(\w+)\}", words)) <= FACTS


@pytest.mark.parametrize("clause", CLAUSES.values(), ids=lambda clause: clause.id)
def test_clause_says_on_what_it_rests_and_what_is_unconfirmed(clause) -> None:
    assert clause.title and clause.text.strip() and clause.citation
    assert clause.unverified == ("to be confirmed by counsel" in clause.citation)
    assert clause.rule is None or clause.rule in RULES


def test_every_rule_has_its_clause() -> None:
    assert {clause.rule for clause in CLAUSES.values()} - {None} == set(RULES)


@pytest.mark.parametrize("clause", CLAUSES.values(), ids=lambda clause: clause.id)
def test_optional_blank_left_empty_still_reads_as_a_sentence(clause) -> None:
    for parameter in clause.parameters:
        assert parameter.required or parameter.absent
        assert (parameter.type is ParameterType.CHOICE) == bool(parameter.choices)


def test_every_type_can_be_read_and_worded() -> None:
    assert set(READERS) == set(WORDS) == set(ParameterType)


def test_unknown_clause_version_and_parameter_are_refused() -> None:
    for code, version in (("C99", 1), ("C01", 9), ("C01", 0)):
        with pytest.raises(UnknownTerm, match="clause library has no"):
            get(code, version)
    with pytest.raises(UnknownTerm):
        latest("C37")
    with pytest.raises(UnknownTerm, match="has no parameter “columns”"):
        get("C18", 1).read({"min_cell": 6, "rule": "none", "columns": ["everything"]})


def test_clause_reads_its_own_values_again_to_the_same() -> None:
    clause = get("C06", 1)
    raw = {"schedule": json.dumps([{"dataset": "abcd-2345", "columns": ["b", "a", "b"]}])}
    once = clause.read(raw)
    assert once == {"schedule": [{"dataset": "abcd-2345", "columns": ["a", "b"], "rows": None}]}
    assert clause.read(once) == once


@pytest.mark.parametrize(
    ("kind", "raw", "value"),
    [
        (ParameterType.TEXT, "  two\r\n  words ", "two\n words"),
        (ParameterType.TEXT, "e\u0301cole", "école"),
        (ParameterType.INTEGER, " 11 ", 11),
        (ParameterType.INTEGER, 0, 0),
        (ParameterType.DATE, date(2026, 7, 1), "2026-07-01"),
        (ParameterType.DATE, "2026-07-01", "2026-07-01"),
        (ParameterType.AGENCIES, "labor, education labor", ["education", "labor"]),
        (ParameterType.PERSONS, ["p2", "p1"], ["p1", "p2"]),
        (ParameterType.PURPOSES, "a-b\nc", ["a-b", "c"]),
        (ParameterType.REGIMES, "UC-WAGE FERPA", ["FERPA", "UC-WAGE"]),
        (ParameterType.DATASETS, ["abcd-2345"], ["abcd-2345"]),
        (
            ParameterType.PREDICATE,
            '{"op":"not","of":[{"op":"eq","column":"a","values":[1]}]}',
            {"op": "not", "of": [{"op": "eq", "column": "a", "values": [1]}]},
        ),
    ],
)
def test_parameter_reads(kind: ParameterType, raw: object, value: object) -> None:
    parameter = one(kind)
    assert parameter.read(raw) == value
    assert parameter.read(value) == value


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        (ParameterType.TEXT, 7),
        (ParameterType.TEXT, "   "),
        (ParameterType.TEXT, "bell \x07"),
        (ParameterType.TEXT, "x" * 8001),
        (ParameterType.INTEGER, "-1"),
        (ParameterType.INTEGER, "1.5"),
        (ParameterType.INTEGER, True),
        (ParameterType.INTEGER, "9999999"),
        (ParameterType.DATE, "07/01/2026"),
        (ParameterType.DATE, "2026-02-30"),
        (ParameterType.AGENCIES, ["Department of Labor"]),
        (ParameterType.AGENCIES, 5),
        (ParameterType.DATASETS, ["abcd2345"]),
        (ParameterType.PURPOSES, ["Any Purpose"]),
        (ParameterType.REGIMES, ["ferpa!"]),
        (ParameterType.PREDICATE, "not json"),
        (ParameterType.PREDICATE, "[1]"),
        (ParameterType.PREDICATE, "[" * 100_000),
        (ParameterType.PREDICATE, '{"op": "eq", "column": "a", "values": [NaN]}'),
        (ParameterType.PREDICATE, {"op": "eq", "column": "a", "values": [2**60]}),
        (ParameterType.PREDICATE, {"op": "like", "column": "a", "values": ["x"]}),
        (ParameterType.PREDICATE, {"op": "eq", "column": "a", "values": ["x"], "case": "ignore"}),
        (ParameterType.SCHEDULE, "{"),
        (ParameterType.SCHEDULE, [{"dataset": "abcd-2345", "columns": []}]),
        (ParameterType.SCHEDULE, [{"dataset": "abcd-2345", "columns": ["a"], "until": "2030"}]),
        (ParameterType.SCHEDULE, [{"dataset": "abcd-2345", "columns": ["a"], "rows": "all"}]),
        (ParameterType.SCHEDULE, [{"dataset": "abcd-2345", "columns": ["a"]}] * 2),
        (ParameterType.SCHEDULE, [{"dataset": "../etc", "columns": ["a"]}]),
        (ParameterType.SCHEDULE, []),
        (ParameterType.PERSONS, ANY),
        (ParameterType.PERSONS, [""]),
        (ParameterType.CHOICE, "maybe"),
        (ParameterType.CHOICE, ["no"]),
        (ParameterType.TEXT, ""),
        (ParameterType.TEXT, None),
    ],
)
def test_parameter_refuses_with_its_label(kind: ParameterType, raw: object) -> None:
    choices = (("no", "no"),) if kind is ParameterType.CHOICE else ()
    with pytest.raises(Invalid) as refused:
        one(kind, choices=choices).read(raw)
    assert re.search(r"The blank|row filter|comparison", refused.value.message)


def test_word_any_is_for_blanks_that_may_be_unbounded() -> None:
    assert one(ParameterType.PERSONS, unbounded="those named elsewhere").read(ANY) == ANY
    assert one(ParameterType.TEXT).read(ANY) == ANY, "in a text it is a word like others"


def test_what_a_drafter_types_is_never_taken_for_a_slot() -> None:
    clause = get("C03", 1)
    typed = "{parties} {purposes} {{x}} {instrument}"
    text = paragraphs(clause, clause.read({"purposes": "p", "purpose": typed}), NAMES)
    assert text[1].rstrip(".") == typed


def test_sentences_end_with_one_full_stop() -> None:
    location = get("C13", 1)
    assert "only in the vault. It" in paragraphs(location, location.read({"location": "the vault."}), NAMES)[0]
    term = get("C28", 1)
    words = paragraphs(term, term.read({"begins": "2026-07-01", "ends": "2027-06-30"}), NAMES)[0]
    assert "begins on July 1, 2026 and ends at the close of June 30, 2027, Connecticut time." in words


def test_draft_shows_the_label_of_each_open_blank() -> None:
    clause = get("C18", 1)
    assert "below [Smallest count that may be shown], or" in draft_paragraphs(clause, {}, NAMES)[0]


def test_page_is_the_library() -> None:
    assert DOCS.read_text(encoding="utf-8") == markdown(), "write it anew: agreements.clauses.listing.markdown()"


# regimes


def test_every_regime_that_classification_can_name_has_its_clauses() -> None:
    named = regimes_of(exemption.code for exemption in VOCABULARY)
    assert named and regimes.known_regimes(named) == named
    for regime in named:
        assert set(REGIMES[regime].demands) <= set(CODES)


def test_unknown_regime_is_refused_and_not_ignored() -> None:
    with pytest.raises(UnknownTerm, match="GDPR"):
        regimes.missing(CODES, ["GDPR"])


def test_demands_and_clauses_name_each_other() -> None:
    for regime in REGIMES.values():
        for code, law in regime.demands.items():
            assert regime.key in latest(code).demanded_by
            assert re.match(r"\w.*: .*\.$", law), law


@pytest.mark.parametrize(
    ("regime", "code", "law"),
    [
        ("FERPA", "C11", "34 CFR 99.35(a)(3)"),
        ("FERPA", "C31", "34 CFR 99.35"),
        ("FERPA-STUDIES", "C28", "34 CFR 99.31(a)(6)(iii)(C)(1)"),
        ("HIPAA", "C16", "45 CFR 164.514(e)(4)"),
        ("UC-WAGE", "C26", "20 CFR 603.10(a)"),
        ("UC-WAGE", "C27", "20 CFR 603"),
        ("PART2", "C34", "42 CFR 2.52"),
        ("FTI", "C10", "IRS Publication 1075"),
        ("CJIS", "C24", "CJIS"),
    ],
)
def test_missing_clause_names_the_law_that_demands_it(regime: str, code: str, law: str) -> None:
    assert regimes.missing(CODES, [regime]) == []
    found = regimes.missing(set(CODES) - {code}, [regime])
    assert [gap for gap in found if gap.regime == regime and law in gap.sentence and gap.code == code]
    assert not [gap for gap in found if gap.code != code]


def test_state_demands_its_clauses_of_every_agreement() -> None:
    assert {gap.code for gap in regimes.missing([], [])} == set(STATE_DSA)
    assert {gap.code for gap in regimes.missing([], ["FERPA"], "emou")} == set(STATE_EMOU)
    person = next(gap for gap in regimes.missing([], []) if gap.code == "C08")
    assert "CGS 4-67aa(2)" in person.sentence


def test_studies_exception_has_a_checklist_of_its_own() -> None:
    assert regimes.under_exception({"FERPA", "CONF-ID"}, "studies") == {"FERPA-STUDIES", "CONF-ID"}
    assert regimes.under_exception({"FERPA"}, "audit-evaluation") == {"FERPA"}
    assert "C11" not in regimes.required_clauses(regimes.under_exception({"FERPA"}, "studies"))


def test_tax_returns_are_outside_the_program_whatever_the_clauses() -> None:
    bar = regimes.blocked({"STATE-TAX", "FERPA"})
    assert [each.regime for each in bar] == ["STATE-TAX"] and "CGS 12-15" in bar[0].sentence
    assert regimes.blocked({"FERPA"}) == []


@pytest.mark.parametrize("text", STARTING_TEXTS.values(), ids=lambda text: text.key)
def test_starting_text_lacks_no_clause_the_state_demands(text) -> None:
    assert regimes.missing(text.clauses_for(), [], text.tier) == []
    assert regimes.missing(text.clauses_for({"FERPA", "UC-WAGE"}), {"FERPA", "UC-WAGE"}, text.tier) == []
    for code, given in text.clauses_for({"FERPA"}).items():
        for parameter in latest(code).parameters:
            if parameter.name in given:
                parameter.read(given[parameter.name])
