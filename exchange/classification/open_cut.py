"""The open cut: the public dataset that follows from a restricted one by its agreed classification. Never typed.

It holds the columns that were agreed to be open, and nothing else of a row: no withheld column and no companion of
one, small cells hidden by the suppression rule, rows in the order of what is shown, so that even their order says
nothing of what is not. It is a dataset with an address, a store and versions of its own. The same version under the
same classification gives the same bytes (DESIGN §4.9).

This is the one room of `classification` that reads rows, and besides the restricted door and publishing the only
reader of the restricted store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pyarrow as pa
from sqlalchemy.orm import Session

from audit import ledger
from audit.actions import Action, Outcome
from audit.entry import Entry
from exchange.catalog.cuts import cut_id, cut_of
from exchange.catalog.models import Column, Dataset, DatasetClass, DatasetState, Version
from exchange.classification import suppression
from exchange.classification.models import Classification
from exchange.classification.suppression import Suppression
from exchange.classification.withheld import OPEN, Withheld, agreed, why_withheld
from exchange.rows import store_open, store_restricted, withdrawn
from exchange.rows.object_store import share
from exchange.rows.types import ROW, ColumnInfo, columns_from_schema, narrow_numbers, physical_fields
from exchange.settings import Settings

__all__ = ["cut_id", "cut_of", "forget_withdrawn", "left_out", "rebuild", "retire"]

TITLE_ENDING = " (open cut)"


def left_out(session: Session, cut: Dataset) -> list[Withheld]:
    """What this open cut lacks of the dataset that it was cut from, and why."""
    return why_withheld(session, cut.id)


def rebuild(session: Session, settings: Settings, dataset: Dataset, now: datetime) -> Version | None:
    """Derive the open cut anew from the dataset's current version; the caller commits.

    None, and an existing cut retired, where there is no agreed classification, no open column or no version yet. An
    unchanged cut keeps its version. Raises `SealBroken` if the restricted version is not what was stored.
    """
    if dataset.class_ != DatasetClass.RESTRICTED:
        return None
    forget_withdrawn(session, settings, dataset)
    classification = agreed(session, dataset.id)
    version = session.get(Version, dataset.current_version_id) if dataset.current_version_id else None
    schema = _open_schema(classification, version)
    if classification is None or version is None or not schema or dataset.state == DatasetState.RETIRED:
        retire(session, dataset, now)
        return None
    rule = _suppression(classification, schema)
    table = _derive(_read(settings, version), schema, rule)
    shown = _with_companions(schema, rule)
    cut = _dataset(session, dataset, classification, shown, rule, now)
    current = session.get(Version, cut.current_version_id) if cut.current_version_id else None
    if current is not None and _same(settings, current, table, shown):
        return current
    return _publish(session, settings, dataset, cut, classification, table, shown, now)


def forget_withdrawn(session: Session, settings: Settings, dataset: Dataset) -> list[str]:
    """Delete the files of earlier versions of the cut that hold a column which is no longer open; their names.

    To be called after the change is committed; what a crash or an absent object store leaves behind, the next
    `flask rows build` deletes (`exchange.rows.withdrawn`).
    """
    cut = cut_of(session, dataset)
    return withdrawn.forget(settings, withdrawn.withdrawn(session, [cut])) if cut is not None else []


def _open_schema(classification: Classification | None, version: Version | None) -> list[ColumnInfo]:
    if classification is None or version is None:
        return []
    names = {decision.column for decision in classification.columns if decision.decision == OPEN}
    return [column for column in columns_from_schema(version.schema) if column.name in names]


def _suppression(classification: Classification, schema: Sequence[ColumnInfo]) -> Suppression | None:
    if classification.suppression is None:
        return None
    every = dict.fromkeys(classification.suppression["columns"], "number")
    types = dict.fromkeys(suppression.columns_named(classification.suppression), "text") | every
    return suppression.parse(classification.suppression, types).within(column.name for column in schema)


def _read(settings: Settings, version: Version) -> pa.Table:
    return store_restricted.read_table(
        settings.data_dir / "restricted",
        version.path,
        dataset_id=version.dataset_id,
        number=version.number,
        sha256=version.sha256,
        sealed_key=version.sealed_key or {},
        key_file=settings.store_key_file,
    )


def _derive(table: pa.Table, schema: Sequence[ColumnInfo], rule: Suppression | None) -> pa.Table:
    """Only what is open, small cells hidden, in the order of what is shown: hidden values order nothing."""
    table = table.select([field.name for column in schema for field in physical_fields(column)])
    if rule is not None:
        table = suppression.apply(table, rule)
        schema = _with_companions(schema, rule)
    names = [field.name for column in schema for field in physical_fields(column)]
    table = narrow_numbers(table.select(names), schema)
    return table.sort_by([(name, "ascending") for name in names]).combine_chunks()


def _with_companions(schema: Sequence[ColumnInfo], rule: Suppression | None) -> list[ColumnInfo]:
    hidden = {*rule.columns, *rule.hide_with} if rule is not None else set()
    return [replace(column, has_meanings=column.has_meanings or column.name in hidden) for column in schema]


def _dataset(
    session: Session, dataset: Dataset, classification: Classification, schema: Sequence[ColumnInfo],
    rule: Suppression | None, now: datetime,
) -> Dataset:  # fmt: skip
    cut = cut_of(session, dataset)
    if cut is None:
        cut = Dataset(id=cut_id(dataset.id), cut_of_id=dataset.id, class_=DatasetClass.OPEN.value, created_at=now)
        cut.updated_at = now
        session.add(cut)
    for name in ("agency_id", "category", "tags", "row_label", "licence", "attribution", "update_frequency"):
        setattr(cut, name, getattr(dataset, name))
    names = {column.name for column in schema}
    cut.title = dataset.title[: 300 - len(TITLE_ENDING)] + TITLE_ENDING
    cut.description = " ".join(part for part in (dataset.description, rule.words() if rule else "") if part)
    cut.row_id = dataset.row_id if dataset.row_id in names else None
    cut.regimes = []
    cut.state = DatasetState.PUBLISHED.value
    _set_columns(session, cut, dataset, schema)
    return cut


def _set_columns(session: Session, cut: Dataset, dataset: Dataset, schema: Sequence[ColumnInfo]) -> None:
    described = {column.name: column.description for column in dataset.columns}
    there = {column.name: column for column in cut.columns}
    names = {column.name for column in schema}
    for name, column in there.items():
        if name not in names:
            session.delete(column)
    for position, info in enumerate(schema):
        column = there.get(info.name) or Column(name=info.name)
        column.label, column.type, column.has_meanings = info.label, info.type, info.has_meanings
        column.description, column.position = described.get(info.name, ""), position
        column.dataset_id = cut.id
        session.add(column)
    session.flush()
    session.expire(cut, ["columns"])


def _same(settings: Settings, current: Version, table: pa.Table, schema: Sequence[ColumnInfo]) -> bool:
    if current.schema != [column.to_json() for column in schema] or current.rows != table.num_rows:
        return False
    stored = store_open.read_table(_open_root(settings), current.path).drop_columns([ROW])
    return bool(stored.schema.names == table.schema.names and stored.cast(table.schema).equals(table))


def _publish(
    session: Session, settings: Settings, dataset: Dataset, cut: Dataset, classification: Classification,
    table: pa.Table, schema: Sequence[ColumnInfo], now: datetime,
) -> Version:  # fmt: skip
    number = max((version.number for version in cut.versions), default=0) + 1
    stored = store_open.write_version(_open_root(settings), cut.id, number, table, schema, row_id=cut.row_id)
    share(settings.object_store, cut.id, number, stored, _open_root(settings), now)
    version = Version(
        dataset_id=cut.id, number=number, class_=DatasetClass.OPEN.value, path=stored.path, sha256=stored.sha256,
        rows=stored.rows, bytes=stored.bytes, schema=[column.to_json() for column in schema], published_at=now,
    )  # fmt: skip
    cut.versions.append(version)
    session.flush()
    cut.current_version_id, cut.updated_at = version.id, now
    session.flush()
    codes = {decision.code for decision in classification.columns if decision.code}
    entry = Entry(
        Action.CUT_VERSION_BUILD, Outcome.DONE, agency=dataset.agency_id, dataset=cut.id, dataset_version=number,
        dataset_class=cut.class_, columns=tuple(column.name for column in schema), because=tuple(sorted(codes)),
        rows=stored.rows, bytes=stored.bytes, result_sha256=stored.sha256, at=now,
        details={"cut_of": dataset.id, "classification": classification.number},
    )  # fmt: skip
    ledger.append(session.connection(), entry)
    return version


def retire(session: Session, dataset: Dataset, now: datetime) -> None:
    """Take a dataset's open cut, if there is one, out of the catalogue; the caller commits."""
    cut = cut_of(session, dataset)
    if cut is None or cut.state == DatasetState.RETIRED:
        return
    cut.state, cut.current_version_id, cut.updated_at = DatasetState.RETIRED.value, None, now
    for column in cut.columns:
        session.delete(column)
    session.flush()
    session.expire(cut, ["columns"])


def _open_root(settings: Settings) -> Path:
    return settings.data_dir / "open"
