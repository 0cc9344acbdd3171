"""Which agreement in force covers a request: the meet of law, classification, E-MOU, DSA and request (invariant 2)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import reduce

from sqlalchemy.orm import Session

from access.models import AccessRequest
from agreements.bounds import Everything
from agreements.in_force import agreements_for, chain_in_force
from agreements.models import AgreementVersion
from agreements.regimes import blocked
from agreements.terms import EVERY_DATASET, Terms, Use, from_json, meet, outside
from exchange.catalog.models import Dataset
from exchange.classification.exemptions import regimes_of
from exchange.classification.withheld import agreed, undecided
from exchange.errors import Conflict

IN_WORDS = {
    "columns": "these columns",
    "purposes": "this purpose",
    "persons": "the person who asks, who is not on its roster",
    "begins": "the present day",
    "ends": "the present day",
    "agencies": "data of this agency",
    "prohibited": "data under this law",
}


class NotCovered(Conflict):
    """No agreement in force covers the request; the message says which part is missing. The request stays approved."""

    code = "no_agreement"


def cover(session: Session, request: AccessRequest, now: datetime) -> tuple[AgreementVersion, Terms]:
    """The agreement version that covers the whole request, and the meet of its chain with the request."""
    dataset = session.get_one(Dataset, request.dataset_id)
    _check_law(session, dataset, request.columns)
    candidates = agreements_for(session, dataset.id, request.working_group_id, now)
    if not candidates:
        raise NotCovered(
            f"No agreement in force gives the working group {request.working_group_id} anything of “{dataset.title}”. "
            f"A DSA with {dataset.agency.name}, under its memorandum, must schedule the columns for this purpose."
        )
    gaps: list[NotCovered] = []
    for version in candidates:
        terms = chain_terms(session, version, dataset.id, now)
        outsides = outside(terms, _use(request, dataset, terms, now))
        if not outsides:
            return version, terms
        gaps.append(_gap(version, terms, request, outsides))
    raise gaps[0]


def chain_terms(session: Session, version: AgreementVersion, dataset_id: str, now: datetime) -> Terms:
    """The meet of a version's terms for a dataset with those of every agreement above it. Raises `NotCovered`."""
    chain = [version, *chain_in_force(session, version.agreement_id, now)[1:]]
    return reduce(meet, (_terms_for(link, dataset_id) for link in chain))


def _terms_for(version: AgreementVersion, dataset_id: str) -> Terms:
    stored = version.terms or {}
    found = stored.get(dataset_id) or stored.get(EVERY_DATASET)
    if found is None:
        raise NotCovered(
            f"Agreement {version.agreement_id} (version {version.number}) says nothing of dataset {dataset_id}."
        )
    return from_json(found)


def _use(request: AccessRequest, dataset: Dataset, terms: Terms, now: datetime) -> Use:
    return Use(
        dataset.id,
        frozenset(request.columns),
        request.purpose,
        request.person_id,
        now,
        agency=dataset.agency_id,
        granularity=terms.granularity,
    )


def _gap(version: AgreementVersion, terms: Terms, request: AccessRequest, outsides: Iterable[str]) -> NotCovered:
    names = list(outsides)
    beyond = "" if isinstance(terms.columns, Everything) else ", ".join(sorted(set(request.columns) - terms.columns))
    what = [f"the columns {beyond}" if name == "columns" else IN_WORDS.get(name, name) for name in names]
    clauses = tuple(clause for name in names for clause in terms.because.get(name, ()))
    return NotCovered(
        f"Agreement {version.agreement_id} (version {version.number}) does not cover {' or '.join(what)}"
        f"{' (' + ', '.join(clauses) + ')' if clauses else ''}. Amend it, or ask for less.",
        because=clauses,
    )


def _check_law(session: Session, dataset: Dataset, columns: Iterable[str]) -> None:
    """No column that nobody decided on, and none that the law leaves out of the sharing program (CGS 4-67n)."""
    wanted = set(columns)
    open_questions = sorted(wanted & set(undecided(session, dataset)))
    if open_questions:
        raise NotCovered(
            f"Not classified yet: {', '.join(open_questions)}. The agency classifies them, and the CDO agrees, first."
        )
    classification = agreed(session, dataset.id)
    for decision in classification.columns if classification else ():
        bars = blocked(regimes_of([decision.code])) if decision.code and decision.column in wanted else []
        for bar in bars:
            raise NotCovered(
                f"The column {decision.column} cannot be shared. {bar.sentence} ({bar.law})", because=(bar.regime,)
            )


def purposes_in_force(session: Session, dataset_id: str, groups: Iterable[str], now: datetime) -> list[str]:
    """The purpose codes under which agreements in force give these groups something of the dataset."""
    found: set[str] = set()
    for group in groups:
        for version in agreements_for(session, dataset_id, group, now):
            terms = chain_terms(session, version, dataset_id, now)
            found |= set() if isinstance(terms.purposes, Everything) else terms.purposes
    return sorted(found)
