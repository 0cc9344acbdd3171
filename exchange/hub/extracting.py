"""Extract: any source to one Parquet file of text, and a proposal for each column."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from exchange.errors import Invalid
from exchange.hub.csv_source import read_lines
from exchange.hub.geojson_source import read_geojson
from exchange.hub.proposing import ProposedColumn, propose
from exchange.hub.rdf_source import read_rdf
from exchange.hub.recipe import Recipe, follow, rearrange
from exchange.hub.source import FileGiven, Given, Row, Rows, SqlGiven, names_for, tidy_labels
from exchange.hub.sql_source import read_sql
from exchange.hub.staging import Staging, write_whole

RAW = "raw.parquet"
ROWS_AT_ONCE = 20_000
XML_ENDINGS = (".rdf", ".xml")
GEO_ENDINGS = (".geojson", ".json")
TEXT_ENDINGS = (".csv", ".txt", ".tsv", ".tab", "")


def extract(staging: Staging, given: Given, recipe: Recipe | None) -> dict[str, Any]:
    """Read the source whole into the run's folder; returns what the run keeps of it.

    Raises `Invalid` or `Unavailable` with the place and the reason; then nothing is left of the attempt.
    """
    rows = open_source(given, recipe or Recipe())
    labels = tidy_labels(rows.labels)
    names = names_for(labels)
    counted = 0

    def write(part: Path) -> None:
        nonlocal counted
        counted = write_text(part, names, rows.rows)

    write_whole(staging.path(RAW), write)
    if not counted:
        raise Invalid("The source has a header and no rows. Nothing was published.")
    proposal = propose_all(staging.path(RAW), names, labels, rows.declared, recipe or Recipe())
    return {"rows": counted, "notes": list(rows.notes), "proposal": [column.to_json() for column in proposal]}


def open_source(given: Given, recipe: Recipe) -> Rows:
    """The rows of whatever was given, arranged as the recipe says."""
    if isinstance(given, SqlGiven):
        return rearrange(recipe, read_sql(given))
    return _open_file(given, recipe)


def _open_file(given: FileGiven, recipe: Recipe) -> Rows:
    if not given.path.is_file():
        raise Invalid(f"There is no file {given.name}.")
    ending = Path(given.name).suffix.lower()
    if ending in XML_ENDINGS:
        return rearrange(recipe, read_rdf(given.path))
    if ending in GEO_ENDINGS:
        return rearrange(recipe, read_geojson(given.path))
    if ending not in TEXT_ENDINGS:
        raise Invalid(
            f"{given.name} is not a file that can be read. "
            "Give CSV (.csv), GeoJSON (.geojson) or Socrata RDF (.rdf, .xml)."
        )
    delimiter = "\t" if ending in (".tsv", ".tab") and recipe.delimiter == "," else recipe.delimiter
    return follow(recipe, read_lines(given.path, delimiter))


def write_text(path: Path, names: Sequence[str], rows: Iterator[Row]) -> int:
    """Write rows of text, empty cells as null, in bounded memory; returns how many."""
    schema = pa.schema([pa.field(name, pa.string()) for name in names])
    written = 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while batch := list(islice(rows, ROWS_AT_ONCE)):
            columns = [pa.array([cell or None for cell in cells], pa.string()) for cells in zip(*batch, strict=True)]
            writer.write_batch(pa.record_batch(columns, schema=schema))
            written += len(batch)
    return written


def propose_all(
    raw: Path, names: Sequence[str], labels: Sequence[str], declared: Mapping[str, str], recipe: Recipe
) -> list[ProposedColumn]:
    """A proposal for every column, one column in memory at a time; what the recipe settles is settled."""
    found = []
    for name, label in zip(names, labels, strict=True):
        values, empty = distinct(raw, name)
        column = propose(name, label, values, empty, declared.get(label))
        found.append(_settled(column, values, recipe))
    return found


def distinct(raw: Path, name: str) -> tuple[dict[str, int], int]:
    """The distinct texts of a column with their counts, and how many cells are empty."""
    counted = pc.value_counts(pq.read_table(raw, columns=[name])[name])
    pairs = dict(zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True))
    empty = pairs.pop(None, 0)
    return pairs, empty


def _settled(column: ProposedColumn, values: Mapping[str, int], recipe: Recipe) -> ProposedColumn:
    """What the recipe says about a column, by label or field name, goes before what its values suggest."""
    sentinels = {**column.sentinels, **{word: m for word, m in recipe.sentinels.items() if word in values}}
    type_ = recipe.types.get(column.label) or recipe.types.get(column.name)
    return column.changed(type_=type_, sentinels=sentinels).recounted(values)
