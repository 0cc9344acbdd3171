"""CSV and TSV: a line of names, then a line for each row (reference: soda.md §6).

For programs every value is quoted and exact. A download for people has the columns' display names, dates as people
write them and quotes only where they are needed. `formula_safe` is for spreadsheets alone: it puts an apostrophe before
a text that a spreadsheet would compute.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from exchange.rows.cells import plain_text
from exchange.rows.door import Field
from exchange.rows.formats.options import Options
from exchange.rows.formats.texts import bytes_of, joined, rows_of

CSV_TYPE = "text/csv;charset=utf-8"
TSV_TYPE = "text/tab-separated-values;charset=utf-8"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_COMPUTED = "^[=+\\-@\t\r]"
"""What makes a spreadsheet take a text for a formula (OWASP, CSV injection)."""

_DAYS, _TIMED = "%m/%d/%Y", "%m/%d/%Y %I:%M:%S %p"
_NEVER_TEXT = ("number", "double", "boolean", "floating_timestamp", "fixed_timestamp")


def write_csv(fields: tuple[Field, ...], batches: Iterator[pa.RecordBatch], options: Options) -> Iterator[bytes]:
    """Values with commas, or what `options.separator` says, between them; null is nothing; lines end in `\\n`."""
    yield _first_line(fields, options)
    for batch in batches:
        texts = [_cells(column, field, options) for field, column in zip(fields, batch.columns, strict=True)]
        yield _lines_for_people(texts, options.separator) if options.for_people else _lines(texts, options.separator)


def write_tsv(fields: tuple[Field, ...], batches: Iterator[pa.RecordBatch], options: Options) -> Iterator[bytes]:
    """The same with tabs."""
    return write_csv(fields, batches, options.changed(separator="\t"))


def _first_line(fields: tuple[Field, ...], options: Options) -> bytes:
    names = pa.array([options.label(field) for field in fields], pa.string())
    if options.formula_safe:
        names = _harmless(names)
    quoted = (_quoted_where_needed(names, options.separator) if options.for_people else _quoted(names)).to_pylist()
    mark = BYTE_ORDER_MARK if options.byte_order_mark else b""
    return mark + (options.separator.join(quoted) + "\n").encode()


def _cells(column: pa.Array, field: Field, options: Options) -> pa.Array:
    if options.for_people and field.type == "floating_timestamp":
        return pc.strftime(column.cast(pa.timestamp("s"), safe=False), _TIMED if field.name in options.timed else _DAYS)
    texts = plain_text(column, field.type)
    return _harmless(texts) if options.formula_safe and field.type not in _NEVER_TEXT else texts


def _harmless(texts: pa.Array) -> pa.Array:
    return pc.if_else(pc.match_substring_regex(texts, _COMPUTED), joined("'", texts), texts)


def _quoted(texts: pa.Array) -> pa.Array:
    return joined('"', pc.replace_substring(texts, '"', '""'), '"')


def _quoted_where_needed(texts: pa.Array, separator: str) -> pa.Array:
    needs = pc.match_substring_regex(texts, f'["\r\n{separator}]')
    return pc.if_else(needs, _quoted(texts), texts) if pc.any(needs).as_py() else texts


def _lines(texts: list[pa.Array], separator: str) -> bytes:
    style = pa_csv.WriteOptions(include_header=False, quoting_style="all_valid", delimiter=separator)
    out = io.BytesIO()
    pa_csv.write_csv(pa.RecordBatch.from_arrays(texts, names=[str(n) for n in range(len(texts))]), out, style)
    return out.getvalue()


def _lines_for_people(texts: list[pa.Array], separator: str) -> bytes:
    cells = [_quoted_where_needed(column, separator) for column in texts]
    return bytes_of(rows_of(rows_of(*cells, between=separator), "\n"))
