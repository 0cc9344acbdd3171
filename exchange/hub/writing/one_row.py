"""An address that names one row: the body that says the same (soda.md §2 and §9)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exchange.catalog.datasets import columns_of
from exchange.catalog.models import Dataset
from exchange.hub.writing.body import Body
from exchange.hub.writing.cells import as_json
from exchange.hub.writing.faults import not_an_object
from exchange.hub.writing.json_rows import read_rows
from exchange.hub.writing.operations import DELETED, ID, JSON
from exchange.rows.plan.coercion import row_number


def naming(dataset: Dataset, identifier: str) -> dict[str, str]:
    """The cell that names this row: by the dataset's row identifier, or by `:id`."""
    if dataset.row_id is None or row_number(identifier) is not None:
        return {ID: identifier}
    return {dataset.row_id: identifier}


def deletion(dataset: Dataset, identifier: str, path: Path) -> Body:
    """The body that deletes this row."""
    return body_of([{**naming(dataset, identifier), DELETED: True}], path)


def change(dataset: Dataset, identifier: str, sent: Body, path: Path, *, replace: bool) -> Body:
    """The body that changes this row; with `replace` the columns that were not sent become empty."""
    rows = list(read_rows(sent.path)) if sent.kind == JSON else []
    if len(rows) != 1:
        raise not_an_object(1)
    empty: dict[str, Any] = dict.fromkeys(column.name for column in columns_of(dataset)) if replace else {}
    given = {key: value for key, value in rows[0].items() if not key.startswith(":")}
    return body_of([{**empty, **given, **naming(dataset, identifier)}], path)


def body_of(rows: list[dict[str, Any]], path: Path) -> Body:
    """These rows as a body."""
    path.write_text(as_json(rows), encoding="utf-8")
    return Body(path, JSON)


def acted(counts: Mapping[str, int], identifier: str) -> list[dict[str, str]]:
    """What became of the row, as Socrata says it."""
    typ = "delete" if counts["Rows Deleted"] else "insert" if counts["Rows Created"] else "update"
    return [{"typ": typ, "id": identifier}]
