"""What a reader may choose about the writing of rows, apart from the format itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from exchange.rows.door import Field


@dataclass(frozen=True)
class Options:
    """Choices of one answer; a format minds those that concern it.

    `byte_order_mark`, `formula_safe`, `separator`, `labels` (header words in the place of field names, by field name)
    and `us_dates` are for the tables of texts, `callback` for JSON in a script, `origin` and `dataset_id` for formats
    whose rows have addresses.
    """

    byte_order_mark: bool = False
    formula_safe: bool = False
    separator: str = ","
    labels: tuple[tuple[str, str], ...] = ()
    us_dates: bool = False
    callback: str = ""
    origin: str = ""
    dataset_id: str = ""

    def label(self, field: Field) -> str:
        """What stands above this field's column."""
        return dict(self.labels).get(field.name, field.name)


PLAIN = Options()
"""Nothing chosen."""

Write = Callable[[tuple[Field, ...], Iterator[pa.RecordBatch], Options], Iterator[bytes]]
"""Rows as the bytes of one format, a part for each batch or less; holds no more than a few batches at a time."""


@dataclass(frozen=True)
class Format:
    """One way of writing rows.

    `needs_geometry`: there must be a column with a place. `restricted`: whether restricted rows may leave in it.
    `compressible`: whether gzip makes it smaller. `row`: one row by itself, where that differs from a page of one.
    """

    extension: str
    content_type: str
    write: Write
    needs_geometry: bool = False
    restricted: bool = True
    compressible: bool = True
    row: Write | None = None

    @property
    def media_type(self) -> str:
        """The content type without its parameters."""
        return self.content_type.partition(";")[0]
