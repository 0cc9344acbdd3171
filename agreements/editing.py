"""Editing a draft: parties, schedule, persons, term, clauses. Each edit is one turn, one event and one entry.

What is typed is read by the clause library at once, so nothing that cannot be signed is kept; blanks may stay open
until the draft is submitted (`drafting.problems_of`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from agreements import memoranda
from agreements.clauses.library import get, latest
from agreements.clauses.version import ClauseVersion
from agreements.facts import LINK_CLAUSE, ROSTER_CLAUSE, SCHEDULE_CLAUSE, schedule_of
from agreements.models import AgreementClause, AgreementVersion, Capacity, Party, State, Tier
from agreements.moving import Turn, begin, move
from agreements.party_words import counted
from agreements.signing import missing_clauses
from agreements.starting_texts import DEFAULTS
from agreements.transitions import OPM, Command
from exchange.catalog.models import Dataset
from exchange.catalog.visibility import may_know
from exchange.clock import end_of_day, start_of_day
from exchange.directory.identity import Identity
from exchange.directory.models import Agency, Person
from exchange.errors import Invalid
from exchange.rows import predicate
from exchange.rows.predicate import Predicate

TERM_CLAUSE = "C28"
LONGEST_TERM_YEARS = 10


@dataclass(frozen=True)
class Line:
    """A line of Schedule A: which columns and which rows (None: all) of a dataset."""

    dataset: str
    columns: frozenset[str]
    rows: Predicate | None = None


def set_parties(
    session: Session,
    by: Identity,
    version: AgreementVersion,
    parties: Collection[tuple[str, Capacity]],
    *,
    now: datetime,
) -> AgreementVersion:
    """Name the agencies and their capacities, all of them anew."""
    turn = begin(session, by, version, Command.EDIT, now)
    wanted = set(parties)
    for agency_id, _ in wanted:
        if session.get(Agency, agency_id) is None:
            raise Invalid(f"There is no agency “{agency_id}” in the directory; choose one from the list.")
    if not any(capacity is Capacity.SOURCE for _, capacity in wanted):
        raise Invalid("Name at least one source agency: an agreement shares somebody's data.")
    if turn.version.agreement.tier == Tier.EMOU.value:
        _require_memorandum_parties(session, turn.version, wanted, now)
    _replace_parties(turn.version, wanted)
    return _edited(session, turn, "parties", f"Parties: {', '.join(sorted(agency for agency, _ in wanted))}.")


def set_schedule(
    session: Session, by: Identity, version: AgreementVersion, lines: Collection[Line], *, now: datetime
) -> AgreementVersion:
    """Set Schedule A anew. The agency of each dataset becomes a source party: it then reviews and signs."""
    turn = begin(session, by, version, Command.EDIT, now)
    read = [_checked_line(session, by, line) for line in lines]
    if not read:
        raise Invalid("Choose at least one dataset with at least one column.")
    parties = {(party.agency_id, Capacity(party.capacity)) for party in turn.version.parties}
    parties |= {(dataset.agency_id, Capacity.SOURCE) for dataset, _ in read}
    _replace_parties(turn.version, parties)
    _fill(turn.version, SCHEDULE_CLAUSE, {"schedule": [line for _, line in read]})
    words = "; ".join(f"{dataset.title}: {counted(len(line['columns']), 'column')}" for dataset, line in read)
    return _edited(session, turn, SCHEDULE_CLAUSE, f"Schedule A: {words}.")


def set_line(
    session: Session, by: Identity, version: AgreementVersion, line: Line, *, now: datetime
) -> AgreementVersion:
    """Set one dataset's line of Schedule A and leave the others; a line without columns is taken out."""
    others = [
        Line(kept["dataset"], frozenset(kept["columns"]), kept.get("rows"))
        for kept in schedule_of(version)
        if kept["dataset"] != line.dataset
    ]
    return set_schedule(session, by, version, others + ([line] if line.columns else []), now=now)


def set_roster(
    session: Session, by: Identity, version: AgreementVersion, person_ids: Collection[str], *, now: datetime
) -> AgreementVersion:
    """Name the persons who may read the data (CGS 4-67aa(2)). Somebody who has left cannot be named."""
    turn = begin(session, by, version, Command.EDIT, now)
    if not person_ids:
        raise Invalid(
            "Name at least one person: nobody else can read (CGS 4-67aa(2) where it binds, good practice elsewhere)."
        )
    for person_id in person_ids:
        person = session.get(Person, person_id)
        if person is None or person.left_at is not None:
            raise Invalid("One of the persons is not in the directory, or has left. Reload the page and choose again.")
    _fill(turn.version, ROSTER_CLAUSE, {"persons": sorted(set(person_ids))})
    return _edited(session, turn, ROSTER_CLAUSE, f"Named persons: {len(set(person_ids))}.")


def set_term(
    session: Session, by: Identity, version: AgreementVersion, *, begins: date, ends: date, now: datetime
) -> AgreementVersion:
    """Set the first and the last legal day; access ends at 23:59:59 Connecticut time of the last."""
    turn = begin(session, by, version, Command.EDIT, now)
    if ends < begins:
        raise Invalid("The last day of the term is before the first; exchange them or choose other days.")
    if ends.year - begins.year > LONGEST_TERM_YEARS:
        raise Invalid(f"A term is at most {LONGEST_TERM_YEARS} years; a longer need is renewed by an amendment.")
    version = turn.version
    version.begins, version.ends = begins, ends
    version.begins_at, version.ends_at = start_of_day(begins), end_of_day(ends)
    _fill(version, TERM_CLAUSE, {"begins": begins, "ends": ends})
    return _edited(session, turn, TERM_CLAUSE, f"Term: {begins} to {ends}.")


def set_title(
    session: Session, by: Identity, version: AgreementVersion, title: str, *, now: datetime
) -> AgreementVersion:
    """Change the title of an agreement whose first version is still a draft; a signed title is frozen."""
    turn = begin(session, by, version, Command.EDIT, now)
    if turn.version.number != 1:
        raise Invalid("The title was signed with an earlier version and stays.")
    title = " ".join(title.split())
    if not title or len(title) > 300:
        raise Invalid("The title is missing or longer than 300 characters; say in a few words what is agreed.")
    turn.version.agreement.title = title
    return _edited(session, turn, "title", f"Title: {title}.")


def set_clause(
    session: Session,
    by: Identity,
    version: AgreementVersion,
    code: str,
    parameters: Mapping[str, object],
    *,
    now: datetime,
) -> AgreementVersion:
    """Fill in a clause's blanks; it is added if it is not there. Blanks left empty stay open. Raises `Invalid`."""
    turn = begin(session, by, version, Command.EDIT, now)
    if code in (SCHEDULE_CLAUSE, ROSTER_CLAUSE) and {"schedule", "persons"} & parameters.keys():
        _require_any(parameters)
    if code == TERM_CLAUSE and {"begins", "ends"} & parameters.keys():
        raise Invalid("The term is set on the page of the term, so that text and dates agree.")
    _fill(turn.version, code, parameters)
    return _edited(session, turn, code, f"Clause {code}: {latest(code).title}.")


def add_missing_clauses(
    session: Session, by: Identity, version: AgreementVersion, *, now: datetime
) -> AgreementVersion:
    """Add every clause that the State's law or a regime of the data demands, with what is usual filled in."""
    turn = begin(session, by, version, Command.EDIT, now)
    codes = sorted({gap.code for gap in missing_clauses(session, turn.version)})
    for code in codes:
        _fill(turn.version, code, {})
    return _edited(
        session, turn, "clauses", f"Added clauses {', '.join(codes)}." if codes else "No clause was missing."
    )


def remove_clause(
    session: Session, by: Identity, version: AgreementVersion, code: str, *, now: datetime
) -> AgreementVersion:
    """Take a clause out. If a law demands it, the draft can be reviewed but not opened for signature."""
    turn = begin(session, by, version, Command.EDIT, now)
    used = next((clause for clause in turn.version.clauses if clause.code == code), None)
    if used is None:
        raise Invalid(f"This draft has no clause {code}. Reload the page to see its clauses.")
    turn.version.clauses.remove(used)
    if code == TERM_CLAUSE:
        turn.version.begins = turn.version.ends = turn.version.begins_at = turn.version.ends_at = None
    return _edited(session, turn, code, f"Removed clause {code}: {latest(code).title}.")


def set_purpose(
    session: Session, by: Identity, version: AgreementVersion, *, purposes: Collection[str], words: str, now: datetime
) -> AgreementVersion:
    """Set the purpose codes, and the purpose in words (clause C03; CGS 4-67aa(1))."""
    return set_clause(session, by, version, "C03", {"purposes": list(purposes), "purpose": words}, now=now)


def set_min_cell(
    session: Session, by: Identity, version: AgreementVersion, *, min_cell: int, rule: str, now: datetime
) -> AgreementVersion:
    """Set the smallest count that may be shown and the suppression rule by its code (clause C18)."""
    return set_clause(session, by, version, "C18", {"min_cell": min_cell, "rule": rule}, now=now)


def set_link(
    session: Session, by: Identity, version: AgreementVersion, *, datasets: Collection[str], matcher: str, now: datetime
) -> AgreementVersion:
    """Name the datasets it may be linked with, and who matches (clause C15)."""
    return set_clause(session, by, version, LINK_CLAUSE, {"link": list(datasets), "matcher": matcher}, now=now)


def _require_any(parameters: Mapping[str, object]) -> None:
    if any(parameters.get(name) not in (None, "any") for name in ("schedule", "persons")):
        raise Invalid("Datasets, columns and persons are chosen on their own pages, where each is checked.")


def _fill(version: AgreementVersion, code: str, raw: Mapping[str, object]) -> None:
    """Read these parameters and put them over what the clause had; a clause that is not there is added."""
    used = next((clause for clause in version.clauses if clause.code == code), None)
    clause = get(code, used.clause_version) if used else latest(code)
    read = _read(clause, raw)
    if used is None:
        usual = dict(DEFAULTS.get(code, {}))
        version.clauses.append(AgreementClause(code=code, clause_version=clause.version, parameters={**usual, **read}))
    else:
        used.parameters = {**used.parameters, **read}


def _read(clause: ClauseVersion, raw: Mapping[str, object]) -> dict[str, object]:
    known = {parameter.name: parameter for parameter in clause.parameters}
    for name in raw:
        if name not in known:
            raise Invalid(
                f"Clause {clause.code} ({clause.title}) has no blank “{name}”. Reload the page and try again."
            )
    return {name: None if value in (None, "", []) else known[name].read(value) for name, value in raw.items()}


def _checked_line(session: Session, by: Identity, line: Line) -> tuple[Dataset, dict[str, Any]]:
    """The dataset and the line as stored, its columns and its row filter checked against the dataset's columns."""
    dataset = session.get(Dataset, line.dataset)
    if dataset is None or not may_know(by, dataset):
        raise Invalid(
            f"There is no dataset {line.dataset} that you may put into an agreement. Look it up in the catalogue."
        )
    names = {column.name for column in dataset.columns}
    unknown = sorted(line.columns - names)
    if unknown:
        raise Invalid(f"{dataset.title} has no column {', '.join(unknown)}. Reload the page and choose again.")
    if not line.columns:
        raise Invalid(f"Choose at least one column of {dataset.title}.")
    if line.rows is not None:
        predicate.check(line.rows, names)
    return dataset, {
        "dataset": dataset.id,
        "columns": sorted(line.columns),
        "rows": dict(line.rows) if line.rows else None,
    }


def _require_memorandum_parties(
    session: Session, version: AgreementVersion, wanted: set[tuple[str, Capacity]], now: datetime
) -> None:
    """The source agencies of a memorandum are executive agencies that have no other (CGS 4-67n(a))."""
    sources = {agency_id for agency_id, capacity in wanted if capacity is Capacity.SOURCE}
    for agency_id in sorted(sources):
        memoranda.require_executive(session.get_one(Agency, agency_id))
    memoranda.require_no_other(session, sources, now, besides=version.agreement_id)


def _replace_parties(version: AgreementVersion, wanted: set[tuple[str, Capacity]]) -> None:
    """Take out parties no longer wanted and add new ones; those that stay keep their row."""
    there = {(party.agency_id, Capacity(party.capacity)): party for party in version.parties}
    for key in there.keys() - wanted:
        version.parties.remove(there[key])
    for agency_id, capacity in sorted(wanted - there.keys()):
        version.parties.append(Party(agency_id=agency_id, capacity=capacity.value))


def _edited(session: Session, turn: Turn, part: str, note: str) -> AgreementVersion:
    move(session, turn, State(turn.version.state), agency=OPM, note=note, details={"part": part})
    return turn.version
