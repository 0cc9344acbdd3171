"""CSV and TSV: a header of names, then a line for each row (reference: soda.md §6)."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.csv as pa_csv

from exchange.rows.cells import plain_text
from exchange.rows.door import Field
from exchange.rows.formats.options import Options

CSV_TYPE = "text/csv;charset=utf-8"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def write_csv(fields: tuple[Field, ...], batches: Iterator[pa.RecordBatch], options: Options) -> Iterator[bytes]:
    """SODA CSV: every value quoted, null is nothing, lines end in a line feed."""
    mark = BYTE_ORDER_MARK if options.byte_order_mark else b""
    yield mark + (",".join('"' + field.name.replace('"', '""') + '"' for field in fields) + "\n").encode()
    style = pa_csv.WriteOptions(include_header=False, quoting_style="all_valid")
    for batch in batches:
        texts = [plain_text(column, field.type) for field, column in zip(fields, batch.columns, strict=True)]
        out = io.BytesIO()
        pa_csv.write_csv(pa.RecordBatch.from_arrays(texts, names=[field.name for field in fields]), out, style)
        yield out.getvalue()
