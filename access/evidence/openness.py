"""Question 9: public datasets with a column that should perhaps not be public, or with small counts; who approved them.

Three signs are looked for. A column that is public though no agreed decision opens it; a column whose name is on the
list of hints, or a dataset registered under a law, that was opened all the same; and counts within the bounds of the
suppression rule, as the last look at the rows found them (`access.evidence.small_cells`). A sign is no verdict.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from access.evidence import screens
from access.evidence.models import OpenScan
from audit.desk.question import Answer, Asked, Cell, DeskQuestion, Field
from exchange.catalog.models import Column, Dataset, DatasetClass, DatasetState
from exchange.classification.models import Classification, ClassificationState, ColumnDecision
from exchange.classification.suggestions import suggest
from exchange.classification.withheld import OPEN
from exchange.directory.models import Agency, Person

NOT_OPENED, HINT, REGISTERED, SMALL, NOT_LOOKED = "undecided", "hint", "law", "cells", "unseen"
SIGNS = {
    NOT_OPENED: "public without an agreed decision",
    HINT: "its name suggests protected data",
    REGISTERED: "registered under a law",
    SMALL: "small counts are shown",
    NOT_LOOKED: "rows not looked at yet",
}
FINDINGS = (NOT_OPENED, HINT, REGISTERED, SMALL)

_hint = functools.lru_cache(50_000)(suggest)


@dataclass(frozen=True)
class PublicDataset:
    """A published open dataset with the classification that opened it: who proposed it, who agreed, and when."""

    id: str
    title: str
    agency: str
    regimes: tuple[str, ...]
    classification: str | None
    version: int | None
    proposed_by: str
    agreed_by: str
    agreed_at: datetime | None


@dataclass(frozen=True)
class Sign:
    """One sign at one public dataset. `column` is "" for the whole dataset."""

    dataset: PublicDataset
    column: str
    sign: str
    words: str

    @property
    def key(self) -> str:
        """Where it stands in the list."""
        return "/".join((self.dataset.id, self.sign, self.column))


def signs(session: Session) -> list[Sign]:
    """Every sign at every public dataset, by dataset."""
    datasets = public_datasets(session)
    columns, opened, scans = _columns(session), _opened(session), _scans(session)
    found = [
        sign
        for dataset in datasets
        for sign in _signs(
            dataset, columns.get(dataset.id, ()), opened.get(dataset.classification or "", frozenset()), scans
        )
    ]
    return sorted(found, key=lambda sign: sign.key)


def public_datasets(session: Session) -> list[PublicDataset]:
    """Every published open dataset, open cuts among them, with who approved what is public of it."""
    proposer, answerer = aliased(Person), aliased(Person)
    agreed = (Classification.state == ClassificationState.AGREED.value) & (
        Classification.dataset_id == func.coalesce(Dataset.cut_of_id, Dataset.id)
    )
    chosen = (
        select(Dataset.id, Dataset.title, Dataset.regimes, Dataset.current_version_id, Agency.name)
        .add_columns(Classification.id.label("classification"), Classification.answered_at)
        .add_columns(proposer.name.label("proposed_by"), answerer.name.label("agreed_by"))
        .join(Agency, Agency.id == Dataset.agency_id)
        .outerjoin(Classification, agreed)
        .outerjoin(proposer, proposer.id == Classification.proposed_by_id)
        .outerjoin(answerer, answerer.id == Classification.answered_by_id)
        .where(Dataset.class_ == DatasetClass.OPEN.value, Dataset.state == DatasetState.PUBLISHED.value)
        .order_by(Dataset.id)
    )
    return [
        PublicDataset(
            row.id, row.title, row.name, tuple(row.regimes), row.classification, row.current_version_id,
            row.proposed_by or "", row.agreed_by or "", row.answered_at,
        )
        for row in session.execute(chosen)
    ]  # fmt: skip


def _signs(
    dataset: PublicDataset, columns: tuple[str, ...], opened: frozenset[str], scans: Mapping[int, OpenScan]
) -> Iterator[Sign]:
    for name in columns:
        hint = _hint(name)
        if name not in opened:
            yield Sign(dataset, name, NOT_OPENED, "no agreed classification opens this column")
        elif hint is not None:
            yield Sign(dataset, name, HINT, f"{hint.code}: {hint.why}")
    if dataset.regimes:
        yield Sign(dataset, "", REGISTERED, f"registered under {', '.join(dataset.regimes)}")
    scan = scans.get(dataset.version or 0)
    if scan is None:
        yield Sign(dataset, "", NOT_LOOKED, "nobody has looked at the rows of this version yet")
        return
    for found in scan.found:
        words = f"{found['cells']:,} counts of {found['least']} to {found['highest']} ({found['rule']})"
        yield Sign(dataset, str(found["column"]), SMALL, words)


def _columns(session: Session) -> Mapping[str, tuple[str, ...]]:
    chosen = (
        select(Column.dataset_id, Column.name)
        .join(Dataset, Dataset.id == Column.dataset_id)
        .where(Dataset.class_ == DatasetClass.OPEN.value, Dataset.state == DatasetState.PUBLISHED.value)
        .order_by(Column.dataset_id, Column.position)
    )
    found: dict[str, list[str]] = {}
    for row in session.execute(chosen):
        found.setdefault(row.dataset_id, []).append(row.name)
    return {dataset: tuple(names) for dataset, names in found.items()}


def _opened(session: Session) -> Mapping[str, frozenset[str]]:
    """The columns that each agreed classification opens."""
    chosen = (
        select(ColumnDecision.classification_id, ColumnDecision.column)
        .join(Classification, Classification.id == ColumnDecision.classification_id)
        .where(Classification.state == ClassificationState.AGREED.value, ColumnDecision.decision == OPEN)
    )
    found: dict[str, set[str]] = {}
    for row in session.execute(chosen):
        found.setdefault(row.classification_id, set()).add(row.column)
    return {classification: frozenset(names) for classification, names in found.items()}


def _scans(session: Session) -> Mapping[int, OpenScan]:
    """The looks at the current versions of public datasets."""
    chosen = select(OpenScan).join(Dataset, Dataset.current_version_id == OpenScan.version_id)
    return {scan.version_id: scan for scan in session.scalars(chosen)}


def _answer(asked: Asked) -> Answer:
    wanted = asked.one("sign")
    every = signs(asked.session)
    unseen = sum(sign.sign == NOT_LOOKED for sign in every)
    chosen = [sign for sign in every if (sign.sign == wanted if wanted else sign.sign in FINDINGS)]
    shown, more = screens.screen(chosen, lambda sign: sign.key, asked)
    return Answer(
        rows=tuple(_row(sign) for sign in shown),
        more=more,
        summary=(
            ("Signs", f"{len(chosen):,}"),
            ("Datasets", f"{len({sign.dataset.id for sign in chosen}):,}"),
            ("Datasets whose rows were not looked at", f"{unseen:,}"),
        ),
        notes=(
            "A sign is no verdict: a column may bear such a name and be public by law. Whoever agreed can say why.",
            "Small counts are as the last look at the rows found them (`flask access scan-open` looks at all of "
            "them); the link in the column Sign looks at one dataset now.",
        ),
    )


def _row(sign: Sign) -> tuple[Cell, ...]:
    dataset = sign.dataset
    return (
        screens.dataset(dataset.id, dataset.title),
        Cell(dataset.agency),
        Cell(sign.column or "the dataset"),
        Cell(SIGNS[sign.sign], href=f"/audit/open-rows/{dataset.id}" if sign.sign in (SMALL, NOT_LOOKED) else ""),
        Cell(sign.words),
        Cell(dataset.agreed_by or "nobody", note=f"proposed by {dataset.proposed_by}" if dataset.proposed_by else ""),
        screens.instant(dataset.agreed_at, "never agreed"),
    )


QUESTION = DeskQuestion(
    number=9,
    key="public",
    title="Public data that may be protected",
    asks="Which public datasets hold a field that looks protected, or show small counts, and who approved them?",
    law=("CGS 4-67p", "CGS 4-67o", "EO 39 of 2014"),
    fields=(Field("sign", "Sign", "choice", choices=(("", "All but rows not looked at"), *SIGNS.items())),),
    headings=("Dataset", "Agency", "Column", "Sign", "What was found", "Agreed by", "Agreed"),
    answer=_answer,
    empty="No public dataset bears such a sign.",
)
