"""Rows as the reader asked for them: one table of formats, each a function from batches to bytes."""

from __future__ import annotations

from exchange.rows.formats.body import Body
from exchange.rows.formats.json_rows import JSON_TYPE, write_json, write_object
from exchange.rows.formats.options import PLAIN, Format, Options
from exchange.rows.formats.table_texts import CSV_TYPE, write_csv

__all__ = ["FORMATS", "JSON_TYPE", "PLAIN", "Body", "Format", "Options"]

FORMATS = {
    format_.extension: format_
    for format_ in (
        Format("json", JSON_TYPE, write_json, row=write_object),
        Format("csv", CSV_TYPE, write_csv),
    )
}
"""By extension. The first is what is sent when nobody says what they want."""
