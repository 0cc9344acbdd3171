"""The public register of agreements: derived from what is signed, never typed (invariant 9).

Only versions that every party signed appear. The register holds offices and not persons: the roster of named users and
the signers' names stay in the agreement itself, which its parties, the working group and the auditors read. For the
same reason the register has no PDF: the signed paper carries the roster (CGS 4-67aa(2)). Its fingerprint is public, so
whoever holds the paper can check it against the register.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import rfc8785
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from agreements.document import Document
from agreements.models import Agreement, AgreementVersion, State
from agreements.party_words import CAPACITIES, POWER
from agreements.transitions import STATES_IN_WORDS
from exchange.clock import legal_day
from exchange.errors import NotFound

PUBLIC = (State.ACTIVE, State.SUSPENDED, State.EXPIRED, State.TERMINATED)
"""States of a version that stands in the register; of each agreement the newest such version does."""

TIERS = {"emou": "Memorandum of agreement (CGS 4-67n)", "dsa": "Data sharing agreement", "dul": "Data use licence"}
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""Beginnings that a spreadsheet would run as a formula (ASVS V1.2.10)."""


@dataclass(frozen=True)
class RegisteredDataset:
    """A dataset as scheduled: its title, its agency, and the labels of its data elements. Never rows or values."""

    title: str
    agency: str
    elements: tuple[str, ...]


@dataclass(frozen=True)
class RegisteredSignature:
    """By which office, for which agency, on which legal day."""

    agency: str
    office: str
    signed_on: str


@dataclass(frozen=True)
class RegisterEntry:
    """One agreement as the public sees it. Days are legal days; `sha256` is the fingerprint of the signed text."""

    number: str
    version: int
    kind: str
    title: str
    stands_under: str
    parties: tuple[str, ...]
    working_group: str
    purpose: str
    legal_power: str
    datasets: tuple[RegisteredDataset, ...]
    begins: str
    ends: str
    state: str
    state_in_words: str
    state_since: str
    sha256: str
    signatures: tuple[RegisteredSignature, ...]


def entries(session: Session, words: str = "") -> list[RegisterEntry]:
    """The whole register by number, or what holds every one of these words in its title, parties, purpose or data."""
    agreements = session.scalars(select(Agreement).order_by(Agreement.id).options(selectinload(Agreement.versions)))
    shown = [_entry(version) for agreement in agreements if (version := _public_version(agreement))]
    wanted = words.lower().split()
    return [entry for entry in shown if all(word in _searched(entry) for word in wanted)]


def entry_of(session: Session, agreement_id: str) -> RegisterEntry:
    """One agreement of the register. Raises `NotFound`, also for one that exists and is not public."""
    agreement = session.get(Agreement, agreement_id)
    version = _public_version(agreement) if agreement else None
    if version is None:
        raise NotFound(f"The register has no agreement {agreement_id}. Search the register by agency, purpose or data.")
    return _entry(version)


def as_json(shown: Sequence[RegisterEntry]) -> bytes:
    """The register as canonical JSON: the same state gives the same bytes."""
    return rfc8785.dumps({"agreements": [asdict(entry) for entry in shown]})


def as_csv(shown: Sequence[RegisterEntry]) -> str:
    """The register as CSV, one agreement a line, safe to open in a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out)
    names = list(RegisterEntry.__dataclass_fields__)
    writer.writerow(names)
    for entry in shown:
        flat = {name: getattr(entry, name) for name in names}
        flat["parties"] = "; ".join(entry.parties)
        flat["datasets"] = "; ".join(f"{d.title} ({', '.join(d.elements)})" for d in entry.datasets)
        flat["signatures"] = "; ".join(f"{s.office}, {s.agency}, {s.signed_on}" for s in entry.signatures)
        writer.writerow([_safe(str(flat[name])) for name in names])
    return out.getvalue()


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(FORMULA) else cell


def _public_version(agreement: Agreement) -> AgreementVersion | None:
    signed = [v for v in agreement.versions if State(v.state) in PUBLIC and v.document is not None]
    return signed[-1] if signed else None


def _entry(version: AgreementVersion) -> RegisterEntry:
    document: Document = version.document or {}
    state = State(version.state)
    group = version.agreement.working_group
    return RegisterEntry(
        number=version.agreement_id,
        version=version.number,
        kind=TIERS[document["tier"]],
        title=document["title"],
        stands_under=document["parent"]["id"] if document["parent"] else "",
        parties=tuple(f"{p['name']} ({CAPACITIES[p['capacity']]})" for p in document["parties"]),
        working_group=group.name if group else "",
        purpose=document["purpose"]["text"] if document["purpose"] else "",
        legal_power=_legal_power(document),
        datasets=tuple(_dataset(line, document) for line in document["schedule"]),
        begins=document["begins"] or "",
        ends=document["ends"] or "",
        state=state.value,
        state_in_words=STATES_IN_WORDS[state],
        state_since=legal_day(version.state_since).isoformat(),
        sha256=version.sha256 or "",
        signatures=tuple(
            RegisteredSignature(s.party.agency.name, s.title, legal_day(s.signed_at).isoformat())
            for s in version.signatures
        ),
    )


def _legal_power(document: Document) -> str:
    """What clause C04 states for each dataset, else the statute that the program rests on."""
    said = next((c["parameters"].get("basis") for c in document["clauses"] if c["code"] == "C04"), None)
    return str(said or POWER)


def _dataset(line: Mapping[str, Any], document: Document) -> RegisteredDataset:
    names = {party["agency"]: party["name"] for party in document["parties"]}
    labels = tuple(column["label"] for column in line["columns"])
    return RegisteredDataset(line["title"], names.get(line["agency"], line["agency"]), labels)


def _searched(entry: RegisterEntry) -> str:
    data = [f"{d.title} {d.agency} {' '.join(d.elements)}" for d in entry.datasets]
    parts = (entry.number, entry.title, *entry.parties, entry.working_group, entry.purpose, *data, entry.state_in_words)
    return " ".join(parts).lower()
