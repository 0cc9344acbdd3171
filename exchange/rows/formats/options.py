"""What a reader may choose about the writing of rows, and what a format is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from exchange.rows.door import Field

ROW_ID = ":id"


@dataclass(frozen=True)
class Options:
    """Choices of one answer; a format minds those that concern it.

    `byte_order_mark`, `formula_safe` and `separator` are for tables of texts. `for_people` writes them as a download:
    `labels` (pairs of field name and display name) above the columns, American dates, quotes only where needed; the
    dates of the columns in `timed` have their time of day, in every cell or in none.
    `callback` names the function of JSON in a script. `origin` and `dataset_id` are for formats whose rows have
    addresses; `ids_asked` says that the reader wants to see `:id`, not only the format. `gzip` packs the stream.
    `legacy_types` gives the type names of SODA 2.0 in the headers.
    """

    byte_order_mark: bool = False
    formula_safe: bool = False
    separator: str = ","
    for_people: bool = False
    labels: tuple[tuple[str, str], ...] = ()
    timed: frozenset[str] = frozenset()
    callback: str = ""
    origin: str = ""
    dataset_id: str = ""
    ids_asked: bool = True
    gzip: bool = False
    legacy_types: bool = False

    def label(self, field: Field) -> str:
        """What stands above this field's column."""
        return dict(self.labels).get(field.name, field.name)

    def changed(self, **changes: Any) -> Options:
        """The same with other choices."""
        return replace(self, **changes)

    def shown(self, fields: tuple[Field, ...]) -> tuple[Field, ...]:
        """The fields that the reader asked for, without a row id that only the format needs."""
        return fields if self.ids_asked else tuple(field for field in fields if field.name != ROW_ID)


PLAIN = Options()
"""Nothing chosen."""

Write = Callable[[tuple[Field, ...], Iterator[pa.RecordBatch], Options], Iterator[bytes]]
"""Rows as the bytes of one format, a part for each batch or less; holds no more than a few batches at a time."""


@dataclass(frozen=True)
class Format:
    """One way of writing rows.

    `accepted`: media types besides its own by which it may be asked for. `needs_geometry`: there must be a column with
    a place. `needs_ids`: it writes an address for every row. `restricted`: whether restricted rows may leave in it.
    `compressible`: whether gzip makes it smaller. `row`: one row by itself, where that differs from a page of one.
    """

    extension: str
    content_type: str
    write: Write
    accepted: tuple[str, ...] = ()
    needs_geometry: bool = False
    needs_ids: bool = False
    restricted: bool = True
    compressible: bool = True
    row: Write | None = None

    @property
    def media_types(self) -> tuple[str, ...]:
        """Every media type by which it may be asked for, its own first."""
        return (self.content_type.partition(";")[0], *self.accepted)
