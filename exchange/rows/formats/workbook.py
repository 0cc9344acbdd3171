"""XLSX, written as it comes: no temporary file, no formula (ECMA-376 part 1 §18, part 2 §8).

A workbook is a ZIP archive whose sheets may come first. Every text is an inline string, so nothing in it is ever
computed; numbers are numbers, dates are dates, and what a spreadsheet cannot hold exactly stays a text.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc

from exchange.rows.cells import plain_text
from exchange.rows.door import Field
from exchange.rows.formats.options import Options
from exchange.rows.formats.sink import Sink
from exchange.rows.formats.texts import bytes_of, joined, rows_of, where, xml_text

XLSX_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MAX_ROWS = 1_048_576
"""Rows of a sheet, the names above them included; more go on to a further sheet."""

MAX_TEXT = 32_767
"""Characters of a cell; a longer text ends in an ellipsis there."""

MAX_SHEET_BYTES = 1_800_000_000
"""Unpacked; beyond 4 GiB the archive would need extensions that spreadsheets do not read in a stream."""

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_DECLARATION = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_EPOCH_DAYS = 25_569
"""1 January 1970 as a spreadsheet counts days."""

_FIRST_DAY_MS = -2_203_891_200_000
"""1 March 1900: before it spreadsheets disagree about a day that never was."""

_DAY_MS = 86_400_000
_EXACT_BELOW = 1e15
_DAY, _MOMENT = 1, 2
_STYLES = (
    f'{_DECLARATION}<styleSheet xmlns="{_MAIN}"><numFmts count="2"><numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd"/>'
    '<numFmt numFmtId="165" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss"/></numFmts><fonts count="1"><font/></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill>'
    '</fills><borders count="1"><border/></borders><cellStyleXfs count="1"><xf/></cellStyleXfs><cellXfs count="3">'
    '<xf xfId="0"/><xf numFmtId="164" applyNumberFormat="1" xfId="0"/>'
    '<xf numFmtId="165" applyNumberFormat="1" xfId="0"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)


def write_xlsx(fields: tuple[Field, ...], batches: Iterator[pa.RecordBatch], options: Options) -> Iterator[bytes]:
    """One sheet, or several where one cannot hold the rows, with the names in the first line of each."""
    book = _Book(fields, options)
    for batch in batches:
        for start in range(0, batch.num_rows, MAX_ROWS - 1):
            book.add(batch.slice(start, MAX_ROWS - 1))
        yield book.sink.taken()
    book.finish()
    yield book.sink.taken()


class _Book:
    """The archive while it grows."""

    def __init__(self, fields: tuple[Field, ...], options: Options) -> None:
        self.sink = Sink()
        self._fields = fields
        names = pa.array([options.label(field) for field in fields], pa.string())
        self._names = b"<row>" + bytes_of(_text_cell(names)) + b"</row>"
        self._archive = zipfile.ZipFile(self.sink, "w", zipfile.ZIP_DEFLATED, compresslevel=3)
        self._sheets = self._rows = self._bytes = 0
        self._open_sheet()

    def add(self, batch: pa.RecordBatch) -> None:
        """Write these rows, on a new sheet if this one is full."""
        if self._rows + batch.num_rows > MAX_ROWS or self._bytes > MAX_SHEET_BYTES:
            self._close_sheet()
            self._open_sheet()
        cells = [_cell(column, field.type) for field, column in zip(self._fields, batch.columns, strict=True)]
        written = bytes_of(rows_of("<row>", *(pc.fill_null(cell, "<c/>") for cell in cells), "</row>"))
        self._sheet.write(written)
        self._rows += batch.num_rows
        self._bytes += len(written)

    def finish(self) -> None:
        """Close the sheet and write what names it."""
        self._close_sheet()
        for name, text in _parts(self._sheets).items():
            self._archive.writestr(_entry(name), text)
        self._archive.close()

    def _open_sheet(self) -> None:
        self._sheets += 1
        self._rows, self._bytes = 1, 0
        self._sheet = self._archive.open(_entry(f"xl/worksheets/sheet{self._sheets}.xml"), "w")
        opening = f'{_DECLARATION}<worksheet xmlns="{_MAIN}"><sheetData>'
        self._sheet.write(opening.encode() + self._names)

    def _close_sheet(self) -> None:
        self._sheet.write(b"</sheetData></worksheet>")
        self._sheet.close()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def _cell(column: pa.Array, type_: str) -> pa.Array:
    if type_ in ("number", "double"):
        return _number_cell(column, type_)
    if type_ == "boolean":
        return joined('<c t="b"><v>', pc.if_else(column, "1", "0"), "</v></c>")
    if type_ == "floating_timestamp":
        return _date_cell(column)
    return _text_cell(plain_text(column, type_))


def _text_cell(texts: pa.Array) -> pa.Array:
    long = pc.greater(pc.utf8_length(texts), MAX_TEXT)
    if pc.any(long).as_py():
        texts = pc.if_else(long, joined(pc.utf8_slice_codeunits(texts, 0, MAX_TEXT - 1), "…"), texts)
    guarded = pc.replace_substring_regex(texts, "_x([0-9A-Fa-f]{4}_)", r"_x005F_x\1")
    return joined('<c t="inlineStr"><is><t xml:space="preserve">', xml_text(guarded), "</t></is></c>")


def _number_cell(column: pa.Array, type_: str) -> pa.Array:
    texts = plain_text(column, type_)
    exact = pc.less(pc.abs(column.cast(pa.float64(), safe=False)), _EXACT_BELOW)
    numbers = where(exact, joined("<c><v>", texts, "</v></c>"))
    return pc.coalesce(numbers, where(pc.invert(exact), _text_cell(texts)))


def _date_cell(column: pa.Array) -> pa.Array:
    since = column.cast(pa.timestamp("ms"), safe=False).cast(pa.int64())
    days = pc.add(pc.divide(since.cast(pa.float64()), float(_DAY_MS)), float(_EPOCH_DAYS))
    midnight = pc.equal(pc.floor(days), days)
    style = pc.if_else(midnight, f'<c s="{_DAY}"><v>', f'<c s="{_MOMENT}"><v>')
    dates = joined(style, plain_text(days, "double"), "</v></c>")
    known = pc.greater_equal(since, _FIRST_DAY_MS)
    return pc.coalesce(where(known, dates), _text_cell(plain_text(column, "floating_timestamp")))


def _parts(sheets: int) -> dict[str, str]:
    """The parts that name the sheets."""
    numbers = range(1, sheets + 1)
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    overrides = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{kind}.worksheet+xml"/>' for n in numbers
    )
    named = "".join(f'<sheet name="Rows{"" if n == 1 else f" {n}"}" sheetId="{n}" r:id="rId{n}"/>' for n in numbers)
    related = "".join(
        f'<Relationship Id="rId{n}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in numbers
    )
    styles = f'<Relationship Id="rId{sheets + 1}" Type="{_OFFICE}/styles" Target="styles.xml"/>'
    sheets_named = f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{named}</sheets></workbook>'
    book = f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
    return {
        "xl/styles.xml": _STYLES,
        "xl/workbook.xml": _DECLARATION + sheets_named,
        "xl/_rels/workbook.xml.rels": _relationships(related + styles),
        "_rels/.rels": _relationships(book),
        "[Content_Types].xml": (
            f'{_DECLARATION}<Types xmlns="{_PACKAGE}/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Default Extension="xml" ContentType="application/xml"/>{overrides}'
            f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
            f'<Override PartName="/xl/styles.xml" ContentType="{kind}.styles+xml"/></Types>'
        ),
    }


def _relationships(inside: str) -> str:
    return f'{_DECLARATION}<Relationships xmlns="{_PACKAGE}/relationships">{inside}</Relationships>'
