"""The disclosures of one person's records, each with recipient, reason and legal authority, as the laws ask for them.

The log gives what happened, the manifests whose records they were, live state the names of groups, programs and
persons, and the agreement version in the log the words of purpose and authority.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from access.accounting.recorded import Reading, Refused, readings, refused
from access.models import Client
from agreements.clauses.library import get
from agreements.models import AgreementVersion
from audit.days import instant_of
from audit.disclosures.index import Found, find
from audit.disclosures.keeping import Store
from audit.disclosures.manifest import Kind
from exchange.catalog.models import Dataset
from exchange.catalog.subjects import OTHER, named_subjects, with_namespace
from exchange.directory.models import WorkingGroup

KINDS: Mapping[Kind, str] = {
    Kind.RECORDS: "Records: the rows that left include this person’s.",
    Kind.DERIVED: "Derived: rows made from several persons’ records, this person’s possibly among them.",
    Kind.TOTALS: "Totals: nobody’s record.",
}
ENDINGS: Mapping[str, str] = {
    "done": "Complete",
    "cut": "Cut short",
    "failed": "Failed on the way",
    "": "Broke off; no end was recorded",
}
PROVEN = "Manifest matches the log"
BROKE_OFF = "From the draft of a reading that broke off; rows about this person may have left"
UNPROVEN = "The manifest is missing or is not the one that the log names; tell the auditors"
UNLOGGED = "The log has no entry of this reading; tell the auditors"


@dataclass(frozen=True)
class Recipient:
    """Who got the records: the group, its program, and the person who answers for the program."""

    group: str
    program: str
    person: str
    agency: str


@dataclass(frozen=True)
class Authority:
    """What an agreement version says: the purpose in words, the legal basis, the FERPA exception, passing on."""

    question: str = ""
    basis: str = ""
    exception: str = ""
    onward: str = ""


@dataclass(frozen=True)
class Disclosure:
    """One reading by which records about the person left, or may have left."""

    intent: str
    at: datetime
    ended: str
    kind: Kind
    dataset: str
    title: str
    record: str
    recipient: Recipient
    agreement: str
    agreement_version: int | None
    purpose: str
    authority: Authority
    clauses: tuple[str, ...]
    columns: tuple[str, ...]
    rows: int | None
    evidence: str

    @property
    def ending(self) -> str:
        """How the reading ended, in words."""
        return ENDINGS.get(self.ended, self.ended)


@dataclass(frozen=True)
class Summary:
    """Repeated disclosures to one recipient for one purpose under one agreement version (45 CFR 164.528(b)(3))."""

    latest: Disclosure
    columns: tuple[str, ...]
    number: int
    first: datetime
    last: datetime


@dataclass(frozen=True)
class Account:
    """The whole answer. `disclosures` are oldest first; `refused` are requests by which nothing left."""

    namespace: str
    titles: Mapping[str, str]
    records: frozenset[str]
    disclosures: tuple[Disclosure, ...]
    refused: tuple[Refused, ...]
    groups: Mapping[str, str]

    @property
    def summaries(self) -> tuple[Summary, ...]:
        """The same in short, the most recent first."""
        by: dict[tuple[Any, ...], list[Disclosure]] = {}
        for each in self.disclosures:
            key = (each.recipient, each.dataset, each.agreement, each.agreement_version, each.purpose, each.kind)
            by.setdefault(key, []).append(each)
        return tuple(sorted(map(_summary, by.values()), key=lambda short: short.last, reverse=True))


def account(
    session: Session, store: Store, namespace: str, subjects: Sequence[bytes], agencies: Collection[str] | None
) -> Account:
    """The account of the person with these hashes. `agencies` bounds it to their datasets; None is every agency's."""
    found = find(session.connection(), store, subjects)
    named = [each.dataset_id for each in with_namespace(session, namespace)]
    datasets = _datasets(session, {each.dataset for each in found} | set(named), agencies)
    found = tuple(each for each in found if each.dataset in datasets)
    logged = readings(session.connection(), [each.intent for each in found])
    known = _Known(session, logged.values(), datasets)
    disclosures = tuple(known.disclosure(each, logged.get(each.intent)) for each in found)
    turned_away = refused(session.connection(), datasets)
    return Account(
        namespace,
        {id_: dataset.title for id_, dataset in sorted(datasets.items())},
        frozenset(known.records.values()),
        disclosures,
        turned_away,
        known.groups,
    )


def _datasets(session: Session, ids: Collection[str], agencies: Collection[str] | None) -> dict[str, Dataset]:
    rows = session.scalars(select(Dataset).where(Dataset.id.in_(ids)))
    return {each.id: each for each in rows if agencies is None or each.agency_id in agencies}


class _Known:
    """Live state that turns entries into disclosures: names of groups and programs, words of agreements."""

    def __init__(self, session: Session, logged: Iterable[Reading], datasets: Mapping[str, Dataset]) -> None:
        intents = [reading.intent for reading in logged]
        self._datasets = datasets
        self.records = {id_: each.record for id_, each in named_subjects(session, datasets).items()}
        self.groups = {each.id: each.name for each in session.scalars(select(WorkingGroup))}
        clients = {str(intent.get("client")) for intent in intents}
        self._clients = {each.id: each for each in session.scalars(select(Client).where(Client.id.in_(clients)))}
        numbers = {str(intent.get("agreement")) for intent in intents}
        versions = session.scalars(select(AgreementVersion).where(AgreementVersion.agreement_id.in_(numbers)))
        self._authorities = {(each.agreement_id, each.number): authority_of(each) for each in versions}

    def disclosure(self, found: Found, reading: Reading | None) -> Disclosure:
        """One line. A reading that the log does not have is shown all the same: its manifest is evidence."""
        said, ended = (reading.intent, reading.outcome) if reading is not None else ({}, {})
        agreement, version = str(said.get("agreement") or ""), said.get("agreement_version")
        return Disclosure(
            found.intent,
            instant_of(int(said.get("t") or int(found.intent.replace("-", "")[:12], 16))),
            str(ended.get("outcome", "")),
            found.kind,
            found.dataset,
            self._datasets[found.dataset].title,
            self.records.get(found.dataset, OTHER),
            self._recipient(said),
            agreement,
            version,
            str(said.get("purpose") or ""),
            self._authorities.get((agreement, version or 0), Authority()),
            tuple(map(str, said.get("because", ()))),
            tuple(map(str, said.get("columns", ()))),
            ended.get("rows"),
            _evidence(found, reading),
        )

    def _recipient(self, said: Mapping[str, Any]) -> Recipient:
        group, program = str(said.get("working_group") or ""), str(said.get("client") or "")
        client = self._clients.get(program)
        person = client.person if client is not None else None
        agency = person.agency.name if person is not None and person.agency is not None else ""
        return Recipient(
            self.groups.get(group, group), client.name if client else program, person.name if person else "", agency
        )


def _evidence(found: Found, reading: Reading | None) -> str:
    if reading is None:
        return UNLOGGED
    if not reading.outcome or "manifest" not in reading.outcome:
        return BROKE_OFF if found.proven else UNPROVEN
    return PROVEN if found.proven and reading.outcome["manifest"] == found.sha256 else UNPROVEN


def authority_of(version: AgreementVersion) -> Authority:
    """What the version's clauses C03 (purpose), C04 (legal basis) and C17 (passing on) say; empty without one."""
    said = {each.code: each for each in version.clauses}

    def words(code: str, name: str) -> str:
        clause = said.get(code)
        value = "" if clause is None else str(clause.parameters.get(name) or "")
        if clause is None or not value:
            return ""
        choices = next((p.choices for p in get(clause.code, clause.clause_version).parameters if p.name == name), ())
        return dict(choices).get(value, value)

    return Authority(
        words("C03", "purpose"), words("C04", "basis"), words("C04", "ferpa_exception"), words("C17", "onward")
    )


def _summary(those: Sequence[Disclosure]) -> Summary:
    columns = tuple(sorted({column for each in those for column in each.columns}))
    moments = [each.at for each in those]
    latest = max(those, key=lambda each: each.at)
    return Summary(latest, columns, len(those), min(moments), max(moments))
