"""An agreement version as people read it: the clauses with the limits each of them sets, the schedule, the persons.

The same words are in the signed document and in the PDF; this is their accessible form, for drafts with blanks too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from agreements.clauses.demands import Bar
from agreements.clauses.library import get
from agreements.document import Document, DraftClause, DraftFacts, terms_of
from agreements.drafting import preview
from agreements.facts import facts_of, schedule_of
from agreements.models import AgreementVersion
from agreements.regimes import Missing
from agreements.terms_in_words import Labels, Sentence, in_words
from exchange.rows import predicate


@dataclass(frozen=True)
class ClauseRead:
    """A clause: its words, the law it answers, the limits enforced because of it, and what is still open in it."""

    code: str
    title: str
    paragraphs: Sequence[str]
    citation: str
    limits: Sequence[str]
    problems: Sequence[str] = ()


@dataclass(frozen=True)
class Sheet:
    """A version as read. `frozen` says that these are the words to be signed, or signed; `limits`: all terms in words.

    `problems`, `gaps` and `bars` (see `drafting.Preview`) are empty for a frozen version.
    """

    frozen: bool
    clauses: Sequence[ClauseRead]
    schedule: Sequence[Mapping[str, Any]]
    persons: Sequence[Mapping[str, Any]]
    limits: Sequence[tuple[str, Sequence[Sentence]]]
    problems: Sequence[str] = ()
    gaps: Sequence[Missing] = ()
    bars: Sequence[Bar] = ()


def sheet_of(session: Session, version: AgreementVersion, now: datetime) -> Sheet:
    """What this version says: the frozen document if there is one, the draft as it stands otherwise."""
    facts = facts_of(session, version)
    if version.document is not None:
        return _of_document(version.document, facts, frozen=True)
    drafted = preview(session, version, now)
    sheet = _of_document(drafted.document, facts) if drafted.document else _of_draft(version, facts, drafted.clauses)
    return Sheet(
        False, sheet.clauses, sheet.schedule, sheet.persons, sheet.limits, drafted.problems, drafted.gaps, drafted.bars
    )


def _of_document(document: Document, facts: DraftFacts, *, frozen: bool = False) -> Sheet:
    limits = [
        (_title(document, dataset), in_words(terms, _labels(document, facts, dataset)))
        for dataset, terms in sorted(terms_of(document).items())
    ]
    clauses = [
        ClauseRead(
            clause["code"],
            clause["title"],
            clause["paragraphs"],
            get(clause["code"], clause["version"]).citation,
            _set_by(f"{clause['code']}@{clause['version']}", limits),
        )
        for clause in document["clauses"]
    ]
    return Sheet(frozen, clauses, document["schedule"], document["persons"], limits)


def _of_draft(version: AgreementVersion, facts: DraftFacts, clauses: Sequence[DraftClause]) -> Sheet:
    read = [ClauseRead(c.clause.code, c.clause.title, c.paragraphs, c.clause.citation, (), c.problems) for c in clauses]
    known = {dataset.id: dataset for dataset in facts.datasets}
    schedule = [
        {
            "dataset": line["dataset"],
            "title": known[line["dataset"]].title,
            "columns": [asdict(c) for c in known[line["dataset"]].columns if c.name in line["columns"]],
            "rows_in_words": predicate.in_words(
                line["rows"], {c.name: c.label for c in known[line["dataset"]].columns}
            ),
            "regimes": sorted(known[line["dataset"]].regimes),
        }
        for line in schedule_of(version)
        if line["dataset"] in known
    ]
    return Sheet(False, read, schedule, [asdict(person) for person in facts.persons], ())


def _set_by(clause_id: str, limits: Sequence[tuple[str, Sequence[Sentence]]]) -> list[str]:
    """The sentences that this clause had a part in, each once, with the dataset where they differ between datasets."""
    said: dict[str, list[str]] = {}
    for title, sentences in limits:
        for sentence in sentences:
            if clause_id in sentence.because:
                said.setdefault(sentence.text, []).append(title)
    return [words if len(titles) == len(limits) else f"{titles[0]}: {words}" for words, titles in said.items()]


def _title(document: Document, dataset: str) -> str:
    return next((str(line["title"]) for line in document["schedule"] if line["dataset"] == dataset), "Every dataset")


def _labels(document: Document, facts: DraftFacts, dataset: str) -> Labels:
    """The names used in the frozen text, so that an old version keeps its words."""
    lines = document["schedule"]
    return Labels(
        columns={c["name"]: c["label"] for line in lines if line["dataset"] == dataset for c in line["columns"]},
        persons={person["id"]: person["name"] for person in document["persons"]},
        agencies={**facts.agencies, **{party["agency"]: party["name"] for party in document["parties"]}},
        datasets={line["dataset"]: line["title"] for line in lines},
    )
