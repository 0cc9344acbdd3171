"""What is still open in a draft: a sentence for each point, and the part of the draft where it is mended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy.orm import Session

from agreements import document, memoranda, staffing
from agreements.facts import ROSTER_CLAUSE, SCHEDULE_CLAUSE, facts_of
from agreements.models import AgreementVersion, Capacity
from exchange.clock import legal_day
from exchange.errors import CharterError

TERM_CLAUSE = "C28"
PAGES = {SCHEDULE_CLAUSE: "schedule", ROSTER_CLAUSE: "persons"}
"""Clauses whose lists have a page of their own, by the name of its address."""
LISTS = frozenset({"schedule", "persons"})


@dataclass(frozen=True)
class OpenPoint:
    """One thing that keeps a draft from review. `part` is the page that mends it: "term", "parties", "schedule",
    "persons", "clauses", "directory", or the code of a clause."""

    sentence: str
    part: str


def open_points(session: Session, version: AgreementVersion, now: datetime) -> list[OpenPoint]:
    """Everything that keeps this draft from review: blanks, contradictions, and persons the directory does not have."""
    return [*blanks(session, version, now), *_people(session, version, now)]


def blanks(session: Session, version: AgreementVersion, now: datetime) -> list[OpenPoint]:
    """Blanks and contradictions of a draft, each once. While there are any it cannot be written out."""
    facts = facts_of(session, version)
    points = list(_missing_parts(version, legal_day(now)))
    asked = {point.part for point in points}
    for drafted in document.draft_clauses(facts):
        code, title = drafted.clause.code, drafted.clause.title
        if code == TERM_CLAUSE and "term" in asked:
            continue
        for name, words in zip(drafted.blanks, drafted.problems, strict=True):
            points.append(OpenPoint(f"Clause {code} ({title}): {words}", _page_of(code, name)))
    if not points:
        try:
            document.build(facts)
        except CharterError as error:
            points.append(OpenPoint(error.message, "clauses"))
    return points


def problems_of(session: Session, version: AgreementVersion, now: datetime) -> list[str]:
    """The sentences of `blanks`."""
    return [point.sentence for point in blanks(session, version, now)]


def _people(session: Session, version: AgreementVersion, now: datetime) -> Iterator[OpenPoint]:
    for sentence in staffing.lacking(session, version, legal_day(now)):
        yield OpenPoint(sentence, "directory")
    other = memoranda.rival(session, version, now, memoranda.BINDING)
    if other is not None:
        yield OpenPoint(memoranda.in_words(other), "parties")


def _page_of(code: str, name: str) -> str:
    if code == TERM_CLAUSE:
        return "term"
    return PAGES[code] if name in LISTS and code in PAGES else code


def _missing_parts(version: AgreementVersion, today: date) -> Iterator[OpenPoint]:
    capacities = {party.capacity for party in version.parties}
    if Capacity.SOURCE.value not in capacities or len({party.agency_id for party in version.parties}) == 1:
        yield OpenPoint("Name a source agency and at least one other agency as parties.", "parties")
    if version.begins is None or version.ends is None:
        yield OpenPoint("Set the first and the last day of the term.", "term")
    elif version.ends < today:
        yield OpenPoint("The last day of the term has passed already.", "term")
    if not version.clauses:
        yield OpenPoint("Choose the clauses.", "clauses")
