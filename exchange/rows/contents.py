"""What the columns of an open version hold: counts, extremes, the commonest values (soda.md §7, `cachedContents`).

Asked through the open door in SoQL like any reader's question, once for each version, and kept as a file beside the
version's others; it can always be made again and is the same for the same version.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import orjson
import pyarrow as pa
from flask import Flask, current_app

from exchange.errors import CharterError
from exchange.rows.cells import json_value, plain_text
from exchange.rows.door import Answer, Ask, Credentials, Field
from exchange.rows.open_reading import OpenDoor, OpenVersion
from exchange.rows.soql import parse_parameters
from exchange.rows.types import ColumnInfo

Contents = Mapping[str, Any]
"""The `cachedContents` of one column: every figure is text, as on the old portal."""

TOP = 20
"""Values that are listed, commonest first, then in order."""

COLUMNS_AT_ONCE = 10
COUNTED_AT_ONCE = 250_000
"""Rows up to which a reader waits for the figures."""

PATIENCE_S = 2.0
FORM = 1
"""Part of the file's name; a new form of the figures is made anew."""

NOBODY = Credentials(authorization=None, proofs=(), method="GET", url="")

_ORDERED = frozenset({"text", "url", "number", "money", "percent", "double", "calendar_date", "fixed_timestamp"})
_SUMMED = frozenset({"number", "money", "percent", "double"})
_LISTED = _ORDERED | {"checkbox"}
_FIGURES = (
    ("non_null", "count({0})", None),
    ("cardinality", "count(distinct {0})", _LISTED),
    ("smallest", "min({0})", _ORDERED),
    ("largest", "max({0})", _ORDERED),
    ("sum", "sum({0})", _SUMMED),
    ("average", "avg({0})", _SUMMED),
)
"""Figure, SoQL, and the types that have it (None: every type)."""

_one_at_a_time = threading.Lock()


def contents_of(door: OpenDoor, store: Path, version: OpenVersion) -> Mapping[str, Contents] | None:
    """The contents of every column by its name; None while they are not known. `store` is `<data_dir>/open`.

    Those of a small version are counted now; those of a large one by a thread of this worker, while readers go on.
    Needs an application context.
    """
    path = _path(store, version)
    kept = _read(path)
    if kept is not None:
        return kept
    if version.rows > COUNTED_AT_ONCE:
        _count_beside(door, path, version)
        return None
    if not _one_at_a_time.acquire(timeout=PATIENCE_S):
        return None
    try:
        return _counted(door, path, version)
    finally:
        _one_at_a_time.release()


def _counted(door: OpenDoor, path: Path, version: OpenVersion) -> Mapping[str, Contents] | None:
    kept = _read(path)
    if kept is None:
        kept = _computed(door, version)
        if kept is not None:
            _write(path, kept)
    return kept


def _count_beside(door: OpenDoor, path: Path, version: OpenVersion) -> None:
    """Begin to count, unless another version is being counted; whoever asks later finds the figures or begins again."""
    if not _one_at_a_time.acquire(blocking=False):
        return
    app = cast(Flask, current_app._get_current_object())  # type: ignore[attr-defined]

    def count() -> None:
        try:
            with app.app_context():
                _counted(door, path, version)
        finally:
            _one_at_a_time.release()

    threading.Thread(target=count, name=f"contents of {version.dataset_id}", daemon=True).start()


def _path(store: Path, version: OpenVersion) -> Path:
    stored = Path(version.path)
    return store / version.dataset_id / f"{stored.stem}.contents-{FORM}.json"


def _read(path: Path) -> dict[str, Contents] | None:
    try:
        found: dict[str, Contents] = orjson.loads(path.read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return None
    return found


def _write(path: Path, contents: Mapping[str, Contents]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        temporary.write_bytes(orjson.dumps(contents))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _computed(door: OpenDoor, version: OpenVersion) -> dict[str, Contents] | None:
    prefix = _free_prefix(version.columns)
    found: dict[str, Contents] = {}
    try:
        for start in range(0, len(version.columns), COLUMNS_AT_ONCE):
            found |= _figures(door, version, version.columns[start : start + COLUMNS_AT_ONCE], prefix)
        for column in version.columns:
            if column.type in _LISTED:
                found[column.name] = {**found[column.name], "top": _top(door, version, column, prefix)}
    except CharterError:
        return None
    return found


def _free_prefix(columns: Sequence[ColumnInfo]) -> str:
    """What no column's name begins with, so that our names for results are never taken for columns."""
    prefix = "x"
    while any(column.name.startswith(prefix) for column in columns):
        prefix += "x"
    return prefix


def _figures(door: OpenDoor, version: OpenVersion, columns: Sequence[ColumnInfo], prefix: str) -> dict[str, Contents]:
    asked = [
        (column.name, figure, text.format(f"`{column.name}`"))
        for column in columns
        for figure, text, types in _FIGURES
        if types is None or column.type in types
    ]
    select = ", ".join(f"{text} as {prefix}{number}" for number, (_, _, text) in enumerate(asked))
    row = next(_rows(door, version, {"$select": select}))
    found: dict[str, dict[str, Any]] = {column.name: {} for column in columns}
    for (name, figure, _), value in zip(asked, row, strict=True):
        if value is not None:
            found[name][figure] = value
    return {name: _with_counts(figures, version.rows) for name, figures in found.items()}


def _with_counts(figures: dict[str, Any], rows: int) -> Contents:
    there = int(figures["non_null"])
    return {**figures, "null": str(rows - there), "count": str(rows)}


def _top(door: OpenDoor, version: OpenVersion, column: ColumnInfo, prefix: str) -> list[dict[str, Any]]:
    name = f"`{column.name}`"
    asked = {
        "$select": f"{name} as {prefix}0, count(*) as {prefix}1",
        "$where": f"{name} is not null",
        "$group": f"{name}",
        "$order": f"{prefix}1 desc, {prefix}0",
        "$limit": str(TOP),
    }
    return [{"item": item, "count": count} for item, count in _rows(door, version, asked)]


def _rows(door: OpenDoor, version: OpenVersion, asked: Mapping[str, str]) -> Iterator[tuple[Any, ...]]:
    """The answer's rows as texts; a url is its object."""
    query = parse_parameters({name: [text] for name, text in asked.items()})
    answer = door.answer(door.plan(version, Ask(version.dataset_id, query, "", "json", NOBODY)))
    try:
        for batch in answer.batches:
            yield from zip(*_texts(answer, batch), strict=True)
    finally:
        close = getattr(answer.batches, "close", None)
        if close is not None:
            close()


def _texts(answer: Answer, batch: pa.RecordBatch) -> list[list[Any]]:
    return [_text(field, column) for field, column in zip(answer.fields, batch.columns, strict=True)]


def _text(field: Field, column: pa.Array) -> list[Any]:
    if field.type == "url":
        return [None if text is None else json.loads(text) for text in json_value(column, field.type).to_pylist()]
    return list(plain_text(column, field.type).to_pylist())
