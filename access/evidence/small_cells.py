"""A look at the rows of public datasets for counts so small that they may point at somebody.

Looked at are the columns that the dataset’s suppression rule names, by that rule’s bounds, and number columns whose
name says that they count, from one to five. What is found is kept with the version (`OpenScan`), since a version never
changes; it names no row and no value but the smallest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import select
from sqlalchemy.orm import Session

from access.evidence.models import OpenScan
from audit import ledger
from audit.actions import Action, Outcome
from audit.entry import Entry
from exchange.catalog.models import Dataset, DatasetClass, DatasetState, Version
from exchange.classification.suppression import RULES, Rule
from exchange.classification.withheld import agreed
from exchange.rows import store_open
from exchange.rows.types import columns_from_schema

COUNTS = re.compile(
    r"(?:^|_)(?:counts?|number|num|n|total|cases|deaths|births|students|pupils|children|persons|people|patients|clients"
    r"|recipients|admissions|arrests|offenses|reports|absent|victims|enrolled)(?:_|$)"
)
"""Words in a column's name that say that its numbers count something."""

USUAL = Rule("none", 1, 5, "counts of 1 to 5", "no rule: the State’s usual bound")


@dataclass(frozen=True)
class SmallCells:
    """The small counts of one column: how many, the smallest, up to which a count is small, and by which rule."""

    column: str
    cells: int
    least: int
    highest: int
    rule: str


def look(session: Session, store: Path, dataset: Dataset) -> list[SmallCells]:
    """Read the columns that count of a public dataset's current version; `store` is `<data_dir>/open`.

    Empty for a dataset without a version. Raises `FileNotFoundError` where the rows are not on this machine.
    """
    version = session.get(Version, dataset.current_version_id) if dataset.current_version_id else None
    if version is None or dataset.class_ != DatasetClass.OPEN:
        return []
    table_of = (
        (name, rule, store_open.read_table(store, version.path, [name]))
        for name, rule in _counting(session, dataset, version)
    )
    found = (_small(table.column(name), name, rule) for name, rule, table in table_of)
    return [small for small in found if small is not None]


def scan(session: Session, store: Path, dataset: Dataset, now: datetime) -> OpenScan | None:
    """Look, and keep what was found with the version; the caller commits. None if there is nothing to look at."""
    if dataset.current_version_id is None or session.get(OpenScan, dataset.current_version_id) is not None:
        return None
    found = look(session, store, dataset)
    kept = OpenScan(version_id=dataset.current_version_id, scanned_at=now, found=[asdict(small) for small in found])
    session.add(kept)
    session.flush()
    facts = {"columns_with_small_counts": len(found), "cells": sum(small.cells for small in found)}
    entry = Entry(
        Action.DATASET_CELLS_SCAN,
        Outcome.DONE,
        source=dataset.agency_id,
        dataset=dataset.id,
        dataset_class=dataset.class_,
        columns=tuple(small.column for small in found),
        details=facts,
        at=now,
    )
    ledger.append(session.connection(), entry)
    return kept


def not_looked_at(session: Session) -> list[Dataset]:
    """The public datasets whose current version nobody has looked at, by id."""
    chosen = (
        select(Dataset)
        .outerjoin(OpenScan, OpenScan.version_id == Dataset.current_version_id)
        .where(Dataset.class_ == DatasetClass.OPEN.value, Dataset.state == DatasetState.PUBLISHED.value)
        .where(Dataset.current_version_id.is_not(None), OpenScan.version_id.is_(None))
        .order_by(Dataset.id)
    )
    return list(session.scalars(chosen))


def _counting(session: Session, dataset: Dataset, version: Version) -> Iterator[tuple[str, Rule]]:
    classification = agreed(session, dataset.id)
    suppression = (classification.suppression if classification else None) or {}
    rule = RULES.get(str(suppression.get("rule")), USUAL)
    for column in columns_from_schema(version.schema):
        if column.name in suppression.get("columns", ()):
            yield column.name, rule
        elif column.type == "number" and COUNTS.search(column.name):
            yield column.name, USUAL


def _small(values: pa.ChunkedArray, name: str, rule: Rule) -> SmallCells | None:
    numbers = pc.cast(values, pa.float64(), safe=False)
    whole = pc.equal(numbers, pc.round(numbers))
    within = pc.and_(pc.greater_equal(numbers, max(rule.lowest, 1)), pc.less_equal(numbers, rule.highest))
    small = pc.filter(numbers, pc.fill_null(pc.and_(whole, within), False))
    if not len(small):
        return None
    return SmallCells(name, len(small), int(pc.min(small).as_py()), rule.highest, rule.code)
