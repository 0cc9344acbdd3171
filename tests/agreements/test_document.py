"""The canonical document: a function of its facts, one hash over text and policy, and nothing half-built."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from agreements.clauses.library import UnknownTerm
from agreements.document import (
    PARTS,
    ClauseUse,
    PersonFact,
    build,
    canonical_bytes,
    check,
    draft_clauses,
    sha256,
    terms_of,
)
from agreements.terms import compile_document
from exchange.errors import Invalid
from tests.makers.agreement_text import ATTENDANCE, make_agreement, make_dataset, make_memorandum

GHOST = {"op": "eq", "column": "ghost", "values": [1]}


def test_document_says_what_the_facts_say() -> None:
    document = build(make_agreement())
    assert set(document) == PARTS
    assert document["purpose"] == {
        "code": "chronic-absence-planning",
        "codes": ["chronic-absence-planning"],
        "text": "Which districts need attendance teams — and when?",
    }
    assert (document["begins"], document["ends"], document["min_cell"]) == ("2026-06-01", "2027-05-31", 6)
    line = document["schedule"][0]
    assert [column["name"] for column in line["columns"]] == ["district", "grade", "days_absent"], "the dataset's order"
    assert line["rows_in_words"] == "District is one of “Hartford School District”, “Windham School District”"
    assert [person["name"] for person in document["persons"]] == ["Lena Okafor", "René Castellano"]
    assert terms_of(document) == compile_document(document)


def test_memorandum_has_one_bound_for_every_dataset() -> None:
    document = build(make_memorandum())
    assert document["schedule"] == [] and document["persons"] == [] and document["parent"] is None
    assert document["purpose"]["codes"] == "any" and set(document["terms"]) == {"*"}


def test_invariant_5_same_facts_give_the_same_bytes() -> None:
    facts = make_agreement()
    shuffled = replace(
        facts,
        clauses=tuple(reversed(facts.clauses)),
        persons=tuple(reversed(facts.persons)),
        agencies=dict(reversed(facts.agencies.items())),
    )
    assert canonical_bytes(build(facts)) == canonical_bytes(build(shuffled))


def test_invariant_5_hash_survives_the_database() -> None:
    document = build(make_agreement())
    assert sha256(json.loads(json.dumps(document))) == sha256(document)
    assert sha256(document) == hashlib.sha256(canonical_bytes(document)).hexdigest()


def every_leaf(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values in a tree."""
    if isinstance(tree, dict) and tree:
        return [leaf for key, value in tree.items() for leaf in every_leaf(value, (*path, key))]
    if isinstance(tree, list) and tree:
        return [leaf for number, value in enumerate(tree) for leaf in every_leaf(value, (*path, number))]
    return [path]


def changed_at(document: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    """The document with the value at one path replaced by another."""
    other = copy.deepcopy(document)
    place = other
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = 99 if place[path[-1]] != 99 else 98
    return other


def test_invariant_5_no_value_of_text_or_policy_is_outside_the_hash() -> None:
    document = build(make_agreement())
    leaves = every_leaf(document)
    hashes = {sha256(changed_at(document, path)) for path in leaves}
    assert len(leaves) > 200 and sha256(document) not in hashes and len(hashes) == len(leaves)


def test_check_accepts_what_build_made() -> None:
    for facts in (make_agreement(), make_memorandum()):
        check(build(facts))


def _set(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda document: document.update(values)


def _widen_columns(document: dict[str, Any]) -> None:
    document["terms"][ATTENDANCE]["columns"].append("student_number")


def _lengthen(document: dict[str, Any]) -> None:
    clause = next(clause for clause in document["clauses"] if clause["code"] == "C28")
    clause["parameters"]["ends"] = "2037-05-31"


def _add_person(document: dict[str, Any]) -> None:
    document["persons"].append({"id": "p-x", "name": "X", "title": "", "agency": "labor"})


@pytest.mark.parametrize(
    "tamper",
    [
        _widen_columns,
        _lengthen,
        _add_person,
        _set(min_cell=0),
        _set(ends="2037-05-31"),
        _set(purpose={"code": "any", "codes": "any", "text": "Anything."}),
        _set(exempt=True),
        _set(format=2),
        _set(terms={}),
        _set(persons=[]),
    ],
)
def test_check_refuses_a_document_whose_parts_contradict_each_other(tamper: Callable[[dict[str, Any]], None]) -> None:
    document = build(make_agreement())
    tamper(document)
    with pytest.raises(Invalid):
        check(document)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"C08": {"persons": ["p-nobody"]}}, "whom the directory does not know"),
        ({"C06": {"schedule": [{"dataset": "zzzz-2345", "columns": ["a"]}]}}, "does not exist"),
        ({"C06": {"schedule": [{"dataset": ATTENDANCE, "columns": ["ghost"]}]}}, "“ghost”, which is not a column"),
        ({"C28": {"begins": None}}, "“First day” is empty"),
        ({"C03": {"purpose": " "}}, "Purpose in words"),
        ({"C06": {"schedule": [{"dataset": ATTENDANCE, "columns": ["grade"], "rows": GHOST}]}}, "names a column 'ghost'"),
    ],
)  # fmt: skip
def test_facts_that_do_not_hold_together_build_nothing(values: dict[str, Any], words: str) -> None:
    with pytest.raises(Invalid, match=words):
        build(make_agreement(values))


def test_row_filter_may_read_a_column_that_is_not_shared() -> None:
    rows = {"op": "eq", "column": "student_number", "values": ["1"]}
    schedule = [{"dataset": ATTENDANCE, "columns": ["grade"], "rows": rows}]
    terms = terms_of(build(make_agreement({"C06": {"schedule": schedule}})))[ATTENDANCE]
    assert terms.columns == {"grade"} and terms.rows == rows


def test_unknown_clause_builds_nothing() -> None:
    facts = make_agreement()
    with pytest.raises(UnknownTerm):
        build(replace(facts, clauses=(*facts.clauses, ClauseUse("C40", 1))))


def test_two_persons_of_one_name_keep_their_ids_apart() -> None:
    twins = (PersonFact("p-2", "Lena Okafor", "A", "labor"), PersonFact("p-1", "Lena Okafor", "B", "labor"))
    document = build(make_agreement({"C08": {"persons": ["p-1", "p-2"]}}, persons=twins))
    assert [person["id"] for person in document["persons"]] == ["p-1", "p-2"]


def test_draft_shows_its_text_and_what_is_still_to_do() -> None:
    facts = make_agreement({"C28": {"begins": None}, "C18": {"min_cell": "few"}})
    drafted = {draft.clause.code: draft for draft in draft_clauses(facts)}
    assert "begins on [First day] and ends at the close of May 31, 2027" in drafted["C28"].paragraphs[0]
    assert drafted["C28"].problems == ("“First day” is empty; fill it in.",)
    assert "from 0 to" in drafted["C18"].problems[0]
    assert drafted["C03"].problems == ()


def test_text_of_every_clause_is_filled_in_completely() -> None:
    for facts in (make_agreement(), make_memorandum()):
        for clause in build(facts)["clauses"]:
            for paragraph in clause["paragraphs"]:
                assert not any(mark in paragraph for mark in ("{", "}", "[", "None", "..", "  ")), paragraph


def test_dataset_with_hundreds_of_columns_builds() -> None:
    columns = tuple(replace(make_dataset().columns[0], name=f"c{n}", label=f"Column {n}") for n in range(400))
    schedule = [{"dataset": ATTENDANCE, "columns": [column.name for column in columns]}]
    document = build(make_agreement({"C06": {"schedule": schedule}}, datasets=(make_dataset(columns=columns),)))
    assert len(document["schedule"][0]["columns"]) == 400
    check(document)
