"""Rows as the reader asked for them: one table of formats, each a function from batches to bytes."""

from __future__ import annotations

from exchange.rows.formats.arrow_rows import ARROW_TYPE, PARQUET_TYPE, write_arrow, write_parquet
from exchange.rows.formats.body import Body
from exchange.rows.formats.json_rows import (
    GEOJSON_TYPE,
    JSON_TYPE,
    SCRIPT_TYPE,
    geometry_of,
    write_feature,
    write_geojson,
    write_json,
    write_object,
    write_script,
)
from exchange.rows.formats.options import PLAIN, Format, Options
from exchange.rows.formats.table_texts import CSV_TYPE, TSV_TYPE, write_csv, write_tsv
from exchange.rows.formats.workbook import XLSX_TYPE, write_xlsx
from exchange.rows.formats.xml_rows import RDF_TYPE, XML_TYPE, write_rdf, write_xml

__all__ = ["FORMATS", "JSON_TYPE", "PLAIN", "SCRIPT", "Body", "Format", "Options", "geometry_of"]

FORMATS = {
    format_.extension: format_
    for format_ in (
        Format("json", JSON_TYPE, write_json, row=write_object),
        Format("csv", CSV_TYPE, write_csv),
        Format("tsv", TSV_TYPE, write_tsv),
        Format(
            "geojson", GEOJSON_TYPE, write_geojson,
            accepted=("application/geo+json",), needs_geometry=True, row=write_feature,
        ),
        Format("xml", XML_TYPE, write_xml, accepted=("text/xml",), needs_ids=True),
        Format("rdf", RDF_TYPE, write_rdf, needs_ids=True, restricted=False),
        Format("arrow", ARROW_TYPE, write_arrow),
        Format("parquet", PARQUET_TYPE, write_parquet, compressible=False),
        Format("xlsx", XLSX_TYPE, write_xlsx, compressible=False),
    )
}  # fmt: skip
"""By extension. The first is what is sent when nobody says what they want."""

SCRIPT = Format("jsonp", SCRIPT_TYPE, write_script, restricted=False)
"""JSON as a script, by `$jsonp` alone; open rows only, since any page could run it."""
