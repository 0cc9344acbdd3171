"""Terms: what they permit, and that nothing ever makes them wider (invariant 2)."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from agreements.bounds import ANY, EVERYTHING
from agreements.document import build, terms_of
from agreements.terms import (
    EVERY_DATASET,
    GRANULARITIES,
    Terms,
    UnknownTerm,
    Use,
    compile_document,
    from_json,
    meet,
    outside,
    to_json,
)
from agreements.terms_in_words import Labels, in_words
from exchange.errors import Invalid
from tests.makers.agreement_text import ATTENDANCE, HARTFORD, WINDOW, make_agreement, make_dataset, make_memorandum

NOON = datetime(2026, 6, 15, 16, 0, tzinfo=UTC)
COLUMNS, PEOPLE, CODES, AGENCIES = "abc", ("ann", "bob"), ("plan", "audit"), ("education", "labor")
COMPARE = {
    "eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "le": operator.le, "gt": operator.gt, "ge": operator.ge,
}  # fmt: skip


def holds(rows: Mapping[str, Any] | None, row: Mapping[str, int]) -> bool:
    """Whether a row passes a row filter: the meaning of predicates, told a second time."""
    if rows is None:
        return True
    op = rows["op"]
    if op == "and":
        return all(holds(member, row) for member in rows["of"])
    if op == "or":
        return any(holds(member, row) for member in rows["of"])
    if op == "not":
        return not holds(rows["of"][0], row)
    if op == "in":
        return row[rows["column"]] in rows["values"]
    if op == "between":
        return bool(rows["values"][0] <= row[rows["column"]] <= rows["values"][1])
    return bool(COMPARE[op](row[rows["column"]], rows["values"][0]))


def bounds(names: tuple[str, ...] | str) -> st.SearchStrategy[Any]:
    return st.one_of(st.just(EVERYTHING), st.frozensets(st.sampled_from(list(names))))


numbers = st.integers(0, 3)
comparisons = st.one_of(
    st.builds(
        lambda op, c, v: {"op": op, "column": c, "values": [v]},
        st.sampled_from(sorted(COMPARE)),
        st.sampled_from("abc"),
        numbers,
    ),
    st.builds(
        lambda c, vs: {"op": "in", "column": c, "values": vs}, st.sampled_from("abc"), st.lists(numbers, min_size=1)
    ),
    st.builds(
        lambda c, v, w: {"op": "between", "column": c, "values": [v, w]}, st.sampled_from("abc"), numbers, numbers
    ),
)
predicates = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.builds(
            lambda op, of: {"op": op, "of": of}, st.sampled_from(["and", "or"]), st.lists(inner, min_size=1, max_size=3)
        ),
        st.builds(lambda one: {"op": "not", "of": [one]}, inner),
    ),
    max_leaves=6,
)
instants = st.integers(-3, 3).map(lambda days: NOON + timedelta(days=days))
reasons = st.dictionaries(
    st.sampled_from(["columns", "rows", "ends"]), st.lists(st.sampled_from(["C06@1", "C28@1", "C05@1"])).map(tuple)
)
regime_sets = st.frozensets(st.sampled_from(["FERPA", "STATE-TAX"]))
all_terms = st.builds(
    Terms,
    dataset=st.sampled_from([ATTENDANCE, EVERY_DATASET]),
    columns=bounds(COLUMNS),
    rows=st.one_of(st.none(), predicates),
    purposes=bounds(CODES),
    persons=bounds(PEOPLE),
    begins=instants,
    ends=instants,
    min_cell=st.integers(0, 11),
    granularity=st.sampled_from(GRANULARITIES),
    link=bounds(("efgh-2345",)),
    onward=st.booleans(),
    rate=st.one_of(st.none(), st.integers(0, 9)),
    because=reasons,
    agencies=bounds(AGENCIES),
    regimes=regime_sets,
    prohibited=regime_sets,
)
uses = st.builds(
    Use,
    dataset=st.just(ATTENDANCE),
    columns=st.frozensets(st.sampled_from(list(COLUMNS))),
    purpose=st.sampled_from(CODES),
    person=st.sampled_from(PEOPLE),
    at=instants,
    agency=st.sampled_from(AGENCIES),
    granularity=st.sampled_from(GRANULARITIES),
    link=st.frozensets(st.just("efgh-2345")),
    onward=st.booleans(),
)
rows_of_data = st.fixed_dictionaries(dict.fromkeys(COLUMNS, numbers))


@given(all_terms, all_terms)
def test_invariant_2_meet_is_commutative(first: Terms, second: Terms) -> None:
    assert meet(first, second) == meet(second, first)


@given(all_terms, all_terms, all_terms)
def test_invariant_2_meet_is_associative(first: Terms, second: Terms, third: Terms) -> None:
    assert meet(meet(first, second), third) == meet(first, meet(second, third))


@given(all_terms)
def test_invariant_2_meet_is_idempotent(terms: Terms) -> None:
    assert meet(terms, terms) == terms


@given(all_terms, all_terms, uses)
def test_invariant_2_meet_permits_no_use_that_either_refuses(first: Terms, second: Terms, use: Use) -> None:
    both = set(outside(meet(first, second), use))
    each = set(outside(first, use)) | set(outside(second, use))
    # Data of one side may fall under what only the other side bars: then the meet refuses what each alone would permit.
    assert each <= both and both - each <= {"prohibited"}


@given(all_terms, all_terms, rows_of_data)
def test_invariant_2_meet_shows_a_row_only_if_both_do(first: Terms, second: Terms, row: Mapping[str, int]) -> None:
    assert holds(meet(first, second).rows, row) == (holds(first.rows, row) and holds(second.rows, row))


@given(all_terms, all_terms)
def test_invariant_2_meet_never_loosens_a_number(first: Terms, second: Terms) -> None:
    both = meet(first, second)
    for one in (first, second):
        assert both.min_cell >= one.min_cell
        assert one.rate is None or (both.rate is not None and both.rate <= one.rate)
        assert all(set(ids) <= set(both.because[name]) for name, ids in one.because.items())


@given(all_terms)
def test_invariant_2_stored_terms_come_back_the_same(terms: Terms) -> None:
    assert from_json(to_json(terms)) == terms


@given(st.sampled_from(["columns", "rows", "prohibited", "rate", "because"]), all_terms)
def test_invariant_2_stored_terms_with_a_field_lost_or_added_are_refused(name: str, terms: Terms) -> None:
    stored = to_json(terms)
    with pytest.raises(UnknownTerm):
        from_json({key: value for key, value in stored.items() if key != name})
    with pytest.raises(UnknownTerm):
        from_json({**stored, "exempt": True})


def test_terms_of_two_datasets_are_never_put_together() -> None:
    terms = terms_of(build(make_agreement()))[ATTENDANCE]
    with pytest.raises(Invalid, match="each dataset by itself"):
        meet(terms, replace(terms, dataset="efgh-2345"))


def test_unknown_granularity_is_refused() -> None:
    terms = terms_of(build(make_agreement()))[ATTENDANCE]
    with pytest.raises(UnknownTerm, match="household"):
        replace(terms, granularity="household")


def test_everything_cannot_be_taken_for_a_list() -> None:
    assert "x" in EVERYTHING and frozenset("x") <= EVERYTHING and frozenset("x") & EVERYTHING == frozenset("x")
    with pytest.raises(TypeError):
        list(EVERYTHING)  # type: ignore[call-overload]


# compiling


def compiled() -> Terms:
    return compile_document(build(make_agreement()))[ATTENDANCE]


def test_agreement_compiles_to_what_its_clauses_say() -> None:
    assert compiled() == Terms(
        dataset=ATTENDANCE,
        columns=frozenset({"district", "grade", "days_absent"}),
        rows=HARTFORD,
        purposes=frozenset({"chronic-absence-planning"}),
        persons=frozenset({"p-lena", "p-rené"}),
        begins=datetime(2026, 6, 1, 4, 0, tzinfo=UTC),
        ends=datetime(2027, 6, 1, 3, 59, 59, tzinfo=UTC),
        min_cell=6,
        granularity="record",
        link=frozenset(),
        onward=False,
        rate=None,
        agencies=frozenset({"education"}),
        regimes=frozenset({"FERPA"}),
        because={
            "agencies": ("C01@1",),
            "purposes": ("C03@1", "C05@1"),
            "prohibited": ("C04@1",),
            "columns": ("C06@1",),
            "rows": ("C06@1",),
            "regimes": ("C06@1",),
            "granularity": ("C07@1",),
            "persons": ("C08@1",),
            "rate": ("C12@1",),
            "link": ("C15@1",),
            "onward": ("C17@1",),
            "min_cell": ("C18@1",),
            "begins": ("C28@1",),
            "ends": ("C28@1",),
        },
    )


def test_memorandum_bounds_without_naming_columns() -> None:
    terms = compile_document(build(make_memorandum()))[EVERY_DATASET]
    assert {terms.columns, terms.purposes, terms.persons, terms.link} == {EVERYTHING}
    assert terms.agencies == {"education"} and terms.prohibited == {"STATE-TAX"} and terms.min_cell == 6
    assert meet(terms, compiled()).columns == compiled().columns


def test_agreement_never_escapes_the_memorandum_above_it() -> None:
    above = compile_document(build(make_memorandum({"C18": {"min_cell": 11, "rule": "CMS_1_10"}})))[EVERY_DATASET]
    wide = compile_document(build(make_agreement({"C28": {"begins": "2020-01-01", "ends": "2040-12-31"}})))[ATTENDANCE]
    both = meet(above, wide)
    assert (both.min_cell, both.begins, both.ends) == (11, above.begins, above.ends)
    assert both.because["min_cell"] == ("C18@1",)


def test_memorandum_bars_tax_returns_even_if_its_clause_forgets_them() -> None:
    above = compile_document(build(make_memorandum({"C04": {"prohibited": None}})))[EVERY_DATASET]
    tax = compile_document(build(make_agreement(datasets=(make_dataset(regimes=frozenset({"STATE-TAX"})),))))[
        ATTENDANCE
    ]
    use = Use(ATTENDANCE, frozenset({"grade"}), "chronic-absence-planning", "p-lena", NOON, "education")
    assert outside(tax, use) == ()
    assert outside(meet(above, tax), use) == ("prohibited",)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"columns": frozenset({"grade", "student_number"})}, "columns"),
        ({"purpose": "another-purpose"}, "purposes"),
        ({"person": "p-somebody-else"}, "persons"),
        ({"at": datetime(2026, 6, 1, 3, 59, 59, tzinfo=UTC)}, "begins"),
        ({"at": datetime(2027, 6, 1, 4, 0, tzinfo=UTC)}, "ends"),
        ({"link": frozenset({"efgh-2345"})}, "link"),
        ({"onward": True}, "onward"),
        ({"agency": "labor"}, "agencies"),
        ({"dataset": "efgh-2345"}, "dataset"),
    ],
)
def test_use_outside_the_terms_names_the_limit(change: dict[str, Any], field: str) -> None:
    use = Use(ATTENDANCE, frozenset({"grade"}), "chronic-absence-planning", "p-lena", NOON, "education")
    assert outside(compiled(), use) == ()
    assert outside(compiled(), replace(use, **change)) == (field,)


def test_aggregate_terms_refuse_single_records() -> None:
    use = Use(ATTENDANCE, frozenset({"grade"}), "chronic-absence-planning", "p-lena", NOON, "education")
    stricter = replace(compiled(), granularity="aggregate")
    assert outside(stricter, use) == ("granularity",)
    assert outside(stricter, replace(use, granularity="aggregate")) == ()


def broken(**changes: Any) -> dict[str, Any]:
    return {**build(make_agreement()), **changes}


def with_clause(changed: str, /, **changes: Any) -> dict[str, Any]:
    document = build(make_agreement())
    clauses = [{**clause, **changes} if clause["code"] == changed else clause for clause in document["clauses"]]
    return {**document, "clauses": clauses}


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(lambda: with_clause("C06", code="C77"), id="unknown clause"),
        pytest.param(lambda: with_clause("C06", version=2), id="unknown version"),
        pytest.param(lambda: with_clause("C06", unless="Tuesday"), id="unknown field of a clause"),
        pytest.param(
            lambda: with_clause("C07", parameters={"granularity": "record", "reason": None, "x": 1}),
            id="unknown parameter",
        ),
    ],
)
def test_invariant_2_unknown_terms_refuse_to_compile(document: Any) -> None:
    with pytest.raises(UnknownTerm):
        compile_document(document())


@pytest.mark.parametrize("code", ["C01", "C03", "C06", "C07", "C08", "C18", "C28"])
def test_invariant_2_limit_that_nobody_set_is_not_assumed(code: str) -> None:
    document = build(make_agreement())
    document["clauses"] = [clause for clause in document["clauses"] if clause["code"] != code]
    with pytest.raises(Invalid, match=f"add clause {code}"):
        compile_document(document)


@pytest.mark.parametrize(("code", "name", "default"), [("C15", "link", frozenset()), ("C17", "onward", False)])
def test_invariant_2_linking_and_passing_on_are_refused_without_their_clause(
    code: str, name: str, default: object
) -> None:
    document = build(make_agreement({"C17": {"onward": "with-approval"}, "C15": {"link": ["efgh-2345"]}}))
    assert getattr(compile_document(document)[ATTENDANCE], name) != default
    document["clauses"] = [clause for clause in document["clauses"] if clause["code"] != code]
    assert getattr(compile_document(document)[ATTENDANCE], name) == default


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"C03": {"purposes": ANY}}, "the purposes open"),
        ({"C06": {"schedule": ANY}}, "the data elements open"),
        ({"C08": {"persons": ANY}}, "the authorized users open"),
        ({"C15": {"link": ANY}}, "the datasets to link with open"),
        ({"C28": {"begins": WINDOW["ends"], "ends": WINDOW["begins"]}}, "before it begins"),
        ({"C18": {"min_cell": 5, "rule": "SDE_LE5"}}, "hides counts below 6"),
    ],
)
def test_agreement_that_would_be_unbounded_or_absurd_is_refused(values: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid, match=words):
        build(make_agreement(values))


def test_shown_schedule_and_compiled_schedule_cannot_differ() -> None:
    document = build(make_agreement())
    for line in (
        {**document["schedule"][0], "rows": None},
        {**document["schedule"][0], "columns": document["schedule"][0]["columns"][:1]},
    ):
        with pytest.raises(Invalid, match="Schedule A and clause C06"):
            compile_document({**document, "schedule": [line]})
    with pytest.raises(Invalid, match=r"different datasets|Schedule A"):
        compile_document({**document, "schedule": []})


def test_data_of_an_agency_that_is_no_source_is_refused() -> None:
    with pytest.raises(Invalid, match="not a source party"):
        build(make_agreement(datasets=(make_dataset(agency="labor"),)))


def test_clause_twice_is_refused() -> None:
    document = build(make_agreement())
    with pytest.raises(Invalid, match="stands in the agreement twice"):
        compile_document({**document, "clauses": [*document["clauses"], document["clauses"][0]]})


# words


@given(all_terms)
def test_every_limit_has_a_sentence(terms: Terms) -> None:
    assume(terms.columns != EVERYTHING)
    assert all(sentence.text.endswith(".") for sentence in in_words(terms))


def test_sentences_name_things_as_people_do() -> None:
    labels = Labels(
        columns={"grade": "Grade"}, persons={"p-lena": "Lena Okafor"}, agencies={"education": "Department of Education"}
    )
    said = {sentence.field: sentence for sentence in in_words(compiled(), labels)}
    assert "Grade" in said["columns"].text and said["columns"].because == ("C06@1",)
    assert "Lena Okafor" in said["persons"].text
    assert said["begins"].text == "From June 1, 2026 through May 31, 2027, Connecticut time."
    assert said["agencies"].text == "Data of: Department of Education."
