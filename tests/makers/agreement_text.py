"""A memorandum and a data sharing agreement under it, as facts without a database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agreements.document import (
    ClauseUse,
    ColumnFact,
    DatasetFact,
    DraftFacts,
    ParentFact,
    PartyFact,
    PersonFact,
    build,
    sha256,
)
from agreements.starting_texts import DATA_SHARING_AGREEMENT, OPM_MEMORANDUM, StartingText

ATTENDANCE = "abcd-2345"
WINDOW = {"begins": "2026-06-01", "ends": "2027-05-31"}
HARTFORD = {"op": "in", "column": "district", "values": ["Hartford School District", "Windham School District"]}
SCHEDULE = [{"dataset": ATTENDANCE, "columns": ["district", "grade", "days_absent"], "rows": HARTFORD}]

DSA_VALUES: Mapping[str, Mapping[str, object]] = {
    "C03": {"purposes": ["chronic-absence-planning"], "purpose": "Which districts need attendance teams — and when?"},
    "C04": {"basis": "34 CFR 99.31(a)(3) for student attendance.", "ferpa_exception": "audit-evaluation"},
    "C06": {"schedule": SCHEDULE},
    "C07": {"granularity": "record"},
    "C08": {"persons": ["p-lena", "p-rené"], "departure_hours": 24},
    "C11": {"representative": "the Health and Human Services working group of the Office of Policy and Management"},
    "C18": {"min_cell": 6, "rule": "SDE_LE5"},
    "C28": WINDOW,
}


def make_columns(count: int = 0) -> tuple[ColumnFact, ...]:
    """Columns of the attendance dataset, and `count` further ones."""
    law = ("L1", "FERPA", "20 USC 1232g; 34 CFR 99")
    return (
        ColumnFact("district", "District", "text"),
        ColumnFact("grade", "Grade", "text"),
        ColumnFact("student_number", "Student number", "text", *law),
        ColumnFact("days_absent", "Days absent “unexcused” — école", "number", *law),
        *(ColumnFact(f"measure_{n}", f"Measure {n} of the survey", "number", *law) for n in range(count)),
    )


def make_dataset(**changes: Any) -> DatasetFact:
    """Student attendance, kept by Education under FERPA."""
    dataset = DatasetFact(ATTENDANCE, "Student attendance", "education", make_columns(), frozenset({"FERPA"}))
    return replace(dataset, **changes)


def uses(
    text: StartingText, values: Mapping[str, Mapping[str, object]], regimes: frozenset[str]
) -> tuple[ClauseUse, ...]:
    """The clauses of a starting text with these values over its defaults."""
    return tuple(
        ClauseUse(code, 1, {**given, **values.get(code, {})}) for code, given in text.clauses_for(regimes).items()
    )


def make_memorandum(values: Mapping[str, Mapping[str, object]] | None = None, **changes: Any) -> DraftFacts:
    """The OPM memorandum with Education."""
    facts = DraftFacts(
        agreement="EMOU-2026-0001",
        version=1,
        tier="emou",
        title="Memorandum of agreement between the Office of Policy and Management and the Department of Education",
        parties=(
            PartyFact("policy-and-management", "Office of Policy and Management", "opm", "CGS 4-67n"),
            PartyFact("education", "Department of Education", "source", "CGS 10-4"),
        ),
        clauses=uses(
            OPM_MEMORANDUM,
            {"C28": {"begins": "2026-01-01", "ends": "2028-12-31"}, **(values or {})},
            frozenset(),
        ),
        agencies={"policy-and-management": "Office of Policy and Management", "education": "Department of Education"},
    )
    return replace(facts, **changes)


def make_agreement(values: Mapping[str, Mapping[str, object]] | None = None, **changes: Any) -> DraftFacts:
    """A data sharing agreement on student attendance under that memorandum. `values` go over `DSA_VALUES` by clause."""
    memorandum = build(make_memorandum())
    filled = {
        code: {**DSA_VALUES.get(code, {}), **(values or {}).get(code, {})} for code in {*DSA_VALUES, *(values or {})}
    }
    facts = DraftFacts(
        agreement="DSA-2026-0001",
        version=1,
        tier="dsa",
        title="Data sharing agreement: chronic absence — planning",
        parties=(
            PartyFact("education", "Department of Education", "source", "CGS 10-4"),
            PartyFact("policy-and-management", "Office of Policy and Management", "recipient", "CGS 4-67n"),
        ),
        clauses=uses(DATA_SHARING_AGREEMENT, filled, frozenset({"FERPA"})),
        datasets=(make_dataset(),),
        persons=(
            PersonFact("p-lena", "Lena Okafor", "Data analyst", "policy-and-management"),
            PersonFact("p-rené", "René Castellano", "Policy fellow", "policy-and-management"),
        ),
        agencies={"policy-and-management": "Office of Policy and Management", "education": "Department of Education"},
        parent=ParentFact("EMOU-2026-0001", 1, sha256(memorandum)),
    )
    return replace(facts, **changes)
