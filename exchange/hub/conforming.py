"""Conform: text to the confirmed types; sentinels to cell meanings; rows that do not fit set aside, never forced."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from exchange.errors import Invalid
from exchange.hub import parsing
from exchange.hub.extracting import RAW, distinct
from exchange.hub.proposing import ProposedColumn
from exchange.hub.staging import Staging, write_whole
from exchange.rows.types import NUMBERS, ColumnInfo, physical_fields

CONFORMED = "conformed.parquet"
PROBLEMS_KEPT = 100


def conform(staging: Staging, columns: Sequence[ProposedColumn]) -> dict[str, Any]:
    """Write the run's rows in the physical layout of a version; returns counts, columns and the first problems."""
    raw = staging.path(RAW)
    whole = {c.name for c in columns if c.type in NUMBERS and is_whole(raw, c)}
    infos = [column_info(column) for column in columns]
    problems: list[dict[str, Any]] = []
    counts = {"read": 0, "refused": 0}

    def write(part: Path) -> None:
        file = pq.ParquetFile(raw)
        with pq.ParquetWriter(part, layout(infos, whole), compression="zstd") as writer:
            for batch in file.iter_batches():
                fitting = _fitting(batch, columns, whole, counts, problems)
                writer.write_table(pa.Table.from_arrays(fitting, schema=layout(infos, whole)))

    write_whole(staging.path(CONFORMED), write)
    kept = counts["read"] - counts["refused"]
    if not kept:
        raise Invalid("No row fits the types chosen. Change them, or correct the source.")
    return {**counts, "rows": kept, "columns": [info.to_json() for info in infos], "problems": problems}


def column_info(column: ProposedColumn) -> ColumnInfo:
    """The column as the version will have it."""
    return ColumnInfo(column.name, column.label, str(column.type), bool(column.sentinels))


def layout(infos: Sequence[ColumnInfo], whole: set[str]) -> pa.Schema:
    """The file's columns; see `exchange.rows.types` for what each type becomes."""
    fields: list[pa.Field] = []
    for info in infos:
        first, *others = physical_fields(info)
        fields += [first.with_type(pa.int64()) if info.name in whole else first, *others]
    return pa.schema(fields)


def is_whole(raw: Path, column: ProposedColumn) -> bool:
    """Whether every number of the column is whole, so that it can lie as int64."""
    values, _ = distinct(raw, column.name)
    parse = parsing.PARSERS[column.type]
    numbers = [parse(word) for word in values if word not in column.sentinels]
    return all(isinstance(value, int) for value in numbers if value is not None)


def _fitting(
    batch: pa.RecordBatch,
    columns: Sequence[ProposedColumn],
    whole: set[str],
    counts: dict[str, int],
    problems: list[dict[str, Any]],
) -> list[pa.Array]:
    arrays: list[pa.Array] = []
    bad = pa.array([False] * batch.num_rows)
    for column in columns:
        made, unfit = convert(batch.column(column.name), column, column.name in whole)
        _note(problems, unfit, column, counts["read"])
        arrays += made
        bad = pc.or_(bad, unfit)
    counts["read"] += batch.num_rows
    refused = pc.sum(bad).as_py() or 0
    counts["refused"] += refused
    return [array.filter(pc.invert(bad)) for array in arrays] if refused else arrays


def convert(cells: pa.Array, column: ProposedColumn, whole: bool) -> tuple[list[pa.Array], pa.Array]:
    """The arrays of a column, and which cells do not fit its type. Each distinct text is parsed once."""
    encoded = cells.dictionary_encode()
    words: list[str] = encoded.dictionary.to_pylist()
    parse = parsing.PARSERS[column.type]
    values = [None if word in column.sentinels else parse(word) for word in words]
    unfit = [value is None and word not in column.sentinels for word, value in zip(words, values, strict=True)]
    made = [pa.array(part, type_).take(encoded.indices) for part, type_ in _parts(values, column, whole)]
    if column.sentinels:
        made.append(pa.array([column.sentinels.get(word) for word in words], pa.string()).take(encoded.indices))
    return made, pc.fill_null(pa.array(unfit, pa.bool_()).take(encoded.indices), False)


def _parts(values: list[Any], column: ProposedColumn, whole: bool) -> list[tuple[list[Any], pa.DataType]]:
    fields = physical_fields(ColumnInfo(column.name, column.label, str(column.type)))
    if len(fields) > 1:
        return [([value and value[n] for value in values], field.type) for n, field in enumerate(fields)]
    if pa.types.is_floating(fields[0].type):
        as_type = int if whole else float
        return [([None if v is None else as_type(v) for v in values], pa.int64() if whole else pa.float64())]
    return [(values, fields[0].type)]


def _note(problems: list[dict[str, Any]], unfit: pa.Array, column: ProposedColumn, before: int) -> None:
    """Where cells did not fit: row numbers and columns, never the values, which may be about persons."""
    room = PROBLEMS_KEPT - len(problems)
    if room <= 0 or not pc.any(unfit).as_py():
        return
    for place in pc.indices_nonzero(unfit).to_pylist()[:room]:
        row = before + place + 1
        words = f"Row {row:,}: {column.label} does not read as {column.type.replace('_', ' ')}."
        problems.append({"kind": "refused", "row": row, "column": column.name, "words": words})
