"""The facts of an agreement version, gathered from the database for the pure rooms that write and compile it.

What the classification says of a scheduled column comes with it, so that the text can cite the law and the regimes that
the clauses must answer (FERPA, HIPAA, UC wage, tax) follow from the data and not from a drafter's memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from agreements.bounds import ANY
from agreements.document import (
    ClauseUse,
    ColumnFact,
    DatasetFact,
    DraftFacts,
    ParentFact,
    PartyFact,
    PersonFact,
)
from agreements.models import AgreementVersion, State
from exchange.catalog.models import Dataset
from exchange.classification import withheld
from exchange.classification.exemptions import regimes_of
from exchange.directory.models import Agency, Person

SCHEDULE_CLAUSE, ROSTER_CLAUSE, LINK_CLAUSE = "C06", "C08", "C15"


def facts_of(session: Session, version: AgreementVersion) -> DraftFacts:
    """Everything this version says, as it stands now."""
    agreement = version.agreement
    lines = schedule_of(version)
    return DraftFacts(
        agreement=agreement.id,
        version=version.number,
        tier=agreement.tier,
        title=agreement.title,
        parties=tuple(
            PartyFact(p.agency_id, p.agency.name, p.capacity, p.agency.statute)
            for p in sorted(version.parties, key=lambda p: (p.capacity, p.agency_id))
        ),
        clauses=tuple(
            ClauseUse(c.code, c.clause_version, c.parameters) for c in sorted(version.clauses, key=lambda c: c.code)
        ),
        datasets=tuple(_dataset_facts(session, lines, _listed(version, LINK_CLAUSE, "link"))),
        persons=tuple(_person_facts(session, roster_of(version))),
        agencies={row.id: row.name for row in session.execute(select(Agency.id, Agency.name))},
        parent=_parent_fact(session, version),
    )


def schedule_of(version: AgreementVersion) -> list[dict[str, Any]]:
    """The lines of Schedule A (clause C06): dataset, columns, rows. Empty for "any" and for none."""
    return [line for line in _listed(version, SCHEDULE_CLAUSE, "schedule") if isinstance(line, dict)]


def roster_of(version: AgreementVersion) -> list[str]:
    """The ids of the persons whom clause C08 names. Empty for "any" and for none."""
    return [str(person) for person in _listed(version, ROSTER_CLAUSE, "persons")]


def parameters_of(version: AgreementVersion, code: str) -> dict[str, Any]:
    """The parameters of one clause as drafted; empty when the version has no such clause."""
    return next((dict(clause.parameters) for clause in version.clauses if clause.code == code), {})


def regimes_in(session: Session, version: AgreementVersion) -> frozenset[str]:
    """The legal regimes of the scheduled columns, by their classification."""
    return next(regimes for _, regimes in regimes_in_each(session, [version]))


def regimes_in_each(
    session: Session, versions: Sequence[AgreementVersion]
) -> Iterator[tuple[AgreementVersion, frozenset[str]]]:
    """Each version with the legal regimes of its scheduled columns, in two queries for all of them."""
    scheduled = {version.id: _scheduled(schedule_of(version)) for version in versions}
    wanted = {dataset for lines in scheduled.values() for dataset in lines}
    rows = session.execute(select(Dataset.id, Dataset.regimes).where(Dataset.id.in_(wanted)))
    registered = {row.id: row.regimes for row in rows}
    codes = withheld.codes_by_column(session, wanted)
    for version in versions:
        lines = scheduled[version.id].items()
        found = [_regimes(codes.get(id_), names, registered[id_]) for id_, names in lines if id_ in registered]
        yield version, frozenset().union(*found)


def _scheduled(lines: Iterable[Mapping[str, Any]]) -> dict[str, frozenset[str]]:
    return {str(line["dataset"]): frozenset(line["columns"]) for line in lines}


def _regimes(
    codes: Mapping[str, str | None] | None, scheduled: frozenset[str], registered: Iterable[str]
) -> frozenset[str]:
    """The regimes of these columns by their codes; of a dataset that is not classified, those of its registration."""
    if codes is None:
        return frozenset(registered)
    return regimes_of({code for name, code in codes.items() if name in scheduled and code})


def undecided_columns(session: Session, version: AgreementVersion) -> list[str]:
    """Scheduled columns (`dataset.column`) that no agreed classification speaks of: their law is not known yet."""
    found = []
    for line in schedule_of(version):
        dataset = session.get(Dataset, line["dataset"])
        open_questions = withheld.undecided(session, dataset) if dataset else line["columns"]
        found += [f"{line['dataset']}.{name}" for name in line["columns"] if name in open_questions]
    return found


def _listed(version: AgreementVersion, code: str, name: str) -> list[Any]:
    value = parameters_of(version, code).get(name)
    return list(value) if value and value != ANY else []


def _dataset_facts(session: Session, lines: Iterable[Mapping[str, Any]], linked: Iterable[str]) -> list[DatasetFact]:
    scheduled = _scheduled(lines)
    wanted = sorted(scheduled.keys() | set(linked))
    rows = session.scalars(select(Dataset).where(Dataset.id.in_(wanted)).order_by(Dataset.id))
    return [_dataset_fact(session, dataset, scheduled.get(dataset.id, frozenset())) for dataset in rows]


def _dataset_fact(session: Session, dataset: Dataset, scheduled: frozenset[str]) -> DatasetFact:
    classification = withheld.agreed(session, dataset.id)
    decisions = {decision.column: decision for decision in classification.columns} if classification else {}
    codes = {name: decision.code for name, decision in decisions.items()} if classification else None
    columns = []
    for column in dataset.columns:
        decision = decisions.get(column.name)
        limb, code, citation = (decision.limb, decision.code, decision.citation) if decision else (None, None, None)
        columns.append(ColumnFact(column.name, column.label, column.type, limb, code, citation or None))
    regimes = _regimes(codes, scheduled, dataset.regimes)
    return DatasetFact(dataset.id, dataset.title, dataset.agency_id, tuple(columns), regimes)


def _person_facts(session: Session, ids: Iterable[str]) -> list[PersonFact]:
    persons = session.scalars(select(Person).where(Person.id.in_(sorted(ids))).order_by(Person.name, Person.id))
    return [PersonFact(person.id, person.name, person.title, person.agency_id or "") for person in persons]


def _parent_fact(session: Session, version: AgreementVersion) -> ParentFact | None:
    """The agreement above, in the version that is active; None while it has none."""
    parent_id = version.agreement.parent_id
    if parent_id is None:
        return None
    active = session.scalars(
        select(AgreementVersion)
        .where(AgreementVersion.agreement_id == parent_id, AgreementVersion.state == State.ACTIVE.value)
        .order_by(AgreementVersion.number.desc())
    ).first()
    return ParentFact(active.agreement_id, active.number, active.sha256 or "") if active else None
