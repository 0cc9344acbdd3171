"""The canonical document of an agreement version: its text and its policy in one tree, under one hash.

`build` is a function of facts alone; the same facts give the same bytes (invariant 5). The bytes that are hashed and
signed are the tree in canonical JSON (RFC 8785).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import rfc8785

from agreements.bounds import ANY
from agreements.clauses.library import ClauseVersion, UnknownTerm, get
from agreements.clauses.wording import INSTRUMENTS, Names, draft_paragraphs, listed, paragraphs
from agreements.party_words import CAPACITIES, standing_in_words
from agreements.terms import Terms, compile_document, from_json, read_clauses, to_json
from exchange.errors import Invalid
from exchange.rows import predicate

FORMAT = 1
PARTS = frozenset({
    "format", "agreement", "version", "tier", "title", "parties", "purpose", "clauses", "schedule", "persons",
    "begins", "ends", "min_cell", "parent", "terms",
})  # fmt: skip
"""The parts of a document of this format."""

Document = dict[str, Any]
Said = Mapping[str, Mapping[str, Any]]
"""The read parameters of each clause, by its code."""


@dataclass(frozen=True)
class PartyFact:
    """An agency in one capacity ("source", "recipient", "opm"), by its legal name, with the statute that lists it."""

    agency: str
    name: str
    capacity: str
    statute: str = ""


@dataclass(frozen=True)
class PersonFact:
    """A person who may be named in clause C08; `agency` is the agency's key."""

    id: str
    name: str
    title: str
    agency: str


@dataclass(frozen=True)
class ColumnFact:
    """A column as classified: EO 39 limb, exemption code and citation are None for an open one."""

    name: str
    label: str
    type: str
    limb: str | None = None
    code: str | None = None
    citation: str | None = None


@dataclass(frozen=True)
class DatasetFact:
    """A dataset that Schedule A may name, with all its columns, and the regimes its classification puts it under."""

    id: str
    title: str
    agency: str
    columns: tuple[ColumnFact, ...]
    regimes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ClauseUse:
    """A library clause as drafted: the values of its parameters, as `ClauseVersion.read` gives or accepts them."""

    code: str
    version: int
    parameters: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class ParentFact:
    """The version of the agreement above: a DSA's E-MOU."""

    id: str
    version: int
    sha256: str


@dataclass(frozen=True)
class DraftFacts:
    """Everything that an agreement version says, without a database.

    `datasets` and `persons` hold at least those that the clauses name; `agencies` maps keys of agencies to legal
    names. `tier` is "emou", "dsa" or "dul".
    """

    agreement: str
    version: int
    tier: str
    title: str
    parties: tuple[PartyFact, ...]
    clauses: tuple[ClauseUse, ...]
    datasets: tuple[DatasetFact, ...] = ()
    persons: tuple[PersonFact, ...] = ()
    agencies: Mapping[str, str] = field(default_factory=dict)
    parent: ParentFact | None = None


@dataclass(frozen=True)
class DraftClause:
    """A clause of a draft: its text so far, and sentences that say what is still to be done in it."""

    clause: ClauseVersion
    paragraphs: tuple[str, ...]
    problems: tuple[str, ...]
    blanks: tuple[str, ...] = ()


def build(facts: DraftFacts) -> Document:
    """The canonical text tree with its compiled terms.

    Raises `UnknownTerm` for what is not known, and `Invalid` with a sentence where a value is bad, missing or names a
    person, dataset or column that the facts do not have. Nothing half-built is returned.
    """
    read = [(get(use.code, use.version), use) for use in sorted(facts.clauses, key=lambda use: use.code)]
    values = [(clause, clause.read(use.parameters)) for clause, use in read]
    said = {clause.code: parameters for clause, parameters in values}
    document: Document = {
        "format": FORMAT,
        "agreement": facts.agreement,
        "version": facts.version,
        "tier": facts.tier,
        "title": facts.title,
        "parties": [_party(party) for party in facts.parties],
        "purpose": _purpose(said),
        "clauses": [_clause(clause, parameters, names_of(facts)) for clause, parameters in values],
        "schedule": _schedule(said, facts),
        "persons": _persons(said, facts),
        **_statements(said),
        "parent": asdict(facts.parent) if facts.parent else None,
    }
    document["terms"] = {dataset: to_json(terms) for dataset, terms in compile_document(document).items()}
    return _plain(document)


def _plain(document: Document) -> Document:
    """The tree that the canonical bytes hold: no part of it is shared with another part, or with the facts."""
    plain: Document = json.loads(canonical_bytes(document))
    return plain


def canonical_bytes(document: Mapping[str, Any]) -> bytes:
    """The bytes that are hashed and signed: canonical JSON (RFC 8785)."""
    return rfc8785.dumps(dict(document))


def sha256(document: Mapping[str, Any]) -> str:
    """The fingerprint of text and policy together, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_bytes(document)).hexdigest()


def terms_of(document: Mapping[str, Any]) -> dict[str, Terms]:
    """The terms that were frozen with the text, by dataset (`EVERY_DATASET` for an E-MOU)."""
    return {dataset: from_json(stored) for dataset, stored in document["terms"].items()}


def check(document: Mapping[str, Any]) -> None:
    """Raise `Invalid` unless the document's policy is what its text compiles to, and its parts say the same.

    Made for the moment before a signature opens, and for anybody who was handed a document.
    """
    if set(document) != PARTS or document["format"] != FORMAT:
        raise UnknownTerm("This is not a document of format 1: a part is missing or not known.")
    said = {clause.code: parameters for clause, parameters in read_clauses(document["clauses"])}
    for name, value in (_statements(said) | {"purpose": _purpose(said)}).items():
        if document[name] != value:
            raise Invalid(f"The document says “{name}” otherwise than its clauses do; build it again.")
    if sorted(person["id"] for person in document["persons"]) != sorted(_named(said, "C08", "persons")):
        raise Invalid("The roster of the document is not that of clause C08; build it again.")
    if document["terms"] != {dataset: to_json(terms) for dataset, terms in compile_document(document).items()}:
        raise Invalid("The permissions in the document are not those its clauses compile to; build it again.")


def draft_clauses(facts: DraftFacts) -> list[DraftClause]:
    """The clauses of a draft that may have blanks: the text so far, and what has yet to be filled in or put right."""
    return [_draft_clause(use, names_of(facts)) for use in sorted(facts.clauses, key=lambda use: use.code)]


def _draft_clause(use: ClauseUse, names: Names) -> DraftClause:
    clause = get(use.code, use.version)
    values, problems = {}, {}
    for parameter in clause.parameters:
        try:
            values[parameter.name] = parameter.read(use.parameters.get(parameter.name))
        except Invalid as error:
            problems[parameter.name] = error.message
    said = tuple(draft_paragraphs(clause, values, names))
    return DraftClause(clause, said, tuple(problems.values()), tuple(problems))


def names_of(facts: DraftFacts) -> Names:
    """How the text of this agreement names things."""
    return Names(
        instrument=INSTRUMENTS[facts.tier],
        parties=listed([_party_in_words(party) for party in facts.parties]) if facts.parties else "[no party yet]",
        parent=_parent_in_words(facts.parent),
        agencies=facts.agencies,
        persons={person.id: person.name for person in facts.persons},
        datasets={dataset.id: dataset.title for dataset in facts.datasets},
    )


def _party_in_words(party: PartyFact) -> str:
    standing = standing_in_words(party.statute)
    return f"the {party.name} ({CAPACITIES[party.capacity]}{f'; {standing}' if standing else ''})"


def _parent_in_words(parent: ParentFact | None) -> str:
    if parent is None:
        return ""
    return f"It stands under {parent.id}, version {parent.version}, and never permits more than that agreement does."


def _party(party: PartyFact) -> Document:
    return {"agency": party.agency, "name": party.name, "capacity": party.capacity, "statute": party.statute}


def _clause(clause: ClauseVersion, parameters: dict[str, Any], names: Names) -> Document:
    return {
        "code": clause.code,
        "version": clause.version,
        "title": clause.title,
        "paragraphs": paragraphs(clause, parameters, names),
        "parameters": parameters,
    }


def _purpose(said: Said) -> Document | None:
    if "C03" not in said:
        return None
    codes = said["C03"]["purposes"]
    return {"code": codes if codes == ANY else codes[0], "codes": codes, "text": said["C03"]["purpose"]}


def _statements(said: Said) -> Document:
    window, cells = said.get("C28", {}), said.get("C18", {})
    return {"begins": window.get("begins"), "ends": window.get("ends"), "min_cell": cells.get("min_cell")}


def _named(said: Said, code: str, name: str) -> list[Any]:
    """The list a parameter holds; empty for "any", for nothing and for a clause that is not there."""
    value = said.get(code, {}).get(name)
    return value if isinstance(value, list) else []


def _persons(said: Said, facts: DraftFacts) -> list[Document]:
    known = {person.id: person for person in facts.persons}
    named = _named(said, "C08", "persons")
    if strange := [key for key in named if key not in known]:
        raise Invalid(
            f"Clause C08 names the person “{strange[0]}”, whom the directory does not know; choose the person again."
        )
    persons = sorted((known[key] for key in named), key=lambda person: (person.name, person.id))
    return [asdict(person) for person in persons]


def _schedule(said: Said, facts: DraftFacts) -> list[Document]:
    known = {dataset.id: dataset for dataset in facts.datasets}
    return [_schedule_line(line, known.get(line["dataset"])) for line in _named(said, "C06", "schedule")]


def _schedule_line(line: Mapping[str, Any], dataset: DatasetFact | None) -> Document:
    if dataset is None:
        raise Invalid(f"Schedule A names the dataset {line['dataset']}, which does not exist; choose it again.")
    columns = {column.name: column for column in dataset.columns}
    if strange := [name for name in line["columns"] if name not in columns]:
        raise Invalid(
            f"Schedule A names “{strange[0]}”, which is not a column of {dataset.id}; choose its columns again."
        )
    if line["rows"] is not None:
        predicate.check(line["rows"], columns)
    return {
        "dataset": dataset.id,
        "title": dataset.title,
        "agency": dataset.agency,
        "columns": [asdict(column) for column in dataset.columns if column.name in line["columns"]],
        "rows": line["rows"],
        "rows_in_words": predicate.in_words(line["rows"], {name: column.label for name, column in columns.items()}),
        "regimes": sorted(dataset.regimes),
    }
